"""Providers of pygeoapi as stores: small ones by a copy, large ones by what they evaluate themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance, publish_file
from onemap.block import Principal
from onemap.config import PygeoapiSettings
from onemap.cql import all_of, at_least, at_most, contains_text, equals
from onemap.errors import ConfigError, TooLarge
from onemap.geo.bbox import Box
from onemap.geo.crs import CRS84
from onemap.store import FeatureQuery, Position, SortKey, Store, View
from onemap.store.pygeoapi import PygeoapiStore
from tests.providers import COUNT, Files, make_files, write_instance

SMALL = {"copy_max": 1000}
LARGE = {"copy_max": 200, "extent": [112.5, 29.5, 114.5, 31.5]}
KINDS = ("GeoJSON", "CSV", "plug-in", "GeoJSON, large", "CSV, large", "plug-in, large")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("villages"))


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An installed package that offers a provider: ours, which evaluates everything."""
    site = tmp_path_factory.mktemp("site")
    info = site / "offers-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offers\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[onemap.pygeoapi]\nOurs = onemap.plugins.pygeoapi:FeatureProvider\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        yield


def settings(kind: str, files: Files) -> dict[str, Any]:
    name, _, large = kind.partition(", ")
    common = {"type": "pygeoapi", "table": "villages", "id_field": "id", **(LARGE if large else SMALL)}
    if name == "GeoJSON":
        return common | {"provider": "GeoJSON", "data": str(files.geojson)}
    if name == "CSV":
        columns = {"geometry": {"x_field": "lon", "y_field": "lat"}}
        return common | {"provider": "CSV", "data": str(files.csv), "options": columns, "geometry_type": "POINT"}
    able = {"pushes": ["bbox", "filter", "sortby"], "options": {"options": {"level": "P"}}}
    return common | {"provider": "Ours", "data": str(files.gpkg), "id_field": "number", **able}


@pytest.fixture(scope="module", params=KINDS)
def opened(
    request: pytest.FixtureRequest, files: Files, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Store, View]:
    root = tmp_path_factory.mktemp("instance") / "root"
    write_instance(root, {"villages": settings(request.param, files)})
    instance = load_instance(root)
    assert instance.left_out == ()
    view = instance.gate.view(Principal(), "villages")
    return request.param, instance.gate.store(view), view


def expected(kind: str, files: Files) -> list[tuple[Any, dict[str, Any], shapely.Geometry]]:
    """Return key, properties and shape of the features in the order of their keys."""
    found = []
    for row in files.rows:
        shape = shapely.from_geojson(json.dumps(row["geometry"]))
        key = row["properties"]["number"] if kind.startswith("plug-in") else str(row["id"])
        # A buffer of the CSV's point has its centre there, to rounding.
        shape = shapely.Point(np.array(shape.bounds).reshape(2, 2).mean(axis=0)) if kind.startswith("CSV") else shape
        found.append((key, row["properties"], shape))
    return sorted(found, key=lambda item: item[0])


def keys(opened: tuple[str, Store, View], query: FeatureQuery) -> list[Any]:
    _, store, view = opened
    return [key for batch in store.batches(view, query) for key in batch.keys]


def test_every_feature_as_it_is(opened: tuple[str, Store, View], files: Files) -> None:
    kind, store, view = opened
    query = FeatureQuery(10_000)
    if kind in ("GeoJSON, large", "CSV, large"):
        with pytest.raises(TooLarge):
            keys(opened, query)
        query = FeatureQuery(10_000, Box((113.0, 30.0, 113.4, 31.1)))
    want = expected(kind, files)
    if query.box:
        want = [item for item in want if shapely.intersects(shapely.box(*query.box.bounds), item[2])]
    batches = list(store.batches(view, query))
    assert [key for batch in batches for key in batch.keys] == [item[0] for item in want]
    shapes = np.concatenate([batch.geometries for batch in batches])
    for got, (_, _, shape) in zip(shapes, want, strict=True):
        assert shapely.equals_exact(got, shape, 2e-6 if kind.startswith("CSV") else 1e-7)
    for name in ("name", "number", "size", "day"):
        values = [value for batch in batches for value in batch.columns[name]]
        assert values == [item[1][name] for item in want]
    assert store.count(view, FeatureQuery(1), 10_000) == COUNT


