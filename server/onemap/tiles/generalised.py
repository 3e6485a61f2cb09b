"""What the tiles of each level leave out or change, said in words for the metadata of a tileset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from onemap.store.tiling import GeneralisedTable, GeneralisingStore, Grid
from onemap.tiles.engine import SIMPLIFY_FROM, may_hold_points
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.mvt import EXTENT
from onemap.tiles.tilesets import Part

Said = tuple[str, str]
"""A statement in Chinese and in English."""
_NO_FINER = 1 - 1e-6
_SMALL = ("小于瓦片 1/512 的要素不显示。", "Features smaller than 1/512 of a tile are left out.")
_OVERVIEW = (
    "小于瓦片 1/512 的要素不显示，但最大的要素总会显示。",
    "Features smaller than 1/512 of a tile are left out, except that the largest are always shown.",
)
_SIMPLER = ("形状简化到瓦片 1/1024 以内。", "Shapes are simplified within 1/1024 of a tile.")
_MERGED = (
    "看不清的小面并入相邻面（先同类，后公共边界最长者），边界连同相邻面一起简化，不留缝隙；属性取自最大的部分。",
    "Surfaces too small to be seen are merged into a neighbour (of the same class first, then the one with the longest "
    "shared border), and borders are simplified for both sides at once, so that no gap opens; attributes are those of "
    "the largest part.",
)


def kept_by(layers: Iterable[Layer]) -> dict[str, tuple[GeneralisedTable, ...]]:
    """Return the tables of generalised features that layers are drawn from, by collection. Blocks.

    There are none for a layer of some of the features only: those that are merged could not be told apart.
    """
    whole = (layer for layer in layers if layer.filter is None and layer.view.rows is None)
    return {layer.view.collection.id: _kept(layer) for layer in whole}


def _kept(layer: Layer) -> tuple[GeneralisedTable, ...]:
    packed = layer.pack.tables() if layer.pack else ()
    if packed or not isinstance(layer.store, GeneralisingStore):
        return packed
    return tuple(table for table in layer.store.generalised(layer.view) if not table.stale)


def statements(
    part: Part, matrix_set: TileMatrixSet, most: int, lang: str, kept: Sequence[GeneralisedTable] = ()
) -> list[dict[str, Any]]:
    """Return what is done at which levels: runs of levels, coarsest first, each with its statement.

    ``most``: features in a layer; ``kept``: the tables that the layer is drawn from where they are fine enough.
    """
    made: list[dict[str, Any]] = []
    for name in part.limits:
        pairs = _of_level(part, matrix_set, name, _table(matrix_set, name, kept))
        pairs.append((f"每个瓦片最多 {most} 个要素，取最大者。", f"At most {most} features in a tile, the largest."))
        said = ("" if lang == "zh" else " ").join(pair[lang != "zh"] for pair in pairs)
        if made and made[-1]["description"] == said:
            made[-1]["maxTileMatrix"] = name
        else:
            made.append({"minTileMatrix": name, "maxTileMatrix": name, "description": said})
    return made


def _of_level(part: Part, matrix_set: TileMatrixSet, name: str, table: GeneralisedTable | None) -> list[Said]:
    if table is not None and table.note.get("method") == "coverage":
        return [_MERGED, *_account(table)]
    sizes = [] if may_hold_points(part.view) else [_OVERVIEW if part.overview(name) else _SMALL]
    return [*sizes, *([_SIMPLER] if _simplified(matrix_set, name) else [])]


def _table(matrix_set: TileMatrixSet, name: str, kept: Sequence[GeneralisedTable]) -> GeneralisedTable | None:
    """Return the table that a level is drawn from: the coarsest that is no coarser than the level."""
    if not _simplified(matrix_set, name):
        return None
    level = matrix_set.levels[name]
    grid = Grid(matrix_set.crs, level.origin, level.width / EXTENT)
    factors = [(factor, table) for table in kept if (factor := table.grid.finer(grid)) and factor > _NO_FINER]
    return min(factors, key=lambda item: item[0])[1] if factors else None


def _account(table: GeneralisedTable) -> list[Said]:
    """Return when a table was made, and how much of the area changed its class."""
    made = [(f"制作于 {table.made}。", f"Made {table.made}.")]
    moved = table.note.get("moved")
    if isinstance(moved, (int, float)):
        share = f"{100 * moved:.2f}%"
        made.append((f"{share} 的面积改变了类别。", f"{share} of the area changed its class."))
    return made


def _simplified(matrix_set: TileMatrixSet, name: str) -> bool:
    return matrix_set.levels[name].scale_denominator > SIMPLIFY_FROM
