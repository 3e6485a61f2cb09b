"""The land-use parcels: what each cell of the mesh is used for, and which cells make one parcel (图斑)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.grid import Flags, Floats, Integers, Noise
from onemap.demo.mesh import Mesh, Winding, grow, trace, unwound, wind
from onemap.demo.network import TOWN, Country
from onemap.demo.regions import connected, dense, gathered, grown, neighbours, strongest
from onemap.demo.sites import BANK, BUILT, FIELD, LINE, ORCHARD, STREET, WATER, WOOD, Sites, ordered, radii

CLASSES = {
    "0101": "水田",
    "0102": "水浇地",
    "0103": "旱地",
    "0201": "果园",
    "0202": "茶园",
    "0204": "其他园地",
    "0301": "乔木林地",
    "0302": "竹林地",
    "0305": "灌木林地",
    "0307": "其他林地",
    "0404": "其他草地",
    "05H1": "商业服务业设施用地",
    "0508": "物流仓储用地",
    "0601": "工业用地",
    "0602": "采矿用地",
    "0701": "城镇住宅用地",
    "0702": "农村宅基地",
    "08H1": "机关团体新闻出版用地",
    "08H2": "科教文卫用地",
    "0809": "公用设施用地",
    "0810": "公园与绿地",
    "1003": "公路用地",
    "1004": "城镇村道路用地",
    "1006": "农村道路",
    "1101": "河流水面",
    "1103": "水库水面",
    "1104": "坑塘水面",
    "1106": "内陆滩涂",
    "1107": "沟渠",
    "1201": "空闲地",
    "1202": "设施农用地",
    "1207": "裸岩石砾地",
}
"""The classes used here, by code, of the Third National Land Survey."""

CODES = tuple(CLASSES)
_LINE_CLASS = {"highway": "1003", "rural": "1006", "river": "1101"}


@dataclass(frozen=True)
class Landuse:
    """The mesh with what lies on it.

    Per cell: ``parcel`` (0, 1, 2 ... by village), ``village``. Per parcel: ``code`` (index in CODES), ``owner``
    (village), ``slope`` in degrees, ``settlement`` (-1 outside built-up land), ``geometry`` (EPSG:4526).
    """

    mesh: Mesh
    winding: Winding
    parcel: Integers
    village: Integers
    code: Integers
    owner: Integers
    slope: Floats
    settlement: Integers
    geometry: NDArray[Any]

    def is_class(self, *prefixes: str) -> Flags:
        """Tell which parcels have a code that starts with one of the prefixes."""
        chosen = np.array([code.startswith(prefixes) for code in CODES])
        return np.asarray(chosen[self.code])

    def around(self, label: Integers) -> tuple[Integers, NDArray[Any]]:
        """Return the labels, 0 and above, given to parcels, and one geometry around the parcels of each."""
        return trace(self.mesh, self.winding, label[self.parcel])


def parcels(country: Country, sites: Sites, kept: Flags) -> Landuse:
    """Grow the mesh from the seed points and divide it into parcels, each in one village."""
    mesh = grow(sites.xy, kept)
    sites = sites[kept]
    seed = country.relief.seed
    one, other, length = neighbours(mesh)
    host = _hosts(sites, one, other, length)
    village = country.village.ravel()[country.grid.cell(*sites.xy.T)][host]
    village = gathered(one, other, length, village)
    slope = country.relief.slope(*sites.xy.T)
    code = classify(country, sites, slope)[host]
    bank = host != np.arange(len(host))
    group = np.where(bank, -1 - np.arange(len(host)), village * len(CODES) + code)
    seeds = _seeds(sites, country.plan.parcels, connected(one, other, group), bank, seed)
    parcel = dense(grown(one, other, group, seeds, seed)[host])
    parcel = _rid_of_slivers(parcel, mesh.areas(), village, (one, other, length))
    return _described(country, mesh, _in_order(mesh, parcel, village), village, code, slope, sites)


def _hosts(sites: Sites, one: Integers, other: Integers, length: Floats) -> Integers:
    """Return for each cell beside a line the cell it is part of; for any other cell itself."""
    host = np.arange(len(sites))
    free = sites.kind == BANK
    settled = ~free & (sites.kind != LINE)
    for _ in range(6):
        best = strongest(one, other, length, free, settled)
        found = np.flatnonzero(best >= 0)
        host[found] = host[best[found]]
        settled[found], free[found] = True, False
    return host


def _seeds(sites: Sites, wanted: int, part: Integers, bank: Flags, seed: int) -> Flags:
    """Choose the cells that start a parcel, so that there are as many parcels as wanted.

    ``part``: the connected part of its group that each cell lies in. Every field and orchard is a parcel, every other
    part has at least one; woods and built-up land are divided further by chance.
    """
    rng = np.random.default_rng((seed, 42))
    seeds = np.isin(sites.kind, (FIELD, ORCHARD)) & ~bank
    rest = np.flatnonzero(~seeds & ~bank)
    heads = rest[np.unique(part[rest], return_index=True)[1]]
    seeds[heads] = True
    divisible = np.flatnonzero(np.isin(sites.kind, (WOOD, BUILT)) & ~seeds & ~bank)
    more = int(np.clip(wanted - np.count_nonzero(seeds), 0, len(divisible)))
    seeds[rng.choice(divisible, more, replace=False)] = True
    return np.asarray(seeds)


def _rid_of_slivers(
    parcel: Integers, areas: Floats, village: Integers, edges: tuple[Integers, Integers, Floats]
) -> Integers:
    """Join parcels of less than 80 square metres to the parcel of their village that they touch longest."""
    one, other, length = edges
    inside = village[one] == village[other]
    for _ in range(3):
        small = np.bincount(parcel, weights=areas) < 80
        target = strongest(parcel[one[inside]], parcel[other[inside]], length[inside], small, ~small)
        parcel = dense(np.where(target >= 0, target, np.arange(len(small)))[parcel])
    return parcel


def _in_order(mesh: Mesh, parcel: Integers, village: Integers) -> Integers:
    """Renumber parcels by village and, in a village, along a curve that keeps neighbours together."""
    count = np.maximum(np.bincount(parcel), 1)
    centres = mesh.centroids()
    x, y = (np.bincount(parcel, weights=centres[:, i] - centres[:, i].min()) / count for i in (0, 1))
    owner = np.zeros(len(count), dtype=np.int64)
    owner[parcel] = village
    rank = np.empty(len(count), dtype=np.int64)
    rank[np.lexsort([_morton(x / 50, y / 50), owner])] = np.arange(len(count))
    return rank[parcel]


def _morton(x: Floats, y: Floats) -> Integers:
    code = np.zeros(len(x), dtype=np.int64)
    u, v = x.astype(np.int64), y.astype(np.int64)
    for bit in range(16):
        code |= ((u >> bit) & 1) << (2 * bit) | ((v >> bit) & 1) << (2 * bit + 1)
    return code


def _described(
    country: Country, mesh: Mesh, parcel: Integers, village: Integers, code: Integers, slope: Floats, sites: Sites
) -> Landuse:
    count = int(parcel.max()) + 1
    # The largest cell speaks for its parcel: a sliver that joined it does not change what it is.
    areas = mesh.areas()
    speaker = np.empty(count, dtype=np.int64)
    order = np.argsort(areas, kind="stable")
    speaker[parcel[order]] = order
    mean = np.bincount(parcel, weights=slope * areas) / np.bincount(parcel, weights=areas)
    settlement = np.where(np.isin(sites.kind, (BUILT, STREET)), sites.owner, -1)
    winding, geometry = _drawn(mesh, parcel, code[speaker], country.relief.seed)
    return Landuse(mesh, winding, parcel, village, code[speaker], village[speaker], mean, settlement[speaker], geometry)


def _drawn(mesh: Mesh, parcel: Integers, code: Integers, seed: int) -> tuple[Winding, NDArray[Any]]:
    """Wind the borders as nature and ploughs do; edges whose parcels would cross themselves stay straight."""
    own = parcel[mesh.cell]
    other = np.where(mesh.twin >= 0, own[mesh.twin], -1)
    rough = np.array([_roughness(name) for name in CODES])[code]
    pair = np.minimum(rough[own], np.where(other >= 0, rough[other], 0.1)) + 0.25 * np.abs(
        rough[own] - np.where(other >= 0, rough[other], rough[own])
    )
    smooth = (rough[own] == 0) | ((other >= 0) & (rough[other] == 0)) | (own == other)
    winding = wind(mesh, np.where(smooth, 0.0, pair), seed)
    while True:
        geometry = trace(mesh, winding, parcel)[1]
        bad = ~shapely.is_valid(geometry)
        if not bad.any() or not winding.count.any():
            return winding, geometry
        edges = bad[own] | ((other >= 0) & bad[other])
        winding = unwound(winding, edges)


def _roughness(code: str) -> float:
    if code[:2] in ("03", "04") or code in ("1207", "1106"):
        return 0.17
    if code in ("1103", "0602"):
        return 0.1
    return {"01": 0.01, "02": 0.04}.get(code[:2], 0.0)


def classify(country: Country, sites: Sites, slope: Floats) -> Integers:
    """Return what each cell is used for (index in CODES), from relief, water, settlements and chance."""
    code = np.full(len(sites), CODES.index("0404"))
    rng = np.random.default_rng((country.relief.seed, 43))
    chance = rng.random(len(sites))
    for kind, rule in ((FIELD, _field), (ORCHARD, _orchard), (WOOD, _wood), (BUILT, _town)):
        chosen = np.flatnonzero(sites.kind == kind)
        code[chosen] = rule(country, sites[chosen], slope[chosen], chance[chosen])
    code[sites.kind == STREET] = CODES.index("1004")
    code[sites.kind == WATER] = CODES.index("1103")
    kinds = np.array([CODES.index(_LINE_CLASS[line.kind]) for line in ordered(country.lines)])
    on_line = sites.kind == LINE
    code[on_line] = kinds[sites.owner[on_line]]
    return code


def _choose(rules: list[tuple[Flags, str]], default: str, count: int) -> Integers:
    """Return the code of the first rule that holds for each cell."""
    index = [np.full(count, CODES.index(code)) for _, code in rules]
    return np.select([holds for holds, _ in rules], index, CODES.index(default))


def _field(country: Country, sites: Sites, slope: Floats, chance: Floats) -> Integers:
    x, y = sites.xy.T
    above = country.grid.linear(country.above, x, y) / (0.012 * country.plan.summit)
    wet = 1.4 - above - slope / 4 + 1.1 * Noise(country.relief.seed, 50)(x, y, 1500, 3)
    rules = [
        (chance < 0.012, "1104"),
        (chance < 0.018, "1202"),
        (chance < 0.026, "0307"),
        (chance < 0.032, "1107"),
        (wet > 0.2, "0101"),
        (wet > -0.7, "0102"),
    ]
    return _choose(rules, "0103", len(sites))


def _orchard(country: Country, sites: Sites, slope: Floats, chance: Floats) -> Integers:
    mood = Noise(country.relief.seed, 51)(*sites.xy.T, 2500, 2)
    return _choose([(chance < 0.12, "0103"), (mood > 0.35, "0202"), (mood > -0.45, "0201")], "0204", len(sites))


def _wood(country: Country, sites: Sites, slope: Floats, chance: Floats) -> Integers:
    x, y = sites.xy.T
    high = country.relief.at(x, y) / country.plan.summit
    noise = Noise(country.relief.seed, 52)
    mood, detail = noise(x, y, 3000, 3), noise(x + 1e5, y, 900, 2)
    rules = [
        ((slope > 30) & (high > 0.6) & (detail > 0.3), "1207"),
        ((detail > 1.12) & (high < 0.7) & (chance < 0.4), "0602"),
        (high + 0.18 * mood > 0.82, "0404"),
        (high + 0.25 * mood + 0.1 * detail > 0.62, "0305"),
        ((mood + 0.5 * detail > 0.55) & (high < 0.45), "0302"),
        (detail - slope / 20 > 0.15, "0307"),
        ((detail < -0.95) & (slope < 25), "0404"),
        ((mood - 0.6 * detail < -0.9), "0305"),
    ]
    return _choose(rules, "0301", len(sites))


def _town(country: Country, sites: Sites, slope: Floats, chance: Floats) -> Integers:
    places = country.settlements
    offset = sites.xy - places.points[sites.owner]
    out = np.hypot(*offset.T) / radii(country)[sites.owner]
    bearing = np.arctan2(offset[:, 1], offset[:, 0])
    side = np.cos(bearing - 2.4 * sites.owner) + 0.3 * Noise(country.relief.seed, 53)(*sites.xy.T, 400, 2)
    urban = places.rank[sites.owner] >= TOWN
    rules = [
        (~urban & (chance < 0.82), "0702"),
        (~urban & (chance < 0.87), "1104"),
        (~urban & (chance < 0.92), "0103"),
        (~urban & (chance < 0.95), "1201"),
        (~urban & (chance < 0.97), "08H2"),
        (~urban, "0809"),
        ((out > 0.62) & (side > 0.45) & (chance < 0.8), "0601"),
        ((out > 0.62) & (side > 0.45), "0508"),
        ((out < 0.4) & (chance < 0.25), "05H1"),
        ((out < 0.5) & (chance < 0.33), "08H1"),
        (chance > 0.93, "0810"),
        (chance > 0.84, "08H2"),
        (chance > 0.81, "0809"),
        (chance > 0.78, "05H1"),
    ]
    return _choose(rules, "0701", len(sites))
