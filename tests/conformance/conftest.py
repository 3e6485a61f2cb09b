"""The conformance ring: one test for each abstract test, named by its id, run on two kinds of collections.

``abstract_test(class URI, test id)`` marks a test. The ring fails when /conformance declares a class
for which no test is marked (test_declared.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, publish_database, publish_file
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "abstract_test(class_uri, test_id): the abstract test that a test stands for")


@pytest.fixture(scope="session")
def world_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world-wide GeoPackage in EPSG:4326: points and polygons near the antimeridian, the poles, all over."""
    path = tmp_path_factory.mktemp("world") / "world.gpkg"
    lon, lat = np.meshgrid(np.linspace(-179, 179, 19), np.linspace(-88, 88, 12))
    places = np.array([[-0.1, 51.5], [0.5, 52.0], [-78.0, 0.0], [-75.0, 2.0], [178.5, 67.0], [-179.0, 68.0]])
    xy = np.vstack([places, np.column_stack([lon.ravel(), lat.ravel()]), [[0.0, 89.9], [10.0, -89.9]]])
    names = [f"place {number}" for number in range(len(xy))]
    days = [f"20{10 + number % 15:02d}-06-{1 + number % 28:02d}" for number in range(len(xy))]
    with GeoPackageWriter(path) as writer:
        _write(writer, "places", "POINT", shapely.points(xy), names, days)
        squares = shapely.box(xy[:, 0] - 0.4, xy[:, 1] - 0.05, xy[:, 0] + 0.4, xy[:, 1] + 0.05)
        _write(writer, "squares", "POLYGON", squares, names, days)
    return path


def _write(
    writer: GeoPackageWriter, table: str, kind: str, shapes: np.ndarray, names: list[str], days: list[str]
) -> None:
    fields = (FieldSpec("name", "TEXT(40)"), FieldSpec("number", "INTEGER"), FieldSpec("day", "DATE"))
    writer.create_table(TableSpec(table, kind, 4326, fields, title=table))
    writer.insert(table, shapes, {"name": names, "number": list(range(len(names))), "day": days})
    writer.finish(table, "2026-01-01T00:00:00.000Z")


@pytest.fixture(scope="session")
def world(world_file: Path) -> TestClient:
    """The world-wide file, published without configuration: CRS84, 4490, 4326 and 3857."""
    return TestClient(create_app(publish_file(world_file)), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def postgis_world(world_file: Path, cluster: Cluster) -> TestClient:
    """The same tables in a database, published without configuration."""
    return TestClient(create_app(publish_database(cluster.copy(world_file))), raise_server_exceptions=False)


@pytest.fixture(scope="session", params=["province gpkg", "world gpkg", "province postgis", "world postgis"])
def server(request: pytest.FixtureRequest) -> TestClient:
    """The demo province (production CRS list, Gauss-Kruger storage) and the world-wide file, from each store."""
    fixtures = {"province gpkg": "client", "province postgis": "postgis_client"}
    fixtures |= {"world gpkg": "world", "world postgis": "postgis_world"}
    client: TestClient = request.getfixturevalue(fixtures[request.param])
    return client
