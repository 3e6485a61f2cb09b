"""TileJSON 3.0, which web maps read; its addresses are XYZ: level, column and row, counted from the north."""

from __future__ import annotations

from typing import Any

from onemap.block import Call
from onemap.geo.crs import outward
from onemap.tiles.documents import middle, tile_template
from onemap.tiles.origin import Origin
from onemap.tiles.tilesets import Part, TileSet

# Clients stretch tiles beyond this level; a tile unit is 4 cm there.
_LAST_LEVEL = 18
_TYPES = {"integer": "Number", "number": "Number", "boolean": "Boolean"}


def tilejson(tileset: TileSet, origin: Origin, call: Call) -> dict[str, Any]:
    """Return TileJSON 3.0 for a tileset on the grid of WebMercatorQuad, with the query of the call in its address."""
    low, high = _zooms(list(tileset.limits))
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": origin.title,
        "description": origin.description,
        "attribution": origin.attribution,
        "scheme": "xyz",
        "tiles": [xyz(tileset, origin, call)],
        "minzoom": low,
        "maxzoom": high,
        "vector_layers": [item for part in tileset.parts for item in _layers(part, call.lang)],
    }
    if tileset.box:
        document["bounds"] = outward(tileset.box)
        document["center"] = [*middle(tileset.box), min(low + 2, high)]
    return {key: value for key, value in document.items() if value != ""}


def xyz(tileset: TileSet, origin: Origin, call: Call) -> str:
    """Return the address of the tiles as XYZ."""
    return tile_template(origin, tileset.matrix_set.id, call, "z", "y", "x")


def _layers(part: Part, lang: str) -> list[dict[str, Any]]:
    """Return the layers of a collection: that of its features, and that of its label points where it has one."""
    collection = part.view.collection
    low, high = _zooms(list(part.limits))
    layer = {
        "id": collection.id,
        "description": collection.title.get(lang),
        "minzoom": low,
        "maxzoom": high,
        "fields": {field.name: _TYPES.get(field.type, "String") for field in part.view.columns},
    }
    return [layer, layer | {"id": collection.label_layer}] if collection.tiles.labels else [layer]


def _zooms(levels: list[str]) -> tuple[int, int]:
    numbers = [int(level) for level in levels] or [0]
    return numbers[0], max(numbers[0], min(numbers[-1], _LAST_LEVEL))
