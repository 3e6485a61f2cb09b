"""The properties that a filter may use, and the kinds of values in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from onemap.catalog.model import FieldType

ColumnType = FieldType | Literal["geometry", "array"]
Kind = ColumnType | Literal["interval"]
NUMERIC: frozenset[Kind] = frozenset({"integer", "number"})
TEMPORAL: frozenset[Kind] = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True)
class Column:
    """A queryable as a store holds it.

    ``sql``: its expression, identifiers quoted. ``type``: ``array`` is JSON text (SQLite) or jsonb (PostgreSQL);
    ``datetime`` is GeoPackage text in UTC or timestamptz; ``geometry`` a GeoPackage blob or PostGIS geometry.
    ``srid``: of a geometry, as the database knows it.
    """

    sql: str
    type: ColumnType
    srid: int = 0
