"""What land is used for: the classes of the survey, chosen from relief, water, settlements and chance."""

import numpy as np

from onemap.demo.corridors import BUILT, FIELD, LINE, ORCHARD, STREET, WATER, WOOD, Sites, ordered
from onemap.demo.grid import Flags, Floats, Integers, Noise
from onemap.demo.network import TOWN, Country
from onemap.demo.sites import radii

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
    mood = Noise(country.relief.seed, 51).over(sites.xy, 2500, 2)
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
    side = np.cos(bearing - 2.4 * sites.owner) + 0.3 * Noise(country.relief.seed, 53).over(sites.xy, 400, 2)
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
