"""Seed points of the land-use polygons: each point grows into a cell, cells join to parcels.

Rivers and roads become corridors of exact width because their points stand in pairs on both sides of each bank;
fields stand in rows along the contour, woods at random, houses in blocks between streets.
"""

from dataclasses import dataclass

import numpy as np
import shapely

from onemap.demo.corridors import BUILT, FIELD, ORCHARD, STREET, WATER, WOOD, Sites, corridors, near_lines, ordered
from onemap.demo.grid import Flags, Floats, Grid, Integers, Noise, widened
from onemap.demo.network import CAPITAL, COUNTY, HAMLET, TOWN, VILLAGE, Country, within

FIELD_SHARE, ORCHARD_SHARE = 0.36, 0.10
_CHUNK = 400


@dataclass(frozen=True)
class Suitability:
    """How well land suits fields, on the country's grid, and from which value on it carries fields or orchards."""

    values: Floats
    field: float
    orchard: float


def seed_points(country: Country) -> Sites:
    """Return the seed points of the whole country and of a margin around the province."""
    lines = ordered(country.lines)
    sites = corridors(lines)
    suitability = suit(country)
    sites = sites + _houses(country)
    field_area, wood_step = _densities(country)
    grown = _fields(country, suitability, field_area) + _scattered(country, suitability, wood_step)
    grown = grown[~near_lines(grown.xy, lines) & (built_at(country, grown.xy) < 0)]
    sites = sites[near_land(country, sites.xy)] + grown[near_land(country, grown.xy)]
    return _thinned(sites, field_area, wood_step)


def _densities(country: Country) -> tuple[float, float]:
    """Return the mean area of a field in square metres and the distance between wood cells in metres."""
    area = np.count_nonzero(country.inside) * country.grid.step**2
    fields = 0.6 * country.plan.parcels - 450
    return 0.93 * FIELD_SHARE * area / fields, float(np.clip(np.sqrt(area / country.plan.parcels) * 0.9, 70, 200))


def suit(country: Country) -> Suitability:
    """Judge land for farming: gentle, not high above water, not far from people."""
    grid = country.grid
    x, y = grid.centres
    homes = shapely.STRtree(shapely.points(country.settlements.points))
    nearest = homes.query_nearest(shapely.points(x.ravel(), y.ravel()), return_distance=True, all_matches=False)[1]
    noise = Noise(country.relief.seed, 11)(x, y, 1800, 4)
    values = -country.slope / 4 - country.above / (0.05 * country.plan.summit) + 0.9 * noise
    values = values - np.clip(nearest.reshape(grid.shape) / 2500, 0, 2) ** 2
    usable = values[country.inside & ~country.flooded]
    field, orchard = np.quantile(usable, [1 - FIELD_SHARE, 1 - FIELD_SHARE - ORCHARD_SHARE * 2])
    return Suitability(values, float(field), float(orchard))


def near_land(country: Country, xy: Floats) -> Flags:
    """Tell which points lie in the province or near its border."""
    wide = widened(country.inside, max(2, round(500 / country.grid.step)))
    return np.asarray(wide.ravel()[country.grid.cell(*xy.T)])


def in_province(country: Country, xy: Floats) -> Flags:
    """Tell which points lie in the province."""
    return within(country.relief.seed, country.grid, xy[:, 0], xy[:, 1])


def radii(country: Country) -> Floats:
    """Return the mean radius in metres of each settlement's built-up land."""
    growth = np.clip(np.sqrt(country.plan.parcels / 100_000), 0.55, 1.6)
    by_rank = {HAMLET: 70.0, VILLAGE: 125.0, TOWN: 300 * growth**0.5, COUNTY: 900 * growth, CAPITAL: 1300 * growth}
    return np.array([by_rank[rank] for rank in country.settlements.rank.tolist()])


