"""Random filters mean the same to SQLite, to PostGIS and to the reference, and survive both encodings."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from pygeofilter import ast

from onemap.cql import (
    POSTGIS,
    SQLITE,
    bounds_of,
    compile_filter,
    parse_json,
    parse_text,
    place,
    register,
    write_json,
    write_text,
)
from onemap.cql.instants import write_timestamp
from onemap.cql.nodes import combine
from onemap.geo.crs import CRS84
from tests.unit.cql_reference import evaluate
from tests.unit.cql_trees import COLUMNS, TYPES, rows, trees

ROWS = rows()
Answers = list[Any]
many = settings(max_examples=int(os.environ.get("ONEMAP_TEST_EXAMPLES", "150")), deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip


@pytest.fixture(scope="module")
def sqlite() -> Iterator[Callable[[Any], Answers]]:
    connection = sqlite3.connect(":memory:")
    register(connection)
    names = ", ".join(f'"{name}"' for name in TYPES)
    connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {names})")
    marks = ", ".join("?" * len(TYPES))
    for row in ROWS:
        connection.execute(f"INSERT INTO t ({names}) VALUES ({marks})", [_stored(value) for value in row.values()])

    def answer(tree: Any) -> Answers:
        text, values = compile_filter(tree, COLUMNS, SQLITE)
        found = connection.execute(f"SELECT {text} FROM t ORDER BY id", values).fetchall()
        return [None if value is None else bool(value) for (value,) in found]

    yield answer
    connection.close()


def _stored(value: Any) -> Any:
    """Return a value as a GeoPackage has it."""
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value.microsecond else write_timestamp(value)[:-1]
        case date():
            return value.isoformat()
        case list():
            return json.dumps(value)
        case shapely.Geometry():
            return _blob(value)
    return value


def _blob(shape: shapely.Geometry) -> bytes:
    if shape.is_empty:
        return b"GP\x00\x11" + struct.pack("<i", 4326) + shape.wkb
    low_x, low_y, high_x, high_y = shape.bounds
    return b"GP\x00\x03" + struct.pack("<i4d", 4326, low_x, high_x, low_y, high_y) + shape.wkb


@pytest.fixture(scope="module")
def postgis() -> Iterator[Callable[[Any], Answers]]:
    dsn = os.environ.get("ONEMAP_TEST_POSTGIS")
    if not dsn:
        pytest.skip("ONEMAP_TEST_POSTGIS names no database")
    psycopg = pytest.importorskip("psycopg")
    kinds = {"string": "text", "integer": "bigint", "number": "float8", "datetime": "timestamptz", "array": "jsonb"}
    with psycopg.connect(dsn) as connection:
        columns = ", ".join(f'"{name}" {kinds.get(kind, kind)}' for name, kind in TYPES.items())
        connection.execute(f"CREATE TEMPORARY TABLE t (id serial, {columns})")
        for row in ROWS:
            marks = ", ".join(_MARKS.get(kind, "%s") for kind in TYPES.values())
            values = [_value(value) for value in row.values()]
            connection.execute(f"INSERT INTO t ({', '.join(f'"{name}"' for name in TYPES)}) VALUES ({marks})", values)

        def answer(tree: Any) -> Answers:
            text, values = compile_filter(tree, COLUMNS, POSTGIS)
            return [value for (value,) in connection.execute(f"SELECT {text} FROM t ORDER BY id", values)]

        yield answer
        connection.rollback()


_MARKS = {"geometry": "ST_GeomFromWKB(%s, 4326)", "array": "%s::jsonb"}


def _value(value: Any) -> Any:
    if isinstance(value, shapely.Geometry):
        return value.wkb
    return json.dumps(value) if isinstance(value, list) else value


def reference(tree: Any) -> Answers:
    return [evaluate(tree, row) for row in ROWS]


@many
@given(tree=trees())
def test_sqlite_and_the_reference_agree(tree: Any, sqlite: Callable[[Any], Answers]) -> None:
    placed = place(tree, CRS84, CRS84)
    assert sqlite(placed) == reference(placed), write_text(tree)


@many
@given(tree=trees())
def test_postgis_and_the_reference_agree(tree: Any, postgis: Callable[[Any], Answers]) -> None:
    placed = place(tree, CRS84, CRS84)
    assert postgis(placed) == reference(placed), write_text(tree)


@many
@given(tree=trees())
def test_both_encodings_keep_a_filter(tree: Any) -> None:
    tree = canonical(tree)
    again = parse_text(write_text(tree))
    assert again == tree
    assert write_text(again) == write_text(tree)
    document = json.dumps(write_json(tree))
    assert write_text(parse_json(document)) == write_text(tree)
    assert json.dumps(write_json(parse_json(document))) == document


def canonical(tree: Any) -> Any:
    """Return a tree in the form that the parsers give: chains balanced."""
    match tree:
        case ast.And() | ast.Or():
            return combine(type(tree), [canonical(tree.lhs), canonical(tree.rhs)])
        case ast.Not():
            return ast.Not(canonical(tree.sub_node))
        case ast.IsNull():
            return ast.IsNull(canonical(tree.lhs), not_=False)
    return tree


@many
@given(tree=trees())
def test_the_bounds_hold_every_match(tree: Any) -> None:
    placed = place(tree, CRS84, CRS84)
    boxes = bounds_of(placed, "shape")
    if boxes is None:
        return
    for row in ROWS:
        if evaluate(placed, row) is True:
            assert any(shapely.box(*row["shape"].bounds).intersects(shapely.box(*box)) for box in boxes)
