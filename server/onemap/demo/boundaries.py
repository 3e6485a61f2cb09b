"""The administrative units as a layer, and the land for which a layer was delivered."""

from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from onemap.demo.admin import Units
from onemap.demo.grid import Floats, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import COVERAGE, DATE, XZQ
from onemap.demo.sizes import SRID
from onemap.store.geopackage.writer import GeoPackageWriter

LEVELS = (("province", 0), ("city", 4), ("county", 6), ("town", 9), ("village", 12))
"""Levels of administration and the number of digits in which the codes of each differ."""


def projected(geometries: NDArray[Any], srid: int, source: int = SRID) -> NDArray[Any]:
    """Transform geometries (x, y order) to another CRS; degrees are rounded to 9 places, metres to 4."""
    change = pyproj.Transformer.from_crs(source, srid, always_xy=True)
    places = 9 if pyproj.CRS.from_epsg(srid).is_geographic else 4

    def moved(xy: Floats) -> Floats:
        return np.round(np.column_stack(change.transform(xy[:, 0], xy[:, 1])), places)

    return np.asarray(shapely.transform(geometries, moved))


def full_code(code: str, digits: int) -> str:
    """Return the code of the unit that a village code lies in: six digits down to the county, then 9 and 12."""
    return code if digits == 12 else code[:digits].ljust(6, "0") if digits else "990000"


def write_units(writer: GeoPackageWriter, units: Units, landuse: Landuse, area: Integers) -> int:
    """Write the table xzq; ``area``: hundredths of square metres per parcel, which sum to the area of each unit."""
    writer.create_table(XZQ)
    rows = 0
    per_village = np.bincount(landuse.owner, weights=area, minlength=len(units))
    for level, digits in LEVELS:
        codes = [full_code(code, digits) for code in units.code]
        names, first, unit = np.unique(codes, return_index=True, return_inverse=True)
        geometries = landuse.around(unit[landuse.owner])[1]
        surveyed = np.bincount(unit, weights=per_village) / 100
        titles = units.names(digits)
        columns: dict[str, list[Any]] = {
            "BSM": [f"{code.ljust(12, '0')}{rows + i + 1:06}" for i, code in enumerate(names)],
            "YSDM": ["1000600100"] * len(names),
            "XZQDM": names.tolist(),
            "XZQMC": [_own_name(titles[i], units, i, digits) for i in first.tolist()],
            "DCMJ": surveyed.tolist(),
            "JSMJ": surveyed.tolist(),
            "MSSM": ["00"] * len(names),
            "JB": [level] * len(names),
            "SJXZQDM": [_parent(units.code[i], digits) for i in first.tolist()],
            "QMC": [titles[i] for i in first.tolist()],
        }
        _insert(writer, geometries, columns)
        rows += len(names)
    writer.finish(XZQ.name, DATE)
    return rows


def _insert(writer: GeoPackageWriter, geometries: NDArray[Any], columns: dict[str, list[Any]]) -> None:
    empty = [None] * len(geometries)
    filled = {field.name: columns.get(field.name, empty) for field in XZQ.fields}
    writer.insert(XZQ.name, projected(geometries, XZQ.srid), filled)


def _own_name(title: str, units: Units, village: int, digits: int) -> str:
    own = {4: units.city, 6: units.county, 9: units.town, 12: units.village}
    return own[digits][village] if digits else title


def _parent(code: str, digits: int) -> str:
    digit_levels = [digits for _, digits in LEVELS]
    place = digit_levels.index(digits)
    return full_code(code, digit_levels[place - 1]) if place else ""


def undelivered(units: Units) -> str:
    """Return the code of the county that has not delivered its permanent basic farmland: the last one."""
    return max(code[:6] for code in units.code)


def write_coverage(writer: GeoPackageWriter, units: Units, landuse: Landuse) -> int:
    """Write the table coverage: where the layer yjjbnttb is valid; return the number of rows."""
    writer.create_table(COVERAGE)
    missing = undelivered(units)
    delivered = np.array([0 if code[:6] != missing else -1 for code in units.code])
    geometries = landuse.around(delivered[landuse.owner])[1]
    note = f"{missing} 尚未汇交永久基本农田数据"
    columns = {"layer": ["yjjbnttb"], "date": [DATE[:10]], "BZ": [note]}
    writer.insert(COVERAGE.name, projected(geometries, COVERAGE.srid), columns)
    writer.finish(COVERAGE.name, DATE)
    return len(geometries)
