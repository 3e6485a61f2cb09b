"""Numbers of tiles in PMTiles: along a Hilbert curve, level after level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def tile_ids(zoom: int, cols: Ints, rows: Ints) -> Ints:
    """Return the numbers of tiles of one zoom (PMTiles 3, 4.1: cumulative Hilbert position). Rows count downwards."""
    x, y = cols.astype(np.int64).copy(), rows.astype(np.int64).copy()
    ids = np.full(len(x), first_id(zoom), dtype=np.int64)
    for bit in reversed(range(zoom)):
        side = 1 << bit
        right, down = (x & side) != 0, (y & side) != 0
        ids += ((3 * right) ^ down).astype(np.int64) << (2 * bit)
        turned = right & ~down
        x, y = np.where(turned, side - 1 - x, x), np.where(turned, side - 1 - y, y)
        x, y = np.where(down, x, y) & (side - 1), np.where(down, y, x) & (side - 1)
    return ids


def tile_id(zoom: int, col: int, row: int) -> int:
    """Return the number of one tile."""
    return int(tile_ids(zoom, np.array([col]), np.array([row]))[0])


def first_id(zoom: int) -> int:
    """Return the number of the first tile of a zoom."""
    return ((1 << (2 * zoom)) - 1) // 3


def zoom_of(number: int) -> int:
    """Return the zoom of a tile with this number."""
    return ((3 * number + 1).bit_length() - 1) // 2
