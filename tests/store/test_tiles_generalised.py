"""The metadata of a tileset says from which tables of generalised features its levels are drawn."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.config import PostgisSettings, StoreSettings
from onemap.geo.crs import WEB_MERCATOR
from onemap.ingest import copy_geopackage
from onemap.security import identify
from onemap.store import FeatureQuery
from onemap.store.tiling import Generalised, GeneralisingStore, Grid
from tests.conftest import ROOT, Cluster, settings_of

SIDE = 2 * math.pi * 6378137.0


@pytest.fixture
def settings(cluster: Cluster, data: Path) -> PostgisSettings:
    """A copy of the demo of its own, in which tables may be kept."""
    settings = settings_of(cluster.fresh())
    list(copy_geopackage(data / "demo" / "province.gpkg", settings))
    return settings


def test_generalised_levels_are_told(settings: PostgisSettings, data: Path) -> None:
    stores: dict[str, StoreSettings] = {"province": settings}
    instance = load_instance(ROOT, "business", data, stores)
    client = TestClient(create_app(instance))
    address = "/collections/dltb/tiles/WebMercatorQuad"
    (plain,) = client.get(address, params={"f": "json", "lang": "en"}).json()["layers"]
    assert not any("merged" in run["description"] for run in plain["generalisation"])

    view = instance.gate.view(identify(), "dltb")
    store = instance.gate.store(view)
    assert isinstance(store, GeneralisingStore)
    first = next(iter(store.batches(view, FeatureQuery(limit=10, columns=()))))
    for zoom in (9, 11):
        grid = Grid(WEB_MERCATOR, (-SIDE / 2, SIDE / 2), SIDE / 2**zoom / 4096)
        shapes = shapely.simplify(first.geometries, 10.0)
        made = Generalised(list(first.keys), shapes, [[key] for key in first.keys])
        store.write_generalised(view, grid, [made], store.mark(view), {"method": "coverage", "moved": 0.0125})

    (layer,) = client.get(address, params={"f": "json", "lang": "en"}).json()["layers"]
    runs = {run["maxTileMatrix"]: run["description"] for run in layer["generalisation"]}
    told = [run for run in layer["generalisation"] if "merged into a neighbour" in run["description"]]
    assert told[0]["minTileMatrix"] == layer["minTileMatrix"]
    assert told[-1]["maxTileMatrix"] == "11"
    assert "1.25% of the area changed its class." in told[0]["description"]
    assert "merged" not in runs[layer["maxTileMatrix"]]
    some = client.get(address, params={"f": "json", "lang": "en", "filter": "DLBM = '0101'"}).json()["layers"][0]
    assert not any("merged" in run["description"] for run in some["generalisation"])
