"""A table or view as PostgreSQL knows it: where it is, and how each column is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from psycopg import sql

from onemap.catalog.model import FieldType

INTEGERS = ("int2", "int4", "int8", "oid")
# A generated column that tiles are made from where transforming each feature would take most of the time.
LONLAT = "onemap_lonlat"
_TEXTS = ("text", "varchar", "bpchar", "name")
_SKIPPED = ("geometry", "geography", "raster", "topogeometry", "bytea", "box2d", "box3d")
_TIMESTAMP = """CASE WHEN isfinite({c}) THEN to_char({c}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END"""


def quoted(*names: str) -> sql.Composable:
    """Return a quoted name for a statement with values, in which a percent sign stands for itself only when doubled."""
    return sql.SQL(sql.Identifier(*names).as_string(None).replace("%", "%%"))


Reading = Literal["plain", "integer", "number", "float4", "date", "timestamp", "json", "text"]
_READ: Mapping[Reading, sql.SQL] = {
    "plain": sql.SQL("{c}"),
    "integer": sql.SQL("{c}::int8"),
    "number": sql.SQL("{c}::float8"),
    "float4": sql.SQL("{c}::text::float8"),
    "date": sql.SQL("CASE WHEN isfinite({c}) THEN {c}::text END"),
    "timestamp": sql.SQL(_TIMESTAMP),
    "json": sql.SQL("to_json({c})::text"),
    "text": sql.SQL("{c}::text"),
}
_SORT: Mapping[Reading, sql.SQL] = {
    "number": sql.SQL("{c}::float8"),
    "date": sql.SQL("CASE WHEN isfinite({c}) THEN {c} END"),
    "timestamp": sql.SQL("CASE WHEN isfinite({c}) THEN date_trunc('milliseconds', {c}) END"),
}
_CAST: Mapping[str, Reading] = {"oid": "integer", "bpchar": "text", "name": "text"}
_KIND: Mapping[Reading, FieldType] = {
    "integer": "integer",
    "number": "number",
    "float4": "number",
    "date": "date",
    "timestamp": "datetime",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type in PostgreSQL (of a domain: the type below), and the rank as a key (1 is best).

    ``required``: it takes no NULL and has no default. ``made``: the database makes its values.
    """

    name: str
    type: str
    category: str
    typtype: str
    typmod: int
    comment: str
    required: bool
    made: bool
    rank: int | None

    @property
    def published(self) -> bool:
        """Whether the column can be a property."""
        return self.type not in _SKIPPED

    @property
    def reading(self) -> Reading:
        """How the column is read so that stores give the same values for the same content."""
        simple: dict[str, Reading] = {"float4": "float4", "date": "date", "money": "number"}
        if self.type in simple:
            return simple[self.type]
        if self.type == "numeric":
            return "integer" if self._whole else "number"
        if self.type in ("timestamp", "timestamptz"):
            return "timestamp"
        if self.type in (*INTEGERS, "float8", "bool") or self.type in _TEXTS:
            return (
                "plain" if self.type not in ("oid", "bpchar", "name") else "integer" if self.type == "oid" else "text"
            )
        return "json" if self.category in ("A", "C") else "text"

    @property
    def kind(self) -> FieldType:
        """The type of the property."""
        if self.type in INTEGERS:
            return "integer"
        if self.type in ("float8", "bool"):
            return "number" if self.type == "float8" else "boolean"
        return _KIND.get(self.reading, "string")

    @property
    def bits(self) -> int:
        """The width of an integer."""
        return {"int2": 16, "int4": 32}.get(self.type, 64)

    @property
    def read_only(self) -> bool:
        """Whether values cannot be written as they are read."""
        return self.made or self.reading == "json" or self.type == "money"

    @property
    def length(self) -> int | None:
        """The most characters of a varchar or char."""
        return self.typmod - 4 if self.type in ("varchar", "bpchar") and self.typmod > 4 else None

    def read(self) -> sql.Composed:
        """Return the expression that reads the value."""
        return self.read_from(self.name)

    def read_from(self, name: str) -> sql.Composed:
        """Return the expression that reads a value of this type under another name."""
        return _READ[self.reading].format(c=quoted("t", name))

    def compare(self) -> sql.Composable:
        """Return the expression that filters compare: the column itself where an index on it can help."""
        return self.reference if self.type not in ("uuid", "money", "float4") and self._comparable else self.read()

    def sort(self) -> sql.Composable:
        """Return the expression to sort by: exactly as precise as the value that is read."""
        template = _SORT.get(self.reading)
        return template.format(c=self.reference) if template else self.compare()

    @property
    def reference(self) -> sql.Composable:
        """The column, qualified."""
        return quoted("t", self.name)

    @property
    def _comparable(self) -> bool:
        return self.reading not in ("json",) and self.typtype != "e" and (self.reading != "text" or self.type in _TEXTS)

    @property
    def _whole(self) -> bool:
        """Whether a numeric has no decimal places and fits 64 bits: its typmod is precision << 16 | scale, plus 4."""
        modifier = self.typmod - 4
        return self.typmod > 0 and modifier & 0x7FF == 0 and modifier >> 16 <= 18


@dataclass(frozen=True, slots=True)
class Beneath:
    """What a view shows: the rows of a table (by its published name), chosen by or joined to ``others`` (by oid)."""

    name: str
    others: frozenset[int]


@dataclass(frozen=True)
class Relation:
    """A published table or view. ``srid``: that of the database, which may number systems in its own way.

    ``lonlat``: the SRID of longitudes and latitudes in which the column LONLAT holds the geometries too; None: it is
    not there. ``beneath``: the table whose keys and geometries a view shows unchanged; None: it may show anything.
    """

    oid: int
    schema: str
    name: str
    kind: str
    geometry_column: str
    srid: int
    flat: bool
    indexed: bool
    key: str
    columns: Mapping[str, Column]
    lonlat: int | None = None
    beneath: Beneath | None = None

    @cached_property
    def table(self) -> sql.Composable:
        """The table with its schema."""
        return quoted(self.schema, self.name)

    @cached_property
    def geometry(self) -> sql.Composable:
        """The geometry column as it is stored."""
        return quoted("t", self.geometry_column)

    @cached_property
    def shape(self) -> sql.Composable:
        """The geometry as it is read: two-dimensional."""
        return self.geometry if self.flat else sql.SQL("ST_Force2D({geom})").format(geom=self.geometry)

    @cached_property
    def id(self) -> sql.Composable:
        """The primary key as an integer: its hash where it is none, which an index on this expression makes fast."""
        column = self.columns[self.key]
        if column.type in INTEGERS:
            return column.reference
        return sql.SQL("hashtextextended({key}::text, 0)").format(key=column.reference)

    @property
    def numbered(self) -> bool:
        """Whether the rows have a transaction number of their own: views and foreign tables have none."""
        return self.kind in ("r", "p", "m")
