"""Vector tiles read by the letter of Mapbox Vector Tile 2.1, with nothing put right on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import shapely
from mapbox_vector_tile.Mapbox import vector_tile_pb2

POINT, LINE, POLYGON = 1, 2, 3
Path = list[tuple[int, int]]


@dataclass(frozen=True)
class Feature:
    """A feature of a tile: id (None: none), kind, its paths as they are written, and its properties."""

    id: int | None
    kind: int
    paths: list[Path]
    properties: dict[str, Any]

    @property
    def shape(self) -> shapely.Geometry:
        """The geometry; rings are sorted into polygons by their winding, as the specification says."""
        if self.kind == POINT:
            return shapely.MultiPoint([point for path in self.paths for point in path])
        if self.kind == LINE:
            return shapely.MultiLineString(self.paths)
        polygons: list[tuple[Path, list[Path]]] = []
        for ring in self.paths:
            if area(ring) > 0:
                polygons.append((ring, []))
            else:
                polygons[-1][1].append(ring)
        return shapely.MultiPolygon(polygons)


def area(ring: Path) -> float:
    """Return the signed area by the surveyor's formula: positive for an exterior ring (y points down)."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


def read_layers(tile: bytes) -> dict[str, list[Feature]]:
    """Return the features of each layer."""
    message = vector_tile_pb2.tile()
    message.ParseFromString(tile)
    layers = {}
    for layer in message.layers:
        assert (layer.version, layer.extent) == (2, 4096)
        values = [_value(value) for value in layer.values]
        layers[layer.name] = [_feature(item, list(layer.keys), values) for item in layer.features]
    assert len(layers) == len(message.layers)
    return layers


def _feature(item: Any, keys: list[str], values: list[Any]) -> Feature:
    pairs = zip(item.tags[::2], item.tags[1::2], strict=True)
    identifier = item.id if item.HasField("id") else None
    return Feature(identifier, item.type, list(_paths(item.geometry)), {keys[k]: values[v] for k, v in pairs})


def _value(value: Any) -> Any:
    (kind, found), *rest = value.ListFields()
    assert not rest
    return (kind.name, found)


def _paths(words: Any) -> Iterator[Path]:
    at, x, y = 0, 0, 0
    path: Path = []
    while at < len(words):
        command, count = words[at] & 7, words[at] >> 3
        at += 1
        if command == 7:
            continue
        if command == 1 and path:
            yield path
            path = []
        for _ in range(count):
            x, y = x + _signed(words[at]), y + _signed(words[at + 1])
            path.append((x, y))
            at += 2
    if path:
        yield path


def _signed(word: int) -> int:
    return (word >> 1) ^ -(word & 1)
