"""The statements that make a layer of a vector tile: ST_AsMVT over the rows of a view.

Their text is the same for every tile of a view, with the tile's numbers as parameters, so that each connection plans
them once. Systems are written as integers. CGCS2000 and WGS 84 geographic coordinates are taken as equal, as
everywhere in this server: the SRID is set where PROJ would pick an operation between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.types.numeric import Int8

from onemap.geo.crs import Crs
from onemap.store.base import View
from onemap.store.postgis.placing import Place
from onemap.store.postgis.relation import INTEGERS, Column, quoted
from onemap.store.postgis.select import SIZE, Select, Statement
from onemap.store.tiling import Frame

_TILE = sql.SQL(
    "SELECT ST_AsMVT(m, %(layer)s::text, {extent}, {shape}{identified}), count(*), count(m.{drawn}) FROM ({features}) m"
)
# Which features, the order of no concern; one more than wanted says that the largest have to be found.
_SOME = sql.SQL(
    "SELECT {columns}{g} AS {drawn} FROM (SELECT * FROM {table} t WHERE {where} LIMIT %(limit)s) t{parts}"
    " ORDER BY {key}"
)
_LARGEST = sql.SQL(
    "SELECT {columns}{g} AS {drawn} FROM (SELECT * FROM {table} t WHERE {where} ORDER BY {size} DESC, {key}"
    " LIMIT %(limit)s) t{parts} ORDER BY {key}"
)
_NEAR = sql.SQL("{geom} && ST_MakeEnvelope(%(x1)s, %(y1)s, %(x2)s, %(y2)s, {srid})")
_LARGE = sql.SQL(" AND {size} >= %(smallest)s")
# One evaluation of the bounds, not one for each row.
_BOX = sql.SQL("(SELECT ST_MakeEnvelope(%(e0)s, %(e1)s, %(e2)s, %(e3)s)::box2d)")
_SQUARE = sql.SQL("ST_MakeEnvelope(0, 0, {extent}, {extent})::box2d")
_AFFINE = sql.SQL("ST_Affine({g}, %(e0)s, %(e1)s, %(e2)s, %(e3)s, %(e4)s, %(e5)s)")
# What would collapse is drawn as it is: AsMVTGeom decides whether anything of it is left.
_SIMPLE = sql.SQL("coalesce(ST_Simplify({g}, %(tolerance)s), {g})")
_DRAWN = sql.SQL("ST_AsMVTGeom({g}, {box}, {extent}, {buffer})")
_TRANSFORM = sql.SQL("ST_Transform({g}, {srid})")
_AS = sql.SQL("ST_SetSRID({g}, {srid})")
# AsMVTGeom would keep only what has the highest dimension.
_PARTS = sql.SQL(
    " CROSS JOIN LATERAL (SELECT {shape} AS {part} WHERE GeometryType({shape}) <> 'GEOMETRYCOLLECTION' UNION ALL"
    " SELECT ST_CollectionExtract({shape}, n) FROM generate_series(1, 3) n"
    " WHERE GeometryType({shape}) = 'GEOMETRYCOLLECTION') p"
)
_FINITE = sql.SQL("CASE WHEN abs({value}) < 'Infinity'::float8 THEN {value} END")
_MIXED = ("GEOMETRY", "GEOMETRYCOLLECTION")
_POINTS = ("POINT", "MULTIPOINT")


class TileSelect:
    """Write the statements for the tiles of a view; ``select`` has its conditions and its table."""

    def __init__(self, view: View, select: Select) -> None:
        self._view = view
        self._select = select
        self._written: dict[object, bytes] = {}
        relation, fields = select.relation, select.fields
        taken = {field.name for field in fields}
        self._drawn, self._key, self._part = (_free(name, taken) for name in ("geometry", "feature", "part"))
        columns = [_value(relation.columns[field.name], field.name) for field in fields]
        self._identified = select.key.kind == "integer"
        if self._identified:
            columns.append(sql.SQL("{} AS {}").format(_identity(select.key), quoted(self._key)))
        self._columns = sql.SQL("").join(sql.SQL("{}, ").format(column) for column in columns)

    def statement(self, frame: Frame, place: Place, smallest: float, limit: int, *, largest: bool) -> Statement:
        """Return the statement for a tile. ``largest``: of more features than ``limit`` the largest are drawn."""
        kind = (place.kind, frame.grid.crs.srid, frame.extent, frame.buffer, frame.tolerance > 0, smallest > 0, largest)
        if kind not in self._written:
            self._written[kind] = self._text(frame, place, smallest > 0, largest)
        values: dict[str, Any] = {f"e{at}": value for at, value in enumerate(place.ends)}
        values.update(zip(("x1", "y1", "x2", "y2"), place.around, strict=True))
        in_units = frame.tolerance if place.kind == "affine" else frame.tolerance * place.unit
        values.update(self._select.values, layer=self._view.collection.id, tolerance=in_units)
        values.update(smallest=smallest * place.unit, limit=Int8(limit))
        return self._written[kind], values

    def _text(self, frame: Frame, place: Place, sized: bool, largest: bool) -> bytes:
        relation = self._select.relation
        gaps: Mapping[str, sql.Composable] = {
            "table": relation.table,
            "key": self._select.key.reference,
            "columns": self._columns,
            "drawn": quoted(self._drawn),
            "size": SIZE.format(geom=relation.geometry),
            "parts": self._parts() if self._mixed else sql.SQL(""),
            "where": self._where(sized),
            "g": self._geometry(frame, place),
        }
        features = (_LARGEST if largest else _SOME).format(**gaps)
        identified = sql.SQL(", {}").format(sql.Literal(self._key)) if self._identified else sql.SQL("")
        text = _TILE.format(
            extent=sql.Literal(frame.extent), shape=sql.Literal(self._drawn), drawn=quoted(self._drawn),
            identified=identified, features=features,
        )  # fmt: skip
        return text.as_bytes(None)

    def _where(self, sized: bool) -> sql.Composable:
        relation, where = self._select.relation, self._select.where
        near: sql.Composable = _NEAR.format(geom=relation.geometry, srid=sql.Literal(relation.srid))
        if sized:
            near += _LARGE.format(size=SIZE.format(geom=relation.geometry))
        return near if where is None else near + sql.SQL(" AND ") + where

    def _geometry(self, frame: Frame, place: Place) -> sql.Composable:
        """Return the expression that draws a feature on the tile."""
        storage, extent = self._view.collection.storage, sql.Literal(frame.extent)
        shape: sql.Composable = quoted("p", self._part) if self._mixed else self._select.relation.shape
        if place.kind == "affine":
            shape = _AFFINE.format(g=shape)
        if frame.tolerance > 0 and self._view.collection.table.geometry_type not in _POINTS:
            shape = _SIMPLE.format(g=shape)
        if place.kind == "transform":
            shape = transformed(shape, storage, frame.grid.crs)
        box = _SQUARE.format(extent=extent) if place.kind == "affine" else _BOX
        return _DRAWN.format(g=shape, box=box, extent=extent, buffer=sql.Literal(frame.buffer))

    @property
    def _mixed(self) -> bool:
        return self._view.collection.table.geometry_type in _MIXED

    def _parts(self) -> sql.Composable:
        return _PARTS.format(shape=self._select.relation.shape, part=quoted(self._part))


def transformed(shape: sql.Composable, source: Crs, target: Crs) -> sql.Composable:
    """Return the expression that brings a shape from one CRS to another by way of longitudes and latitudes."""
    if not source.geographic:
        shape = _TRANSFORM.format(g=shape, srid=sql.Literal(geographic_of(source)))
    if not target.geographic:
        shape = _AS.format(g=shape, srid=sql.Literal(geographic_of(target)))
        shape = _TRANSFORM.format(g=shape, srid=sql.Literal(target.srid))
    return shape


def geographic_of(crs: Crs) -> int:
    """Return the system of longitudes and latitudes from which PROJ transforms exactly."""
    return 4490 if crs.cgcs2000_gk else 4326


def systems(source: Crs, target: Crs) -> list[int]:
    """Return the EPSG codes that ``transformed`` writes, which the database must number alike."""
    projected = [crs for crs in (source, target) if not crs.geographic]
    return sorted({code for crs in projected for code in (geographic_of(crs), crs.srid)})


def _value(column: Column, name: str) -> sql.Composed:
    """Return a column as a tile says it: a number that is not finite is no value."""
    value: sql.Composable = column.read()
    if column.kind == "number":
        value = _FINITE.format(value=value)
    return sql.SQL("{} AS {}").format(value, quoted(name))


def _identity(key: Column) -> sql.Composable:
    return key.read() if key.type in INTEGERS else sql.SQL("{}::int8").format(key.reference)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
