"""Random filters mean the same to SQLite, to PostGIS and to the reference, and survive both encodings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from pygeofilter import ast

from onemap.cql import bounds_of, parse_json, parse_text, place, write_json, write_text
from onemap.cql.nodes import combine
from onemap.geo.crs import CRS84
from tests.cql_engines import Answer, postgis_engine, sqlite_engine
from tests.unit.cql_reference import evaluate
from tests.unit.cql_trees import COLUMNS, rows, trees

ROWS = rows()
many = settings(max_examples=int(os.environ.get("ONEMAP_TEST_EXAMPLES", "150")), deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip


@pytest.fixture(scope="module")
def sqlite() -> Iterator[Answer]:
    with sqlite_engine(COLUMNS, ROWS) as answer:
        yield answer


@pytest.fixture(scope="module")
def postgis() -> Iterator[Answer]:
    with postgis_engine(COLUMNS, ROWS) as answer:
        yield answer


def reference(tree: Any) -> list[Any]:
    return [evaluate(tree, row) for row in ROWS]


@many
@given(tree=trees())
def test_sqlite_and_the_reference_agree(tree: Any, sqlite: Answer) -> None:
    placed = place(tree, CRS84, CRS84)
    assert sqlite(placed) == reference(placed), write_text(tree)


@many
@given(tree=trees())
def test_postgis_and_the_reference_agree(tree: Any, postgis: Answer) -> None:
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
