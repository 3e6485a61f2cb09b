"""Partitions against the store that they were exported from: the same overlay, the same bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.app import Instance, load_instance, publish_file
from onemap.block import Principal
from onemap.catalog import Collection
from onemap.cql import any_of, equals
from onemap.errors import ConfigError
from onemap.geo.crs import crs_from_srid
from onemap.geo.overlay import overlay
from onemap.query.filters import checked_filter
from onemap.store import FeatureQuery, Store, View
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from onemap.store.partitions import Export, Folder, PartitionsStore, export, quadtree, read_manifest
from tests.conftest import ROOT, Cluster
from tests.synthetic import ORIGINS, blob, corridor, coverage

COUNT, SIDE, SRID = 1500, 12_000.0, 4526
X, Y, _ = ORIGINS[SRID]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("partitions") / "t.gpkg"
    fields = (FieldSpec("DLBM", "TEXT(5)"), FieldSpec("wet", "BOOLEAN"), FieldSpec("size", "DOUBLE"))
    shapes = np.append(coverage(COUNT, 8, SRID, SIDE), [_knot(), None])
    columns: dict[str, list[Any]] = {
        "DLBM": [f"0{n % 4}01" if n % 7 else None for n in range(len(shapes))],
        "wet": [n % 3 == 0 for n in range(len(shapes))],
        "size": [n / 7 for n in range(len(shapes))],
    }
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("dltb", "POLYGON", SRID, fields))
        writer.insert("dltb", shapes, columns)
        writer.finish("dltb", "2026-01-01T00:00:00.000Z")
    return path


def _knot() -> shapely.Polygon:
    """Return a ring that crosses itself."""
    return shapely.Polygon([(X + x, Y + y) for x, y in ((100, 100), (2000, 3000), (2000, 100), (100, 3000))])


def view_of(instance: Instance, name: str) -> tuple[Store, View]:
    view = instance.gate.view(Principal(), name)
    return instance.gate.store(view), view


def exported(store: Store, view: View, folder: Path, **more: Any) -> PartitionsStore:
    export(Export(view, store, **more), Folder(str(folder)), lambda done, total: None)
    return PartitionsStore(Folder(str(folder)), kept=1)


@pytest.fixture(scope="module")
def source(path: Path) -> tuple[Store, View]:
    return view_of(publish_file(path), "dltb")


@pytest.fixture(scope="module")
def parts(source: tuple[Store, View], tmp_path_factory: pytest.TempPathFactory) -> PartitionsStore:
    return exported(*source, tmp_path_factory.mktemp("parts") / "dltb", rows=100)


def own(store: PartitionsStore) -> View:
    return View(store.collection, store.collection.fields)


def same(project: shapely.Geometry, source: tuple[Store, View], parts: PartitionsStore) -> int:
    store, view = source
    expected = overlay(project, store.overlay_source(view), pieces=True)
    found = overlay(project, parts.overlay_source(own(parts)), pieces=True)
    assert np.array_equal(found.ids, expected.ids)
    assert found.areas.tobytes() == expected.areas.tobytes()
    assert np.array_equal(found.whole, expected.whole)
    assert np.array_equal(found.repaired, expected.repaired)
    assert shapely.equals_identical(found.pieces, expected.pieces).all()
    names = [item.name for item in view.columns]
    keys = expected.ids.tolist()
    assert parts.attributes(own(parts), keys, names) == store.attributes(view, keys, names)
    return len(expected.ids)


def test_every_file_is_small_and_every_feature_is_in_one(parts: PartitionsStore, source: tuple[Store, View]) -> None:
    manifest = read_manifest(parts._dataset.folder)
    assert manifest.features == sum(item.rows for item in manifest.partitions) == COUNT + 1
    assert len(manifest.partitions) > COUNT / 100
    assert max(item.rows for item in manifest.partitions) <= 100
    ids = np.concatenate([loaded.ids for loaded in parts._dataset.all()])
    assert np.array_equal(np.sort(ids), np.arange(1, COUNT + 2))
    assert [item.key for item in manifest.partitions] == sorted(item.key for item in manifest.partitions)
    assert manifest.version == source[0].version(source[1].collection)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(5, 5000), st.integers(3, 300), st.integers(0, 9))
def test_random_parcels_get_the_same_bits(
    source: tuple[Store, View], parts: PartitionsStore, x: float, y: float, radius: float, vertices: int, seed: int
) -> None:
    project = blob(X + x * SIDE, Y + y * SIDE, radius, vertices, seed)
    if project.is_valid and project.area > 1:
        same(project, source, parts)


def test_a_strip_through_many_files(source: tuple[Store, View], parts: PartitionsStore) -> None:
    strip = corridor((X + 200, Y + 300), (X + SIDE - 300, Y + SIDE - 100), 60)
    assert same(strip, source, parts) > 50


def test_the_same_bits_from_postgis(source: tuple[Store, View], path: Path, cluster: Cluster, tmp_path: Path) -> None:
    from onemap.app import publish_database

    store, view = view_of(publish_database(cluster.copy(path)), "dltb")
    parts = exported(store, view, tmp_path / "pg", rows=200)
    project = blob(X + 6000, Y + 6000, 4000, 500, 3)
    assert same(project, (store, view), parts) > 100
    found = overlay(project, parts.overlay_source(own(parts)))
    assert found.areas.tobytes() == overlay(project, source[0].overlay_source(source[1])).areas.tobytes()


def test_what_a_batch_may_ask_of_partitions(source: tuple[Store, View], parts: PartitionsStore) -> None:
    store, view = source
    query = FeatureQuery(limit=COUNT, filter=any_of([equals("DLBM", "0101"), equals("DLBM", "0301")]))
    found = [key for batch in parts.batches(own(parts), query) for key in batch.keys]
    # The last one has no geometry, and is in no file.
    assert [*found, COUNT + 2] == [key for batch in store.batches(view, query) for key in batch.keys]
    assert parts.count(own(parts), query, 10**6) == len(found)
    bounds = (X + 3000, Y + 3000, X + 4000, Y + 5000)
    ours, theirs = (item.within(seen, bounds, 0.0, FeatureQuery(10**6)) for item, seen in ((parts, own(parts)), source))
    assert set(ours.keys) <= set(theirs.keys)
    assert shapely.equals_identical(parts.feature(own(parts), "17").geometries, store.feature(view, "17").geometries)
    other = checked_filter("NOT DLBM = 'x'", view, view.collection.storage)
    with pytest.raises(ConfigError, match="Not"):
        list(parts.batches(own(parts), FeatureQuery(1, filter=other)))


def test_other_programs_read_them(parts: PartitionsStore, tmp_path: Path) -> None:
    manifest = read_manifest(parts._dataset.folder)
    file = Path(parts._dataset.folder.address) / manifest.partitions[3].file
    table = geopandas.read_parquet(file)
    assert table.crs.to_epsg() == SRID
    assert len(table) == manifest.partitions[3].rows
    loaded = next(item for item in parts._dataset.all() if item.ids[0] == table["onemap_id"][0])
    assert shapely.equals_identical(table.geometry.to_numpy(), parts._source.geometries(loaded.ids)).all()
    if "Parquet" in pyogrio.list_drivers():
        assert pyogrio.read_info(file)["features"] == len(table)


def test_a_filter_and_a_box_choose_features(source: tuple[Store, View], tmp_path: Path) -> None:
    from dataclasses import replace

    store, view = source
    condition = checked_filter("DLBM = '0101'", view, crs_from_srid(4490))
    bounds = (X, Y, X + SIDE / 2, Y + SIDE / 2)
    parts = exported(store, replace(view, rows=condition), tmp_path / "some", bounds=bounds, columns={"DLBM"})
    manifest = read_manifest(Folder(str(tmp_path / "some")))
    assert manifest.selection
    assert 0 < manifest.features < COUNT / 4
    assert {row for loaded in parts._dataset.all() for row in loaded.column("DLBM").to_pylist()} == {"0101"}
    assert [item.name for item in parts.collection.fields] == ["DLBM"]
    assert json.loads((tmp_path / "some" / "manifest.json").read_text())["format"] == "onemap-partitions"


def test_a_change_while_exporting_is_noticed(path: Path, tmp_path: Path) -> None:
    class Moving:
        """The store of the file, whose version is another each time."""

        def __init__(self, store: Store) -> None:
            self._store, self._asked = store, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def version(self, collection: Collection) -> str:
            self._asked += 1
            return str(self._asked)

    store, view = view_of(publish_file(path), "dltb")
    with pytest.raises(ConfigError, match="changed"):
        exported(Moving(store), view, tmp_path / "x")  # type: ignore[arg-type]
    assert not (tmp_path / "x" / "manifest.json").exists()


def test_the_collection_survives_with_roles_codes_and_coverage(data: Path, tmp_path: Path) -> None:
    store, view = view_of(load_instance(ROOT, "business", data), "dltb")
    parts = exported(store, view, tmp_path / "dltb", rows=1000)
    assert parts.collection.field_for("code") == view.collection.field_for("code")
    assert parts.collection.role == "landuse"
    declared = view.collection.coverage
    assert declared is not None
    ours, theirs = parts.coverage(declared), store.coverage(declared)
    assert ours is not None
    assert theirs is not None
    assert ours[1] == theirs[1]
    assert shapely.equals_identical(ours[0], theirs[0])


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_leaves_hold_all_points_in_order(most: int) -> None:
    points = np.random.default_rng(3).uniform(0, 100, (400, 2)) ** 2
    codes = np.sort(quadtree.codes(points, (0.0, 0.0, 1e4, 1e4)))
    found = list(quadtree.leaves(codes, most))
    assert [first for _, first, _ in found] == [0, *(last for _, _, last in found[:-1])]
    assert found[-1][2] == len(codes)
    assert max(last - first for _, first, last in found) <= most
    assert [key for key, *_ in found] == sorted(key for key, *_ in found)


def test_points_in_one_place_are_one_leaf() -> None:
    codes = quadtree.codes(np.ones((50, 2)), (0.0, 0.0, 2.0, 2.0))
    assert [last - first for _, first, last in quadtree.leaves(codes, 10)] == [50]
