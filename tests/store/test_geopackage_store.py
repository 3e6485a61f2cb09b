"""Both stores against an independent reading of the same features with shapely."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg
import pytest
import shapely

from onemap.app import publish_database, publish_file
from onemap.block import Principal
from onemap.cql import all_of, at_least, equals, parse_text, place
from onemap.errors import ConfigError
from onemap.geo.bbox import Box
from onemap.geo.crs import CRS84
from onemap.ingest import copy_geopackage
from onemap.store import FeatureQuery, Position, Store, View
from onemap.store.geopackage import GeoPackageStore
from onemap.store.geopackage.connect import open_readonly
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster, settings_of

COUNT = 2500


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    rng = np.random.default_rng(11)
    x, y = rng.uniform(113, 114, COUNT), rng.uniform(30, 31, COUNT)
    made = shapely.buffer(shapely.points(x, y), rng.uniform(0.001, 0.02, COUNT), quad_segs=2)
    made[7] = None
    return made


@pytest.fixture(scope="module")
def path(shapes: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "t.gpkg"
    fields = (FieldSpec("name", "TEXT(20)"), FieldSpec("number", "INTEGER"), FieldSpec("flag", "BOOLEAN"))
    with GeoPackageWriter(path) as writer:
        for table in ("shapes", 'odd "name" -- x'):
            writer.create_table(TableSpec(table, "POLYGON", 4490, fields))
            numbers = list(range(COUNT))
            columns = {"name": [f"n{at % 10}" for at in numbers], "number": numbers, "flag": [at % 2 for at in numbers]}
            writer.insert(table, shapes, columns)
            writer.finish(table, "2026-01-01T00:00:00.000Z")
    return path


@pytest.fixture(scope="module", params=["with R-tree", "without R-tree", "PostGIS", "PostGIS without index", "view"])
def store(request: pytest.FixtureRequest, path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, View]:
    if request.param in ("PostGIS", "PostGIS without index", "view"):
        instance = publish_database(database(request.getfixturevalue("cluster"), path, request.param))
        view = instance.gate.view(Principal(), "shapes")
        return instance.gate.store(view), view
    if request.param == "without R-tree":
        copy = tmp_path_factory.mktemp("plain") / "t.gpkg"
        copy.write_bytes(path.read_bytes())
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute('DROP TABLE "rtree_shapes_geom"')
            connection.execute("DELETE FROM gpkg_extensions")
        path = copy
    instance = publish_file(path)
    view = instance.gate.view(Principal(), "shapes")
    return instance.gate.store(view), view


def database(cluster: Cluster, path: Path, kind: str) -> str:
    """Return the address of a database with the same features: a table, one without a spatial index, a view."""
    if kind == "PostGIS":
        return cluster.copy(path)
    dsn = cluster.fresh()
    list(copy_geopackage(path, settings_of(dsn)))
    with psycopg.connect(dsn) as connection:
        if kind == "view":
            connection.execute("ALTER TABLE shapes RENAME TO base")
            connection.execute("CREATE VIEW shapes AS SELECT * FROM base")
        else:
            connection.execute("DROP INDEX shapes_geom_gist")
    return dsn


def keys(store: tuple[Store, View], query: FeatureQuery) -> list[int]:
    source, view = store
    return [int(key) for batch in source.batches(view, query) for key in batch.keys]


def meeting(shapes: np.ndarray, *bounds: float) -> list[int]:
    return (np.flatnonzero(shapely.intersects(shapes, shapely.box(*bounds))) + 1).tolist()


@pytest.mark.parametrize(
    "bounds", [(113.2, 30.2, 113.4, 30.4), (113.5, 30.5, 113.501, 30.501), (112, 29, 115, 32), (0, 0, 1, 1)]
)
def test_a_box_gives_what_intersects_it(store: tuple[Store, View], shapes: np.ndarray, bounds: tuple) -> None:
    source, view = store
    query = FeatureQuery(10_000, Box(bounds, CRS84))
    want = meeting(shapes, *bounds) if bounds != (112, 29, 115, 32) else list(range(1, COUNT + 1))
    assert keys(store, query) == want
    assert source.count(view, query, 10_000) == len(want)


def test_a_box_across_the_antimeridian_counts_once(store: tuple[Store, View], shapes: np.ndarray) -> None:
    query = FeatureQuery(10_000, Box((113.9, 30.0, 113.1, 31.0), CRS84))
    want = sorted({*meeting(shapes, 113.9, 30, 180, 31), *meeting(shapes, -180, 30, 113.1, 31)})
    assert keys(store, query) == want


def test_pages_join_without_gap_or_overlap(store: tuple[Store, View], shapes: np.ndarray) -> None:
    for box in (None, Box((113.1, 30.1, 113.9, 30.9), CRS84)):
        everything = keys(store, FeatureQuery(10_000, box))
        seen: list[int] = []
        while page := keys(store, FeatureQuery(313, box, after=Position(seen[-1]) if seen else None)):
            seen += page
        assert seen == everything
        assert keys(store, FeatureQuery(40, box, offset=1203)) == everything[1203:1243]


def test_filters(store: tuple[Store, View]) -> None:
    source, view = store
    query = FeatureQuery(10_000, filter=all_of([equals("name", "n3"), at_least("number", 1000)]))
    assert keys(store, query) == [at + 1 for at in range(1000, COUNT) if at % 10 == 3]
    assert source.count(view, query, 10_000) == 150
    inside = FeatureQuery(10_000, Box((113.2, 30.2, 113.6, 30.6), CRS84), equals("name", "n3"))
    assert source.count(view, inside, 10_000) == len(keys(store, inside)) > 0


def test_spatial_filters(store: tuple[Store, View], shapes: np.ndarray) -> None:
    source, view = store
    near, far = "S_INTERSECTS(geom, BBOX(113.2, 30.2, 113.3, 30.3))", "S_WITHIN(geom, BBOX(113.8, 30.8, 114, 31))"
    inside = set((np.flatnonzero(shapely.within(shapes, shapely.box(113.8, 30.8, 114, 31))) + 1).tolist())
    touched = set(meeting(shapes, 113.2, 30.2, 113.3, 30.3))
    there = set(range(1, COUNT + 1)) - {8}
    for text, want in (
        (near, touched),
        (f"{near} OR {far}", touched | inside),
        (f"NOT {near}", there - touched),
        (
            "NOT S_DISJOINT(geom, BBOX(113.2, 30.2, 113.3, 30.3)) AND CASEI(name) = CASEI('N3')",
            {key for key in touched if key % 10 == 4},
        ),
        ("geom IS NULL", {8}),
    ):
        query = FeatureQuery(10_000, filter=place(parse_text(text), CRS84, view.collection.storage))
        assert keys(store, query) == sorted(want)
        assert source.count(view, query, 10_000) == len(want) > 0


def test_values_come_back(store: tuple[Store, View], shapes: np.ndarray) -> None:
    source, view = store
    batch = source.feature(view, "12")
    values = {name: list(column) for name, column in batch.columns.items()}
    assert values == {"name": ["n1"], "number": [11], "flag": [True]}
    assert shapely.equals_exact(batch.geometries[0], shapes[11], 0)
    assert source.feature(view, "8").geometries[0] is None


@pytest.mark.parametrize("key", ["0", "-1", "012", "1.0", "x", "99999999999999999999", "٣", ""])
def test_a_key_that_is_no_feature(store: tuple[Store, View], key: str) -> None:
    source, view = store
    assert len(source.feature(view, key)) == 0


def test_extent_holds_everything_closely(store: tuple[Store, View], shapes: np.ndarray) -> None:
    source, view = store
    bounds = source.extent(view)
    assert bounds is not None
    want = shapely.total_bounds(shapes)
    assert np.abs(np.array(bounds) - want).max() < 1e-4
    assert (np.array(bounds[:2]) <= want[:2]).all()
    assert (np.array(bounds[2:]) >= want[2:]).all()


def test_counting_gives_up_rather_than_being_slow(store: tuple[Store, View]) -> None:
    source, view = store
    assert source.count(view, FeatureQuery(1, Box((113.1, 30.1, 113.9, 30.9), CRS84)), 100) is None


def test_the_largest_features_come_first_when_there_are_too_many(store: tuple[Store, View], shapes: np.ndarray) -> None:
    source, view = store
    batch = source.within(view, (113.0, 30.0, 114.0, 31.0), 0.0, FeatureQuery(limit=50))
    areas = np.sort(shapely.area(shapes[shapely.is_valid(shapes)]))[::-1]
    assert len(batch) == 50
    assert shapely.area(batch.geometries).min() > areas[80]


def test_any_table_name_is_served(path: Path) -> None:
    instance = publish_file(path)
    view = instance.gate.view(Principal(), "odd_name_--_x")
    assert len(instance.gate.store(view).feature(view, "1")) == 1


def test_state_changes_with_an_edit(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "t.gpkg"
    copy.write_bytes(path.read_bytes())
    store = GeoPackageStore(copy, own=True)
    before = store.state()
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE gpkg_contents SET description = 'edited' WHERE table_name = 'shapes'")
    assert store.state() != before


def test_readers_cannot_write(path: Path) -> None:
    connection = open_readonly(path)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM shapes")
    connection.close()


def test_what_is_no_geopackage(tmp_path: Path) -> None:
    wrong = tmp_path / "x.gpkg"
    wrong.write_bytes(b"this is not a database" * 100)
    with pytest.raises(ConfigError):
        GeoPackageStore(wrong).tables()
    with pytest.raises(ConfigError, match="no file"):
        GeoPackageStore(tmp_path / "none.gpkg")


def test_tables_that_cannot_be_published_are_named(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "t.gpkg"
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE gpkg_spatial_ref_sys SET organization = 'NONE' WHERE srs_id = 4490")
    found, left = GeoPackageStore(copy).tables()
    assert found == []
    assert all("no EPSG code" in item.reason and item.remedy for item in left)


def test_a_file_that_has_just_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.gpkg cannot be read"):
        open_readonly(tmp_path / "gone.gpkg")
    gc.collect()
