"""Tiles from a pack are those that are made from the store itself, before and after edits."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from onemap.app import publish_file
from onemap.catalog import Collection
from onemap.catalog.model import Tiling
from onemap.config import shipped
from onemap.cql import parse_text, place
from onemap.errors import ConfigError, Unavailable
from onemap.geo.crs import CRS84, transform_bounds
from onemap.store import FeatureQuery, View
from onemap.store.geopackage import GeoPackageStore
from onemap.store.geopackage.functions import register_geometry
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from onemap.store.writing import Edit
from onemap.tiles.engine import Tile, frame, render
from onemap.tiles.generalise import Report
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import load_matrix_sets
from onemap.tiles.pack.build import build, whole_view
from onemap.tiles.pack.builder import Builder, only_builder, packed, plan, progress
from onemap.tiles.pack.overlay import plane
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.source import Packs, PackSource
from tests.synthetic import blob, coverage

SETS = load_matrix_sets(shipped("matrixsets"))
MOST = 20_000
ORIGIN = {4490: (114.0, 30.5, 1e-5), 4547: (500_000.0, 3_375_000.0, 1.0)}
KINDS = {"land": "MULTIPOLYGON", "roads": "MULTILINESTRING", "sites": "MULTIPOINT", "mixed": "GEOMETRY"}
FIELDS = (
    FieldSpec("class", "TEXT(4)"), FieldSpec("name", "TEXT(20)"), FieldSpec("floors", "INTEGER"),
    FieldSpec("area", "REAL"), FieldSpec("open", "BOOLEAN"),
)  # fmt: skip
SIDE = 20_000.0
Geometries = NDArray[np.object_]
Drawn = dict[int, tuple[shapely.Geometry, dict[str, Any]]]


def made(kind: str, srid: int, count: int = 500) -> Geometries:
    rng = np.random.default_rng(7)
    maker: Callable[..., shapely.Geometry]
    makers = [_land, _roads, _sites]
    maker_of = {"land": [_land], "roads": [_roads], "sites": [_sites], "mixed": makers}[kind]
    shapes = []
    for at in range(count):
        maker = maker_of[at % len(maker_of)]
        shapes.append(maker(rng, rng.uniform(-60_000, 60_000, 2), 10 ** rng.uniform(0.8, 4.3)))
    x, y, unit = ORIGIN[srid]
    return np.asarray(shapely.transform(np.array(shapes, dtype=object), lambda xy: xy * unit + [x, y]), dtype=object)


def _land(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    body = blob(centre[0], centre[1], size, int(rng.integers(8, 80)), int(rng.integers(1000)))
    holes = [blob(*(centre + offset * size), size / 8, 10, 1) for offset in rng.uniform(-0.5, 0.5, (2, 2))]
    island = blob(centre[0] + 1.7 * size, centre[1], size / 5, 12, 2)
    return shapely.union_all([shapely.difference(body, shapely.union_all(holes)), island])


def _roads(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    runs = [np.cumsum(rng.normal(0, size / 6, (int(rng.integers(2, 50)), 2)), axis=0) for _ in range(2)]
    return shapely.MultiLineString([centre + run for run in runs])


def _sites(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    return shapely.MultiPoint(centre + rng.normal(0, size, (int(rng.integers(1, 5)), 2)))


def values(count: int) -> dict[str, list[object]]:
    return {
        "class": [f"0{at % 7}01" if at % 5 else None for at in range(count)],
        "name": [f"第{at}号" for at in range(count)],
        "floors": [at % 40 - 3 for at in range(count)],
        "area": [at * 1.5 for at in range(count)],
        "open": [at % 3 == 0 for at in range(count)],
    }


def write(path: Path, table: str, kind: str, srid: int, geometries: Geometries) -> Path:
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec(table, kind, srid, FIELDS))
        writer.insert(table, geometries, values(len(geometries)))
        writer.finish(table, "2026-01-01T00:00:00.000Z")
    return path


@dataclass
class Layers:
    """A layer read from its store and from a pack of it."""

    store: GeoPackageStore
    collection: Collection
    folder: Path

    @property
    def view(self) -> View:
        return View(self.collection, self.collection.fields)

    @property
    def path(self) -> Path:
        return self.folder / f"{self.collection.id}.pack"

    def build(self) -> list[Report]:
        return build(self.store, plan(self.collection), self.path)

    def source(self) -> PackSource:
        return PackSource(Pack(self.path, self.collection), self.store, self.collection)

    def drawn(self, tile: Tile, source: PackSource | None, **asked: Any) -> Drawn:
        if source is None:
            return decoded(render(Layer(self.view, self.store, **asked), tile, MOST), self.collection.id)
        body = source.tile(self.view, frame(self.view, tile, MOST), FeatureQuery(limit=MOST, **asked))
        assert body is not None
        return decoded(body, self.collection.id)

    def tiles(self, name: str, zoom: int, count: int, seed: int = 1) -> Iterator[Tile]:
        chosen = SETS[name]
        level = list(chosen.levels.values())[zoom]
        extent = self.store.extent(self.view)
        assert extent is not None
        shapes = self.store.within(self.view, extent, 0.0, FeatureQuery(limit=MOST)).geometries
        draw = random.Random(seed * 100 + zoom)
        for _ in range(count):
            place = shapes[draw.randrange(len(shapes))].bounds[:2]
            bounds = transform_bounds((*place, *place), self.collection.storage, chosen.crs)
            assert bounds is not None
            limits = level.limits(bounds)
            assert limits is not None
            yield Tile(chosen, level, limits.min_row, limits.min_col)


def decoded(body: bytes, name: str) -> Drawn:
    if not body:
        return {}
    layer = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True, "geojson": True})[name]
    found = [(item["id"], (shapely.geometry.shape(item["geometry"]), item["properties"])) for item in layer["features"]]
    assert len(dict(found)) == len(found)
    return dict(found)


def opened(path: Path, table: str, folder: Path, tiles: Tiling | None = None) -> Layers:
    folder.mkdir(exist_ok=True)
    found = publish_file(path).registry.get(table)
    assert found is not None
    return Layers(GeoPackageStore(path, own=True), replace(found, tiles=tiles or Tiling()), folder)


@pytest.fixture(scope="module", params=[4490, 4547])
def srid(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module", params=list(KINDS))
def layers(request: pytest.FixtureRequest, srid: int, tmp_path_factory: pytest.TempPathFactory) -> Layers:
    folder, kind = tmp_path_factory.mktemp("packs"), str(request.param)
    path = write(folder / "layer.gpkg", kind, KINDS[kind], srid, made(kind, srid))
    found = opened(path, kind, folder / "derived")
    found.build()
    return found


@pytest.mark.parametrize("name", ["WebMercatorQuad", "CGCS2000Quad"])
@pytest.mark.parametrize("zoom", [6, 8, 10, 12, 13, 14, 16])
def test_tiles_of_a_pack_are_those_of_the_store(layers: Layers, name: str, zoom: int) -> None:
    source, seen = layers.source(), 0
    # Simplified lines may leave the line by the tolerance each; what is about as small as the limit may be left out.
    tolerance = 1.0 if zoom > 12 else 4.0 * 2 + 1.5
    for tile in layers.tiles(name, zoom, 6):
        ours, theirs = layers.drawn(tile, source), layers.drawn(tile, None)
        seen += len(theirs)
        for key in ours.keys() ^ theirs.keys():
            shape, _ = ours.get(key) or theirs.get(key)  # type: ignore[misc]
            assert largest_side(shape) < 16, (key, shape)
        for key in ours.keys() & theirs.keys():
            assert ours[key][1] == theirs[key][1]
            assert ours[key][0].is_valid
            assert like(ours[key][0], theirs[key][0], tolerance * math.sqrt(2)), (zoom, key)
    assert seen


def largest_side(shape: shapely.Geometry) -> float:
    low_x, low_y, high_x, high_y = shape.bounds
    return float(max(high_x - low_x, high_y - low_y))


def like(one: shapely.Geometry, other: shapely.Geometry, tolerance: float) -> bool:
    """Whether shapes lie within a tolerance of each other, but for parts and holes of a few units."""
    left = [shapely.difference(a, shapely.buffer(b, tolerance)) for a, b in ((one, other), (other, one))]
    parts = shapely.get_parts(left).tolist()
    return all(part.is_empty or largest_side(part) < 30 for part in parts)


def test_columns_are_those_of_the_view_and_the_query(layers: Layers) -> None:
    source = layers.source()
    tile = next(tile for tile in layers.tiles("WebMercatorQuad", 8, 20) if layers.drawn(tile, source))
    some = layers.drawn(tile, source, columns=("name", "floors"))
    assert {name for _, properties in some.values() for name in properties} == {"name", "floors"}
    narrow = replace(layers.view, columns=tuple(item for item in layers.view.columns if item.name == "open"))
    body = source.tile(narrow, frame(narrow, tile, MOST), FeatureQuery(limit=MOST))
    assert body
    shown = decoded(body, layers.collection.id)
    assert {name for _, properties in shown.values() for name in properties} == {"open"}


def test_a_choice_of_features_is_left_to_the_store(layers: Layers) -> None:
    tile = next(layers.tiles("WebMercatorQuad", 8, 1))
    chosen = place(parse_text("floors > 5"), CRS84, layers.collection.storage)
    query = FeatureQuery(limit=MOST, filter=chosen)
    assert layers.source().tile(layers.view, frame(layers.view, tile, MOST), query) is None
    rows = replace(layers.view, rows=chosen)
    assert layers.source().tile(rows, frame(rows, tile, MOST), FeatureQuery(limit=MOST)) is None


def test_the_largest_are_drawn_when_there_are_too_many(layers: Layers) -> None:
    tile = next(layers.tiles("WebMercatorQuad", 6, 1))
    source, view = layers.source(), layers.view
    body = source.tile(view, frame(view, tile, 10), FeatureQuery(limit=10))
    assert body
    assert 0 < len(decoded(body, layers.collection.id)) <= 10


COVER = Tiling(coverage=True, class_field="class")


@pytest.fixture
def cover(srid: int, tmp_path: Path) -> Layers:
    cells = coverage(1500, 11, srid, SIDE)
    path = write(tmp_path / "cover.gpkg", "cover", "POLYGON", srid, cells)
    found = opened(path, "cover", tmp_path / "derived", COVER)
    found.store.enable_editing(found.collection.table)
    found.build()
    return found


def middle(layers: Layers, zoom: int) -> Tile:
    """Return the tile of Web Mercator in which the middle of the layer lies."""
    extent = layers.store.extent(layers.view)
    assert extent
    x, y = (extent[0] + extent[2]) / 2, (extent[1] + extent[3]) / 2
    chosen = SETS["WebMercatorQuad"]
    level = list(chosen.levels.values())[zoom]
    bounds = transform_bounds((x, y, x, y), layers.collection.storage, chosen.crs)
    assert bounds
    limits = level.limits(bounds)
    assert limits
    return Tile(chosen, level, limits.min_row, limits.min_col)


@pytest.mark.parametrize("zoom", [9, 10, 11, 12, 13])
def test_a_coverage_has_no_holes_at_any_zoom(cover: Layers, zoom: int) -> None:
    tile = middle(cover, zoom)
    drawn = cover.drawn(tile, cover.source())
    every = [shape for shape, _ in drawn.values()]
    assert all(shape.is_valid for shape in every)
    covered = shapely.union_all(every)
    open_ = [shapely.Polygon(ring) for part in shapely.get_parts(covered).tolist() for ring in part.interiors]
    assert all(hole.area < 40 for hole in open_)  # borders are snapped, so slivers of a unit or two may show
    assert sum(shape.area for shape in every) == pytest.approx(covered.area, rel=0.002)
    assert len(every) < 1500


def square(layers: Layers, x: float, y: float, side: float) -> shapely.Polygon:
    """Return a square around a place given in metres from the corner of the coverage."""
    extent = layers.store.extent(layers.view)
    assert extent
    unit = (extent[2] - extent[0]) / SIDE
    low_x, low_y = extent[0] + x * unit, extent[1] + y * unit
    return shapely.box(low_x, low_y, low_x + side * unit, low_y + side * unit)


@pytest.mark.parametrize("zoom", [9, 11, 14])
def test_edits_show_at_once(cover: Layers, zoom: int) -> None:
    source, view, tile = cover.source(), cover.view, middle(cover, zoom)
    before = cover.drawn(tile, source)
    key = max(before, key=lambda item: before[item][0].area)
    cover.store.edit(view, [Edit("update", str(key), {"name": "edited"})])
    changed = cover.drawn(tile, source)
    assert changed[key][1]["name"] == "edited"
    parcel = cover.store.feature(view, str(key)).geometries[0]
    on = plane(frame(view, tile, MOST), cover.collection.storage)
    assert on is not None
    here = shapely.transform(shapely.buffer(parcel, 0).representative_point(), on.to_grid)
    cover.store.edit(view, [Edit("delete", str(key))])
    gone = cover.drawn(tile, source)
    assert key not in gone
    assert not any(shape.contains(here) for shape, _ in gone.values())
    new = Edit("insert", None, {"name": "new"}, square(cover, SIDE / 2, SIDE / 2, 800), shaped=True)
    made_key = int(cover.store.edit(view, [new])[0].keys[0])
    assert cover.drawn(tile, source)[made_key][1]["name"] == "new"


def test_a_generalised_feature_gives_way_to_its_members_near_an_edit_only(cover: Layers) -> None:
    source, tile = cover.source(), middle(cover, 9)
    before = cover.drawn(tile, source)
    key = max(before, key=lambda item: before[item][0].area)
    cover.store.edit(cover.view, [Edit("update", str(key), {"name": "edited"})])
    after = cover.drawn(tile, source)
    assert len(after) > len(before)
    covered = [shapely.union_all([shape for shape, _ in drawn.values()]).area for drawn in (before, after)]
    assert covered[0] == pytest.approx(covered[1], rel=0.01)
    far = replace(tile, row=tile.row + 200)
    body = source.tile(cover.view, frame(cover.view, far, MOST), FeatureQuery(limit=MOST))
    assert body == b""


@pytest.mark.parametrize("zoom", [9, 11, 14])
def test_a_tile_that_no_edit_meets_stays_as_it_was(cover: Layers, zoom: int) -> None:
    source, view = cover.source(), cover.view
    tiles = list(cover.tiles("WebMercatorQuad", zoom, 12))
    before = [source.tile(view, frame(view, tile, MOST), FeatureQuery(limit=MOST)) for tile in tiles]
    new = square(cover, 300, 300, 200)
    cover.store.edit(view, [Edit("insert", None, {"name": "new"}, new, shaped=True)])
    key = cover.store.within(view, new.bounds, 0.0, FeatureQuery(limit=1)).keys[0]
    cover.store.edit(view, [Edit("update", str(key), {"floors": 77})])
    edited = source.freshness.edited()
    assert edited is not None
    for tile, was in zip(tiles, before, strict=True):
        around = transform_bounds(frame(view, tile, MOST).around, tile.matrix_set.crs, cover.collection.storage)
        assert around is not None
        if not edited.near(around):
            assert source.tile(view, frame(view, tile, MOST), FeatureQuery(limit=MOST)) == was


def test_edits_are_folded_in_when_the_pack_is_built_again(cover: Layers) -> None:
    keys = list(range(1, 40))
    cover.store.edit(cover.view, [Edit("update", str(key), {"name": "edited"}) for key in keys])
    source = cover.source()
    edited = source.freshness.edited()
    assert edited is not None
    assert sorted(set(edited.keys.tolist())) == keys
    cover.build()
    again = cover.source()
    edited = again.freshness.edited()
    assert edited is not None
    assert not len(edited.keys)
    tile = middle(cover, 13)
    assert {key: item[1] for key, item in cover.drawn(tile, again).items()} == {
        key: item[1] for key, item in cover.drawn(tile, source).items()
    }


def test_what_no_log_tells_makes_a_pack_stale(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", "land", "MULTIPOLYGON", 4547, made("land", 4547, 40))
    layers = opened(path, "land", tmp_path / "derived")
    layers.build()
    tile = next(layers.tiles("WebMercatorQuad", 8, 1))
    source, view = layers.source(), layers.view
    asked = frame(view, tile, MOST), FeatureQuery(limit=MOST)
    assert source.tile(view, *asked) is not None
    again = opened(path, "land", tmp_path / "derived").source()  # as a server does that starts later
    assert again.tile(view, *asked) is not None
    with closing(sqlite3.connect(path)) as connection, connection:
        register_geometry(connection)
        connection.execute("UPDATE land SET name = 'otherwise' WHERE fid = 1")
    assert source.tile(view, *asked) is None
    assert opened(path, "land", tmp_path / "derived").source().tile(view, *asked) is None
    layers.build()
    assert layers.source().tile(view, *asked) is not None


def test_the_engine_uses_a_pack_while_it_is_fresh(cover: Layers) -> None:
    packs = Packs(cover.folder)
    pack = packs.get(cover.collection, cover.store)
    assert pack is not None
    plain, quick = Layer(cover.view, cover.store), Layer(cover.view, cover.store, pack=pack)
    tile = middle(cover, 9)
    assert plain.digest != quick.digest
    assert len(render(quick, tile, MOST)) < len(render(plain, tile, MOST))
    cover.path.unlink()
    with closing(sqlite3.connect(cover.folder.parent / "cover.gpkg")) as connection, connection:
        register_geometry(connection)
        connection.execute("DROP TRIGGER onemap_change_cover_update")
        connection.execute("UPDATE cover SET name = 'otherwise'")
    assert render(quick, tile, MOST) == render(plain, tile, MOST)


def test_a_pack_that_is_none_is_not_opened(cover: Layers) -> None:
    packs = Packs(cover.folder)
    cover.path.write_bytes(cover.path.read_bytes()[:5000])
    assert packs.get(cover.collection, cover.store) is None
    cover.path.write_bytes(b"OneMapPk" + struct.pack("<q", 9))
    assert Packs(cover.folder).get(cover.collection, cover.store) is None
    assert Packs(None).get(cover.collection, cover.store) is None


def test_a_pack_of_another_declaration_is_not_opened(cover: Layers) -> None:
    other = replace(cover.collection, fields=cover.collection.fields[:2])
    assert Packs(cover.folder).get(other, cover.store) is None
    cover.build()
    with pytest.raises(ValueError, match="another declaration"):
        Pack(cover.path, other)


def test_a_build_that_breaks_off_leaves_the_pack_as_it_was(cover: Layers, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cover.path.read_bytes()

    def broken(step: str, done: int, total: int) -> None:
        if step.startswith("zoom"):
            raise Unavailable("the disk is full")

    with pytest.raises(Unavailable):
        build(cover.store, plan(cover.collection), cover.path, broken)
    assert cover.path.read_bytes() == whole
    assert [path.name for path in cover.folder.iterdir()] == [cover.path.name]
    (cover.folder / f"{cover.path.name}.123.draft").write_bytes(b"left by a process that was killed")
    (cover.folder / f"{cover.path.name}.work").mkdir()
    Builder(cover.folder, {cover.collection.store: cover.store}, say=lambda _: None).build(cover.collection)
    assert sorted(path.name for path in cover.folder.iterdir()) == [cover.path.name]


def test_a_reader_keeps_the_pack_that_it_has_open(cover: Layers) -> None:
    source, tile = cover.source(), middle(cover, 12)
    before = cover.drawn(tile, source)
    cover.build()
    assert cover.drawn(tile, source).keys() == before.keys()


def test_what_is_to_be_built_and_when(cover: Layers) -> None:
    store, collection = cover.store, cover.collection
    said: list[str] = []
    builder = Builder(cover.folder, {collection.store: store}, edits=3, say=said.append)
    assert builder.reason(collection) == ""
    cover.store.edit(cover.view, [Edit("update", str(key), {"name": "edited"}) for key in (1, 2)])
    assert builder.reason(collection) == ""
    cover.store.edit(cover.view, [Edit("update", "3", {"name": "edited"})])
    assert "edited" in builder.reason(collection)
    builder.build_wanted([collection])
    assert len(said) == 1
    builder._packs._open.clear()  # the file is looked at once a second
    assert builder.reason(collection) == ""
    assert progress(cover.folder) is None
    assert packed(collection, store)
    assert not packed(replace(collection, tiles=Tiling(pack=False)), store)


def test_a_folder_has_one_builder(tmp_path: Path) -> None:
    with only_builder(tmp_path) as first, only_builder(tmp_path) as second:
        assert (first, second) == (True, False)
    with only_builder(tmp_path) as again:
        assert again


def test_an_empty_layer_has_no_pack(tmp_path: Path) -> None:
    path = write(tmp_path / "none.gpkg", "none", "POLYGON", 4547, np.empty(0, dtype=object))
    layers = opened(path, "none", tmp_path / "derived")
    with pytest.raises(ConfigError):
        layers.build()
    assert not list((tmp_path / "derived").iterdir())


def test_features_without_geometry_and_text_keys(tmp_path: Path) -> None:
    shapes = made("land", 4547, 30)
    shapes[4], shapes[9] = None, shapely.MultiPolygon()
    path = write(tmp_path / "land.gpkg", "land", "MULTIPOLYGON", 4547, shapes)
    layers = opened(path, "land", tmp_path / "derived")
    layers.collection = replace(layers.collection, key="name")
    layers.build()
    view = whole_view(layers.collection)
    assert view.collection.key == layers.collection.table.primary_key
    tile = next(layers.tiles("WebMercatorQuad", 6, 1))
    body = layers.source().tile(layers.view, frame(layers.view, tile, MOST), FeatureQuery(limit=MOST))
    assert body
    layer = mapbox_vector_tile.decode(body)["land"]
    assert {item["id"] for item in layer["features"]} == {0}  # a text is no id
    assert len({item["properties"]["name"] for item in layer["features"]}) == len(layer["features"])


def test_a_copy_of_the_folder_serves_where_the_store_is_the_same(cover: Layers, tmp_path: Path) -> None:
    shutil.copytree(cover.folder, tmp_path / "copy")
    pack = Packs(tmp_path / "copy").get(cover.collection, cover.store)
    assert pack is not None
    assert pack.freshness.edited() is not None
