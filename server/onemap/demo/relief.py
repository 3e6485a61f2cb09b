"""The relief of the demo province: uplift carved by running water until valleys form a tree of rivers.

Everything the demo shows (land use, rivers, and what is derived from heights) stands on this one surface. The carving
solves the stream power law, uplift less K * sqrt(drained area) * slope, implicitly from the outlets upstream.
"""

import heapq
import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from onemap.demo.grid import NEIGHBOURS, Extent, Floats, Grid, Integers, Noise, shifted
from onemap.demo.sizes import SIZES

_COARSE_STEPS = 60
_FINE_STEPS = 20
_ERODIBILITY = 0.55


@dataclass(frozen=True)
class Relief:
    """Heights over a province: carved heights on a grid, with small forms added between its cells.

    ``heights``: metres at the cells of ``grid``, without hollows.
    ``receiver``: flat index of the cell that water flows to next, the cell itself on the edge.
    ``drained``: area in square metres that drains through each cell.
    """

    seed: int
    grid: Grid
    heights: Floats
    receiver: Integers
    drained: Floats

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return heights in metres at points (easting, northing in EPSG:4526)."""
        base = self.grid.smooth(self.heights, x, y)
        roughness = np.clip(self.grid.linear(self._roughness, x, y), 0, None)
        detail = Noise(self.seed, 7)(x, y, self.grid.step * 2.5, octaves=3)
        return base + detail * roughness

    def slope(self, x: Floats, y: Floats, reach: float = 20.0) -> Floats:
        """Return slopes in degrees at points, from heights ``reach`` metres away on four sides."""
        east = (self.at(x + reach, y) - self.at(x - reach, y)) / (2 * reach)
        north = (self.at(x, y + reach) - self.at(x, y - reach)) / (2 * reach)
        return np.asarray(np.degrees(np.arctan(np.hypot(east, north))))

    @property
    def _roughness(self) -> Floats:
        rise = np.hypot(*np.gradient(self.heights, self.grid.step))
        return np.asarray(0.18 * rise * self.grid.step)


def relief(seed: int, extent: Extent, shape: tuple[int, int], size: str = "small") -> Floats:
    """Return heights in metres of the province of this seed and size.

    ``extent``: easting and northing in EPSG:4526; ``shape``: rows from north to south and columns from west to east.
    The values belong to the centres of the cells.
    """
    rows, columns = shape
    x = extent.min_x + (np.arange(columns) + 0.5) * extent.width / columns
    y = extent.max_y - (np.arange(rows) + 0.5) * extent.height / rows
    return carve(seed, size).at(np.broadcast_to(x, shape), np.broadcast_to(y[:, None], shape))


@lru_cache(maxsize=2)
def carve(seed: int, size: str) -> Relief:
    """Build the relief of a province; the last ones are kept, for they are pure functions of seed and size."""
    plan = SIZES[size]
    grid = Grid(plan.extent, plan.step)
    coarse = Grid(plan.extent, plan.step * 2)
    heights = _carved(fill(_start(seed, coarse), seed), _uplift(seed, coarse), _COARSE_STEPS)
    x, y = grid.centres
    heights = coarse.smooth(heights, x, y) + 0.004 * Noise(seed, 3)(x, y, 4 * grid.step)
    heights = _carved(fill(heights, seed), _uplift(seed, grid), _FINE_STEPS)
    heights = fill(_in_metres(heights, plan.summit), seed)
    receiver = receivers(heights)
    return Relief(seed, grid, heights, receiver.ravel(), drained_cells(receiver) * grid.step**2)


def _uplift(seed: int, grid: Grid) -> Floats:
    """Return the relative uplift: little in the basins, much in the ranges, more towards the closed north."""
    x, y = grid.centres
    long = max(grid.extent.width, grid.extent.height)
    noise = Noise(seed, 1)
    warp = noise(x + 3 * long, y, long / 4, 3) * long / 12
    broad = noise(x + warp, y - warp, long / 2.6, 3)
    northward = (y - grid.extent.min_y) / grid.extent.height
    raised = 1 / (1 + np.exp(-5 * (broad + 0.9 * (northward - 0.55))))
    return np.asarray(0.03 + raised * (0.5 + noise.ridged(x, y + long, long / 8, 3)))


def _start(seed: int, grid: Grid) -> Floats:
    x, y = grid.centres
    inland = (y - grid.extent.min_y) / grid.extent.height
    return np.asarray(0.6 * inland + 0.15 * Noise(seed, 2)(x, y, grid.extent.width / 6, 6))


def _carved(heights: Floats, uplift: Floats, steps: int) -> Floats:
    """Raise and carve the surface; lengths and areas are in cells, so that every province has the same forms."""
    scale = np.sqrt(heights.size / 22_000)
    for _ in range(steps):
        receiver = receivers(heights)
        order, levels = _levels(receiver)
        area = drained_cells(receiver) / scale**2
        rate = (_ERODIBILITY * np.sqrt(area) * scale / _distance(receiver, heights.shape)).ravel()
        raised = (heights + 0.05 * uplift).ravel()
        raised[: heights.shape[1]] = heights[0]
        for start, end in itertools.pairwise(levels[1:]):
            nodes = order[start:end]
            below = raised[receiver.ravel()[nodes]]
            raised[nodes] = (raised[nodes] + rate[nodes] * below) / (1 + rate[nodes])
        heights = _softened(raised.reshape(heights.shape), 0.02)
    return heights


def _softened(heights: Floats, share: float) -> Floats:
    padded = np.pad(heights, 1, mode="edge")
    around = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
    return np.asarray(heights + share * (around - heights) * 4)


def _in_metres(heights: Floats, summit: float) -> Floats:
    """Scale the surface: its lowest cell lies at 20 m, its highest summit at ``summit`` metres."""
    low = heights.min()
    return np.asarray(20 + (heights - low) / (heights.max() - low) * (summit - 20))


def receivers(heights: Floats) -> Integers:
    """Return for each cell the flat index of its steepest lower neighbour; itself in a hollow or on the south edge."""
    columns = heights.shape[1]
    own = np.arange(heights.size).reshape(heights.shape)
    best, target = np.zeros(heights.shape), own.copy()
    for row, column in NEIGHBOURS:
        fall = (heights - shifted(heights, row, column, np.inf)) / np.hypot(row, column)
        steeper = fall > best
        best[steeper] = fall[steeper]
        target[steeper] = own[steeper] + row * columns + column
    target[0] = own[0]
    return target


def _distance(receiver: Integers, shape: tuple[int, ...]) -> Floats:
    own = np.arange(receiver.size).reshape(shape)
    gap = np.abs(receiver - own)
    straight = (gap == 1) | (gap == shape[1])
    return np.where(straight | (gap == 0), 1.0, np.sqrt(2))


def _levels(receiver: Integers) -> tuple[Integers, Integers]:
    """Order cells by the number of steps to their outlet; return the order and where each number begins."""
    pointer = receiver.ravel()
    depth = (pointer != np.arange(pointer.size)).astype(np.int64)
    while True:
        further = depth[pointer]
        if not further.any():
            break
        depth = depth + further
        pointer = pointer[pointer]
    order = np.argsort(depth, kind="stable")
    return order, np.searchsorted(depth[order], np.arange(depth.max() + 2))


def drained_cells(receiver: Integers) -> Floats:
    """Return how many cells drain through each cell, itself included."""
    order, levels = _levels(receiver)
    flat = receiver.ravel()
    area = np.ones(flat.size)
    for start, end in zip(levels[-2:0:-1], levels[:1:-1], strict=True):
        nodes = order[start:end]
        np.add.at(area, flat[nodes], area[nodes])
    return area.reshape(receiver.shape)


def fill(heights: Floats, seed: int) -> Floats:
    """Raise every hollow until its water runs over the rim towards the south edge, by a little at each cell.

    The little differs from cell to cell, so that rivers wander over what was filled.
    """
    rows, columns = heights.shape
    width = columns + 2
    ground: list[float] = np.pad(heights, 1).ravel().tolist()
    rise: list[float] = np.random.default_rng((seed, 4)).uniform(1e-5, 1e-3, len(ground)).tolist()
    # Cells not reached yet are infinite, those of the frame around the grid never are.
    lifted: list[float] = np.pad(np.full(heights.shape, math.inf), 1).ravel().tolist()
    queue = [(ground[cell], cell) for cell in range(width + 1, width + 1 + columns)]
    for level, cell in queue:
        lifted[cell] = level
    heapq.heapify(queue)
    steps = [row * width + column for row, column in NEIGHBOURS]
    while queue:
        level, cell = heapq.heappop(queue)
        for neighbour in [cell + step for step in steps]:
            if lifted[neighbour] == math.inf:
                lifted[neighbour] = max(ground[neighbour], level + rise[neighbour])
                heapq.heappush(queue, (lifted[neighbour], neighbour))
    return np.array(lifted).reshape(rows + 2, width)[1:-1, 1:-1].copy()
