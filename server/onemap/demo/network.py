"""Rivers, reservoirs, settlements, territories and roads of the demo province, on the cells of its relief."""

from dataclasses import dataclass

import numpy as np

from onemap.demo.grid import NEIGHBOURS, Flags, Floats, Grid, Integers, Noise
from onemap.demo.paths import Spread, drawn, spread
from onemap.demo.relief import Relief
from onemap.demo.sizes import Size

VILLAGE_AREA = 6.2e6
"""Mean area of a village in square metres."""

HAMLET, VILLAGE, TOWN, COUNTY, CAPITAL = range(5)


@dataclass(frozen=True)
class Line:
    """A river or a road: its course (n, 2) and its width in metres at each of its points."""

    kind: str
    name: str
    course: Floats
    width: Floats


@dataclass(frozen=True)
class Settlements:
    """Places where people live: cell, point (n, 2), rank (HAMLET to CAPITAL) of each."""

    cells: Integers
    points: Floats
    rank: Integers


@dataclass(frozen=True)
class Country:
    """The land before it is divided: all the generator derives from the relief.

    The grids have the relief's shape: ``inside`` the province, ``flooded`` by a reservoir, ``slope`` in degrees,
    ``above``: metres above the water that a cell drains to, ``village``: index of the village a cell belongs to.
    """

    relief: Relief
    plan: Size
    inside: Flags
    flooded: Flags
    slope: Floats
    above: Floats
    village: Integers
    lines: tuple[Line, ...]
    settlements: Settlements

    @property
    def grid(self) -> Grid:
        """Return the grid of the relief."""
        return self.relief.grid

    @property
    def villages(self) -> int:
        """Return the number of villages: the settlements that come first and are no hamlets."""
        return int(np.count_nonzero(self.settlements.rank > HAMLET))


def settle(relief: Relief, plan: Size) -> Country:
    """Derive rivers, settlements, territories and roads from the relief."""
    grid = relief.grid
    x, y = grid.centres
    slope = relief.slope(x, y, grid.step)
    inside = within(relief.seed, grid, x, y)
    channel = relief.drained >= plan.stream * 1e6
    flooded = _reservoirs(relief, plan, inside, channel)
    above = _above_water(relief, channel)
    settlements = _settlements(relief, plan, inside & ~flooded & ~channel, slope, above)
    village = _territories(grid, settlements, slope, channel, inside)
    rivers = _rivers(relief, channel, flooded)
    price = (1 + (slope / 3) ** 2 + np.where(channel | flooded, 5.0, 0.0)) * np.where(inside, 1, 5)
    roads = _roads(relief, settlements, price)
    hamlets = _hamlets(relief, settlements, village, (slope < 9) & inside & ~channel & ~flooded)
    return Country(relief, plan, inside, flooded, slope, above, village, (*rivers, *roads), hamlets)


def within(seed: int, grid: Grid, x: Floats, y: Floats) -> Flags:
    """Tell which points lie inside the province: a rounded box with a winding border."""
    extent = grid.extent
    long = max(extent.width, extent.height)
    noise = Noise(seed, 5)
    u = (x - (extent.min_x + extent.max_x) / 2) / extent.width
    v = (y - (extent.min_y + extent.max_y) / 2) / extent.height
    bent = u + 0.028 * noise(x, y, long / 5, 5), v + 0.028 * noise(x + 2 * long, y, long / 5, 5)
    rounded = (bent[0] / 0.45) ** 4 + (bent[1] / 0.45) ** 4 < 1
    # Cells beside the border need land beyond it.
    return np.asarray(rounded & (np.abs(u) < 0.48) & (np.abs(v) < 0.48))


def _donors(receiver: Integers) -> dict[int, list[int]]:
    result: dict[int, list[int]] = {}
    for cell, target in enumerate(receiver.tolist()):
        if cell != target:
            result.setdefault(target, []).append(cell)
    return result


def _reservoirs(relief: Relief, plan: Size, inside: Flags, channel: Flags) -> Flags:
    """Dam a few rivers where the lake would have the size wanted; return the flooded cells."""
    rng = np.random.default_rng((relief.seed, 20))
    drained, heights = relief.drained.ravel(), relief.heights.ravel()
    wanted = 0.004 * np.count_nonzero(inside)
    dams = np.flatnonzero(channel.ravel() & inside.ravel() & (drained < 0.25 * drained.max()))
    dams = rng.permutation(dams)[:150].tolist()
    donors = _donors(relief.receiver)
    flooded = np.zeros(inside.size, dtype=bool)
    for _ in range(max(1, plan.cities - 1)):
        best: tuple[float, list[int]] = (np.inf, [])
        for dam in dams:
            lake = _lake(dam, heights[dam] + 0.05 * plan.summit, heights, donors, int(3 * wanted))
            error = abs(np.log(len(lake) / wanted)) + (
                10 if flooded[lake].any() or not inside.ravel()[lake].all() else 0
            )
            best = min(best, (error, lake))
        flooded[best[1]] = True
    return flooded.reshape(inside.shape)


def _lake(dam: int, level: float, heights: Floats, donors: dict[int, list[int]], most: int) -> list[int]:
    lake, front = [dam], [dam]
    while front and len(lake) < most:
        risen = [donor for cell in front for donor in donors.get(cell, ()) if heights[donor] < level]
        lake += risen
        front = risen
    return lake


def _above_water(relief: Relief, channel: Flags) -> Floats:
    """Return the height of each cell above the river cell, or the edge, that it drains to."""
    target = relief.receiver.copy()
    stay = channel.ravel()
    target[stay] = np.flatnonzero(stay)
    while True:
        further = target[target]
        if np.array_equal(further, target):
            break
        target = further
    heights = relief.heights.ravel()
    return np.asarray((heights - heights[target]).reshape(channel.shape))


