"""Answers are streamed: the memory of the server does not grow with the number of features."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from starlette.types import ASGIApp

from onemap.app import create_app, publish
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster

FEATURES, TEXT = 20_000, 1000
FEW = 4000
ROW_BYTES = TEXT + 200


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoPackage with features whose texts take 20 MB together."""
    path = tmp_path_factory.mktemp("streaming") / "many.gpkg"
    numbers = np.arange(FEATURES)
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("many", "POINT", 4326, (FieldSpec("note", "TEXT"),)))
        points = shapely.points(100 + numbers % 200 * 0.01, 30 + numbers // 200 * 0.01)
        writer.insert("many", points, {"note": [f"{number:0{TEXT}}" for number in numbers]})
        writer.finish("many", "2026-01-01T00:00:00.000Z")
    return path


@pytest.fixture(scope="module", params=["geopackage", "postgis"])
def app(request: pytest.FixtureRequest, source: Path) -> ASGIApp:
    """An application over the same features in each store."""
    if request.param == "geopackage":
        return create_app(publish(str(source)))
    cluster: Cluster = request.getfixturevalue("cluster")
    return create_app(publish(cluster.copy(source)))


async def drained(app: ASGIApp, query: str) -> int:
    """Return the size of an answer, of which no piece is kept."""
    size, status = 0, 0

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the client neither says anything more nor leaves
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal size, status
        status = message.get("status", status)
        size += len(message.get("body", b""))

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "root_path": ""}
    path = "/collections/many/items"
    scope |= {"path": path, "raw_path": path.encode(), "query_string": query.encode()}
    scope |= {"headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
    await app(scope, receive, send)
    assert status == 200
    return size


def peak(app: ASGIApp, query: str) -> tuple[int, int]:
    """Return the most memory that was in use at once for an answer, and the size of the answer."""
    tracemalloc.start()
    try:
        size = asyncio.run(drained(app, query))
        return tracemalloc.get_traced_memory()[1], size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("form", "most"), [("csv", FEATURES), ("json", 10_000), ("jsonfg", 10_000)])
def test_a_stream_holds_a_part_of_its_features(app: ASGIApp, form: str, most: int) -> None:
    peak(app, f"f={form}&limit=10")
    few, small = peak(app, f"f={form}&limit={FEW}")
    many, large = peak(app, f"f={form}&limit={most}")
    assert large - small > (most - FEW) * TEXT
    assert many - few < (most - FEW) * ROW_BYTES / 4


@pytest.mark.parametrize("form", ["parquet", "fgb", "gpkg"])
def test_a_file_is_made_of_a_part_of_its_features_at_a_time(app: ASGIApp, form: str) -> None:
    peak(app, f"f={form}&limit=10")
    few, _ = peak(app, f"f={form}&limit={FEW}")
    many, _ = peak(app, f"f={form}&limit={FEATURES}")
    assert many - few < (FEATURES - FEW) * ROW_BYTES / 4
