"""The courses of rivers and roads over the relief."""

from dataclasses import dataclass

import numpy as np

from onemap.demo.grid import Flags, Floats, Integers, Noise
from onemap.demo.paths import Spread, drawn, spread
from onemap.demo.relief import Relief


@dataclass(frozen=True)
class Line:
    """A river or a road: its course (n, 2) and its width in metres at each of its points."""

    kind: str
    name: str
    course: Floats
    width: Floats


def donors(receiver: Integers) -> dict[int, list[int]]:
    """Return for each cell the cells whose water flows to it."""
    result: dict[int, list[int]] = {}
    for cell, target in enumerate(receiver.tolist()):
        if cell != target:
            result.setdefault(target, []).append(cell)
    return result


def rivers(relief: Relief, channel: Flags, flooded: Flags) -> list[Line]:
    """Follow each river from its mouth to its source, the greatest first; tributaries end in it."""
    drained = relief.drained.ravel()
    flowing = donors(relief.receiver)
    wander = Noise(relief.seed, 8)
    taken = flooded.ravel().copy()
    lines: list[Line] = []
    for mouth in sorted(np.flatnonzero(channel.ravel()).tolist(), key=lambda cell: -drained[cell]):
        if taken[mouth]:
            continue
        cells = [int(relief.receiver[mouth])]
        cell: int | None = mouth
        while cell is not None and not taken[cell]:
            taken[cell] = True
            cells.append(cell)
            upstream = [donor for donor in flowing.get(cell, ()) if channel.flat[donor]]
            cell = max(upstream, key=lambda donor: drained[donor], default=None)
        if cell is not None:
            cells.append(cell)
        if len(cells) > 3:
            course = drawn(relief.grid, cells, wander)
            at = np.linspace(0, len(cells) - 1, len(course))
            area = np.interp(at, np.arange(len(cells)), drained[cells]) / 1e6
            lines.append(Line("river", "", course, 3 + 2.6 * np.maximum.accumulate(area[::-1])[::-1] ** 0.48))
    return lines


def roads(relief: Relief, towns: Integers, places: Integers, price: Floats) -> list[Line]:
    """Join the towns by highways, then the villages to each other and to the highways by rural roads."""
    used: set[int] = set()
    highways = _network(price, {cell: number for number, cell in enumerate(towns.tolist())}, used, 1.5)
    sources = {cell: number + 1 for number, cell in enumerate(places.tolist())}
    rural = _network(price, sources | dict.fromkeys(sorted(used), 0), used, 0.0)
    return [*_road_lines(relief, "highway", highways, 14.0), *_road_lines(relief, "rural", rural, 6.0)]


def _network(price: Floats, sources: dict[int, int], used: set[int], loops: float) -> list[list[int]]:
    """Join sources by the cheapest tree of ways, and by further ways where the tree's detour is longer than ``loops``.

    Each way ends at a cell in ``used``, to which its own cells are added.
    """
    reached = spread(price, sources)
    gates = _gates(reached, price.shape)
    tree: dict[int, int] = {}

    def root(label: int) -> int:
        while label in tree:
            label = tree[label]
        return label

    typical = np.median([cost for cost, *_ in gates]) if gates else 0.0
    ways: list[list[int]] = []
    for cost, one, other, here, there in gates:
        first, second = root(one), root(other)
        if first == second and not 0 < cost < loops * 0.5 * typical:
            continue
        if first != second:
            tree[first] = second
        back, on = reached.way(here, used), reached.way(there, used)
        ways.append([*back[::-1], *on])
    return ways


def _gates(reached: Spread, shape: tuple[int, int]) -> list[tuple[float, int, int, int, int]]:
    """Return where the areas of two sources meet most cheaply: cost, both labels, both cells; the cheapest first."""
    own = np.arange(reached.cost.size).reshape(shape)
    found = []
    for row, column in ((0, 1), (1, 0), (1, 1)):
        here = own[: shape[0] - row, : shape[1] - column].ravel()
        there = own[row:, column:].ravel()
        meet = reached.source[here] != reached.source[there]
        found.append(np.column_stack([here[meet], there[meet]]))
    here, there = np.concatenate(found).T
    swap = reached.source[here] > reached.source[there]
    here, there = np.where(swap, there, here), np.where(swap, here, there)
    cost = reached.cost[here] + reached.cost[there]
    order = np.lexsort([here, cost])
    here, there, cost = here[order], there[order], cost[order]
    pairs = np.column_stack([reached.source[here], reached.source[there]])
    first = np.sort(np.unique(pairs, axis=0, return_index=True)[1])
    return [
        (float(cost[i]), int(pairs[i, 0]), int(pairs[i, 1]), int(here[i]), int(there[i]))
        for i in first
        if cost[i] < np.inf
    ]


def _road_lines(relief: Relief, kind: str, ways: list[list[int]], width: float) -> list[Line]:
    wander = Noise(relief.seed, 9)
    courses = [drawn(relief.grid, way, wander) for way in ways if len(way) > 2]
    return [Line(kind, "", course, np.full(len(course), width)) for course in courses]
