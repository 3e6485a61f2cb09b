"""The land survey of the year before, of one county: some fields have been built on or planted since."""

from dataclasses import replace

import numpy as np

from onemap.demo.admin import Units
from onemap.demo.cadastre import survey, write_parcels
from onemap.demo.grid import Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import DLTB_PREVIOUS, SURVEY_YEAR
from onemap.demo.uses import CODES
from onemap.store.geopackage.writer import GeoPackageWriter

_BEFORE = (
    (("0601", "0508", "0701", "0702", "0809"), 0.08, "0101"),
    (("1003", "1004"), 0.05, "0103"),
    (("0201", "0202", "0204", "0307"), 0.06, "0103"),
    (("1104", "1202"), 0.10, "0101"),
    (("0102", "0103"), 0.02, "0404"),
)
"""What some of the parcels of these classes were a year ago: classes, their share, the class before."""


def write_previous(writer: GeoPackageWriter, landuse: Landuse, units: Units, seed: int) -> int:
    """Write the table dltb_previous: the first county a year ago; return the number of rows."""
    first = min(code[:6] for code in units.code)
    inside = np.array([code[:6] == first for code in units.code])[landuse.owner]
    county = replace(
        landuse,
        code=_a_year_ago(landuse.code[inside], seed),
        owner=landuse.owner[inside],
        slope=landuse.slope[inside],
        settlement=landuse.settlement[inside],
        geometry=landuse.geometry[inside],
    )
    return write_parcels(writer, county, survey(county, units, seed + 1), DLTB_PREVIOUS, SURVEY_YEAR - 1)


def _a_year_ago(code: Integers, seed: int) -> Integers:
    chance = np.random.default_rng((seed, 71)).random(len(code))
    before = code.copy()
    for classes, share, was in _BEFORE:
        chosen = np.isin(code, [CODES.index(name) for name in classes]) & (chance < share)
        before[chosen] = CODES.index(was)
    return before
