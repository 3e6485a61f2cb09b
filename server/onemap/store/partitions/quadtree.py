"""A quadtree over points: Morton codes, and the leaves that hold no more than so many of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import Bounds

LEVELS = 20
Codes = NDArray[np.int64]


def root(bounds: NDArray[np.float64]) -> Bounds:
    """Return the square that holds boxes, shape (n, 4), from their lower left corner on."""
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    side = float((high - low).max()) or 1.0
    return (float(low[0]), float(low[1]), float(low[0]) + side, float(low[1]) + side)


def codes(points: NDArray[np.float64], square: Bounds) -> Codes:
    """Return the Morton code of points x, y, shape (n, 2), with two bits a level; y is the higher one of each."""
    cells = 2**LEVELS
    scaled = (points - np.array(square[:2])) / (square[2] - square[0]) * cells
    cell = np.clip(np.floor(scaled).astype(np.int64), 0, cells - 1)
    return _spread(cell[:, 0]) | (_spread(cell[:, 1]) << 1)


def leaves(ordered: Codes, most: int) -> Iterator[tuple[str, int, int]]:
    """Yield the key of each leaf that is not empty, and where it begins and ends in the ascending codes.

    A key names the quadrant at each level from the root down: 0 lower left, 1 lower right, 2 upper left, 3 upper
    right. A leaf of the last level may hold more than ``most``.
    """
    waiting = [("", 0, len(ordered))]
    while waiting:
        key, first, last = waiting.pop()
        if last - first <= most or len(key) == LEVELS:
            if last > first:
                yield key, first, last
            continue
        step = 1 << 2 * (LEVELS - len(key) - 1)
        base = sum(int(digit) << 2 * (LEVELS - at) for at, digit in enumerate(key, 1))
        ends = np.searchsorted(ordered[first:last], [base + step * part for part in (1, 2, 3)]) + first
        edges = [first, *ends.tolist(), last]
        waiting += [(f"{key}{digit}", edges[digit], edges[digit + 1]) for digit in (3, 2, 1, 0)]


def _spread(values: Codes) -> Codes:
    """Put a zero bit before each of the lower 32 bits."""
    for shift, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F)):
        values = (values | (values << shift)) & mask
    for shift, mask in ((2, 0x3333333333333333), (1, 0x5555555555555555)):
        values = (values | (values << shift)) & mask
    return values
