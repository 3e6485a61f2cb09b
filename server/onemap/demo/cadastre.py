"""The attributes of the land survey (地类图斑) and of permanent basic farmland (永久基本农田图斑)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.demo.admin import Units
from onemap.demo.grid import Flags, Floats, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import DATE, DLTB, SURVEY_YEAR
from onemap.demo.uses import CLASSES, CODES
from onemap.geo.area import measure_for
from onemap.store.geopackage.writer import GeoPackageWriter, TableSpec

_SLOPES = (2.0, 6.0, 15.0, 25.0)
_RATIO = {"PD": (0, 312, 687, 1021, 1374), "TT": (0, 563, 1124, 1648, 2215)}
_CROPS = {"LS": "种植粮食作物", "FLS": "种植非粮食作物", "LYFL": "粮与非粮轮作", "XG": "休耕", "WG": "未耕种"}
_STATE = ("1003", "1101", "1103", "0701", "0601", "0508", "05H1", "08H1", "0810", "0809", "1004")
_CHUNK = 50_000


@dataclass(frozen=True)
class Cadastre:
    """Attributes of the parcels that other layers share.

    Areas are whole hundredths of a square metre, so that sums and differences are exact: ``area`` of the polygon
    (TBMJ), ``ridges``: the part deducted for field ridges (KCMJ). ``ratio``: deduction in ten-thousandths (KCXS).
    ``grade``: slope grade 1-5 of cultivated land, 0 elsewhere. ``terraced`` tells terraces from sloping fields.
    """

    area: Integers
    ratio: Integers
    ridges: Integers
    grade: Integers
    terraced: Flags
    crop: NDArray[Any]
    place: NDArray[Any]
    place_name: NDArray[Any]
    number: Integers

    def net(self) -> Floats:
        """Return the areas without ridges (TBDLMJ) in square metres."""
        return (self.area - self.ridges) / 100


def survey(landuse: Landuse, units: Units, seed: int) -> Cadastre:
    """Derive the attributes: areas on the ellipsoid, rounded half up, and deductions by slope and kind of field."""
    area = np.floor(measure_for(DLTB.srid).areas(landuse.geometry) * 100 + 0.5).astype(np.int64)
    cultivated = landuse.is_class("01")
    grade = np.where(cultivated, 1 + np.searchsorted(_SLOPES, landuse.slope, side="left"), 0)
    rng = np.random.default_rng((seed, 70))
    terraced = (grade > 1) & (rng.random(len(area)) < 0.35 + 0.12 * grade)
    county = np.unique([code[:6] for code in units.code], return_inverse=True)[1][landuse.owner]
    table = np.array([_RATIO["PD"], _RATIO["TT"]])
    ratio = np.where(grade > 1, table[terraced.astype(int), np.maximum(grade - 1, 0)] + 11 * county, 0)
    crop = np.array(list(_CROPS))[np.searchsorted([0.7, 0.86, 0.95, 0.98], rng.random(len(area)))]
    place = np.array([code + "0000000" for code in units.code])[landuse.owner]
    first = np.searchsorted(landuse.owner, np.arange(len(units)))
    number = np.arange(len(area)) - first[landuse.owner] + 1
    return Cadastre(
        area,
        ratio,
        (area * ratio + 5000) // 10_000,
        grade,
        terraced,
        np.where(cultivated, crop, ""),
        place,
        np.array(units.names(12))[landuse.owner],
        number,
    )


def write_parcels(
    writer: GeoPackageWriter, landuse: Landuse, cadastre: Cadastre, spec: TableSpec = DLTB, year: int = SURVEY_YEAR
) -> int:
    """Write the survey of a year, by default the table dltb; return the number of rows."""
    writer.create_table(spec)
    urban = np.isin(
        landuse.code, [CODES.index(code) for code in ("0701", "05H1", "0601", "0508", "08H1", "0810", "1004")]
    )
    for start in range(0, len(landuse.geometry), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(landuse.geometry)))
        columns = _identity(landuse, cadastre, rows) | _measures(cadastre, rows)
        columns |= _details(landuse, cadastre, rows, urban) | {"SJNF": [year] * len(rows)}
        writer.insert(spec.name, landuse.geometry[rows], columns)
    writer.finish(spec.name, DATE)
    return len(landuse.geometry)


def _identity(landuse: Landuse, cadastre: Cadastre, rows: Integers) -> dict[str, Any]:
    code = np.array(CODES)[landuse.code[rows]]
    place, name = cadastre.place[rows], cadastre.place_name[rows]
    state = np.isin(code, _STATE)
    return {
        "BSM": [f"{where[:6]}2001{row + 1:08}" for where, row in zip(place, rows.tolist(), strict=True)],
        "YSDM": ["2001010100"] * len(rows),
        "TBYBH": [
            f"{where[6:12]}{number:06}" for where, number in zip(place, cadastre.number[rows].tolist(), strict=True)
        ],
        "TBBH": [f"{number}" for number in cadastre.number[rows].tolist()],
        "DLBM": code,
        "DLMC": [CLASSES[one] for one in code.tolist()],
        "QSXZ": np.where(state, "20", np.where(np.isin(code, ("0702",)), "40", "30")),
        "QSDWDM": np.where(state, [where[:6] + "0000000000000" for where in place.tolist()], place),
        "QSDWMC": [one + "村民委员会" if not owned else "国有" for one, owned in zip(name, state, strict=True)],
        "ZLDWDM": place,
        "ZLDWMC": name,
    }


def _measures(cadastre: Cadastre, rows: Integers) -> dict[str, Any]:
    ratio, grade = cadastre.ratio[rows], cadastre.grade[rows]
    cultivated = grade > 0
    return {
        "TBMJ": cadastre.area[rows] / 100,
        "KCDLBM": _where(ratio > 0, ["1203"] * len(rows)),
        "KCXS": ratio / 10_000,
        "KCMJ": cadastre.ridges[rows] / 100,
        "TBDLMJ": cadastre.net()[rows],
        "GDLX": _where(grade > 1, np.where(cadastre.terraced[rows], "TT", "PD").tolist()),
        "GDPDJB": _where(cultivated, [str(one) for one in grade.tolist()]),
        "ZZSXDM": _where(cultivated, cadastre.crop[rows].tolist()),
        "ZZSXMC": _where(cultivated, [_CROPS.get(one, "") for one in cadastre.crop[rows].tolist()]),
        "GDDB": [int(4 + one * 2) if one else None for one in grade.tolist()],
    }


def _details(landuse: Landuse, cadastre: Cadastre, rows: Integers, urban: Flags) -> dict[str, Any]:
    code = np.array(CODES)[landuse.code[rows]]
    built = landuse.settlement[rows] >= 0
    belongs = np.where(urban[rows], "202", np.where(np.char.startswith(code, "0601"), "202A", "203"))
    width = {"1003": 14.0, "1006": 6.0}
    empty = [None] * len(rows)
    return {
        "XZDWKD": [width.get(one) for one in code.tolist()],
        "TBXHDM": empty,
        "TBXHMC": empty,
        "FRDBS": ["0"] * len(rows),
        "CZCSXM": _where(built, belongs.tolist()),
        "MSSM": ["00"] * len(rows),
        "HDMC": empty,
        "BZ": empty,
    }


def _where(holds: Flags, values: list[str]) -> list[str | None]:
    return [value if true else None for true, value in zip(holds.tolist(), values, strict=True)]
