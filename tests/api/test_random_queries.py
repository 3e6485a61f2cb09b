"""Random filters and orders through the API: GeoPackage, PostGIS and plain Python give the same features."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from onemap.app import create_app, publish_database, publish_file
from onemap.cql import parse_json, place, write_json, write_text
from onemap.geo.crs import CRS84
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster
from tests.unit.cql_reference import evaluate
from tests.unit.cql_trees import TYPES, rows, trees

COLUMNS = {
    "string": "TEXT", "integer": "INTEGER", "number": "REAL", "boolean": "BOOLEAN", "date": "DATE",
    "datetime": "DATETIME",
}  # fmt: skip
ROWS = rows()
NAMES = [name for name, kind in TYPES.items() if kind in COLUMNS]
SORTABLES = [name for name in NAMES if TYPES[name] != "boolean"]
PATH = "/collections/things/items"
Ask = Callable[[dict[str, Any]], dict[str, Any]]
many = settings(max_examples=int(os.environ.get("ONEMAP_TEST_EXAMPLES", "150")), deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much,
                                       HealthCheck.function_scoped_fixture])  # fmt: skip


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoPackage with the rows of the random filters, as far as a GeoPackage has their types."""
    path = tmp_path_factory.mktemp("things") / "things.gpkg"
    fields = tuple(FieldSpec(name, COLUMNS[TYPES[name]]) for name in NAMES)
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("things", "GEOMETRY", 4326, fields, geometry_column="shape"))
        shapes = np.array([row["shape"] for row in ROWS], dtype=object)
        writer.insert("things", shapes, {name: [_stored(row[name]) for row in ROWS] for name in NAMES})
        writer.finish("things", "2026-01-01T00:00:00.000Z")
    return path


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


@pytest.fixture(scope="module", params=["GeoPackage", "PostGIS"])
def ask(request: pytest.FixtureRequest, things: Path) -> Ask:
    """A function that asks one of the stores, through the API, for a page of ids."""
    if request.param == "GeoPackage":
        instance = publish_file(things)
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        instance = publish_database(cluster.copy(things))
    client = TestClient(create_app(instance), raise_server_exceptions=False)

    def answer(query: dict[str, Any]) -> dict[str, Any]:
        response = client.get(PATH, params={"properties": "", "skipGeometry": "true", **query})
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    return answer


def ids(page: dict[str, Any]) -> list[int]:
    return [feature["id"] for feature in page["features"]]


def on_one_table(node: Any) -> Any:
    """Return a filter as JSON with the other geometry column replaced; a GeoPackage has one, and no arrays."""
    if isinstance(node, list):
        return [on_one_table(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "property" in node:
        name = node["property"].replace("shape2", "shape")
        assume(name in NAMES or name == "shape")
        return {"property": name}
    return {key: on_one_table(item) for key, item in node.items()}


@many
@given(tree=trees(), as_json=st.booleans())
def test_a_filter_finds_what_python_finds(tree: Any, as_json: bool, ask: Ask) -> None:
    document = json.dumps(on_one_table(write_json(tree)), ensure_ascii=False)
    parsed = parse_json(document)
    placed = place(parsed, CRS84, CRS84)
    want = [number for number, row in enumerate(ROWS, 1) if evaluate(placed, row) is True]
    text = document if as_json else write_text(parsed)
    page = ask({"filter": text, "filter-lang": "cql2-json" if as_json else "cql2-text", "limit": 1000})
    assert ids(page) == want, write_text(parsed)
    assert page["numberMatched"] == len(want)


def in_order(keys: list[tuple[str, bool]]) -> list[int]:
    """Return the ids in the order of columns (name, descending): missing values last, equal ones by id."""
    numbers = list(range(len(ROWS)))
    for name, descending in reversed(keys):
        known = [number for number in numbers if ROWS[number][name] is not None]
        known.sort(key=lambda number: ROWS[number][name], reverse=descending)
        numbers = known + [number for number in numbers if ROWS[number][name] is None]
    return [number + 1 for number in numbers]


keys_with_directions = st.tuples(st.sampled_from(SORTABLES), st.booleans())
orders = st.lists(keys_with_directions, min_size=1, max_size=4, unique_by=lambda key: key[0])


@many
@given(keys=orders, size=st.integers(1, 25))
def test_sorted_pages_join_to_the_order_of_python(keys: list[tuple[str, bool]], size: int, ask: Ask) -> None:
    query = {"sortby": ",".join(("-" if descending else "") + name for name, descending in keys), "limit": size}
    page = ask(query)
    found = ids(page)
    while token := next_token(page):
        page = ask({**query, "next": token})
        found += ids(page)
        assert len(found) <= len(ROWS)
    assert found == in_order(keys)


def next_token(page: dict[str, Any]) -> str | None:
    """Return the token of the next page, None on the last."""
    found = [item["href"] for item in page["links"] if item["rel"] == "next"]
    return parse_qs(urlsplit(found[0]).query)["next"][0] if found else None
