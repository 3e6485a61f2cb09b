"""What a page needs to draw a tileset in its own CRS: the grid in x, y order, the address of the tiles, the layers."""

from __future__ import annotations

from typing import Any

from onemap.block import Call
from onemap.geo.crs import CRS84, transform_bounds
from onemap.store import View
from onemap.tiles.documents import tile_template
from onemap.tiles.origin import Origin
from onemap.tiles.tilesets import TileSet


def preview(tileset: TileSet, origin: Origin, call: Call) -> dict[str, Any]:
    """Return the description of a map of the tileset; coordinates in x, y of the CRS of the matrix set."""
    matrix_set = tileset.matrix_set
    levels = [matrix_set.levels[name] for name in tileset.limits]
    inside = transform_bounds(tileset.box, CRS84, matrix_set.crs) if tileset.box else None
    return {
        "tiles": tile_template(origin, matrix_set.id, call, "tileMatrix", "tileRow", "tileCol"),
        "crs": f"EPSG:{matrix_set.crs.srid}",
        "geographic": matrix_set.crs.geographic,
        "bounds": inside,
        "grid": {
            "ids": list(tileset.limits),
            "resolutions": [level.cell_size for level in levels],
            "origins": [level.origin for level in levels],
            "tileSizes": [[round(level.width / level.cell_size), round(level.height / level.cell_size)]
                          for level in levels],
        },
        "layers": [_layer(part.view, call) for part in tileset.parts],
        "attribution": origin.attribution,
    }  # fmt: skip


def _layer(view: View, call: Call) -> dict[str, Any]:
    collection = view.collection
    style = call.links.to("collections", collection.id, "styles", "default", f="mapbox")
    return {"id": collection.id, "title": collection.title.get(call.lang), "style": style}
