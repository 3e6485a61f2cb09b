"""Permanent basic farmland (永久基本农田图斑): the better fields, and invented people who answer for them."""

from typing import Any

import numpy as np

from onemap.demo.admin import Units
from onemap.demo.boundaries import undelivered
from onemap.demo.cadastre import Cadastre
from onemap.demo.grid import Flags, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import DATE, SURVEY_YEAR, YJJBNTTB
from onemap.demo.names import identity_numbers, person_names
from onemap.demo.regions import neighbours, strongest
from onemap.demo.uses import CLASSES, CODES
from onemap.geo.area import measure_for
from onemap.store.geopackage.writer import GeoPackageWriter

_CHUNK = 50_000


def write_farmland(writer: GeoPackageWriter, landuse: Landuse, cadastre: Cadastre, label: Integers, seed: int) -> int:
    """Write the table yjjbnttb, a row for each label of ``farmland``; return the number of rows."""
    writer.create_table(YJJBNTTB)
    rng = np.random.default_rng((seed, 71))
    numbers, geometries = landuse.around(label)
    area = np.floor(measure_for(YJJBNTTB.srid).areas(geometries) * 100 + 0.5).astype(np.int64)
    for start in range(0, len(numbers), _CHUNK):
        rows = slice(start, start + _CHUNK)
        columns = _land(landuse, cadastre, numbers[rows], area[rows], start)
        columns |= _people(cadastre, numbers[rows], rng)
        writer.insert(YJJBNTTB.name, geometries[rows], columns)
    writer.finish(YJJBNTTB.name, DATE)
    return len(numbers)


def farmland(landuse: Landuse, units: Units, cadastre: Cadastre, free: Flags, seed: int) -> Integers:
    """Return for each parcel the first parcel of its piece of farmland, -1 for the others: pairs of like fields join.

    ``free``: parcels in no other control line. The county that has not delivered its data has none.
    """
    rng = np.random.default_rng((seed, 72))
    missing = undelivered(units)
    delivered = np.array([code[:6] != missing for code in units.code])[landuse.owner]
    chosen = delivered & free & (cadastre.grade > 0) & (cadastre.grade < 5) & (landuse.settlement < 0)
    chosen &= (rng.random(len(chosen)) < 0.86) & (cadastre.area > 60_000)
    kind = (landuse.owner * len(CODES) + landuse.code) * 20_000 + cadastre.ratio * 2 + cadastre.terraced
    one, other, length = neighbours(landuse.mesh)
    one, other = landuse.parcel[one], landuse.parcel[other]
    alike = (kind[one] == kind[other]) & (cadastre.grade[one] == cadastre.grade[other]) & chosen[one] & chosen[other]
    best = strongest(one[alike], other[alike], length[alike], chosen & (rng.random(len(chosen)) < 0.7))
    partner = np.where(best >= 0, best, np.arange(len(best)))
    mutual = partner[partner] == np.arange(len(best))
    label = np.where(mutual, np.minimum(partner, np.arange(len(best))), np.arange(len(best)))
    return np.where(chosen, label, -1)


def _land(landuse: Landuse, cadastre: Cadastre, first: Integers, area: Integers, start: int) -> dict[str, Any]:
    code = np.array(CODES)[landuse.code[first]].tolist()
    place, ratio, grade = cadastre.place[first], cadastre.ratio[first], cadastre.grade[first]
    ridges = (area * ratio + 5000) // 10_000
    name = [one[:60] for one in cadastre.place_name[first].tolist()]
    numbers = range(start + 1, start + 1 + len(first))
    crop = {"LS": "种植粮食作物", "LYFL": "粮与非粮轮作", "XG": "休耕"}
    crops = [one if one in crop else "LS" for one in cadastre.crop[first].tolist()]
    return {
        "BSM": [f"{where[:6]}2005{number:08}" for where, number in zip(place, numbers, strict=True)],
        "YSDM": ["2005010300"] * len(first),
        "YJJBNTTBBH": [f"{where[:12]}{number % 10**6:06}" for where, number in zip(place, numbers, strict=True)],
        "TBBH": [str(number) for number in cadastre.number[first].tolist()],
        "DLBM": code,
        "DLMC": [CLASSES[one] for one in code],
        "QSXZ": ["30"] * len(first),
        "QSDWDM": place,
        "QSDWMC": name,
        "ZLDWDM": place,
        "ZLDWMC": name,
        "YJJBNTTBMJ": area / 100,
        "KCDLBM": [("1203" if one else None) for one in ratio.tolist()],
        "KCXS": ratio / 10_000,
        "KCMJ": ridges / 100,
        "YJJBNTMJ": (area - ridges) / 100,
        "GDLX": [
            ("TT" if t else "PD") if g > 1 else None for t, g in zip(cadastre.terraced[first], grade, strict=True)
        ],
        "GDPDJB": [str(one) for one in grade.tolist()],
        "GGBZL": ["充分满足" if one == 1 else "基本满足" if one == 2 else "一般满足" for one in grade.tolist()],
        "TBXHDM": [None] * len(first),
        "TBXHMC": [None] * len(first),
        "GDZZSXDM": crops,
        "GDZZSXMC": [crop[one] for one in crops],
        "GDDB": (4 + 2 * grade).tolist(),
        "GDDJ": (2 + grade).tolist(),
        "ZLFLDM": [f"1111{one}1111111" for one in grade.tolist()],
        "FRDBS": ["0"] * len(first),
        "SJNF": [SURVEY_YEAR] * len(first),
    }


def _people(cadastre: Cadastre, first: Integers, rng: np.random.Generator) -> dict[str, Any]:
    """Return the columns about people: responsible persons, numbers, telephones and addresses, none of them real."""
    count = len(first)
    place, name = cadastre.place[first].tolist(), cadastre.place_name[first].tolist()
    head: dict[str, str] = {}
    for code, person in zip(place, person_names(count, np.random.default_rng(int(place[0][:12]))), strict=True):
        head.setdefault(code, person)
    group = rng.integers(1, 9, count).tolist()
    people = person_names(count, rng)
    phone = rng.integers(0, 10**8, count)
    return {
        "CFZR": [head[code] for code in place],
        "ZMC": [f"第{number}村民小组" for number in group],
        "ZZRR": people,
        "ZRRZJHM": identity_numbers([code[:6] for code in place], rng),
        "ZRRMC": people,
        "LXDH": [f"100{number:08}" for number in phone.tolist()],
        "JZDZ": [f"{one[-20:]}{number}组" for one, number in zip(name, group, strict=True)],
        "BHKSSJ": ["2023-01-01"] * count,
        "BHJSSJ": ["2035-12-31"] * count,
        "SJBH": [code[:9] for code in place],
        "SJMC": [one.removeprefix("示范省")[:50] for one in name],
        "ZRSYX": [None] * count,
        "BZ": [None] * count,
    }
