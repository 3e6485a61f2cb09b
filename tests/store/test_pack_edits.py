"""Packs and edits: what shows at once, what makes a pack stale, and what building does."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import mapbox_vector_tile
import numpy as np
import pytest
import shapely

from onemap.catalog.model import Tiling
from onemap.errors import ConfigError, Unavailable
from onemap.geo.crs import transform_bounds
from onemap.store import FeatureQuery
from onemap.store.geopackage.functions import register_geometry
from onemap.store.writing import Edit
from onemap.tiles.engine import frame, render
from onemap.tiles.layer import Layer
from onemap.tiles.pack.build import build, whole_view
from onemap.tiles.pack.builder import Builder, only_builder, packed, plan, progress
from onemap.tiles.pack.overlay import plane
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.source import Packs
from tests.packed import MOST, SIDE, Layers, made, middle, opened, square, write
from tests.synthetic import coverage

COVER = Tiling(coverage=True, class_field="class")


@pytest.fixture(params=[4490, 4547])
def srid(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def cover(srid: int, tmp_path: Path) -> Layers:
    cells = coverage(1500, 11, srid, SIDE)
    path = write(tmp_path / "cover.gpkg", "cover", "POLYGON", srid, cells)
    found = opened(path, "cover", tmp_path / "derived", COVER)
    found.store.enable_editing(found.collection.table)
    found.build()
    return found


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
