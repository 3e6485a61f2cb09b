"""Label points from a pack: the same as from the store at every zoom and on every grid, also after edits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from onemap.catalog.model import Tiling
from onemap.geo.crs import transform_bounds
from onemap.store import Batch, FeatureQuery, View
from onemap.store.geopackage import GeoPackageStore
from onemap.store.writing import Edit
from onemap.tiles.engine import Tile, frame, render
from onemap.tiles.labels import label_frame
from onemap.tiles.layer import Layer
from onemap.tiles.pack.builder import Builder
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.source import PackSource
from tests.decoding import read_layers
from tests.packed import KINDS, MOST, SIDE, Drawn, Layers, decoded, made, middle, opened, write
from tests.synthetic import coverage

LABELS = Tiling(labels=True)
COVER = Tiling(coverage=True, class_field="class", labels=True)


def labels(body: bytes, layers: Layers) -> Drawn:
    name = layers.collection.label_layer
    return decoded(body, name) if name in (read_layers(body) if body else {}) else {}


def from_store(layers: Layers, tile: Tile, **asked: object) -> Drawn:
    return labels(render(Layer(layers.view, layers.store, **asked), tile, MOST), layers)  # type: ignore[arg-type]


def from_pack(layers: Layers, source: PackSource, tile: Tile, most: int = MOST) -> Drawn:
    asked = label_frame(frame(layers.view, tile, MOST))
    body = source.tile(layers.view, asked, FeatureQuery(limit=most))
    assert body is not None
    return labels(body, layers)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("srid", [4490, 4547])
def test_both_ways_give_the_same_points(kind: str, srid: int, tmp_path: Path) -> None:
    path = write(tmp_path / "all.gpkg", kind, KINDS[kind], srid, made(kind, srid, 200))
    layers = opened(path, kind, tmp_path / "derived", LABELS)
    layers.build()
    source, seen = layers.source(), 0
    for matrix_set in ("WebMercatorQuad", "CGCS2000Quad"):
        for zoom in (4, 7, 9, 11, 13, 15):
            for tile in layers.tiles(matrix_set, zoom, 3):
                expected = from_store(layers, tile)
                assert from_pack(layers, source, tile) == expected, (matrix_set, zoom, tile.row, tile.col)
                seen += len(expected)
    assert seen > 100


@pytest.fixture
def cover(tmp_path: Path) -> Layers:
    path = write(tmp_path / "cover.gpkg", "cover", "POLYGON", 4547, coverage(1500, 11, 4547, SIDE))
    layers = opened(path, "cover", tmp_path / "derived", COVER)
    layers.store.enable_editing(layers.collection.table)
    layers.build()
    return layers


def amid(layers: Layers, tile: Tile) -> shapely.Polygon:
    """Return a square in the middle of a tile, of a tenth of its width."""
    bounds = transform_bounds(tile.bounds, tile.matrix_set.crs, layers.collection.storage)
    assert bounds is not None
    x, y, side = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2, (bounds[2] - bounds[0]) / 10
    return shapely.box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


@pytest.mark.parametrize("zoom", [9, 11, 12, 14])
def test_points_of_a_coverage_are_those_of_its_features_and_follow_edits(cover: Layers, zoom: int) -> None:
    source, tile = cover.source(), middle(cover, zoom)
    assert from_pack(cover, source, tile) == from_store(cover, tile)
    large = amid(cover, tile)
    around = transform_bounds(tile.bounds, tile.matrix_set.crs, cover.collection.storage)
    assert around is not None
    here = cover.store.within(cover.view, around, 0.0, FeatureQuery(limit=3)).keys
    edits = [
        Edit("update", str(here[0]), {"name": "edited"}),
        Edit("delete", str(here[1])),
        Edit("insert", None, {"name": "new"}, large, shaped=True),
    ]
    cover.store.edit(cover.view, edits)
    after = from_pack(cover, source, tile)
    assert after == from_store(cover, tile)
    assert here[1] not in after
    assert [said["name"] for _, said in after.values()].count("new") == 1
    moved = shapely.transform(large, lambda xy: xy + 120_000)
    new = next(key for key, (_, said) in after.items() if said["name"] == "new")
    cover.store.edit(cover.view, [Edit("update", str(new), {"name": "away"}, moved, shaped=True)])
    assert new not in from_pack(cover, source, tile)
    assert from_pack(cover, source, tile) == from_store(cover, tile)


class _Unread(GeoPackageStore):
    """A store of which no tile may ask for features."""

    def within(self, *_: object) -> Batch:
        raise AssertionError("The store was asked.")


@pytest.mark.parametrize("zoom", [9, 12, 14])
def test_a_tile_with_labels_does_not_ask_the_store(cover: Layers, zoom: int) -> None:
    unread = _Unread(cover.folder.parent / "cover.gpkg", own=True)
    layer = Layer(cover.view, unread, pack=PackSource(Pack(cover.path, cover.collection), unread, cover.collection))
    tile = middle(cover, zoom)
    body = render(layer, tile, MOST)
    assert {"cover", "cover:label"} >= set(read_layers(body))
    assert labels(body, cover) == from_store(cover, tile)
    with pytest.raises(AssertionError, match="asked"):
        render(replace(layer, pack=None), tile, MOST)


def test_the_largest_are_drawn_where_there_are_too_many(cover: Layers) -> None:
    tile, source = middle(cover, 12), cover.source()
    every, few = from_pack(cover, source, tile), from_pack(cover, source, tile, most=20)
    assert len(every) > len(few) == 20
    assert few.items() <= every.items()


def test_only_the_columns_asked_for_are_written(cover: Layers) -> None:
    asked = label_frame(frame(cover.view, middle(cover, 12), MOST))
    body = cover.source().tile(cover.view, asked, FeatureQuery(limit=MOST, columns=("name",)))
    assert body
    assert {tuple(said) for _, said in labels(body, cover).values()} == {("name",)}
    some = View(cover.collection, cover.view.columns[:1])
    body = cover.source().tile(some, asked, FeatureQuery(limit=MOST))
    assert body
    assert {name for _, said in labels(body, cover).values() for name in said} == {cover.view.columns[0].name}


def test_a_pack_without_points_is_built_again_for_a_collection_with_labels(cover: Layers, tmp_path: Path) -> None:
    folder = tmp_path / "derived"
    without = replace(cover.collection, tiles=replace(COVER, labels=False))
    builder = Builder(folder, {without.store: cover.store})
    assert builder.reason(without) == ""  # points that nobody asks for do no harm
    builder.build(without)
    with pytest.raises(ValueError, match="another declaration"):
        Pack(cover.path, cover.collection)
    assert Builder(folder, {without.store: cover.store}).reason(cover.collection) == "there is none"
