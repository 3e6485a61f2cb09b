"""Map sheets by GB/T 13989-2012, and areas by the survey's convention."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.geo.area import measure_for
from onemap.geo.crs import crs_from_srid
from onemap.geo.sheets import SCALES, sheet_of, sheets_within
from onemap.geo.survey import LONGEST_EDGE_M, densified, survey_area, survey_zone

CHECK = Decimal("27304793.8398")


def test_the_check_value() -> None:
    """The area of sheet H50G002051 as the notice of 2008 publishes it."""
    (box,) = sheet_of("H50G002051").boxes()
    assert Decimal(str(measure_for(4490).area(shapely.box(*box)))).quantize(CHECK) == CHECK


@pytest.mark.parametrize(
    ("number", "box"),
    [
        ("J50", (114, 36, 120, 40)),
        ("J50B001001", (114, 38, 117, 40)),
        ("J50C003002", (115.5, 37, 117, 38)),
        ("J50D010010", (118.5, 36 + 2 / 3, 119, 37)),
        ("J50I576576", (120 - 37.5 / 3600, 36, 120, 36 + 25 / 3600)),
        ("J50K23042304", (120 - 9.375 / 3600, 36, 120, 36 + 6.25 / 3600)),
    ],
)
def test_numbers_and_bounds(number: str, box: Any) -> None:
    sheet = sheet_of(number)
    assert sheet.boxes()[0] == pytest.approx(box, abs=1e-12)
    assert sheet.numbers() == [number]


@pytest.mark.parametrize("number", ["", "J5", "W50", "J50X001001", "J50G000001", "J50G097001", "J50K001001", "J50G1"])
def test_what_is_no_number(number: str) -> None:
    with pytest.raises(ValueError, match="no sheet number"):
        sheet_of(number)


@settings(max_examples=60, deadline=None)
@given(st.floats(73, 135), st.floats(3, 54), st.sampled_from(SCALES))
def test_a_place_lies_on_one_sheet(lon: float, lat: float, scale: Any) -> None:
    spot = (lon, lat, lon, lat)

    def meets(boxes: Any) -> Any:
        return (boxes[:, 0] <= lon) & (boxes[:, 2] >= lon) & (boxes[:, 1] <= lat) & (boxes[:, 3] >= lat)

    found = sheets_within(spot, scale, meets, 100)
    assert found is not None
    assert 1 <= len(found) <= 4
    for number, box in zip(found.numbers(), found.boxes(), strict=True):
        assert sheet_of(number).boxes()[0].tolist() == box.tolist()


def test_too_many_sheets_are_not_listed() -> None:
    assert sheets_within((100.1, 30.1, 110, 40), SCALES[-1], lambda boxes: np.ones(len(boxes), bool), 5000) is None


SQUARE = shapely.Polygon([(38500000, 3380000), (38500350, 3380000), (38500350, 3380200), (38500000, 3380200)])


def test_long_edges_get_points() -> None:
    xy = densified(shapely.get_coordinates(SQUARE))
    lengths = np.hypot(*np.diff(xy, axis=0).T)
    assert len(xy) == 1 + 2 * (int(350 / LONGEST_EDGE_M) + 1) + 2 * (int(200 / LONGEST_EDGE_M) + 1)
    assert lengths.max() < LONGEST_EDGE_M


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(38430000, 38570000), st.floats(2.4e6, 5.5e6))
def test_the_survey_area_is_that_of_geodesics_on_densified_rings(seed: int, x: float, y: float) -> None:
    chance = np.random.default_rng(seed)
    angle = np.sort(chance.uniform(0, 2 * np.pi, 12))
    reach = chance.uniform(100, 800, 12)
    shape = shapely.Polygon(np.round(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]), 4))
    if not shape.is_valid or shape.area < 1e4:
        return
    fine = shapely.get_coordinates(shapely.segmentize(shape, 5))
    lon, lat = pyproj.Transformer.from_crs(4526, 4490, always_xy=True).transform(*fine.T)
    geodesic = abs(pyproj.Geod(ellps="GRS80").polygon_area_perimeter(lon, lat)[0])
    area = survey_area(shape, crs_from_srid(4526))
    # Rounding seconds to 1e-6 moves vertices by up to 0.03 mm: times the perimeter.
    assert float(area) == pytest.approx(geodesic, abs=0.02 + 3e-5 * shape.length, rel=1e-7)
    assert area == area.quantize(Decimal("0.01"))
    assert float(area) == pytest.approx(measure_for(4526).area(shape), abs=0.02 + 3e-5 * shape.length)


def test_holes_and_parts() -> None:
    crs = crs_from_srid(4526)
    hole = shapely.affinity.scale(SQUARE, 0.5, 0.5)
    away = shapely.affinity.translate(SQUARE, 1000, 0)
    both = shapely.MultiPolygon([SQUARE - hole, away])
    parts = survey_area(SQUARE, crs) - survey_area(hole, crs) + survey_area(away, crs)
    assert abs(survey_area(both, crs) - parts) <= Decimal("0.02")


def test_zones_of_the_survey() -> None:
    zone = survey_zone(114.2)
    assert zone is not None
    assert zone.srid == 4526
    assert survey_zone(10.0) is None