def built_at(country: Country, xy: Floats, grown: float = 1.0) -> Integers:
    """Return for each point the settlement whose built-up land covers it, -1 where none does.

    ``grown`` widens the settlements, for the land that is planned for them.
    """
    places, reach = country.settlements, radii(country) * grown
    noise = Noise(country.relief.seed, 12)
    tree = shapely.STRtree(shapely.points(xy))
    settlement, point = tree.query(shapely.points(places.points), predicate="dwithin", distance=reach * 1.7)
    distance = np.hypot(*(xy[point] - places.points[settlement]).T)
    spread = 1 + 0.45 * noise.over(xy[point], 260, 2) + 0.2 * noise.over(xy[point], 1300, 1)
    covered = distance < reach[settlement] * np.clip(spread, 0.4, 1.7)
    order = np.argsort(places.rank[settlement[covered]], kind="stable")
    result = np.full(len(xy), -1)
    result[point[covered][order]] = settlement[covered][order]
    return result


def _houses(country: Country) -> Sites:
    """Return the points of built-up land: blocks between streets in towns, plain blocks in villages."""
    rng = np.random.default_rng((country.relief.seed, 30))
    reach = radii(country) * 1.6
    xy, owner, street = [], [], []
    for number, centre in enumerate(country.settlements.points):
        urban = country.settlements.rank[number] >= TOWN
        steps, narrow = _rows(reach[number], urban)
        u, v = np.meshgrid(steps, steps)
        jitter = rng.uniform(-6, 6, (2, *u.shape)) * (not urban)
        angle = rng.uniform(0, np.pi)
        points = _turned(np.column_stack([(u + jitter[0]).ravel(), (v + jitter[1]).ravel()]), angle) + centre
        xy.append(points)
        owner.append(np.full(len(points), number))
        street.append((narrow[:, None] | narrow[None, :]).ravel())
    points, owners, streets = np.vstack(xy), np.concatenate(owner), np.concatenate(street)
    sites = Sites(points, np.where(streets, STREET, BUILT), owners)
    sites = sites[built_at(country, points) == owners]
    lake = country.grid.linear(country.flooded.astype(float), *sites.xy.T) > 0.4
    return sites[~near_lines(sites.xy, ordered(country.lines)) & ~lake]


def _rows(reach: float, urban: bool) -> tuple[Floats, Flags]:
    """Return the places of rows across a settlement and which of them are streets."""
    if not urban:
        steps = np.arange(-reach, reach, 44.0)
        return steps, np.zeros(len(steps), dtype=bool)
    pattern = np.array([0.0, 15.0, 62.0, 109.0])
    blocks = np.arange(-np.ceil(reach / 124), np.ceil(reach / 124) + 1) * 124
    steps = (blocks[:, None] + pattern).ravel()
    return steps, np.tile([True, False, False, False], len(blocks))


def _turned(xy: Floats, angle: Floats | float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([xy[..., 0] * cos - xy[..., 1] * sin, xy[..., 0] * sin + xy[..., 1] * cos], axis=-1)


def _fields(country: Country, suitability: Suitability, area: float) -> Sites:
    """Return the points of fields and orchards: in blocks of rows that follow the contour."""
    rng = np.random.default_rng((country.relief.seed, 31))
    block_step = 11 * np.sqrt(area)
    seeds = _lattice(country.grid, block_step, 0.35, rng)
    tree = shapely.STRtree(shapely.points(seeds))
    sides = area * rng.lognormal(-0.06, 0.35, len(seeds))
    ratio = rng.uniform(1.3, 3.0, len(seeds))
    angles = _contour(country, seeds) + rng.normal(0, 0.12, len(seeds))
    parts = []
    for start in range(0, len(seeds), _CHUNK):
        chunk = np.arange(start, min(start + _CHUNK, len(seeds)))
        xy, owner = _rows_of_fields(seeds[chunk], sides[chunk], ratio[chunk], angles[chunk], block_step, rng)
        owner = chunk[owner]
        good = country.grid.linear(suitability.values, *xy.T)
        fertile = good > suitability.orchard
        xy, owner, good = xy[fertile], owner[fertile], good[fertile]
        own = tree.query_nearest(shapely.points(xy), all_matches=False)[1] == owner
        kind = np.where(good > suitability.field, FIELD, ORCHARD)
        parts.append(Sites(xy[own], kind[own], owner[own]))
    sites = Sites(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("xy", "kind", "owner")))
    patches = Noise(country.relief.seed, 13).over(sites.xy, 900, 2) > 0.05
    dry = country.grid.linear(country.flooded.astype(float), *sites.xy.T) < 0.4
    return sites[dry & ((sites.kind == FIELD) | patches)]


