"""The conformance ring: one test for each abstract test, named by its id, run on two kinds of collections.

``abstract_test(class URI, test id)`` marks a test. The ring fails when /conformance declares a class
for which no test is marked (test_declared.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, publish_database, publish_file
from tests.conformance.truth import Truth, read
from tests.conformance.world import PLACES, grid, write_world
from tests.conftest import Cluster


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "abstract_test(class_uri, test_id): the abstract test that a test stands for")


@pytest.fixture(scope="session")
def world_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world-wide GeoPackage in EPSG:4326, with enough features for several pages."""
    path = tmp_path_factory.mktemp("world") / "world.gpkg"
    write_world(path, np.vstack([PLACES, grid(19, 12)]))
    return path


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


@pytest.fixture
def truth(request: pytest.FixtureRequest, data: Path, world_file: Path) -> Callable[[str], Truth]:
    """A function that reads what the data file of ``server`` holds of a collection."""
    of_world = request.node.callspec.params["server"].startswith("world")
    return lambda collection: read(world_file if of_world else data / "demo" / "province.gpkg", collection)
