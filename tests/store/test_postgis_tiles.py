"""Tiles made by PostGIS against those that are encoded here from another store with the same features."""

from __future__ import annotations

import gc
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely

from onemap.app import Instance, publish_database, publish_file
from onemap.block import Principal
from onemap.block.caller import Caller, set_caller
from onemap.config import Timeouts, shipped
from onemap.cql import equals
from onemap.errors import ClientGone, TooSlow
from onemap.geo.crs import crs_from_srid, transform_xy
from onemap.store import FeatureQuery
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from onemap.store.postgis import PostgisStore
from onemap.store.postgis.select import Select
from onemap.tiles.engine import Tile, render, render_soon
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import load_matrix_sets
from tests.conftest import Cluster, settings_of
from tests.decoding import Feature, area, read_layers
from tests.synthetic import ORIGINS, coverage

SETS = load_matrix_sets(shipped("matrixsets"))
COUNT, SIDE, MOST = 1500, 20_000.0, 20_000
GEOGRAPHIC, ZONE, ODD = "geographic", "zone", 'l"ines %s'
LEVELS = {"WebMercatorQuad": ("9", "12", "13", "14", "16"), "CGCS2000Quad": ("9", "12", "13", "15")}
FIELDS = (FieldSpec("DLBM", "TEXT(5)"), FieldSpec("number", "INTEGER"))


def around(srid: int, xy: Any) -> Any:
    x, y, unit = ORIGINS[srid]
    return np.asarray(xy) * unit + [x, y]


