"""Tell for many boxes at once whether they lie inside, outside or on the edge of a polygon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Bounds

Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]
Corner = NDArray[np.float64]

CELLS = 256
"""Cells of the grid along the longer side of the polygon's box."""

_FEW = 256
# Widening of what an edge touches, in cells: above the rounding of cell coordinates, below notice.
_MARGIN = 1e-6


def meeting(boxes: Boxes, low: Sequence[float] | Corner, high: Sequence[float] | Corner) -> Mask:
    """Tell which boxes, shape (n, 4), have a point in common with the box between two corners (x, y)."""
    # Column by column: a reduction along the short axis costs three times as much.
    west, south, east, north = boxes.T
    return np.asarray((west <= high[0]) & (south <= high[1]) & (east >= low[0]) & (north >= low[1]))


def box_test(bounds: Bounds, meets: Callable[[Boxes], Mask] | None) -> Callable[[Boxes], Mask]:
    """Return what tells which boxes, shape (n, 4), meet ``bounds`` and are not denied by ``meets``."""

    def wanted(boxes: Boxes) -> Mask:
        mask = meeting(boxes, bounds[:2], bounds[2:])
        if meets is not None and mask.any():
            mask[mask] = meets(boxes[mask])
        return mask

    return wanted


class Cover:
    """A polygon as a grid of cells inside, outside, or possibly touched by its boundary.

    Sums over rectangles of cells come from two summed-area tables, so a box costs eight look-ups whatever the
    polygon is. Both answers are cautious: ``meets`` is never False for a box that meets the polygon, ``holds`` never
    True for one that is not inside. For a few boxes the grid is not worth its making: they are judged by their
    overlap with the polygon's box.
    """

    def __init__(self, polygon: shapely.Geometry) -> None:
        self._polygon = polygon
        bounds = np.array(polygon.bounds)
        self._low, self._high = bounds[:2], bounds[2:]
        self._cell = float((self._high - self._low).max()) / CELLS
        self._shape = np.floor((self._high - self._low) / self._cell).astype(int) + 1

    def meets(self, boxes: Boxes) -> Mask:
        """Tell which boxes (minx, miny, maxx, maxy), shape (n, 4), may have a point of the polygon in them."""
        mask = meeting(boxes, self._low, self._high)
        if np.count_nonzero(mask) > _FEW:
            mask[mask] = self._sums(boxes[mask], self._tables[0])[0] > 0
        return mask

    def holds(self, boxes: Boxes) -> Mask:
        """Tell which boxes, shape (n, 4), are certainly inside the polygon."""
        if len(boxes) <= _FEW:
            return np.zeros(len(boxes), dtype=bool)
        mask = (boxes[:, :2] > self._low).all(axis=1) & (boxes[:, 2:] < self._high).all(axis=1)
        inside, cells = self._sums(boxes[mask], self._tables[1])
        mask[mask] = inside == cells
        return np.asarray(mask)

    def _sums(self, boxes: Boxes, table: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Sum a table over the cells that each box touches; also return how many cells these are."""
        first = self._index((boxes[:, :2] - self._low) / self._cell - _MARGIN)
        last = self._index((boxes[:, 2:] - self._low) / self._cell + _MARGIN) + 1
        total = table[last[:, 0], last[:, 1]] - table[first[:, 0], last[:, 1]]
        total += table[first[:, 0], first[:, 1]] - table[last[:, 0], first[:, 1]]
        return total, (last - first).prod(axis=1)

    def _index(self, cells: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.clip(np.floor(cells).astype(np.int64), 0, self._shape - 1)

    @cached_property
    def _tables(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Summed-area tables of the cells not outside, and of those inside; index [x, y] sums all cells before it."""
        start, end = _edges(self._polygon, self._low, self._cell)
        edge = self._touched(start, end)
        centre_inside = _parity(start, end, self._shape)
        return _summed(edge | centre_inside), _summed(centre_inside & ~edge)

    def _touched(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> Mask:
        """Mark the cells that edges touch, and some neighbours: edges are cut into steps of one cell at most."""
        steps = np.maximum(1, np.ceil(np.abs(end - start).max(axis=1))).astype(np.int64)
        owner = np.repeat(np.arange(len(steps)), steps)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(steps) - steps, steps)
        stride = ((end - start) / steps[:, None])[owner]
        one = start[owner] + stride * number[:, None]
        two = one + stride
        low, high = self._index(np.minimum(one, two) - _MARGIN), self._index(np.maximum(one, two) + _MARGIN)
        touched = np.zeros(self._shape, dtype=bool)
        middle = (low + high) // 2  # a step may span three columns or rows where it starts on a cell's edge
        for x in (low[:, 0], middle[:, 0], high[:, 0]):
            for y in (low[:, 1], middle[:, 1], high[:, 1]):
                touched[x, y] = True
        return touched


def _edges(polygon: Any, low: NDArray[np.float64], cell: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the start and end of all edges, shape (n, 2), in cells from the lower corner."""
    rings = shapely.get_rings(shapely.get_parts(polygon))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = (xy - low) / cell
    same = ring[1:] == ring[:-1]
    return xy[:-1][same], xy[1:][same]


def _parity(start: NDArray[np.float64], end: NDArray[np.float64], shape: NDArray[np.int64]) -> Mask:
    """Tell which cell centres are inside, by the number of edges left of each (even-odd rule).

    Right for every cell that no edge touches; the others are not asked for.
    """
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.ceil(low - 0.5).astype(np.int64)  # rows whose centre line the edge crosses, its upper end apart
    count = np.ceil(high - 0.5).astype(np.int64) - first
    owner = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count) + first[owner]
    slope = (end[:, 0] - start[:, 0])[owner] / (end[:, 1] - start[:, 1])[owner]
    crossing = start[owner, 0] + (row + 0.5 - start[owner, 1]) * slope
    column = np.clip(np.ceil(crossing - 0.5).astype(np.int64), 0, shape[0])
    flips = np.bincount(column * shape[1] + row, minlength=(shape[0] + 1) * shape[1])
    parity = np.cumsum(flips.reshape(shape[0] + 1, shape[1]), axis=0)[:-1] & 1
    return np.asarray(parity, dtype=bool)


def _summed(cells: Mask) -> NDArray[np.int32]:
    table = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1), dtype=np.int32)
    np.cumsum(np.cumsum(cells, axis=0, dtype=np.int32), axis=1, out=table[1:, 1:])
    return table
