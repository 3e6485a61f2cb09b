"""Tiles read by decoders that are not ours, and by the letter of Mapbox Vector Tile 2.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyogrio
import shapely
from mapbox_vector_tile.Mapbox import vector_tile_pb2
from numpy.typing import NDArray

EXTENT = 4096
TILE = shapely.box(0, 0, EXTENT, EXTENT)
_MOVE_TO, _LINE_TO, _CLOSE_PATH = 1, 2, 7
_POLYGON = 3

Drawn = dict[int, shapely.Geometry]
Ring = NDArray[np.int64]


def decode(body: bytes, layer: str) -> Drawn:
    """Return the geometries of a layer by feature id, in tile units, y down; read by mapbox-vector-tile."""
    return {key: shape for key, (shape, _) in decode_properties(body, layer).items()}


def decode_properties(body: bytes, layer: str) -> dict[int, tuple[shapely.Geometry, dict[str, Any]]]:
    """Return geometry and properties of the features of a layer, by feature id."""
    if not body:
        return {}
    options = {"y_coord_down": True, "geojson": True}
    layers = mapbox_vector_tile.decode(body, default_options=options)
    features = layers[layer]["features"] if layer in layers else []
    assert len({item["id"] for item in features}) == len(features)
    return {item["id"]: (shapely.geometry.shape(item["geometry"]), item["properties"]) for item in features}


def decode_with_gdal(body: bytes, layer: str, folder: Path) -> Drawn:
    """Return the same, read by GDAL."""
    (folder / "tile.pbf").write_bytes(body)
    meta, _, geometries, fields = pyogrio.raw.read(folder / "tile.pbf", layer=layer, CLIP="NO")
    keys = fields[list(meta["fields"]).index("mvt_id")]
    shapes = shapely.transform(shapely.from_wkb(geometries), lambda xy: xy * [1, -1] + [0, EXTENT])
    return dict(zip(keys.tolist(), shapes.tolist(), strict=True))


def check_letter(body: bytes) -> int:
    """Check a tile against the specification, sections 4.1 to 4.3; return how many polygons it has.

    Exterior rings have a positive area by the surveyor's formula (y down), interior ones a negative area and follow
    their exterior ring; no ring is empty, repeats its first vertex, or has less than three.
    """
    tile: Any = vector_tile_pb2.tile()
    tile.ParseFromString(body)
    names = [layer.name for layer in tile.layers]
    assert len(set(names)) == len(names)
    polygons = 0
    for layer in tile.layers:
        assert (layer.version, layer.extent) == (2, EXTENT)
        assert layer.features
        for feature in layer.features:
            assert len(feature.tags) % 2 == 0
            assert all(tag < len(layer.keys) for tag in feature.tags[::2])
            assert all(tag < len(layer.values) for tag in feature.tags[1::2])
            if feature.type == _POLYGON:
                polygons += len(_polygons(feature.geometry))
    return polygons


def _polygons(words: Sequence[int]) -> list[list[Ring]]:
    polygons: list[list[Ring]] = []
    for ring in _rings(words):
        assert len(ring) >= 3
        assert (ring[0] != ring[-1]).any()
        area = _surveyed(ring)
        assert area != 0
        if area > 0:
            polygons.append([ring])
        else:
            assert polygons, "an interior ring without an exterior one"
            polygons[-1].append(ring)
    for exterior, *holes in polygons:
        made = shapely.Polygon(exterior, holes)
        assert made.is_valid, shapely.is_valid_reason(made)
    return polygons


def _rings(words: Sequence[int]) -> Iterator[Ring]:
    cursor: Ring = np.zeros(2, np.int64)
    ring: list[Ring] = []
    at = 0
    while at < len(words):
        command, count = words[at] & 7, words[at] >> 3
        at += 1
        if command == _CLOSE_PATH:
            assert count == 1
            yield np.array(ring)
            ring = []
            continue
        assert (command, count) == (_MOVE_TO, 1) if not ring else command == _LINE_TO
        assert count > 0
        for _ in range(count):
            step = [(word >> 1) ^ -(word & 1) for word in words[at : at + 2]]
            cursor = cursor + np.array(step, np.int64)
            ring.append(cursor)
            at += 2
    assert not ring, "a ring that is not closed"


def _surveyed(ring: Ring) -> int:
    x, y = ring[:, 0], ring[:, 1]
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
