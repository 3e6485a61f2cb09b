"""Villages, towns, counties and cities: which belongs to which, codes and names.

Codes have the form of GB/T 2260 and of the survey: 6 digits for a county, 9 for a town, 12 for a village, 19 for a
place in the land survey. The province's number 99 is given to no real province.
"""

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from onemap.demo.grid import Floats, Integers
from onemap.demo.names import PROVINCE, county_names, place_names
from onemap.demo.network import COUNTY, TOWN, Country, adjacency


@dataclass(frozen=True)
class Units:
    """The villages of the province in the order of their codes, and what each lies in.

    ``origin``: index in the country's settlements of each village. ``town``, ``county``, ``city``: names of the units
    a village belongs to; ``code``: 12 digits, of which the first 4, 6, 9 are those of city, county and town.
    """

    origin: Integers
    code: list[str]
    village: list[str]
    town: list[str]
    county: list[str]
    city: list[str]

    def __len__(self) -> int:
        return len(self.code)

    def names(self, digits: int) -> list[str]:
        """Return the full name of each village's unit: 0 province, 4 city, 6 county, 9 town, 12 village."""
        parts = [self.city, self.county, self.town, self.village][: (0, 4, 6, 9, 12).index(digits)]
        return [PROVINCE + "".join(names) for names in zip(*parts, strict=True)] if parts else [PROVINCE] * len(self)


def organise(country: Country) -> Units:
    """Group the villages of the country to towns, counties and cities of neighbouring places."""
    present = np.unique(country.village[country.inside])
    points, rank = country.settlements.points, country.settlements.rank
    touching = adjacency(country.village, country.inside)
    seats = [int(v) for v in present if rank[v] >= TOWN]
    town = _nearest(points, touching, seats)
    county = _groups(points, touching, town, [seat for seat in seats if rank[seat] >= COUNTY])
    counties = sorted(set(county.values()), key=lambda seat: (-rank[seat], seat))
    city = _groups(points, touching, county, _far_apart(points, counties, country.plan.cities))
    village = [int(v) for v in present]
    order = _numbered(village, [city, county, town])
    return _named(country, order, sorted(village, key=lambda v: order[v]))


def _nearest(points: Floats, touching: Iterable[tuple[int, int]], seeds: list[int]) -> dict[int, int]:
    """Return for each place the seed that is nearest over touching places."""
    links: dict[int, list[int]] = {}
    for one, other in sorted(touching):
        links.setdefault(one, []).append(other)
        links.setdefault(other, []).append(one)
    queue = [(0.0, seed, seed) for seed in seeds]
    heapq.heapify(queue)
    result: dict[int, int] = {}
    while queue:
        distance, place, seed = heapq.heappop(queue)
        if place in result:
            continue
        result[place] = seed
        for other in links.get(place, ()):
            heapq.heappush(queue, (distance + math.dist(points[place], points[other]), other, seed))
    return result


def _groups(points: Floats, touching: set[tuple[int, int]], member: dict[int, int], seeds: list[int]) -> dict[int, int]:
    """Join groups (place -> seat) to larger ones around the seeds; return place -> seed."""
    pairs = {(member[one], member[other]) for one, other in touching if member[one] != member[other]}
    larger = _nearest(points, pairs, seeds)
    return {place: larger[seat] for place, seat in member.items()}


def _far_apart(points: Floats, candidates: list[int], count: int) -> list[int]:
    """Take the first candidate, then those farthest from all taken."""
    taken = candidates[:1]
    while len(taken) < min(count, len(candidates)):
        taken.append(max(candidates, key=lambda c: min(math.dist(points[c], points[t]) for t in taken)))
    return taken


def _numbered(villages: list[int], levels: list[dict[int, int]]) -> dict[int, tuple[int, ...]]:
    """Return for each village its numbers from the city down; the seat of a unit gets the first number in it."""
    result: dict[int, tuple[int, ...]] = dict.fromkeys(villages, ())
    for depth in range(len(levels) + 1):
        groups: dict[tuple[int, ...], set[int]] = {}
        unit = {v: (levels[depth][v] if depth < len(levels) else v) for v in villages}
        above = {v: (levels[depth - 1][v] if depth else -1) for v in villages}
        for v in villages:
            groups.setdefault(result[v], set()).add(unit[v])
        rank = {
            (prefix, seat): number
            for prefix, seats in groups.items()
            for number, seat in enumerate(sorted(seats, key=lambda s: (s != above.get(s, -1), s)))
        }
        result = {v: (*result[v], rank[result[v], unit[v]]) for v in villages}
    return result


def _named(country: Country, numbers: dict[int, tuple[int, ...]], villages: list[int]) -> Units:
    rng = np.random.default_rng((country.relief.seed, 60))
    towns = sorted({numbers[v][:3] for v in villages})
    counties = sorted({numbers[v][:2] for v in villages})
    stems = place_names(len(towns) + len(villages), rng)
    county_name = dict(zip(counties, county_names(len(counties)), strict=True))
    town_name = dict(zip(towns, stems[: len(towns)], strict=True))
    city_name = {number[:1]: county_name[number] for number in reversed(counties)}
    code = [
        f"99{city + 1:02}{county + 1:02}{town + (100 if town else 1):03}{village + 200:03}"
        for city, county, town, village in (numbers[v] for v in villages)
    ]
    return Units(
        np.array(villages),
        code,
        [stem + "村" for stem in stems[len(towns) :]],
        [town_name[numbers[v][:3]] + ("街道" if numbers[v][2] == 0 else "镇") for v in villages],
        [county_name[numbers[v][:2]] + ("区" if numbers[v][1] == 0 else "县") for v in villages],
        [city_name[numbers[v][:1]] + "市" for v in villages],
    )
