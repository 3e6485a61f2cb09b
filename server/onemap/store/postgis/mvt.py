"""The statements that make a layer of a vector tile: ST_AsMVT over the rows of a view.

Their text is the same for every tile of a view, with the tile's numbers as parameters, so that each connection plans
them once. Systems are written as integers. CGCS2000 and WGS 84 geographic coordinates are taken as equal, as
everywhere in this server: the SRID is set where PROJ would pick an operation between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from psycopg import sql
from psycopg.types.numeric import Int8

from onemap.geo.crs import WEB_MERCATOR, Crs, crs_from_srid, same_plane
from onemap.store.base import View
from onemap.store.postgis.placing import Place
from onemap.store.postgis.relation import INTEGERS, LONLAT, Column, Relation, quoted
from onemap.store.postgis.select import LARGE, SIZE, Select, Statement
from onemap.store.tiling import Frame

_TILE = sql.SQL(
    "{edited}SELECT ST_AsMVT(m, %(layer)s::text, {extent}, {shape}{identified}), count(*), count(m.{drawn})"
    # The offset keeps the shapes from being drawn once for each place that names them.
    " FROM (SELECT {names}{drawn} FROM {features} t OFFSET 0) m"
)
_FEATURES = sql.SQL("(SELECT {columns}{g} AS {drawn} FROM {rows} t{parts})")
# One more than wanted says that the largest have to be found.
_ROWS = sql.SQL("(SELECT * FROM {table} t WHERE {where}{largest} LIMIT %(limit)s)")
# Rows as they are stored are cheaper to sort than what is drawn of them.
_IN_ORDER = sql.SQL("(SELECT * FROM {rows} t ORDER BY {key})")
_LARGEST = sql.SQL(" ORDER BY {size} DESC, {key}")
_NEAR = sql.SQL("{geom} && ST_MakeEnvelope(%(x1)s, %(y1)s, %(x2)s, %(y2)s, {srid})")
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
# A point on each shape, and where that is on the tile: within its half-open bounds, on the grid below.
_POINT = sql.SQL(" CROSS JOIN LATERAL (SELECT {point} AS {part} OFFSET 0) p")
_LABEL = sql.SQL(
    "CASE WHEN ST_X({p}) >= %(e0)s AND ST_X({p}) < %(e2)s AND ST_Y({p}) > %(e1)s AND ST_Y({p}) <= %(e3)s"
    " THEN ST_Point(least(floor((ST_X({p}) - %(e0)s) / %(unit)s), {last}),"
    " least(floor((%(e3)s - ST_Y({p})) / %(unit)s), {last})) END"
)
_ON_SURFACE = sql.SQL("ST_PointOnSurface({g})")
_FINITE = sql.SQL("CASE WHEN abs({value}) < 'Infinity'::float8 THEN {value} END")
_ENDS = ("e0", "e1", "e2", "e3", "e4", "e5")
_int8 = cache(Int8)
_MIXED = ("GEOMETRY", "GEOMETRYCOLLECTION")
_POINTS = ("POINT", "MULTIPOINT")


@dataclass(frozen=True)
class Shapes:
    """Where tiles take the shapes of a layer from: a geometry column, its CRS, and the SRID that the database has."""

    crs: Crs
    geometry: sql.Composable
    shape: sql.Composable
    srid: int


def shapes_for(view: View, relation: Relation, target: Crs) -> Shapes:
    """Return the shapes that are nearest to the CRS of a tile: longitudes and latitudes, where there are some."""
    storage = view.collection.storage
    flat = target.geographic or target.srid == WEB_MERCATOR.srid
    if relation.lonlat is None or storage.geographic or same_plane(storage, target) or not flat:
        return Shapes(storage, relation.geometry, relation.shape, relation.srid)
    column = quoted("t", LONLAT)
    return Shapes(crs_from_srid(geographic_of(storage)), column, column, relation.lonlat)


class Layout:
    """The columns of a layer, and the statement around its features."""

    def __init__(self, select: Select) -> None:
        relation, fields = select.relation, select.fields
        taken = {field.name for field in fields}
        self._drawn, self._key = (_free(name, taken) for name in ("geometry", "feature"))
        self.part = quoted(_free("part", taken))
        columns = [(_value(relation.columns[field.name]), field.name) for field in fields]
        self._identified = select.key.kind == "integer"
        if self._identified:
            columns.append((_identity(select.key), self._key))
        self._columns = [sql.SQL("{} AS {}, ").format(value, quoted(name)) for value, name in columns]
        self._names = [sql.SQL("{}, ").format(quoted(name)) for _, name in columns]
        self._last = select.key.reference

    def features(
        self,
        relation: Relation,
        drawn: sql.Composable,
        where: Sequence[sql.Composable],
        *,
        geometry: sql.Composable,
        largest: bool,
        ordered: bool,
        parts: sql.Composable | None = None,
    ) -> sql.Composable:
        """Return the query that draws the features of a table; ``geometry`` is what tells which are the largest.

        ``ordered``: by their keys, not in the order in which the table has them.
        """
        gaps = {"size": SIZE.format(geom=geometry), "key": self._last}
        first = _LARGEST.format(**gaps) if largest else sql.SQL("")
        rows = _ROWS.format(table=relation.table, where=sql.SQL(" AND ").join(where), largest=first)
        return _FEATURES.format(
            columns=sql.SQL("").join(self._columns), g=drawn, drawn=quoted(self._drawn),
            rows=_IN_ORDER.format(rows=rows, key=self._last) if ordered else rows, parts=parts or sql.SQL(""),
        )  # fmt: skip

    def tile(self, features: sql.Composable, frame: Frame, edited: sql.Composable | None = None) -> bytes:
        """Return the statement that makes a layer; ``edited`` comes before it."""
        identified = sql.SQL(", {}").format(sql.Literal(self._key)) if self._identified else sql.SQL("")
        text = _TILE.format(
            edited=edited or sql.SQL(""), extent=sql.Literal(frame.extent), shape=sql.Literal(self._drawn),
            drawn=quoted(self._drawn), identified=identified, names=sql.SQL("").join(self._names), features=features,
        )  # fmt: skip
        return text.as_bytes(None)


class TileSelect:
    """Write the statements for the tiles of a view; ``select`` has its conditions and its table."""

    def __init__(self, view: View, select: Select, shapes: Shapes) -> None:
        self._view = view
        self._select = select
        self.shapes = shapes
        self.layout = Layout(select)
        self._written: dict[object, bytes] = {}

    def thins(self, frame: Frame) -> bool:
        """Whether fewer features are drawn than an overview would show."""
        return frame.overview < frame.smallest

    def statement(self, frame: Frame, place: Place, smallest: float, limit: int, *, largest: bool) -> Statement:
        """Return the statement for a tile. ``largest``: of more features than ``limit`` the largest are drawn."""
        drawn = (frame.grid.crs.srid, frame.extent, frame.buffer, frame.tolerance > 0, frame.labels)
        kind = (place.kind, *drawn, smallest > 0, largest)
        if kind not in self._written:
            features = self.features(frame, place, sized=smallest > 0, largest=largest)
            self._written[kind] = self.layout.tile(features, frame)
        return self._written[kind], self.values(frame, place, smallest, limit)

    def values(self, frame: Frame, place: Place, smallest: float, limit: int) -> dict[str, Any]:
        """Return the values of a statement."""
        collection = self._view.collection
        x1, y1, x2, y2 = place.around
        return {
            **dict(zip(_ENDS, place.ends, strict=False)),
            **self._select.values,
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
            "layer": collection.label_layer if frame.labels else collection.id,
            "tolerance": frame.tolerance if place.kind == "affine" else frame.tolerance * place.unit,
            "unit": frame.grid.unit,
            "smallest": smallest * place.unit,
            "limit": _int8(limit),
        }

    def features(
        self, frame: Frame, place: Place, *, sized: bool, largest: bool, among: sql.Composable | None = None
    ) -> sql.Composable:
        """Return the query for the features of a tile in the order of their keys.

        ``among``: those that meet a further condition, in any order.
        """
        relation, geometry = self._select.relation, self.shapes.geometry
        tests: list[sql.Composable | None] = [
            _NEAR.format(geom=geometry, srid=sql.Literal(self.shapes.srid)),
            LARGE.format(geom=geometry, smallest=sql.Placeholder("smallest")) if sized else None,
            self._select.where,
            among,
        ]
        kept = [test for test in tests if test is not None]
        ordered = among is None
        query = partial(self.layout.features, relation, geometry=geometry, largest=largest, ordered=ordered)
        if frame.labels:
            point, found = self._point(frame, place)
            return query(point, kept, parts=found)
        mixed = self._view.collection.table.geometry_type in _MIXED
        parts = _PARTS.format(shape=self.shapes.shape, part=self.layout.part) if mixed else None
        shape = sql.SQL("p.{}").format(self.layout.part) if mixed else self.shapes.shape
        drawn = self._drawn(shape, frame, place)
        return query(drawn, kept, parts=parts)

    def _point(self, frame: Frame, place: Place) -> tuple[sql.Composable, sql.Composable]:
        """Return the expression that draws the label point of a feature, and the join that finds the point."""
        point: sql.Composable = _ON_SURFACE.format(g=self.shapes.shape)
        if place.kind == "transform":
            point = transformed(point, self.shapes.crs, frame.grid.crs)
        drawn = _LABEL.format(p=sql.SQL("p.{}").format(self.layout.part), last=sql.Literal(frame.extent - 1))
        return drawn, _POINT.format(point=point, part=self.layout.part)

    def _drawn(self, shape: sql.Composable, frame: Frame, place: Place) -> sql.Composable:
        """Return the expression that draws a feature on the tile."""
        if place.kind == "affine":
            shape = _AFFINE.format(g=shape)
        if frame.tolerance > 0 and self._view.collection.table.geometry_type not in _POINTS:
            shape = simple(shape)
        if place.kind == "transform":
            shape = transformed(shape, self.shapes.crs, frame.grid.crs)
        return cut(shape, frame, None if place.kind == "affine" else _BOX)


def simple(shape: sql.Composable) -> sql.Composable:
    """Return the expression that simplifies a shape, as far as anything is left of it."""
    return _SIMPLE.format(g=shape)


def cut(shape: sql.Composable, frame: Frame, box: sql.Composable | None = None) -> sql.Composable:
    """Return the expression that brings a shape from a box (None: the tile, y upwards) to the grid of the tile."""
    extent = sql.Literal(frame.extent)
    return _DRAWN.format(
        g=shape, box=box or _SQUARE.format(extent=extent), extent=extent, buffer=sql.Literal(frame.buffer)
    )


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


def _value(column: Column) -> sql.Composable:
    """Return a column as a tile says it: a number that is not finite is no value."""
    value = column.read()
    return _FINITE.format(value=value) if column.kind == "number" else value


def _identity(key: Column) -> sql.Composable:
    return key.read() if key.type in INTEGERS else sql.SQL("{}::int8").format(key.reference)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
