"""Tiles from a pack are those that are made from the store itself, before and after edits."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from onemap.cql import parse_text, place
from onemap.geo.crs import CRS84
from onemap.store import FeatureQuery
from onemap.tiles.engine import frame
from onemap.tiles.pack import build
from onemap.tiles.pack.borders import number_of
from onemap.tiles.pack.few import FEW
from onemap.tiles.pack.lods import EncodedRows, Lod
from onemap.tiles.shapes import WINDOW
from tests.packed import KINDS, MOST, Layers, decoded, made, opened, write


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
@pytest.mark.parametrize("zoom", [6, 9, 12, 13, 14, 16])
def test_tiles_of_a_pack_are_those_of_the_store(layers: Layers, name: str, zoom: int) -> None:
    source, seen = layers.source(), 0
    # Simplified lines may leave the line by the tolerance each; what is about as small as the limit may be left out.
    tolerance = 1.0 if zoom > 12 else 4.0 * 2 + 1.5
    for tile in layers.tiles(name, zoom, 4):
        ours, theirs = layers.drawn(tile, source), layers.drawn(tile, None)
        seen += len(theirs)
        for key in ours.keys() ^ theirs.keys():
            shape, _ = ours.get(key) or theirs.get(key)  # type: ignore[misc]
            assert barely_seen(shape, tolerance), (key, shape)
        for key in ours.keys() & theirs.keys():
            assert ours[key][1] == theirs[key][1]
            assert ours[key][0].is_valid
            assert like(ours[key][0], theirs[key][0], tolerance * math.sqrt(2)), (zoom, key)
    assert seen


def test_levels_with_attributes_of_their_own_say_the_same(
    layers: Layers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for share in ("_OWN_SHARE", "_ALL_OWN_SHARE"):
        monkeypatch.setattr(build, share, 100.0)
    other = replace(layers, folder=tmp_path)
    other.build()
    own, common = other.source(), layers.source()
    few = many = 0
    for lod in own.pack.lods:
        assert (own.pack.attributes(lod, np.arange(1))[0] is own.pack.columns) == (lod is own.pack.full)
    for zoom in (3, 6, 9, 11, 12):
        for tile in layers.tiles("WebMercatorQuad", zoom, 6):
            drawn = layers.drawn(tile, own)
            assert drawn == layers.drawn(tile, common)
            few, many = few + (0 < len(drawn) <= FEW), many + (len(drawn) > FEW)
    assert few
    assert many


@pytest.mark.parametrize("zoom", [9, 12, 14])
def test_rows_cut_beforehand_are_those_that_are_cut_when_a_tile_is_drawn(layers: Layers, zoom: int) -> None:
    before, now = layers.source(), layers.source()
    assert before.pack is not now.pack
    found = 0
    for lod in now.pack.lods:
        for item in lod.encoded:
            item.cuts.find = nothing  # type: ignore[method-assign]
    for tile in layers.tiles("WebMercatorQuad", zoom, 6):
        assert layers.drawn(tile, before) == layers.drawn(tile, now)
        number = int(number_of(np.int64(tile.col), np.int64(tile.row)))
        found += sum(cuts_in(lod, item, number) for lod in before.pack.lods for item in lod.encoded)
    assert found or layers.collection.id == "sites" or zoom == 9


def nothing(_: int, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.empty(0, np.int64), np.zeros(len(rows), dtype=bool)


def cuts_in(lod: Lod, item: EncodedRows, number: int) -> int:
    return len(item.cuts.find(number, np.arange(len(lod)))[0])


def barely_seen(shape: shapely.Geometry, tolerance: float) -> bool:
    """Whether a shape is about as small as what is left out, as thin as rounding, or at the border of the window."""
    window = shapely.box(*WINDOW)
    if largest_side(shape) < 16 or not shape.intersects(window.buffer(-tolerance)):
        return True
    return "Polygon" in shape.geom_type and bool(shape.buffer(-tolerance).is_empty)


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
