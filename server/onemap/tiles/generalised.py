"""What the tiles of each level leave out or change, said in words for the metadata of a tileset."""

from __future__ import annotations

from typing import Any

from onemap.tiles.engine import SIMPLIFY_FROM, may_hold_points
from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.tilesets import Part

_SMALL = (
    "小于瓦片 1/512 的要素不显示。",
    "Features smaller than 1/512 of a tile are left out.",
)
_OVERVIEW = (
    "小于瓦片 1/512 的要素不显示，但最大的要素总会显示。",
    "Features smaller than 1/512 of a tile are left out, except that the largest are always shown.",
)
_SIMPLER = (
    "形状简化到瓦片 1/1024 以内。",
    "Shapes are simplified within 1/1024 of a tile.",
)


def statements(part: Part, matrix_set: TileMatrixSet, most: int, lang: str) -> list[dict[str, Any]]:
    """Return what is done at which levels: runs of levels, coarsest first, each with its statement."""
    crowded = (
        f"每个瓦片最多 {most} 个要素，取最大者。",
        f"At most {most} features in a tile, the largest.",
    )
    made: list[dict[str, Any]] = []
    for name in part.limits:
        pairs = [*_sizes(part, name), *_shapes(matrix_set, name), crowded]
        said = ("" if lang == "zh" else " ").join(pair[lang != "zh"] for pair in pairs)
        if made and made[-1]["description"] == said:
            made[-1]["maxTileMatrix"] = name
        else:
            made.append({"minTileMatrix": name, "maxTileMatrix": name, "description": said})
    return made


def _sizes(part: Part, level: str) -> list[tuple[str, str]]:
    if may_hold_points(part.view):
        return []
    return [_OVERVIEW if part.overview(level) else _SMALL]


def _shapes(matrix_set: TileMatrixSet, level: str) -> list[tuple[str, str]]:
    return [_SIMPLER] if matrix_set.levels[level].scale_denominator > SIMPLIFY_FROM else []