def paths(srid: int, seed: int = 5) -> list[shapely.Geometry]:
    """Return crooked lines, every third one of several parts, and points among them."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, SIDE, (400, 1, 2))
    walks = starts + np.cumsum(rng.normal(0, 150, (400, 12, 2)), axis=1)
    lines = [shapely.LineString(around(srid, walk)) for walk in walks]
    return [shapely.MultiLineString([line, lines[at - 1]]) if at % 3 == 0 else line for at, line in enumerate(lines)]


def points(srid: int) -> list[shapely.Geometry]:
    rng = np.random.default_rng(6)
    spots = [shapely.Point(xy) for xy in around(srid, rng.uniform(0, SIDE, (300, 2)))]
    return [shapely.MultiPoint([spot, spots[at - 1]]) if at % 4 == 0 else spot for at, spot in enumerate(spots)]


def surfaces(srid: int) -> list[shapely.Geometry]:
    """Return polygons that fill a square, some with holes, some of two parts, one crossing itself."""
    cells = list(coverage(COUNT, 8, srid, SIDE))
    for at in range(0, COUNT - 1, 50):
        cells[at] = cells[at].difference(cells[at].centroid.buffer(math.sqrt(cells[at].area) / 5))
    for at in range(7, COUNT - 600, 50):
        cells[at] = shapely.MultiPolygon([cells[at], shapely.affinity.scale(cells[at + 500], 0.5, 0.5)])
    cells[3] = shapely.Polygon(around(srid, [(100, 100), (900, 1500), (900, 100), (100, 1500)]))
    return cells


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tiles") / "t.gpkg"
    layers: dict[str, tuple[str, int, list[shapely.Geometry]]] = {
        GEOGRAPHIC: ("MULTIPOLYGON", 4490, surfaces(4490)),
        ZONE: ("MULTIPOLYGON", 4526, surfaces(4526)),
        ODD: ("MULTILINESTRING", 4490, paths(4490)),
        "spots": ("MULTIPOINT", 4526, points(4526)),
        "mixed": ("GEOMETRY", 4490, mixed(4490)),
    }
    with GeoPackageWriter(file) as writer:
        for table, (kind, srid, shapes) in layers.items():
            writer.create_table(TableSpec(table, kind, srid, FIELDS))
            numbers = [*range(len(shapes))]
            writer.insert(table, np.array(shapes), {"DLBM": [f"0{n % 4}01" for n in numbers], "number": numbers})
            writer.finish(table, "2026-01-01T00:00:00.000Z")
    return file


def mixed(srid: int) -> list[shapely.Geometry]:
    spots, lines, cells = points(srid)[:40], paths(srid)[:40], list(coverage(40, 2, srid, SIDE))
    gathered = [shapely.GeometryCollection([*three]) for three in zip(spots, lines, cells, strict=True)]
    return [*spots, *lines, *cells, *gathered, shapely.GeometryCollection()]


@pytest.fixture(scope="module")
def dsn(path: Path, cluster: Cluster) -> str:
    return cluster.copy(path)


@pytest.fixture(scope="module")
def gpkg(path: Path) -> Instance:
    return publish_file(path)


@pytest.fixture(scope="module")
def postgis(dsn: str) -> Instance:
    return publish_database(dsn)


def layer_of(instance: Instance, table: str, **given: Any) -> Layer:
    views = {view.collection.table.name: view for view in instance.gate.views(Principal())}
    return Layer(views[table], instance.gate.store(views[table]), **given)


def tile_at(matrix_set: str, level: str, lon: float, lat: float, overview: bool = False) -> Tile:
    chosen = SETS[matrix_set]
    x, y = transform_xy(np.array([[lon, lat]]), crs_from_srid(4490), chosen.crs)[0]
    grid = chosen.levels[level]
    column, row = int((x - grid.origin[0]) / grid.width), int((grid.origin[1] - y) / grid.height)
    return Tile(chosen, grid, row, column, overview)


def some_tiles(matrix_set: str, level: str, srid: int) -> list[Tile]:
    spots = around(srid, [(9_000, 9_000), (19_900, 12_000)])
    places = transform_xy(spots, crs_from_srid(srid), crs_from_srid(4490))
    return [tile_at(matrix_set, level, *place) for place in places]


def features(layer: Layer, tile: Tile, most: int = MOST) -> dict[int, list[Feature]]:
    made = read_layers(render(layer, tile, most))
    assert set(made) <= {layer.view.collection.id}
    found: dict[int, list[Feature]] = {}
    for feature in made.get(layer.view.collection.id, []):
        assert feature.id is not None
        found.setdefault(feature.id, []).append(feature)
    return found


WINDOW = (-60, -60, 4156, 4156)


def close(ours: list[Feature], theirs: list[Feature], simplified: bool) -> bool:
    """Whether two features are the same within a tile unit, or within what simplification may move (4 units)."""
    allowed = 9.0 if simplified else 2.0
    for kind in {feature.kind for feature in ours + theirs}:
        a, b = (shapely.union_all([f.shape for f in some if f.kind == kind]) for some in (ours, theirs))
        a, b = (shapely.clip_by_rect(shapely.make_valid(shape), *WINDOW) for shape in (a, b))
        # Not the Hausdorff distance: a spike may end where its width vanishes on the grid.
        apart = (a.difference(b.buffer(allowed)), b.difference(a.buffer(allowed)))
        if max(rest.area + rest.length / 2 for rest in apart) > (30.0 if simplified else 4.0):
            return False
    return True


@pytest.mark.parametrize("table", [GEOGRAPHIC, ZONE, ODD, "spots", "mixed"])
@pytest.mark.parametrize("matrix_set", LEVELS)
def test_both_stores_draw_the_same(gpkg: Instance, postgis: Instance, table: str, matrix_set: str) -> None:
    here, there = layer_of(postgis, table), layer_of(gpkg, table)
    seen = 0
    for level in LEVELS[matrix_set]:
        simplified = SETS[matrix_set].levels[level].scale_denominator > 100_000
        for tile in some_tiles(matrix_set, level, here.view.collection.storage.srid):
            ours, theirs = features(here, tile), features(there, tile)
            for key in ours.keys() | theirs.keys():
                if key not in ours or key not in theirs:
                    # What has hardly any extent on the grid may vanish in one of them.
                    assert all(f.shape.area < 40 and f.shape.length < 200 for f in ours.get(key) or theirs[key])
                    continue
                assert [f.properties for f in ours[key][:1]] == [f.properties for f in theirs[key][:1]]
                # What crosses itself is mended before it is simplified there, and after it here.
                crossing = simplified and key == 4 and table in (GEOGRAPHIC, ZONE)
                assert crossing or close(ours[key], theirs[key], simplified), (table, level, key)
            seen += len(ours)
    assert seen > 100


@pytest.mark.parametrize("table", [GEOGRAPHIC, ZONE])
@pytest.mark.parametrize("matrix_set", LEVELS)
def test_polygons_are_valid_and_wound_as_the_specification_says(postgis: Instance, table: str, matrix_set: str) -> None:
    layer = layer_of(postgis, table)
    rings = 0
    for level in LEVELS[matrix_set]:
        for tile in some_tiles(matrix_set, level, layer.view.collection.storage.srid):
            for feature in (feature for some in features(layer, tile).values() for feature in some):
                assert area(feature.paths[0]) > 0
                assert feature.shape.is_valid
                assert feature.shape.bounds[0] >= -64
                assert feature.shape.bounds[3] <= 4096 + 64
                rings += sum(area(ring) < 0 for ring in feature.paths)
    assert rings > 10  # holes


def test_neighbours_leave_no_seam(postgis: Instance) -> None:
    """A coverage fills every pixel on both sides of the border between tiles."""
    layer = layer_of(postgis, GEOGRAPHIC)
    left = tile_at("WebMercatorQuad", "14", *around(4490, (9_000, 9_000)))
    for tile in (left, replace(left, col=left.col + 1)):
        found = features(layer, tile)
        covered = shapely.union_all([feature.shape for some in found.values() for feature in some])
        holes = sum(polygon.area for polygon in map(shapely.Polygon, _holes(covered)))
        assert covered.area + holes == pytest.approx(4224**2, rel=1e-4)


def _holes(covered: shapely.Geometry) -> list[shapely.LinearRing]:
    """Return the rings of what is missing, which the layer itself leaves open."""
    return [ring for part in shapely.get_parts(covered) for ring in part.interiors if shapely.Polygon(ring).area > 4]


def test_a_tile_says_what_a_filter_and_columns_ask_for(gpkg: Instance, postgis: Instance) -> None:
    given = {"names": ("number",), "filter": equals("DLBM", "0101")}
    tile = tile_at("WebMercatorQuad", "13", *around(4490, (9_000, 9_000)))
    here, there = (features(layer_of(store, GEOGRAPHIC, **given), tile) for store in (postgis, gpkg))
    assert here.keys() == there.keys() != set()
    assert {name for some in here.values() for name in some[0].properties} == {"number"}
    assert all((key - 1) % 4 == 1 for key in here)


def test_what_is_written_for_a_filter_is_forgotten(postgis: Instance) -> None:
    tile = tile_at("WebMercatorQuad", "13", *around(4490, (9_000, 9_000)))
    for number in range(5):
        render(layer_of(postgis, GEOGRAPHIC, filter=equals("number", 1000 + number)), tile, MOST)
    gc.collect()
    assert not [item for item in gc.get_objects() if isinstance(item, Select) and 1004 in item.values.values()]


def test_a_view_hides_rows_and_columns(postgis: Instance) -> None:
    layer = layer_of(postgis, GEOGRAPHIC)
    view = replace(layer.view, columns=layer.view.only({"DLBM"}), rows=equals("DLBM", "0301"))
    tile = tile_at("WebMercatorQuad", "12", *around(4490, (9_000, 9_000)))
    found = features(Layer(view, layer.store), tile)
    assert found
    assert all(feature[0].properties == {"DLBM": ("string_value", "0301")} for feature in found.values())


def test_of_too_many_features_the_largest_are_drawn(gpkg: Instance, postgis: Instance) -> None:
    tile = tile_at("WebMercatorQuad", "12", *around(4490, (9_000, 9_000)))
    some, every = features(layer_of(postgis, GEOGRAPHIC), tile, 50), features(layer_of(postgis, GEOGRAPHIC), tile)
    assert 40 < len(some) <= 50 < len(every)
    assert some.keys() == features(layer_of(gpkg, GEOGRAPHIC), tile, 50).keys()


def test_small_features_are_left_out_but_for_an_overview(gpkg: Instance, postgis: Instance) -> None:
    tile = tile_at("WebMercatorQuad", "6", *around(4490, (9_000, 9_000)))
    overview = replace(tile, overview=True)
    for shown in (tile, overview):
        ours, theirs = (features(layer_of(store, GEOGRAPHIC), shown) for store in (postgis, gpkg))
        # Features of about one size may change places at the limit.
        assert len(ours.keys() ^ theirs.keys()) < 10
    some, more = (len(features(layer_of(postgis, GEOGRAPHIC), shown)) for shown in (tile, overview))
    assert 0 < some < more / 3


def test_where_nothing_is_there_is_nothing(postgis: Instance) -> None:
    for table in (GEOGRAPHIC, ZONE):
        for lon, lat in ((120.0, 40.0), (-100.0, -60.0)):
            assert render(layer_of(postgis, table), tile_at("WebMercatorQuad", "12", lon, lat), MOST) == b""


@pytest.mark.anyio
async def test_a_tile_is_the_same_on_the_event_loop(postgis: Instance) -> None:
    for level in ("9", "12", "16"):
        for table in (GEOGRAPHIC, ZONE):
            layer = layer_of(postgis, table)
            tile = some_tiles("WebMercatorQuad", level, layer.view.collection.storage.srid)[0]
            for _ in range(2):
                assert await render_soon(layer, tile, MOST) == render(layer, tile, MOST)


@pytest.mark.anyio
async def test_what_cannot_be_drawn_is_passed_over_on_the_event_loop_too(postgis: Instance) -> None:
    sessions = layer_of(postgis, ZONE).store._sessions  # type: ignore[attr-defined]
    broken = b"SELECT ST_GeomFromText('POLYGON((0 0, 1 1))')"
    for _ in range(2):
        assert sessions.drawn(broken, {}) is None
        assert await sessions.drawn_soon(broken, {}) is None
        assert await sessions.drawn_soon(b"SELECT 1", {}) == (1,)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


ODDITIES = '''
CREATE TABLE odd (id bigint PRIMARY KEY, geometry int, feature text, place boolean, part date, big bigint, small real,
                  at timestamptz, exact numeric(12, 2), bad float8, doc jsonb, "per%cent ""q""" int,
                  shape geometry(Polygon, 4490));
