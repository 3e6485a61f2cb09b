"""Which tiles a change of features covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import Array, Bounds, Crs, crs_from_srid, from_lonlat, same_plane, to_lonlat
from onemap.store.changelog import Change
from onemap.tiles.cache.entry import Place
from onemap.tiles.matrixset import Level, TileMatrixSet
from onemap.tiles.mvt import EXTENT
from onemap.tiles.shapes import BUFFER

Ranges = NDArray[np.int64]
"""First and last row, first and last column of blocks of tiles, both ends included; shape (n, 4)."""
# A twentieth of a tile more than its buffer: stores choose features by boxes that turn with the grid.
_MARGIN = BUFFER / EXTENT + 0.05
_SAMPLES = np.linspace(0.0, 1.0, 5)
# Between samples an edge bends by less than this part of the box.
_BEND = 2e-3
_AT_ONCE = 1000
_EMPTY: Ranges = np.empty((0, 4), np.int64)


class Cover:
    """The tiles that changes of one table cover, worked out level by level as they are asked for.

    ``boxes``: where features were or are, x, y of the system with the EPSG code ``srid``.
    """

    def __init__(self, boxes: Iterable[Bounds], srid: int, matrix_sets: Mapping[str, TileMatrixSet]) -> None:
        self._boxes = np.unique(np.array(list(boxes), dtype=np.float64).reshape(-1, 4), axis=0)
        self._srid = srid
        self._crs = crs_from_srid(srid)
        self._matrix_sets = matrix_sets
        self._moved: dict[int, Array] = {}
        self._ranges: dict[tuple[str, str], Ranges] = {}

    def __len__(self) -> int:
        return len(self._boxes)

    @classmethod
    def together(cls, covers: Sequence[Cover]) -> Cover:
        """Return what several covers of one table cover."""
        made = cls((), covers[0]._srid, covers[0]._matrix_sets)
        made._boxes = np.unique(np.vstack([cover._boxes for cover in covers]), axis=0)
        return made

    def ranges(self, matrix_set: str, level: str) -> Ranges | None:
        """Return the blocks of tiles on a level; None for a grid that there is not, of which all may be covered."""
        key = (matrix_set, level)
        if key not in self._ranges:
            grid = self._matrix_sets.get(matrix_set)
            found = next((item for item in grid.levels.values() if item.id == level), None) if grid else None
            if grid is None or found is None:
                return None
            self._ranges[key] = _ranges(self._on(grid.crs), found)
        return self._ranges[key]

    def holds(self, place: Place) -> bool:
        """Whether a tile is covered."""
        return bool(self.covered(place.matrix_set, place.level, np.array([[place.row, place.col]]))[0])

    def covered(self, matrix_set: str, level: str, tiles: Ranges) -> NDArray[np.bool_]:
        """Return which of these tiles (row, column; shape (n, 2)) are covered."""
        ranges = self.ranges(matrix_set, level)
        if ranges is None:
            return np.ones(len(tiles), dtype=bool)
        hit = np.zeros(len(tiles), dtype=bool)
        rows, cols = tiles[:, 0, None], tiles[:, 1, None]
        for start in range(0, len(ranges), _AT_ONCE):
            first, last, left, right = ranges[start : start + _AT_ONCE].T
            hit |= ((rows >= first) & (rows <= last) & (cols >= left) & (cols <= right)).any(axis=1)
        return hit

    def _on(self, crs: Crs) -> Array:
        if crs.srid not in self._moved:
            parts = [_move(part, self._crs, crs) for part in _parts(self._boxes)]
            self._moved[crs.srid] = np.vstack(parts) if parts else np.empty((0, 4))
        return self._moved[crs.srid]


def boxes_of(changes: Iterable[Change]) -> list[Bounds]:
    """Return the boxes before and after the changes."""
    return [box for change in changes for box in (change.before, change.after) if box is not None]


def _parts(boxes: Array) -> Iterator[Array]:
    for part in batched(boxes, _AT_ONCE):
        yield np.array(part)


def _move(boxes: Array, source: Crs, target: Crs) -> Array:
    """Return boxes in another system, a little too large; those outside its domain become slivers at its edge."""
    if same_plane(source, target):
        return boxes
    x = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * _SAMPLES
    y = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * _SAMPLES
    size = len(_SAMPLES)
    xy = np.stack([np.repeat(x, size, axis=1), np.tile(y, (1, size))], axis=2).reshape(-1, 2)
    west, south, east, north = target.domain
    lonlat = np.clip(np.nan_to_num(to_lonlat(xy, source)), (west, south), (east, north))
    moved = from_lonlat(lonlat, target).reshape(len(boxes), -1, 2)
    low, high = moved.min(axis=1), moved.max(axis=1)
    bend = (high - low) * _BEND
    return np.hstack([low - bend, high + bend])


def _ranges(boxes: Array, level: Level) -> Ranges:
    """Return the blocks of tiles whose buffered bounds meet the boxes."""
    left, top = level.origin
    finite = boxes[np.isfinite(boxes).all(axis=1)]
    cols = (finite[:, [0, 2]] - left) / level.width + (-_MARGIN, _MARGIN)
    rows = (top - finite[:, [3, 1]]) / level.height + (-_MARGIN, _MARGIN)
    found = np.floor(np.hstack([rows, cols]))
    inside = (found[:, [1, 3]] >= 0).all(axis=1) & (found[:, 0] < level.rows) & (found[:, 2] < level.columns)
    if not inside.any():
        return _EMPTY
    limits = np.array([level.rows, level.rows, level.columns, level.columns]) - 1
    return np.unique(np.clip(found[inside], 0, limits).astype(np.int64), axis=0)
