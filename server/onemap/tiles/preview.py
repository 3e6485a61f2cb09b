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
        "layers": [_layer(part.view, call.lang) for part in tileset.parts],
        "attribution": origin.attribution,
    }  # fmt: skip


def _layer(view: View, lang: str) -> dict[str, Any]:
    collection = view.collection
    field = view.column(collection.colour_by) if collection.colour_by else None
    codes = field.codes if field else None
    return {
        "id": collection.id,
        "title": collection.title.get(lang),
        "role": collection.role,
        "geometry_type": collection.table.geometry_type,
        "colour_by": field.name if field and codes else None,
        "colours": {code: codes.value(code, "colour") for code in codes.titles} if codes else {},
    }