def _rows_of_fields(
    seeds: Floats, area: Floats, ratio: Floats, angle: Floats, reach: float, rng: np.random.Generator
) -> tuple[Floats, Integers]:
    """Return points in shifted rows around each seed, and the index of the seed of each."""
    long, short = np.sqrt(area * ratio), np.sqrt(area / ratio)
    count = int(np.ceil(reach / short.min()))
    i, j = np.meshgrid(np.arange(-count, count + 1), np.arange(-count, count + 1))
    i, j = i.ravel()[None, :], j.ravel()[None, :]
    inside = (np.abs(i * long[:, None]) < reach) & (np.abs(j * short[:, None]) < reach)
    block, place = np.nonzero(inside)
    slide = 0.5 * rng.random((len(seeds), 2 * count + 1))
    u = (i[0, place] + slide[block, j[0, place] + count] + rng.uniform(-0.06, 0.06, len(place))) * long[block]
    v = (j[0, place] + rng.uniform(-0.05, 0.05, len(place))) * short[block]
    return _turned(np.column_stack([u, v]), angle[block]) + seeds[block], block


def _contour(country: Country, xy: Floats) -> Floats:
    """Return the direction of the contour line at points, in radians from east; the noise's in the plain."""
    step = country.grid.step
    x, y = xy.T
    heights, grid = country.relief.heights, country.grid
    east = grid.linear(heights, x + step, y) - grid.linear(heights, x - step, y)
    north = grid.linear(heights, x, y + step) - grid.linear(heights, x, y - step)
    flat = Noise(country.relief.seed, 14)(x, y, 5000, 2) * np.pi
    steep = np.hypot(east, north) / (2 * step) > 0.01
    return np.asarray(np.where(steep, np.arctan2(north, east) + np.pi / 2, flat))


def _lattice(grid: Grid, step: float, jitter: float, rng: np.random.Generator) -> Floats:
    """Return points over the whole grid, one per square of side ``step``, moved at random."""
    x = np.arange(grid.extent.min_x, grid.extent.max_x, step)
    y = np.arange(grid.extent.min_y, grid.extent.max_y, step)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return np.asarray(points + rng.uniform(0.5 - jitter, 0.5 + jitter, points.shape) * step)


def _scattered(country: Country, suitability: Suitability, step: float) -> Sites:
    """Return the points of woods and of the reservoirs, wherever no field or orchard stands."""
    rng = np.random.default_rng((country.relief.seed, 32))
    xy = _lattice(country.grid, step, 0.42, rng)
    good = country.grid.linear(suitability.values, *xy.T)
    patches = Noise(country.relief.seed, 13).over(xy, 900, 2) > 0.05
    lake = country.grid.linear(country.flooded.astype(float), *xy.T) >= 0.4
    wood = (good <= suitability.field) & ~((good > suitability.orchard) & patches)
    kind = np.where(lake, WATER, WOOD)
    chosen = lake | wood
    return Sites(xy[chosen], kind[chosen], np.full(np.count_nonzero(chosen), -1))


def _thinned(sites: Sites, field_area: float, wood_step: float) -> Sites:
    """Leave out points too near to an earlier one."""
    gap = np.full(len(sites), 3.0)
    gap[np.isin(sites.kind, (FIELD, ORCHARD))] = 0.32 * np.sqrt(field_area)
    gap[np.isin(sites.kind, (WOOD, WATER))] = min(0.5 * wood_step, 0.6 * np.sqrt(field_area))
    points = shapely.points(sites.xy)
    later, earlier = shapely.STRtree(points).query(points, predicate="dwithin", distance=gap)
    dropped = np.zeros(len(sites), dtype=bool)
    dropped[later[earlier < later]] = True
    return sites[~dropped]
