"""Find the tables and views of a database that can be published, and say what keeps the others from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import groupby

from psycopg import sql

from onemap.catalog.model import Field, TableInfo
from onemap.config.models import Text
from onemap.errors import ConfigError, TooSlow
from onemap.geo.crs import crs_from_srid
from onemap.store.base import LeftOut
from onemap.store.postgis.beneath import with_tables_beneath
from onemap.store.postgis.relation import INTEGERS, LONLAT, Column, Relation, quoted
from onemap.store.postgis.sessions import Row, Sessions

_KEY_NAMES = ("fid", "id", "gid", "ogc_fid", "objectid", "bsm")
_KEY_TYPES = (*INTEGERS, "text", "varchar", "uuid")
_CURVES = ("CURVE", "CIRCULAR", "COMPOUND", "SURFACE", "TIN", "TRIANGLE")
_SAMPLE = sql.SQL(
    "SELECT ST_SRID(g), upper(GeometryType(g)), max(ST_NDims(g)) FROM"
    " (SELECT {geom} AS g FROM {table} t WHERE {geom} IS NOT NULL LIMIT 5000) s GROUP BY 1, 2"
)
_SYSTEMS = b"SELECT srid, auth_srid FROM spatial_ref_sys WHERE upper(auth_name) = 'EPSG' AND srid = ANY (%(srids)s)"


@dataclass(frozen=True, slots=True)
class Found:
    """A table with a geometry column, as tables.sql gives it."""

    oid: int
    schema: str
    name: str
    kind: str
    comment: str
    geometry_column: str
    geometry_class: str
    geometry_type: str
    srid: int
    dims: int
    readable: bool
    indexed: bool

    @property
    def address(self) -> str:
        """The table in SQL for people to copy."""
        return sql.Identifier(self.schema, self.name).as_string(None)

    @property
    def column(self) -> str:
        """The geometry column in SQL for people to copy."""
        return sql.Identifier(self.geometry_column).as_string(None)


class Discovery:
    """What a database offers: ``tables``, ``left_out`` with reasons, and ``relations`` by the names of the tables."""

    def __init__(self, sessions: Sessions, schemas: Iterable[str], keys: Mapping[str, str]) -> None:
        self._sessions = sessions
        self._keys = keys
        self.tables: list[TableInfo] = []
        self.left_out: list[LeftOut] = []
        self.relations: dict[str, Relation] = {}
        found = [Found(*row) for row in sessions.rows(read_sql("tables"), {"schemas": list(schemas)})]
        by_table = [list(group) for _, group in groupby(found, key=lambda item: item.oid)]
        columns = self._columns([group[0].oid for group in by_table])
        several = {name for name, count in Counter(group[0].name for group in by_table).items() if count > 1}
        for group in by_table:
            first = group[0]
            name = f"{first.schema}.{first.name}" if first.name in several else first.name
            self._take(name, group, columns.get(first.oid, []))
        views = [relation.oid for relation in self.relations.values() if relation.kind == "v"]
        if views:
            rows = sessions.rows(read_sql("views"), {"oids": views})
            self.relations = with_tables_beneath(self.relations, rows)

    def _columns(self, oids: list[int]) -> dict[int, list[Column]]:
        rows = self._sessions.rows(read_sql("columns"), {"oids": oids})
        return {oid: [Column(*row[1:]) for row in group] for oid, group in groupby(rows, key=lambda row: row[0])}

    def _take(self, name: str, group: list[Found], columns: list[Column]) -> None:
        try:
            chosen = self._described(next((item for item in group if item.geometry_class == "geometry"), group[0]))
            epsg = self._epsg(chosen)
            key = self._key(name, chosen, columns)
        except ConfigError as error:
            self.left_out.append(LeftOut(name, error.detail, error.hint))
            return
        by_name = {column.name: column for column in columns}
        flat = chosen.dims in (0, 2)
        lonlat = next((item.srid for item in group if item.geometry_column == LONLAT and item.indexed), None)
        self.relations[name] = Relation(
            chosen.oid, chosen.schema, chosen.name, chosen.kind, chosen.geometry_column, chosen.srid,
            flat, chosen.indexed, key, by_name, lonlat,
        )  # fmt: skip
        self.tables.append(_table_info(name, chosen, epsg, key, columns))
        self._note(name, chosen, group, by_name[key])

    def _described(self, found: Found) -> Found:
        """Return the table with the SRID, type and dimensions that its column does not declare, from its rows."""
        _check_access(found)
        kind = found.geometry_type.upper().removesuffix("ZM").removesuffix("Z").removesuffix("M")
        if not found.srid or kind in ("", "GEOMETRY"):
            rows = self._sample(found)
            srids = {row[0] for row in rows} or {found.srid}
            if len(srids) > 1:
                raise ConfigError(
                    f"its geometries have several SRIDs ({', '.join(map(str, sorted(srids)))})",
                    f"{_alter(found, 'Geometry', '4490')} ST_Transform({found.column}, 4490);",
                )
            kinds = {row[1] for row in rows}
            kind = kinds.pop() if len(kinds) == 1 else "GEOMETRY"
            found = replace(found, srid=srids.pop(), dims=max((row[2] for row in rows), default=2))
        if any(word in kind for word in _CURVES):
            raise ConfigError(
                f"its geometries are of type {kind}, which clients cannot read",
                _view(found, f"ST_CurveToLine({found.column})::geometry(Geometry, {found.srid})"),
            )
        return replace(found, geometry_type=kind)

    def _sample(self, found: Found) -> list[Row]:
        geometry = quoted("t", found.geometry_column)
        statement = _SAMPLE.format(geom=geometry, table=quoted(found.schema, found.name))
        try:
            return self._sessions.rows(statement)
        except TooSlow:
            raise ConfigError("it takes too long to read its first rows") from None

    def _epsg(self, found: Found) -> int:
        if not found.srid:
            raise ConfigError(
                "its geometries have no SRID",
                f"{_alter(found, found.geometry_type.title() or 'Geometry', '4490')}"
                f" ST_SetSRID({found.column}, 4490);  -- with the EPSG code that is right",
            )
        rows = self._sessions.rows(_SYSTEMS, {"srids": [found.srid]})
        if not rows:
            raise ConfigError(
                f"its SRID {found.srid} is no EPSG code according to spatial_ref_sys",
                f"{_alter(found, found.geometry_type.title(), '4490')} ST_Transform({found.column}, 4490);",
            )
        return crs_from_srid(rows[0][1]).srid

    def _key(self, name: str, found: Found, columns: list[Column]) -> str:
        usable = [column for column in columns if column.type in _KEY_TYPES or column.kind == "integer"]
        declared = self._keys.get(name)
        ranked = sorted(
            (column.rank, column.type not in INTEGERS, at) for at, column in enumerate(usable) if column.rank
        )
        if ranked:
            return usable[ranked[0][2]].name
        names = {column.name.lower(): column.name for column in usable}
        if declared and declared.lower() in names:
            return names[declared.lower()]
        guessed = next((names[word] for word in _KEY_NAMES if word in names), None)
        if found.kind in ("v", "m", "f") and guessed:
            return guessed
        raise ConfigError("it has no primary key and no unique column that is never null", _key_remedy(found))

    def _note(self, name: str, found: Found, group: list[Found], key: Column) -> None:
        if not found.indexed:
            remedy = f"CREATE INDEX ON {found.address} USING gist ({found.column});"
            self.left_out.append(LeftOut(name, "published, but slow: it has no spatial index", remedy, published=True))
        if key.type not in INTEGERS:
            column = sql.Identifier(key.name).as_string(None)
            remedy = f"CREATE INDEX ON {found.address} (hashtextextended({column}::text, 0));"
            text = "published, but slow in processes: its key is no integer"
            if found.kind not in ("v", "f"):
                self.left_out.append(LeftOut(name, text, remedy, published=True))
        kept = (found.geometry_column, LONLAT)
        others = [item.geometry_column for item in group if item.geometry_column not in kept]
        if others:
            text = f"published with its geometry '{found.geometry_column}' only, not with {', '.join(others)}"
            self.left_out.append(LeftOut(name, text, "Make a view for each other geometry column.", published=True))


@cache
def read_sql(name: str) -> bytes:
    """Return a statement of this package by the name of its file."""
    return files(__package__).joinpath(f"{name}.sql").read_bytes()


def _check_access(found: Found) -> None:
    if not found.readable:
        raise ConfigError(
            "this user may not read it", f"GRANT USAGE ON SCHEMA {sql.Identifier(found.schema).as_string(None)} TO"
            f" <user>; GRANT SELECT ON {found.address} TO <user>;",
        )  # fmt: skip
    if found.geometry_class == "geography":
        raise ConfigError(
            "its column is a geography", _view(found, f"{found.column}::geometry(Geometry, {found.srid or 4326})")
        )


def _alter(found: Found, kind: str, srid: str) -> str:
    return f"ALTER TABLE {found.address} ALTER COLUMN {found.column} TYPE geometry({kind}, {srid}) USING"


def _view(found: Found, expression: str) -> str:
    name = sql.Identifier(found.schema, found.name + "_view").as_string(None)
    return f"CREATE VIEW {name} AS SELECT <columns>, {expression} AS geom FROM {found.address};"  # noqa: S608  (shown to people)


def _key_remedy(found: Found) -> str:
    if found.kind in ("r", "p"):
        return f"ALTER TABLE {found.address} ADD COLUMN fid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;"
    if found.kind == "m":
        return f"CREATE UNIQUE INDEX ON {found.address} (<column>);"
    return f"Call the unique column one of {', '.join(_KEY_NAMES)}, or name it as `key` in collections/<id>.yml."


def _table_info(name: str, found: Found, epsg: int, key: str, columns: list[Column]) -> TableInfo:
    title, _, description = found.comment.strip().partition("\n")
    fields = tuple(
        _published(column)
        for column in columns
        if column.published and (column.name != key or column.kind != "integer")
    )
    return TableInfo(
        name, found.geometry_column, found.geometry_type, epsg, key, fields, title or name, description.strip(),
        any(column.name == found.geometry_column and column.required for column in columns), found.dims in (0, 2),
    )  # fmt: skip


def _title(column: Column) -> Text:
    text = column.comment.strip() or column.name
    return Text(zh=text, en=text)


def _published(column: Column) -> Field:
    return Field(
        column.name,
        column.kind,
        _title(column),
        max_length=column.length,
        required=column.required,
        read_only=column.read_only,
        bits=column.bits,
    )