def _settlements(relief: Relief, plan: Size, free: Flags, slope: Floats, above: Floats) -> Settlements:
    """Place villages where the land is gentle and near water, then raise some to towns and county seats."""
    grid = relief.grid
    x, y = grid.centres
    quality = -slope / 5 - above / (0.04 * plan.summit) + 1.2 * Noise(relief.seed, 6)(x, y, 8 * grid.step, 2)
    count = np.count_nonzero(free) * grid.step**2 / VILLAGE_AREA
    apart = 0.78 * np.sqrt(np.count_nonzero(free) * grid.step**2 / count)
    order = np.argsort(-quality.ravel(), kind="stable")
    order = order[free.ravel()[order]]
    cells = _apart(grid, order, apart)
    rank = np.full(len(cells), VILLAGE)
    seats = _apart(grid, cells, apart * 3.0)
    centres = _apart(grid, seats, 0.62 * np.sqrt(free.sum() / plan.counties) * grid.step)[: plan.counties]
    rank[np.isin(cells, seats)] = TOWN
    rank[np.isin(cells, centres)] = COUNTY
    middle = grid.points(centres) - np.array([np.mean(x), np.mean(y)])
    rank[cells == centres[np.argmin(np.hypot(*middle.T))]] = CAPITAL
    return Settlements(cells, grid.points(cells), rank)


def _apart(grid: Grid, candidates: Integers, distance: float) -> Integers:
    """Take cells in the order given, leaving out those nearer than ``distance`` to one taken before."""
    rows, columns = grid.shape
    reach = int(distance / grid.step)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.hypot(dx, dy) * grid.step < distance
    closed = np.zeros((rows + 2 * reach, columns + 2 * reach), dtype=bool)
    taken = []
    for cell in candidates.tolist():
        row, column = divmod(cell, columns)
        if not closed[row + reach, column + reach]:
            taken.append(cell)
            closed[row : row + 2 * reach + 1, column : column + 2 * reach + 1] |= disc
    return np.array(taken)


def _territories(grid: Grid, settlements: Settlements, slope: Floats, channel: Flags, inside: Flags) -> Integers:
    """Give each cell to the village it is reached from most easily: borders follow ridges and rivers."""
    price = 1 + (slope / 8) ** 2 + np.where(channel, 4.0, 0.0)
    reached = spread(price, {cell: number for number, cell in enumerate(settlements.cells.tolist())})
    return reached.source.reshape(inside.shape)


def _rivers(relief: Relief, channel: Flags, flooded: Flags) -> list[Line]:
    """Follow each river from its mouth to its source, the greatest first; tributaries end in it."""
    drained = relief.drained.ravel()
    donors = _donors(relief.receiver)
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
            upstream = [donor for donor in donors.get(cell, ()) if channel.flat[donor]]
            cell = max(upstream, key=lambda donor: drained[donor], default=None)
        if cell is not None:
            cells.append(cell)
        if len(cells) > 3:
            course = drawn(relief.grid, cells, wander)
            at = np.linspace(0, len(cells) - 1, len(course))
            area = np.interp(at, np.arange(len(cells)), drained[cells]) / 1e6
            lines.append(Line("river", "", course, 3 + 2.6 * np.maximum.accumulate(area[::-1])[::-1] ** 0.48))
    return lines


def _roads(relief: Relief, settlements: Settlements, price: Floats) -> list[Line]:
    """Join the towns by highways, then the villages to each other and to the highways by rural roads."""
    towns = settlements.cells[settlements.rank >= TOWN].tolist()
    used: set[int] = set()
    highways = _network(price, {cell: number for number, cell in enumerate(towns)}, used, 1.5)
    sources = {cell: number + 1 for number, cell in enumerate(settlements.cells.tolist())}
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


def _hamlets(relief: Relief, settlements: Settlements, village: Integers, gentle: Flags) -> Settlements:
    """Add up to three hamlets to each village, where its land is gentle."""
    rng = np.random.default_rng((relief.seed, 21))
    grid = relief.grid
    tries = rng.permutation(np.flatnonzero(gentle.ravel()))[: 14 * len(settlements.cells)]
    apart = _apart(grid, np.concatenate([settlements.cells, tries]), max(430.0, 1.5 * grid.step))
    extra = apart[~np.isin(apart, settlements.cells)]
    place = np.argsort(village.ravel()[extra], kind="stable")
    owners = village.ravel()[extra][place]
    first = np.searchsorted(owners, owners)
    extra = extra[place][np.arange(len(place)) - first < 3]
    cells = np.concatenate([settlements.cells, extra])
    rank = np.concatenate([settlements.rank, np.full(len(extra), HAMLET)])
    jitter = rng.uniform(-0.4, 0.4, (len(cells), 2)) * grid.step * (rank == HAMLET)[:, None]
    return Settlements(cells, grid.points(cells) + jitter, rank)


def adjacency(labels: Integers, inside: Flags) -> set[tuple[int, int]]:
    """Return the pairs of labels, smaller first, that touch inside the province."""
    pairs: set[tuple[int, int]] = set()
    for row, column in NEIGHBOURS:
        if row < 0 or column < 0:
            continue
        here = (slice(0, labels.shape[0] - row), slice(0, labels.shape[1] - column))
        there = (slice(row, None), slice(column, None))
        both = inside[here] & inside[there] & (labels[here] != labels[there])
        touching = np.sort(np.column_stack([labels[here][both], labels[there][both]]), axis=1)
        pairs |= {(int(a), int(b)) for a, b in np.unique(touching, axis=0)}
    return pairs