@pytest.mark.parametrize("bounds", [(113.2, 30.2, 113.4, 30.4), (113.5, 30.5, 113.502, 30.502), (0, 0, 1, 1)])
def test_a_box_gives_what_intersects_it(
    opened: tuple[str, Store, View], files: Files, bounds: tuple[float, float, float, float]
) -> None:
    kind, store, view = opened
    query = FeatureQuery(10_000, Box(bounds, CRS84))
    want = [key for key, _, shape in expected(kind, files) if shapely.intersects(shapely.box(*bounds), shape)]
    assert keys(opened, query) == want
    assert store.count(view, query, 10_000) == len(want)


def test_filters_and_order(opened: tuple[str, Store, View], files: Files) -> None:
    kind, _, _ = opened
    box = Box((113.1, 30.1, 113.6, 30.9), CRS84)
    tests = all_of([equals("name", "村3"), at_least("size", 10.0), at_most("number", 250)])
    near = [item for item in expected(kind, files) if shapely.intersects(shapely.box(*box.bounds), item[2])]
    want = [item for item in near if item[1]["name"] == "村3" and item[1]["size"] >= 10 and item[1]["number"] <= 250]
    assert keys(opened, FeatureQuery(10_000, box, tests)) == [item[0] for item in want]
    assert len(want) > 3
    order = (SortKey("size", descending=True),)
    want.sort(key=lambda item: -item[1]["size"])
    assert keys(opened, FeatureQuery(3, box, tests, offset=1, order=order)) == [item[0] for item in want][1:4]
    texts = [item[0] for item in near if "OST" in item[1]["name"].upper()]
    assert keys(opened, FeatureQuery(10_000, box, contains_text("name", "ost"))) == texts


def test_pages_join(opened: tuple[str, Store, View], files: Files) -> None:
    kind, store, view = opened
    box = Box((113.1, 30.1, 113.6, 30.9), CRS84) if kind in ("GeoJSON, large", "CSV, large") else None
    for order in ((), (SortKey("name"),)):
        if order and kind == "plug-in, large":
            continue
        everything = keys(opened, FeatureQuery(10_000, box, order=order))
        seen: list[Any] = []
        after: Position | None = None
        while batches := list(store.batches(view, FeatureQuery(17, box, after=after, order=order))):
            seen += [key for batch in batches for key in batch.keys]
            after = batches[-1].position(len(batches[-1]) - 1, order)
        assert seen == everything
        assert len(seen) == len(set(seen)) > 100


def test_a_large_source_that_sorts_and_filters_is_read_page_by_page(files: Files) -> None:
    """No copy is made: it would be refused."""
    store = PygeoapiStore(PygeoapiSettings(**{**settings("plug-in, large", files), "copy_max": 1}), Path())
    view = View(publish_of(store), store.tables()[0][0].fields)
    query = FeatureQuery(5, filter=at_least("size", 20.0), after=Position(90))
    batch = next(store.batches(view, query))
    assert list(batch.keys) == [91, 92, 93, 94, 95]
    with pytest.raises(TooLarge):
        next(store.batches(view, FeatureQuery(5, filter=contains_text("name", "ost"))))


def publish_of(store: PygeoapiStore) -> Any:
    from onemap.catalog import CollectionDeclaration, collect
    from onemap.catalog.declare import SourceDeclaration

    source = SourceDeclaration(store="x", table="villages")
    declared = CollectionDeclaration(id="v", title="v", source=source, level="P")  # type: ignore[arg-type]
    return collect(declared, store.tables()[0][0], {})