INSERT INTO odd SELECT n, -n, 'f' || n, n = 1, '2024-02-29', 9007199254740993, 0.1, '2024-02-29 12:30:00+08', 3.5,
  CASE n WHEN 1 THEN 'NaN'::float8 WHEN 2 THEN '-Infinity' ELSE n / 2.0 END, '{"a": 1}', 7,
  ST_MakeEnvelope(114 + n * 0.01, 30, 114.008 + n * 0.01, 30.008, 4490) FROM generate_series(1, 3) n;
INSERT INTO odd (id, shape) VALUES (0, ST_MakeEnvelope(114.05, 30, 114.058, 30.008, 4490)), (9, NULL);
CREATE TABLE named (name text PRIMARY KEY, shape geometry(Polygon, 4490));
INSERT INTO named SELECT feature, shape FROM odd WHERE feature IS NOT NULL;
CREATE TABLE poles (id int PRIMARY KEY, shape geometry(Polygon, 4490));
INSERT INTO poles VALUES (1, ST_MakeEnvelope(-180, -90, 180, 90, 4490)), (2, ST_MakeEnvelope(114, 30, 115, 31, 4490));
CREATE TABLE heights (id int PRIMARY KEY, shape geometry(PolygonZM, 4490));
INSERT INTO heights VALUES (1, ST_Force4D(ST_MakeEnvelope(114, 30, 114.01, 30.01, 4490)));
'''


@pytest.fixture(scope="module")
def odd(cluster: Cluster) -> Instance:
    address = cluster.fresh()
    with psycopg.connect(address) as connection:
        connection.execute(ODDITIES)
    return publish_database(address)


def test_values_keep_their_types(odd: Instance) -> None:
    tile = tile_at("WebMercatorQuad", "10", 114.02, 30.004)
    found = {key: some[0].properties for key, some in features(layer_of(odd, "odd"), tile).items()}
    assert found.keys() == {0, 1, 2, 3}
    assert found[0] == {}
    assert found[3] == {
        "geometry": ("sint_value", -3), "feature": ("string_value", "f3"), "place": ("bool_value", False),
        "part": ("string_value", "2024-02-29"), "big": ("uint_value", 9007199254740993),
        "small": ("double_value", 0.1), "at": ("string_value", "2024-02-29T04:30:00.000Z"),
        "exact": ("double_value", 3.5), "bad": ("double_value", 1.5), "doc": ("string_value", '{"a": 1}'),
        'per%cent "q"': ("uint_value", 7),
    }  # fmt: skip
    assert "bad" not in found[1]
    assert "bad" not in found[2]


def test_a_text_is_no_id(odd: Instance) -> None:
    layer = layer_of(odd, "named")
    (made,) = read_layers(render(layer, tile_at("WebMercatorQuad", "10", 114.02, 30.004), MOST)).values()
    assert [feature.id for feature in made] == [None] * 3


def test_what_cannot_be_transformed_does_not_hide_the_rest(odd: Instance) -> None:
    """The latitude of a pole has no place in Mercator: PROJ refuses it, and the tile is encoded here."""
    for level in ("3", "12"):
        assert 2 in features(layer_of(odd, "poles"), tile_at("WebMercatorQuad", level, 114.5, 30.5))


def test_heights_are_left_out(odd: Instance) -> None:
    assert features(layer_of(odd, "heights"), tile_at("WebMercatorQuad", "14", 114.004, 30.004)).keys() == {1}


MANY = """
CREATE TABLE many (id int PRIMARY KEY, geom geometry(Point, 4490));
INSERT INTO many SELECT n, ST_Point(114 + n * 1e-6, 30, 4490) FROM generate_series(1, 300000) n
"""


@pytest.fixture(scope="module")
def many(cluster: Cluster) -> str:
    address = cluster.fresh()
    with psycopg.connect(address) as connection:
        connection.execute(MANY)
    return address


def test_a_tile_that_takes_too_long_is_given_up(many: str) -> None:
    layer = layer_of(publish_database(many), "many")
    store = PostgisStore(settings_of(many, timeouts=Timeouts(tiles=0.05)))
    store.tables()
    with pytest.raises(TooSlow):
        render(Layer(layer.view, store), tile_at("WebMercatorQuad", "3", 114.0, 30.0), 300_000)
    store.close()


def test_items_after_tiles_are_planned_for_their_values(dsn: str) -> None:
    """Tiles and pages share connections, not the way in which statements are planned."""
    store = PostgisStore(settings_of(dsn, connections=1))
    store.tables()
    layer = layer_of(publish_database(dsn), GEOGRAPHIC)
    own = Layer(layer.view, store)
    tile = tile_at("WebMercatorQuad", "14", *around(4490, (9_000, 9_000)))
    for _ in range(2):
        assert features(own, tile)
        assert _mode(store, generic=True) == "force_generic_plan"
        assert len(next(store.batches(layer.view, FeatureQuery(limit=3)))) == 3
        assert _mode(store, generic=False) == "force_custom_plan"
    store.close()


def _mode(store: PostgisStore, generic: bool) -> str:
    with store._sessions._session(5.0, generic=generic) as connection:
        row = connection.execute("SHOW plan_cache_mode").fetchone()
    return str(row[0]) if row else ""


def test_nobody_waits_for_the_tile_of_a_caller_who_left(many: str) -> None:
    layer = layer_of(publish_database(many), "many")
    set_caller(Caller(gone=True))
    try:
        with pytest.raises(ClientGone):
            render(layer, tile_at("WebMercatorQuad", "3", 114.0, 30.0), 300_000)
    finally:
        set_caller(Caller())
