"""Tilesets: a collection on a tile matrix set, with the levels, rows and columns at which it has tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from onemap.block.query import shorten
from onemap.errors import NotFound, did_you_mean
from onemap.geo.crs import CRS84, Bounds, transform_bounds
from onemap.store import Store, View
from onemap.tiles.engine import Tile, may_hold_points
from onemap.tiles.matrixset import Limits, TileMatrixSet

_SMALLEST_PART = 1 / 8
_OVERVIEWS = 4
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class TileSet:
    """The tiles that there are.

    ``limits`` by level, coarsest first; levels at which the whole layer is smaller than an eighth of a
    tile are not there. ``box``: longitudes and latitudes, None for a layer without features.
    """

    view: View
    matrix_set: TileMatrixSet
    limits: Mapping[str, Limits]
    box: Bounds | None

    def tile(self, level: str, row: int, col: int) -> Tile:
        """Return a tile. Raises NotFound outside the limits."""
        limits = self.limits.get(level)
        if limits is None:
            raise NotFound(f"There is no tile matrix '{shorten(level)}' here.", f"There are: {self._levels()}.")
        if not limits.holds(row, col):
            within = f"{limits.min_row} to {limits.max_row}, columns {limits.min_col} to {limits.max_col}"
            raise NotFound(f"There is no tile {row}/{col} in the tile matrix '{level}'.", f"There are rows {within}.")
        overview = level in list(self.limits)[:_OVERVIEWS]
        return Tile(self.matrix_set, self.matrix_set.levels[level], row, col, overview)

    def _levels(self) -> str:
        names = list(self.limits)
        return f"{names[0]} to {names[-1]}" if names else "none, the collection is empty"


class TileSets:
    """The tilesets of all collections; limits are remembered until the data changes."""

    def __init__(self, matrix_sets: Mapping[str, TileMatrixSet]) -> None:
        self.matrix_sets = matrix_sets
        self._known: dict[tuple[str, str, str], TileSet] = {}

    def matrix_set(self, identifier: str) -> TileMatrixSet:
        """Return a tile matrix set. Raises NotFound."""
        found = self.matrix_sets.get(identifier)
        if found is None:
            hint = did_you_mean(identifier[:80], self.matrix_sets)
            raise NotFound(f"There is no tile matrix set '{shorten(identifier)}'.", hint)
        return found

    def known(self, view: View, state: str, matrix_set: TileMatrixSet) -> TileSet | None:
        """Return a tileset whose limits are remembered for this state of the store, else None. Does not block."""
        return self._known.get((view.digest, state, matrix_set.id))

    def get(self, view: View, store: Store, matrix_set: TileMatrixSet) -> TileSet:
        """Return a tileset. Blocks: the store is asked for the extent."""
        state = store.state()
        found = self.known(view, state, matrix_set)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[view.digest, state, matrix_set.id] = make_tileset(view, store.extent(view), matrix_set)
        return found


def make_tileset(view: View, extent: Bounds | None, matrix_set: TileMatrixSet) -> TileSet:
    """Return the tileset of a view whose features lie within ``extent`` (storage x, y)."""
    storage = view.collection.storage
    inside = transform_bounds(extent, storage, matrix_set.crs) if extent else None
    box = transform_bounds(extent, storage, CRS84) if extent else None
    if inside is None:
        return TileSet(view, matrix_set, MappingProxyType({}), box)
    size = max(inside[2] - inside[0], inside[3] - inside[1])
    limits = {
        level.id: found
        for level in matrix_set.levels.values()
        if (may_hold_points(view) or size >= level.width * _SMALLEST_PART or level.id == _last(matrix_set))
        and (found := level.limits(inside))
    }
    return TileSet(view, matrix_set, MappingProxyType(limits), box)


def _last(matrix_set: TileMatrixSet) -> str:
    return list(matrix_set.levels)[-1]