def test_one_feature(opened: tuple[str, Store, View], files: Files) -> None:
    kind, store, view = opened
    key, properties, _ = expected(kind, files)[7]
    batch = store.feature(view, str(key))
    assert list(batch.keys) == [key]
    assert batch.columns["size"][0] == properties["size"]
    for none in ("", "0007", "x", "99999", "-1", "7.0"):
        assert len(store.feature(view, none)) == 0


def test_extent_and_tiles(opened: tuple[str, Store, View], files: Files) -> None:
    kind, store, view = opened
    bounds, total = store.extent(view), shapely.total_bounds([item[2] for item in expected(kind, files)])
    assert bounds is not None
    assert (np.array(bounds[:2]) <= total[:2] + 1e-6).all()
    assert (np.array(bounds[2:]) >= total[2:] - 1e-6).all()
    tile = (113.2, 30.2, 113.5, 30.5)
    features = expected(kind, files)
    shapes = np.array([item[2] for item in features])
    touched, boxed = (
        {features[at][0] for at in np.flatnonzero(shapely.intersects(shapely.box(*tile), some))}
        for some in (shapes, shapely.envelope(shapes))
    )
    found = set(store.within(view, tile, 0.0, FeatureQuery(limit=1000)).keys)
    assert touched <= found <= boxed
    assert found == boxed or kind.endswith("large")
    assert len(store.within(view, tile, 0.0, FeatureQuery(limit=5))) == 5


def test_a_file_that_changes(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "v.geojson"
    path.write_bytes(files.geojson.read_bytes())
    store = PygeoapiStore(PygeoapiSettings(**{**settings("GeoJSON", files), "data": "v.geojson"}), tmp_path)
    view = View(publish_of(store), store.tables()[0][0].fields)
    before = store.state(), store.version(view.collection)
    assert store.count(view, FeatureQuery(1), 1000) == COUNT
    path.write_text(json.dumps({"type": "FeatureCollection", "features": files.rows[:5]}), encoding="utf-8")
    assert (store.state(), store.version(view.collection)) != before
    assert [key for batch in store.batches(view, FeatureQuery(100)) for key in batch.keys] == list("12345")


def test_code_that_is_not_offered_is_not_loaded(files: Files, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    for name in ("evil.Provider", "os.path", "tests.providers.Files", "Csv"):
        with pytest.raises(ConfigError, match="is no provider"):
            PygeoapiStore(PygeoapiSettings(**{**settings("CSV", files), "provider": name}), tmp_path)
    by_path = {**settings("plug-in", files), "provider": "onemap.plugins.pygeoapi.FeatureProvider"}
    assert PygeoapiStore(PygeoapiSettings(**by_path), tmp_path).tables()[0][0].name == "villages"


def test_our_server_over_a_provider_is_as_over_the_file(files: Files, tmp_path: Path) -> None:
    """The round trip: our store, as a provider of pygeoapi, as a store of ours."""
    write_instance(tmp_path / "root", {"villages": {**settings("plug-in", files), "id_field": "number"}})
    there = TestClient(create_app(load_instance(tmp_path / "root")))
    here = TestClient(create_app(publish_file(files.gpkg)))
    for query in (
        {"limit": "300", "sortby": "number"},
        {"limit": "300", "bbox": "113.2,30.2,113.45,30.4", "sortby": "-size"},
        {
            "limit": "300",
            "filter": "name LIKE '村%' AND S_INTERSECTS({geom},BBOX(113,30,113.3,31))",
            "sortby": "number",
        },
        {"limit": "12", "name": "村3", "sortby": "size"},
    ):
        answers = []
        for client, column in ((there, "geometry"), (here, "geom")):
            asked = {name: value.replace("{geom}", column) for name, value in query.items()}
            answer = client.get("/collections/villages/items", params=asked)
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())
        assert [item["properties"] for item in answers[0]["features"]] == [
            item["properties"] for item in answers[1]["features"]
        ]
        assert [item["geometry"] for item in answers[0]["features"]] == [
            item["geometry"] for item in answers[1]["features"]
        ]
        assert answers[0]["numberMatched"] == answers[1]["numberMatched"] > 0
