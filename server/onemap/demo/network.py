"""Rivers, reservoirs, settlements, territories and roads of the demo province, on the cells of its relief."""

from dataclasses import dataclass

import numpy as np

from onemap.demo.courses import Line, donors, rivers, roads
from onemap.demo.grid import NEIGHBOURS, Flags, Floats, Grid, Integers, Noise, widened
from onemap.demo.paths import spread
from onemap.demo.relief import Relief
from onemap.demo.sizes import Size

VILLAGE_AREA = 6.2e6
"""Mean area of a village in square metres."""

HAMLET, VILLAGE, TOWN, COUNTY, CAPITAL = range(5)


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
    settlements = _settlements(relief, plan, inside, channel | flooded, slope, above)
    village = _territories(grid, settlements, slope, channel, inside)
    water = rivers(relief, channel, flooded)
    price = (1 + (slope / 3) ** 2 + np.where(channel | flooded, 5.0, 0.0)) * np.where(inside, 1, 5)
    towns = settlements.cells[settlements.rank >= TOWN]
    ways = roads(relief, towns, settlements.cells, price)
    hamlets = _hamlets(relief, settlements, village, (slope < 9) & inside & ~channel & ~flooded)
    return Country(relief, plan, inside, flooded, slope, above, village, (*water, *ways), hamlets)


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


def _reservoirs(relief: Relief, plan: Size, inside: Flags, channel: Flags) -> Flags:
    """Dam a few rivers where the lake would have the size wanted; return the flooded cells."""
    rng = np.random.default_rng((relief.seed, 20))
    drained, heights = relief.drained.ravel(), relief.heights.ravel()
    wanted = 0.004 * np.count_nonzero(inside)
    places = np.flatnonzero(channel.ravel() & inside.ravel() & (drained < 0.25 * drained.max()))
    dams = [int(place) for place in rng.permutation(places) if _in_valley(relief, place, plan.summit)][:150]
    flowing = donors(relief.receiver)
    flooded = np.zeros(inside.size, dtype=bool)
    for _ in range(max(1, plan.cities - 1)):
        best: tuple[float, list[int]] = (np.inf, [])
        for dam in dams:
            lake = _lake(dam, heights[dam] + 0.05 * plan.summit, heights, flowing, int(3 * wanted))
            taken = flooded[lake].any() or not inside.ravel()[lake].all()
            best = min(best, (abs(np.log(len(lake) / wanted)) + 10 * taken, lake))
        flooded[best[1]] = True
    return flooded.reshape(inside.shape)


def _in_valley(relief: Relief, cell: int, summit: float) -> bool:
    """Tell whether slopes rise near a cell on more than a tenth of the height of the summit."""
    row, column = divmod(cell, relief.grid.shape[1])
    around = relief.heights[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7]
    return bool(np.ptp(around) > 0.1 * summit)


def _lake(dam: int, level: float, heights: Floats, flowing: dict[int, list[int]], most: int) -> list[int]:
    lake, front = [dam], [dam]
    while front and len(lake) < most:
        risen = [donor for cell in front for donor in flowing.get(cell, ()) if heights[donor] < level]
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


def _settlements(relief: Relief, plan: Size, inside: Flags, wet: Flags, slope: Floats, above: Floats) -> Settlements:
    """Place villages where the land is gentle and near water, then raise some to towns and county seats."""
    grid = relief.grid
    x, y = grid.centres
    quality = -slope / 5 - above / (0.04 * plan.summit) + 1.2 * Noise(relief.seed, 6)(x, y, 8 * grid.step, 2)
    apart = 0.78 * np.sqrt(VILLAGE_AREA)
    order = np.argsort(-quality.ravel(), kind="stable")
    order = order[(inside & ~wet).ravel()[order]]
    cells = _apart(grid, order, apart)
    rank = np.full(len(cells), VILLAGE)
    # Towns need room on all sides.
    border = widened(~inside, round(min(1500.0, 0.06 * grid.extent.width) / grid.step)).ravel()[cells]
    county = np.sqrt(inside.sum() / plan.counties) * grid.step
    seats = _apart(grid, cells[~border], min(2.5 * apart, 0.48 * county))
    centres = _apart(grid, seats, 0.62 * county)[: plan.counties]
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
