"""A store that was away at start: the others serve on, and it is taken up when it is back, without a restart."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg import sql
from starlette.testclient import TestClient

from onemap.app import Instance, create_app, load_instance, revival
from onemap.config import StoreSettings
from onemap.ingest import copy_geopackage
from tests.conftest import Cluster, settings_of
from tests.editing import make


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once rather than after five seconds."""
    monkeypatch.setattr(revival.Revival.watch, "__defaults__", (0.1,))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An instance of two stores; the file of the second one is not there yet."""
    made = make(tmp_path / "root")
    (made.path.parent / "edit.gpkg").rename(made.path.parent / "later.gpkg")
    shutil.copy(made.path.parent / "later.gpkg", made.path.parent / "first.gpkg")
    config = yaml.safe_load((made.root / "config" / "base.yml").read_text())
    config["stores"] = {"first": {"path": "first.gpkg"}, "edit": {"path": "edit.gpkg"}}
    (made.root / "config" / "base.yml").write_text(yaml.safe_dump(config))
    text = (made.root / "collections" / "sites.yml").read_text().replace("store: edit", "store: first")
    (made.root / "collections" / "sites.yml").write_text(text)
    return made.root


def listed(client: TestClient) -> list[str]:
    return [item["id"] for item in client.get("/collections", params={"f": "json"}).json()["collections"]]


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.05)


def served(instance: Instance) -> TestClient:
    return TestClient(create_app(instance), raise_server_exceptions=False)


def assert_degraded(client: TestClient) -> None:
    """Only the collections of the other store are there, and they work."""
    assert listed(client) == ["sites"]
    assert client.get("/collections/sites/items").json()["numberReturned"] == 3
    assert client.get("/collections/parcels").status_code == 404
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 503


def assert_whole(client: TestClient) -> None:
    """Everything is there, in the order of the declarations, wherever collections are named."""
    assert set(listed(client)) == {"sites", "parcels", "fixed"}
    assert client.get("/readyz").status_code == 200
    assert client.get("/collections/parcels/items").json()["numberReturned"] == 10
    paths = client.get("/api", params={"f": "json"}).json()["paths"]
    assert "/collections/parcels/items" in paths
    assert client.get("/collections/parcels/tiles/WebMercatorQuad/tilejson.json").status_code == 200


def test_a_file(root: Path) -> None:
    with served(load_instance(root)) as client:
        assert_degraded(client)
        (root / "data" / "edit.gpkg").write_bytes(b"not a GeoPackage yet")
        time.sleep(0.5)
        assert_degraded(client)
        (root / "data" / "edit.gpkg").unlink()
        (root / "data" / "later.gpkg").rename(root / "data" / "edit.gpkg")
        wait(lambda: len(listed(client)) == 3)
        assert_whole(client)


def test_a_database(root: Path, cluster: Cluster) -> None:
    source = cluster.fresh()
    list(copy_geopackage(root / "data" / "later.gpkg", settings_of(source)))
    name = source.rpartition("/")[2] + "_later"
    stores: dict[str, StoreSettings] = {"edit": settings_of(cluster.dsn(name))}
    with served(load_instance(root, stores=stores)) as client:
        assert_degraded(client)
        with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
            origin = sql.Identifier(source.rpartition("/")[2])
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), origin))
        wait(lambda: len(listed(client)) == 3)
        assert_whole(client)


def test_it_tries_only_as_long_as_something_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []
    plain = revival.Revival.try_again

    def noted(self: revival.Revival) -> None:
        tried.append(time.monotonic())
        plain(self)

    monkeypatch.setattr(revival.Revival, "try_again", noted)
    with served(load_instance(root)) as client:
        wait(lambda: len(tried) >= 3)
        assert min(after - before for before, after in pairwise(tried)) > 0.09
        (root / "data" / "later.gpkg").rename(root / "data" / "edit.gpkg")
        wait(lambda: len(listed(client)) == 3)
        count = len(tried)
        time.sleep(0.5)
        assert len(tried) == count
    (root / "data" / "edit.gpkg").rename(root / "data" / "later.gpkg")
    with served(load_instance(root)):
        pass
    count = len(tried)
    time.sleep(0.4)
    assert len(tried) <= count + 1, "the end of the server ends it too"


def test_a_collection_whose_table_is_not_there_stays_away(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = (root / "collections" / "fixed.yml").read_text().replace("table: parcels", "table: nothing")
    (root / "collections" / "fixed.yml").write_text(text)
    with served(load_instance(root)) as client:
        (root / "data" / "later.gpkg").rename(root / "data" / "edit.gpkg")
        wait(lambda: len(listed(client)) == 2)
        assert set(listed(client)) == {"sites", "parcels"}
        assert client.get("/readyz").status_code == 200
    assert "fixed.yml is left out" in caplog.text
    assert "2 more collections" in caplog.text
