"""Minerals and the rights to them (矿产地, 矿业权): invented ones in the hills and around the quarries."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.grid import Floats, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import KCD, KYQ
from onemap.demo.network import Country
from onemap.demo.regimes import Drawn
from onemap.demo.zones import centres

_MINERALS = ("建筑用石灰岩", "砖瓦用页岩", "萤石", "铜矿", "地热")
_RIGHTS = (("采矿权", 300.0, 650.0), ("探矿权", 700.0, 1_500.0))
_DEPOSITS = (("战略性矿产", (2, 3), 900.0), ("一般矿产", (1, 4), 700.0), ("零星矿产", (0,), 350.0))


def minerals(landuse: Landuse, country: Country) -> list[Drawn]:
    """Draw the rights and the deposits."""
    rng = np.random.default_rng((country.relief.seed, 95))
    xy = centres(landuse)
    wild = np.flatnonzero(landuse.is_class("0602", "0301", "0305", "0404", "1207"))
    count = int(np.clip(len(landuse.geometry) / 700, 6, 200))
    spots = np.sort(rng.choice(wild, min(2 * count, len(wild)), replace=False))
    rng.shuffle(spots)
    return [_rights(xy, spots[:count], rng), _deposits(xy, spots[count:], rng)]


def _rights(xy: Floats, spots: Integers, rng: np.random.Generator) -> Drawn:
    kinds = rng.integers(0, len(_RIGHTS), len(spots)).tolist()
    names = rng.choice(_MINERALS, len(spots)).tolist()
    shapes = [_box(xy[at], rng.uniform(*_RIGHTS[kind][1:]), rng) for at, kind in zip(spots, kinds, strict=True)]
    letter = {"采矿权": "C", "探矿权": "T"}
    columns: dict[str, list[Any]] = {
        "MC": [name + _RIGHTS[kind][0] for name, kind in zip(names, kinds, strict=True)],
        "LXMC": [_RIGHTS[kind][0] for kind in kinds],
        "SLSJ": ["2021-06-30"] * len(spots),
        "XKZH": [f"{letter[_RIGHTS[kind][0]]}99{2021 + i % 4}{i + 1:08}" for i, kind in enumerate(kinds)],
        "KZ": names,
        "QLR": ["示例矿业有限公司"] * len(spots),
    }
    return Drawn(KYQ, _array(shapes), spots, columns)


def _deposits(xy: Floats, spots: Integers, rng: np.random.Generator) -> Drawn:
    kinds = [_DEPOSITS[i % len(_DEPOSITS)] for i in range(len(spots))]
    names = [_MINERALS[rng.choice(minerals)] for _, minerals, _ in kinds]
    shapes = [_box(xy[at], size * rng.uniform(0.6, 1.4), rng) for at, (_, _, size) in zip(spots, kinds, strict=True)]
    columns: dict[str, list[Any]] = {
        "MC": [name + "矿产地" for name in names],
        "LXMC": [kind for kind, _, _ in kinds],
        "SLSJ": ["2020-12-31"] * len(spots),
        "KZ": names,
    }
    return Drawn(KCD, _array(shapes), spots, columns)


def _box(centre: Floats, size: float, rng: np.random.Generator) -> Any:
    """Return a rectangle along the axes, as rights are registered."""
    long, wide = size, size * float(rng.uniform(0.5, 0.9))
    x, y = np.round(centre, 1).tolist()
    return shapely.box(x - long / 2, y - wide / 2, x + long / 2, y + wide / 2)


def _array(shapes: list[Any]) -> NDArray[Any]:
    return np.asarray(shapely.transform(np.array(shapes, dtype=object), lambda xy: np.round(xy, 4)))
