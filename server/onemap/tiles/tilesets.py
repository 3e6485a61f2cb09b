"""Tilesets: collections on a tile matrix set, with the levels, rows and columns at which there are tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from onemap.block.query import shorten
from onemap.catalog import Field
from onemap.errors import NotFound, did_you_mean
from onemap.geo.crs import CRS84, Bounds, transform_bounds
from onemap.geo.gauss_kruger import zone_of
from onemap.store import Store, View
from onemap.tiles.engine import Tile, may_hold_points
from onemap.tiles.matrixset import Limits, TileMatrixSet

_SMALLEST_PART = 1 / 8
_OVERVIEWS = 4
_REMEMBERED = 4096
_HALF_ZONE = 1.5
_CGCS2000 = 4490

Source = tuple[View, Store]


@dataclass(frozen=True, slots=True)
class Part:
    """The tiles of one collection.

    ``limits`` by level, coarsest first; levels at which the whole layer is smaller than an eighth of a
    tile are not there. ``box``: longitudes and latitudes, None for a layer without features.
    """

    view: View
    limits: Mapping[str, Limits]
    box: Bounds | None

    def holds(self, level: str, row: int, col: int) -> bool:
        """Whether there is such a tile."""
        limits = self.limits.get(level)
        return limits is not None and limits.holds(row, col)

    def overview(self, level: str) -> bool:
        """Whether a level is one of the coarsest, at which most features are smaller than a cell."""
        return level in list(self.limits)[:_OVERVIEWS]


@dataclass(frozen=True, slots=True)
class TileSet:
    """The tiles of a collection, or of all collections of the dataset in common (``whole``), on a matrix set.

    ``limits`` and ``box`` hold those of all parts.
    """

    matrix_set: TileMatrixSet
    parts: tuple[Part, ...]
    limits: Mapping[str, Limits]
    box: Bounds | None
    whole: bool = False

    def tile(self, level: str, row: int, col: int) -> Tile:
        """Return a tile. Raises NotFound outside the limits."""
        limits = self.limits.get(level)
        if limits is None:
            raise NotFound(f"There is no tile matrix '{shorten(level)}' here.", f"There are: {self._levels()}.")
        if not limits.holds(row, col):
            within = f"{limits.min_row} to {limits.max_row}, columns {limits.min_col} to {limits.max_col}"
            raise NotFound(f"There is no tile {row}/{col} in the tile matrix '{level}'.", f"There are rows {within}.")
        grid = self.matrix_set.same_as or self.matrix_set
        return Tile(grid, self.matrix_set.levels[level], row, col, not self.whole and self.parts[0].overview(level))

    def drawn(self, level: str, tile: Tile) -> dict[str, Tile]:
        """Return the tile as each collection draws it, by collection; those that have no such tile are left out."""
        parts = [part for part in self.parts if part.holds(level, tile.row, tile.col)]
        return {part.view.collection.id: replace(tile, overview=part.overview(level)) for part in parts}

    def only(self, columns: Mapping[str, tuple[Field, ...]]) -> TileSet:
        """Return the tileset of some of the collections, in this order, each with some of its columns."""
        parts = {part.view.collection.id: part for part in self.parts}
        shown = [(parts[name], fields) for name, fields in columns.items() if name in parts]
        kept = [replace(part, view=replace(part.view, columns=fields)) for part, fields in shown]
        return united(self.matrix_set, kept, self.whole)

    def _levels(self) -> str:
        names = list(self.limits)
        return f"{names[0]} to {names[-1]}" if names else "none, there are no features"


class TileSets:
    """The tilesets of all collections and of the dataset; limits are remembered until the data changes.

    ``state``: how the state of a store is found out; whoever follows the stores knows it without asking them.
    """

    def __init__(self, matrix_sets: Mapping[str, TileMatrixSet]) -> None:
        self.matrix_sets = matrix_sets
        self.state: Callable[[Store], str] = _asked_for
        self._known: dict[object, TileSet] = {}

    def matrix_set(self, identifier: str) -> TileMatrixSet:
        """Return a tile matrix set. Raises NotFound."""
        found = self.matrix_sets.get(identifier)
        if found is None:
            hint = did_you_mean(identifier[:80], self.matrix_sets)
            raise NotFound(f"There is no tile matrix set '{shorten(identifier)}'.", hint)
        return found

    def known(self, sources: Sequence[Source], matrix_set: TileMatrixSet, *, whole: bool = False) -> TileSet | None:
        """Return a tileset that is remembered for the present state of the stores, else None. Does not block."""
        return self._known.get(self._key(sources, matrix_set, whole))

    def get(self, sources: Sequence[Source], matrix_set: TileMatrixSet, *, whole: bool = False) -> TileSet:
        """Return a tileset of the collections that have tiles on this set. Blocks: the stores are asked for extents.

        Raises NotFound when none has.
        """
        key = self._key(sources, matrix_set, whole)
        found = self._known.get(key)
        if found is None:
            parts = [part for view, store in sources if (part := make_part(view, store.extent(view), matrix_set))]
            if not parts:
                raise NotFound(f"There are no tiles on '{matrix_set.id}' here.", "The list of tilesets names the sets.")
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[key] = united(matrix_set, parts, whole)
        return found

    def every(self, sources: Sequence[Source], *, whole: bool = False) -> list[TileSet]:
        """Return the tilesets on all matrix sets that suit one of the collections. Blocks."""
        made = []
        for matrix_set in self.matrix_sets.values():
            try:
                made.append(self.get(sources, matrix_set, whole=whole))
            except NotFound:
                continue
        return made

    def _key(self, sources: Sequence[Source], matrix_set: TileMatrixSet, whole: bool) -> object:
        stores = {id(store): store for _, store in sources}
        states = (self.state(store) for store in stores.values())
        return (matrix_set.id, whole, *(view.digest for view, _ in sources), *states)


def _asked_for(store: Store) -> str:
    return store.state()


def make_part(view: View, extent: Bounds | None, matrix_set: TileMatrixSet) -> Part | None:
    """Return the tiles of a view whose features lie within ``extent`` (storage x, y); None on a set that is not for it.

    A Gauss-Kruger zone is for collections that offer its CRS, and for those on CGCS2000 that reach into the zone.
    """
    storage = view.collection.storage
    box = transform_bounds(extent, storage, CRS84) if extent else None
    if not suits(view, box, matrix_set):
        return None
    inside = transform_bounds(extent, storage, matrix_set.crs) if extent else None
    if inside is None:
        return Part(view, MappingProxyType({}), box)
    size = max(inside[2] - inside[0], inside[3] - inside[1])
    last = list(matrix_set.levels)[-1]
    limits = {
        name: found
        for name, level in matrix_set.levels.items()
        if (may_hold_points(view) or size >= level.width * _SMALLEST_PART or name == last)
        and (found := level.limits(inside))
    }
    return Part(view, MappingProxyType(limits), box)


def suits(view: View, box: Bounds | None, matrix_set: TileMatrixSet) -> bool:
    """Whether a matrix set makes sense for a collection within ``box`` (longitudes and latitudes)."""
    crs, storage = matrix_set.crs, view.collection.storage
    zone = zone_of(crs.srid)
    if zone is None or crs in view.collection.crs:
        return True
    if box is None or not (storage.cgcs2000_gk or storage.srid == _CGCS2000):
        return False
    west, east = zone.central_meridian - _HALF_ZONE, zone.central_meridian + _HALF_ZONE
    return box[0] < east and west < box[2]


def united(matrix_set: TileMatrixSet, parts: Sequence[Part], whole: bool) -> TileSet:
    """Return the tileset of some parts."""
    every = {level: [part.limits[level] for part in parts if level in part.limits] for level in matrix_set.levels}
    limits = {level: _around(found) for level, found in every.items() if found}
    boxes = [part.box for part in parts if part.box]
    box = None
    if boxes:
        low, high = [min(side) for side in zip(*boxes, strict=True)], [max(side) for side in zip(*boxes, strict=True)]
        box = (low[0], low[1], high[2], high[3])
    return TileSet(matrix_set, tuple(parts), MappingProxyType(limits), box, whole)


def _around(limits: Sequence[Limits]) -> Limits:
    return Limits(
        min(item.min_row for item in limits),
        max(item.max_row for item in limits),
        min(item.min_col for item in limits),
        max(item.max_col for item in limits),
    )
