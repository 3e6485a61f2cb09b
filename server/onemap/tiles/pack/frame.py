"""The integer grid of a pack: steps of Web Mercator, counted from a corner that is a tile corner at every zoom used."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import WEB_MERCATOR, Array, Bounds, Crs, transform_bounds, transform_xy

WORLD = 2 * math.pi * 6378137.0
_FINEST, _COARSEST = 38, 24
_ROOM = 2**31 - 2**24

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frame:
    """The world is ``2**bits`` steps wide and high; ``left`` and ``top`` is where counting begins, y downwards."""

    bits: int
    left: int
    top: int

    @property
    def step(self) -> float:
        """The length of a step in units of Web Mercator."""
        return math.ldexp(WORLD, -self.bits)

    def steps(self, xy: Array, crs: Crs) -> Array:
        """Return whole steps, shape (n, 2), of x, y in ``crs``; not finite outside the reach of Web Mercator."""
        moved = transform_xy(xy, crs, WEB_MERCATOR)
        return np.asarray(np.rint(self.place(moved)))

    def place(self, mercator: Array) -> Array:
        """Return the place in steps of x, y in Web Mercator."""
        x = (mercator[:, 0] + WORLD / 2) / self.step - self.left
        y = (WORLD / 2 - mercator[:, 1]) / self.step - self.top
        return np.column_stack([x, y])

    def mercator(self, steps: Array) -> Array:
        """Return x, y in Web Mercator of places in steps."""
        x = (steps[:, 0] + self.left) * self.step - WORLD / 2
        y = WORLD / 2 - (steps[:, 1] + self.top) * self.step
        return np.column_stack([x, y])

    def box(self, bounds: Bounds) -> tuple[float, float, float, float]:
        """Return bounds in Web Mercator as the lowest and highest x and y in steps, y downwards."""
        corners = self.place(np.array([[bounds[0], bounds[3]], [bounds[2], bounds[1]]]))
        return (float(corners[0, 0]), float(corners[0, 1]), float(corners[1, 0]), float(corners[1, 1]))


def frame_for(extent: Bounds, storage: Crs) -> Frame | None:
    """Return the finest frame (at best 0.15 mm) that holds the extent, with some room; None outside Web Mercator."""
    bounds = transform_bounds(extent, storage, WEB_MERCATOR)
    if bounds is None:
        return None
    side = max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1.0) * 1.02
    bits = min(_FINEST, math.floor(math.log2(_ROOM * WORLD / side)))
    frame = Frame(max(bits, _COARSEST), 0, 0)
    low_x, low_y, *_ = frame.box(bounds)
    corner = 2 ** max(frame.bits - 22 - 12, 0) * 4096
    room = side * 0.01 / frame.step
    return Frame(frame.bits, int((low_x - room) // corner) * corner, int((low_y - room) // corner) * corner)


def hilbert(x: Ints, y: Ints, bits: int = 16) -> NDArray[np.uint64]:
    """Return the place of each point along a Hilbert curve through a square of ``2**bits`` cells a side."""
    x, y = x.astype(np.int64), y.astype(np.int64)
    place = np.zeros(len(x), dtype=np.uint64)
    for level in range(bits - 1, -1, -1):
        right, down = (x >> level) & 1, (y >> level) & 1
        place = place << np.uint64(2) | ((3 * right) ^ down).astype(np.uint64)
        flip = (down == 0) & (right == 1)
        mask = (1 << level) - 1
        x, y = np.where(flip, mask - (x & mask), x & mask), np.where(flip, mask - (y & mask), y & mask)
        swap = down == 0
        x, y = np.where(swap, y, x), np.where(swap, x, y)
    return place


def order_of(boxes: NDArray[np.int32]) -> Ints:
    """Return the order of boxes (n, 4) along a Hilbert curve by their centres."""
    if not len(boxes):
        return np.empty(0, np.int64)
    middle = (boxes[:, :2].astype(np.int64) + boxes[:, 2:]) // 2
    low = middle.min(axis=0)
    shift = max(int((middle.max(axis=0) - low).max()).bit_length() - 16, 0)
    cells = (middle - low) >> shift
    return np.argsort(hilbert(cells[:, 0], cells[:, 1]), kind="stable")
