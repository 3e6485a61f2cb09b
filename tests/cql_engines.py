"""A table of test rows in SQLite, as a GeoPackage keeps values, and in PostGIS; a filter's answer for every row.

PostGIS is the database that ONEMAP_TEST_POSTGIS names (a libpq connection string); nothing stays in it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pytest
import shapely

from onemap.cql import POSTGIS, SQLITE, Column, compile_filter, register
from onemap.cql.instants import write_timestamp

Row = Mapping[str, Any]
Answer = Callable[[Any], list[bool | None]]
_PG_TYPES = {"string": "text", "integer": "bigint", "number": "float8", "datetime": "timestamptz", "array": "jsonb"}
_PG_MARKS = {"geometry": "ST_GeomFromWKB(%s, 4326)", "array": "%s::jsonb"}


@contextmanager
def sqlite_engine(columns: Mapping[str, Column], rows: Sequence[Row]) -> Iterator[Answer]:
    """Give a function that returns True, False or None of a filter for each row."""
    connection = sqlite3.connect(":memory:")
    register(connection)
    names = ", ".join(column.sql for column in columns.values())
    connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {names})")
    marks = ", ".join("?" * len(columns))
    for row in rows:
        connection.execute(f"INSERT INTO t ({names}) VALUES ({marks})", [_stored(row[name]) for name in columns])

    def answer(tree: Any) -> list[bool | None]:
        text, values = compile_filter(tree, columns, SQLITE)
        found = connection.execute(f"SELECT {text} FROM t ORDER BY id", values).fetchall()
        return [None if value is None else bool(value) for (value,) in found]

    yield answer
    connection.close()


def _stored(value: Any) -> Any:
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value.microsecond else write_timestamp(value)[:-1]
        case date():
            return value.isoformat()
        case list():
            return json.dumps(value)
        case shapely.Geometry():
            return geopackage_blob(value)
    return value


def geopackage_blob(shape: shapely.Geometry) -> bytes:
    """Return a geometry as a GeoPackage has it, with its box unless it is empty."""
    if shape.is_empty:
        return b"GP\x00\x11" + struct.pack("<i", 4326) + shape.wkb
    low_x, low_y, high_x, high_y = shape.bounds
    return b"GP\x00\x03" + struct.pack("<i4d", 4326, low_x, high_x, low_y, high_y) + shape.wkb


@contextmanager
def postgis_engine(columns: Mapping[str, Column], rows: Sequence[Row]) -> Iterator[Answer]:
    """Give a function that returns True, False or None of a filter for each row; skip without a database."""
    dsn = os.environ.get("ONEMAP_TEST_POSTGIS")
    if not dsn:
        pytest.skip("ONEMAP_TEST_POSTGIS names no database")
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(dsn) as connection:
        defined = ", ".join(f"{item.sql} {_PG_TYPES.get(item.type, item.type)}" for item in columns.values())
        connection.execute(f"CREATE TEMPORARY TABLE t (id serial, {defined})")
        names = ", ".join(column.sql for column in columns.values())
        marks = ", ".join(_PG_MARKS.get(item.type, "%s") for item in columns.values())
        for row in rows:
            values = [_bound(row[name]) for name in columns]
            connection.execute(f"INSERT INTO t ({names}) VALUES ({marks})", values)

        def answer(tree: Any) -> list[bool | None]:
            text, values = compile_filter(tree, columns, POSTGIS)
            return [value for (value,) in connection.execute(f"SELECT {text} FROM t ORDER BY id", values)]

        yield answer
        connection.rollback()


def _bound(value: Any) -> Any:
    if isinstance(value, shapely.Geometry):
        return value.wkb
    return json.dumps(value) if isinstance(value, list) else value


ENGINES = {"sqlite": sqlite_engine, "postgis": postgis_engine}
