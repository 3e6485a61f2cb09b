"""Cheapest ways over a grid, and lines made from chains of its cells."""

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.demo.grid import NEIGHBOURS, Floats, Grid, Integers, Noise


@dataclass(frozen=True)
class Spread:
    """What spreads from sources over a grid: the cost to reach each cell, where from, and from which source."""

    cost: Floats
    previous: Integers
    source: Integers

    def way(self, cell: int, used: set[int]) -> list[int]:
        """Return the cells from ``cell`` back to its source, or to the first one in ``used``; mark them used."""
        cells = [cell]
        while cell not in used and self.previous[cell] >= 0:
            used.add(cell)
            cell = int(self.previous[cell])
            cells.append(cell)
        used.add(cell)
        return cells


def spread(price: Floats, sources: Mapping[int, int]) -> Spread:
    """Spread from source cells (flat index -> label); a step costs its length in cells times the mean price.

    Cells of infinite price are not entered and keep the source -1.
    """
    width = price.shape[1] + 2
    prices: list[float] = np.pad(price / 2, 1, constant_values=math.inf).ravel().tolist()
    cost = [math.inf] * len(prices)
    previous, source = [-1] * len(prices), [-1] * len(prices)
    queue: list[tuple[float, int]] = []
    for cell, label in sources.items():
        start = _padded(cell, price.shape[1])
        cost[start], source[start] = 0.0, label
        queue.append((0.0, start))
    heapq.heapify(queue)
    steps = [(row * width + column, math.hypot(row, column)) for row, column in NEIGHBOURS]
    while queue:
        reached, cell = heapq.heappop(queue)
        if reached > cost[cell]:
            continue
        here = prices[cell]
        for step, length in steps:
            neighbour = cell + step
            total = reached + length * (here + prices[neighbour])
            if total < cost[neighbour]:
                cost[neighbour], previous[neighbour], source[neighbour] = total, cell, source[cell]
                heapq.heappush(queue, (total, neighbour))
    back = _cropped(previous, price.shape)
    row, column = np.divmod(back, width)
    back = np.where(back >= 0, (row - 1) * price.shape[1] + column - 1, -1)
    return Spread(_cropped(cost, price.shape), back, _cropped(source, price.shape))


def _padded(cell: int, columns: int) -> int:
    """Return the index of a cell in the grid that has one more cell on every side."""
    row, column = divmod(cell, columns)
    return (row + 1) * (columns + 2) + column + 1


def _cropped(values: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.array(values).reshape(shape[0] + 2, shape[1] + 2)[1:-1, 1:-1].ravel()


def drawn(grid: Grid, cells: Iterable[int], wander: Noise) -> Floats:
    """Return a smooth line (n, 2) through a chain of cells; its ends are where every line through them ends."""
    points = grid.points(np.array(list(cells)))
    shift = 0.3 * grid.step
    x, y = points.T.copy()
    points[:, 0] += shift * wander(x, y, 3 * grid.step, 1)
    points[:, 1] += shift * wander(x + 7e5, y, 3 * grid.step, 1)
    if len(points) > 4:
        inner = points[1:-1]
        smooth = (points[:-2] + 2 * inner + points[2:]) / 4
        points = np.vstack([points[:1], smooth[1::2] if len(smooth) % 2 else smooth[::2], points[-1:]])
    for _ in range(3):
        points = _rounded(points)
    return points


def _rounded(points: Floats) -> Floats:
    """Cut the corners of a line at a quarter of each edge; the ends stay."""
    if len(points) < 3:
        return points
    start, end = points[:-1], points[1:]
    cut = np.empty((2 * len(start), 2))
    cut[0::2] = 0.75 * start + 0.25 * end
    cut[1::2] = 0.25 * start + 0.75 * end
    return np.vstack([points[:1], cut[1:-1], points[-1:]])


def stations(line: Floats, spacing: float) -> tuple[Floats, Floats]:
    """Return points at equal distances along a line, near ``spacing``, and the unit normals there."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(2, round(along[-1] / spacing))
    places = (np.arange(count) + 0.5) * along[-1] / count
    points = np.column_stack([np.interp(places, along, line[:, i]) for i in (0, 1)])
    reach = spacing * 0.75
    ahead = np.column_stack([np.interp(places + reach, along, line[:, i]) for i in (0, 1)])
    behind = np.column_stack([np.interp(places - reach, along, line[:, i]) for i in (0, 1)])
    direction = ahead - behind
    direction /= np.maximum(np.hypot(*direction.T), 1e-9)[:, None]
    return points, np.column_stack([-direction[:, 1], direction[:, 0]])
