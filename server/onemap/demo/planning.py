"""Planned use of land (国土空间规划用地用海) and reserves of replacement farmland (补充耕地储备), as layers."""

from typing import Any

import numpy as np

from onemap.demo.grid import Flags, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import BCGDCBTB, GHYT
from onemap.demo.regimes import Drawn

_PLANNED = {
    "01": "耕地",
    "02": "园地",
    "03": "林地",
    "04": "草地",
    "05": "湿地",
    "06": "农业设施建设用地",
    "07": "居住用地",
    "08": "公共管理与公共服务用地",
    "09": "商业服务业用地",
    "10": "工矿用地",
    "11": "仓储用地",
    "12": "交通运输用地",
    "13": "公用设施用地",
    "14": "绿地与开敞空间用地",
    "16": "留白用地",
    "17": "陆地水域",
}
"""Classes of the scheme for plans (2023), which is not that of the land survey."""
_CODES = tuple(_PLANNED)
# Planned use by surveyed class, first match; what the survey finds is mostly what is planned.
_AS_FOUND = (
    ("0101", "01"), ("0102", "01"), ("0103", "01"), ("02", "02"), ("03", "03"), ("04", "04"), ("1106", "05"),
    ("1202", "06"), ("1006", "06"), ("07", "07"), ("08H", "08"), ("0809", "13"), ("0810", "14"), ("05H1", "09"),
    ("0508", "11"), ("06", "10"), ("1003", "12"), ("1004", "12"), ("1101", "17"), ("1103", "17"), ("1104", "17"),
    ("1107", "17"), ("12", "04"),
)  # fmt: skip


def planned(landuse: Landuse, urban: Integers) -> Drawn:
    """Draw the plan: land as it is used; inside the urban boundary what is still open becomes built-up.

    ``urban``: for each parcel 3 * settlement + sub-zone, -1 outside the boundary.
    """
    use = np.full(len(landuse.code), _CODES.index("04"))
    for begin, code in reversed(_AS_FOUND):
        use[landuse.is_class(begin)] = _CODES.index(code)
    opened = (urban >= 0) & landuse.is_class("01", "02", "04", "12")
    growth = np.array([_CODES.index(code) for code in ("07", "10", "16")])
    use[opened & (urban % 3 == 0)] = growth[landuse.owner[opened & (urban % 3 == 0)] % 2]
    use[opened & (urban % 3 == 1)] = growth[2]
    labels, geometry = landuse.around(landuse.owner * len(_CODES) + use)
    first = _first(landuse.owner * len(_CODES) + use, labels)
    codes = [_CODES[label % len(_CODES)] for label in labels.tolist()]
    columns: dict[str, list[Any]] = {
        "MC": [_PLANNED[code] for code in codes],
        "YDYHFLDM": codes,
        "YDYHFLMC": [_PLANNED[code] for code in codes],
        "SLSJ": ["2024-03-01"] * len(codes),
    }
    return Drawn(GHYT, geometry, first, columns)


def reserves(landuse: Landuse, free: Flags, seed: int) -> Drawn:
    """Choose grass and open land of gentle slope that was made arable: the bank that occupied farmland draws on."""
    rng = np.random.default_rng((seed, 96))
    fit = landuse.is_class("0404", "0307", "1201") & free & (landuse.slope < 15)
    found = np.flatnonzero(fit & (rng.random(len(fit)) < 0.25))
    slope = 1 + np.digitize(landuse.slope[found], [2, 6, 15, 25])
    paddy = slope == 1
    columns: dict[str, list[Any]] = {
        "MC": ["补充耕地"] * len(found),
        "DLBM": ["0101" if wet else "0103" for wet in paddy.tolist()],
        "GDPDJB": [str(one) for one in slope.tolist()],
        "GDDB": (5 + 2 * slope).tolist(),
        "GDDJ": (3 + slope).tolist(),
        "SLSJ": ["2025-06-30"] * len(found),
    }
    return Drawn(BCGDCBTB, landuse.geometry[found], found, columns)


def _first(label: Integers, wanted: Integers) -> Integers:
    """Return the first parcel with each of the labels."""
    values, first = np.unique(label, return_index=True)
    return np.asarray(first[np.searchsorted(values, wanted)])
