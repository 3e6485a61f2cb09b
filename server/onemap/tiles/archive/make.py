"""Making the tiles of an archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from isal import igzip

from onemap.store.changelog import Changes
from onemap.tiles.archive.plan import LevelPlan
from onemap.tiles.archive.staging import Block, StagedTile
from onemap.tiles.archive.tileid import tile_ids
from onemap.tiles.cache.cover import Cover, boxes_of
from onemap.tiles.engine import Tile, render
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import TileMatrixSet

# As in the cache, so that a tile has the same entity tag wherever it comes from.
GZIP_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Maker:
    """What tiles are made from. ``grid``: the tile matrix set; ``most``: features in a tile."""

    layer: Layer
    grid: TileMatrixSet
    levels: Sequence[LevelPlan]
    most: int

    def blocks(self) -> list[Block]:
        """Return all blocks, coarse levels first."""
        return [block for plan in self.levels for block in plan.blocks()]

    def plan_of(self, block: Block) -> LevelPlan:
        """Return the level that a block is of."""
        return next(plan for plan in self.levels if plan.zoom == block[0])

    def make(self, block: Block) -> list[StagedTile]:
        """Return the tiles of a block, those that are empty left out. Blocks."""
        plan = self.plan_of(block)
        top, bottom, left, right = plan.within(block)
        places = [(row, col) for row in range(top, bottom + 1) for col in range(left, right + 1)]
        rows, cols = (np.array([place[at] for place in places]) for at in (0, 1))
        made: list[StagedTile] = []
        for number, (row, col) in zip(tile_ids(plan.zoom, cols, rows).tolist(), places, strict=True):
            content = render(self.layer, Tile(self.grid, plan.level, row, col, plan.overview), self.most)
            if content:
                made.append((number, plan.zoom, row, col, bytes(igzip.compress(content, GZIP_LEVEL, mtime=0))))
        return made

    def changed(self, found: Changes) -> list[Block]:
        """Return the blocks with tiles that changes cover."""
        storage = self.layer.view.collection.storage
        cover = Cover(boxes_of(found.changed), storage.srid, {self.grid.id: self.grid})
        return sorted({block for plan in self.levels for block in _covered(plan, cover, self.grid)})


def _covered(plan: LevelPlan, cover: Cover, grid: TileMatrixSet) -> Iterable[Block]:
    ranges = cover.ranges(grid.id, plan.level.id)
    every = plan.blocks()
    if ranges is None:
        return every
    blocks = np.unique(ranges >> plan.bits, axis=0).tolist()
    return (
        block
        for block in every
        if any(first <= block[1] <= last and left <= block[2] <= right for first, last, left, right in blocks)
    )
