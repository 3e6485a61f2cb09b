"""Ellipsoidal areas: against the published check value, PROJ's geodesics, and themselves when polygons are cut."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from onemap.errors import ConfigError
from onemap.geo.area import AREA_DEFINITION, NoAreaDefined, measure_for, trapezoid
from onemap.geo.gauss_kruger import MAX_OFFSET, area_series, inverse_square_scale, zone_of
from onemap.geo.rounding import close_table, hectares, mu, round_half_up

GEOD = pyproj.Geod(ellps="GRS80")  # the ellipsoid of CGCS2000
GK_CODES = range(4491, 4555)


def star(seed: int, x: float, y: float, radius: float, corners: int = 24) -> shapely.Polygon:
    """A star-shaped polygon with irregular corners."""
    rng = np.random.default_rng(seed)
    angles = (np.arange(corners) + rng.uniform(0, 0.8, corners)) * (2 * np.pi / corners)
    reach = radius * rng.uniform(0.4, 1, corners)
    return shapely.Polygon(np.column_stack([x + reach * np.cos(angles), y + reach * np.sin(angles)]))


def geodesic_area(polygon: shapely.Polygon) -> float:
    """Area by PROJ, as a polygon of very short geodesics."""
    xy = shapely.get_coordinates(polygon)
    return abs(float(GEOD.polygon_area_perimeter(xy[:, 0], xy[:, 1])[0]))


def to_lonlat(polygon: Any, srid: int) -> Any:
    step = pyproj.Transformer.from_crs(srid, 4490, always_xy=True)
    return shapely.transform(polygon, lambda xy: np.column_stack(step.transform(xy[:, 0], xy[:, 1])))


def test_published_check_value() -> None:
    """Sheet H50G002051: row H (28-32 N), column 50 (114-120 E), second row and 51st column of 2'30" x 3'45"."""
    north, west = 32 - 1 * 2.5 / 60, 114 + 50 * 3.75 / 60
    assert trapezoid(west, north - 2.5 / 60, west + 3.75 / 60, north) == pytest.approx(27304793.8398, abs=5.1e-5)


def test_quarter_of_the_ellipsoid() -> None:
    """The whole surface of GRS 80 is 510 065 621.7 km2."""
    assert trapezoid(0, 0, 180, 90) * 4 == pytest.approx(510_065_621.7e6, rel=2e-10)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(75, 135), st.floats(-50, 53), st.floats(0.001, 1.0))
def test_geographic_against_geodesics(seed: int, lon: float, lat: float, radius: float) -> None:
    polygon = star(seed, lon, lat, radius)
    fine = shapely.segmentize(polygon, max(radius / 4000, 2e-4))  # shorter geodesics lose digits
    assert measure_for(4490).area(polygon) == pytest.approx(geodesic_area(fine), rel=2e-8, abs=0.01)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(GK_CODES),
    st.floats(-600e3, 600e3),
    st.floats(-0.9e6, 6.1e6),
    st.floats(50, 30e3),
)
def test_gauss_krueger_against_geographic(seed: int, srid: int, offset: float, north: float, radius: float) -> None:
    zone = zone_of(srid)
    assert zone
    polygon = star(seed, zone.false_easting + offset, north, radius)
    fine = to_lonlat(shapely.segmentize(polygon, radius / 2000), srid)
    assert measure_for(srid).area(polygon) == pytest.approx(measure_for(4490).area(fine), rel=2e-9, abs=1e-5)


def test_long_edges_in_the_plane() -> None:
    """A rectangle of 400 x 600 km equals the sum of its parts of 10 km."""
    whole = shapely.box(38.2e6, 3.0e6, 38.6e6, 3.6e6)
    x, y = np.meshgrid(np.arange(38.2e6, 38.6e6, 10e3), np.arange(3.0e6, 3.6e6, 10e3))
    parts = shapely.box(x.ravel(), y.ravel(), x.ravel() + 10e3, y.ravel() + 10e3)
    measure = measure_for(4526)
    assert measure.areas(parts).sum() == pytest.approx(measure.area(whole), rel=1e-12)
    slanted = shapely.Polygon([(38.1e6, 3.0e6), (38.9e6, 3.3e6), (38.5e6, 3.9e6)])
    assert measure.area(slanted) == pytest.approx(measure.area(shapely.segmentize(slanted, 1000)), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([4490, 4526, 4547]))
def test_parts_sum_to_the_whole(seed: int, srid: int) -> None:
    x, y, radius = {4490: (114.2, 31.0, 0.2), 4526: (38_520e3, 3.4e6, 20e3), 4547: (480e3, 3.4e6, 20e3)}[srid]
    polygon = star(seed, x, y, radius, corners=60)
    rng = np.random.default_rng(seed)
    angles, shifts = rng.uniform(0, np.pi, 12), rng.uniform(-0.4, 0.4, (12, 2)) * radius
    reach = 3 * radius * np.column_stack([np.cos(angles), np.sin(angles)])
    middle = np.array([x, y]) + shifts
    cuts = shapely.linestrings(np.stack([middle - reach, middle + reach], axis=1))
    network = shapely.union_all([*cuts, polygon.exterior])
    parts = shapely.get_parts(shapely.polygonize([network]))
    parts = parts[shapely.contains(polygon, shapely.point_on_surface(parts))]
    assert len(parts) > 10
    measure = measure_for(srid)
    assert measure.areas(parts).sum() == pytest.approx(measure.area(polygon), rel=1e-11)


@pytest.mark.parametrize("srid", [4490, 4526])
def test_splitting_an_edge_changes_nothing(srid: int) -> None:
    polygon = star(7, *((114.2, 31.0, 0.5) if srid == 4490 else (38_900e3, 3.4e6, 50e3)))
    fine = shapely.segmentize(polygon, polygon.length / 3000)
    assert measure_for(srid).area(fine) == pytest.approx(measure_for(srid).area(polygon), rel=1e-13)


@pytest.mark.parametrize("srid", [4490, 4526])
def test_small_pieces_are_right_to_a_millionth(srid: int) -> None:
    """A strip of 1 km x 0.1 m: its area against the sum over a fine grid of offsets that shares no rounding."""
    x, y, dx, dy = (114.2, 31.0, 0.01, 1e-6) if srid == 4490 else (38_900e3, 3.4e6, 1e3, 0.1)
    strip = shapely.box(x, y, x + dx, y + dy)
    turned = shapely.Polygon(np.roll(shapely.get_coordinates(strip)[:-1], 2, axis=0))
    measure = measure_for(srid)
    halves = [shapely.box(x, y, x + dx / 2, y + dy), shapely.box(x + dx / 2, y, x + dx, y + dy)]
    assert 80 < measure.area(strip) < 130
    assert measure.area(turned) == pytest.approx(measure.area(strip), abs=1e-6)
    assert measure.areas(np.array(halves)).sum() == pytest.approx(measure.area(strip), abs=1e-6)


def test_kinds_of_geometry() -> None:
    square = shapely.box(114, 31, 114.1, 31.1)
    hole = shapely.box(114.02, 31.02, 114.03, 31.03)
    ring = shapely.Polygon(square.exterior, [hole.exterior])
    far = affinity.translate(square, 1)
    measure = measure_for(4490)
    full, small = measure.area(square), measure.area(hole)
    given_areas = measure.areas(
        np.array(
            [
                shapely.Polygon(),
                ring,
                shapely.MultiPolygon([ring, far]),
                shapely.GeometryCollection([shapely.Point(0, 0), shapely.MultiPolygon([far]), square.exterior]),
                None,
                shapely.Point(1, 1),
                shapely.reverse(square),
                shapely.force_3d(square, 9.0),
            ],
            dtype=object,
        )
    )
    expected = [0, full - small, 2 * full - small, full, 0, 0, full, full]
    assert given_areas == pytest.approx(expected, rel=1e-12)
    assert measure.areas(np.array([], dtype=object)).shape == (0,)


def test_outside_the_domain_is_not_a_number() -> None:
    assert np.isnan(measure_for(4526).area(shapely.box(0, 3e6, 38.5e6, 3.1e6)))
    assert np.isnan(measure_for(4490).area(shapely.box(10, 80, 20, 95)))


@pytest.mark.parametrize(
    ("srid", "west", "south"),
    [
        (4490, 118, 89.5),
        (4490, 118, 90.5),
        (4490, 118, -90.5),
        (4524, 36_500_000, 4_000_000),
        (4524, 36_500_000 + MAX_OFFSET + 1, 4_000_000),
        (4524, 36_500_000 - MAX_OFFSET - 2, 4_000_000),
        (4524, 36_500_000, 1e7 + 1),
        (4524, 36_500_000, -1e7 - 2),
    ],
)
def test_the_domain_is_where_areas_are_numbers(srid: int, west: float, south: float) -> None:
    size = 0.25 if srid == 4490 else 1
    square = shapely.box(west, south, west + size, south + size)
    assert measure_for(srid).covers(square.bounds) == np.isfinite(measure_for(srid).area(square))
    assert measure_for(srid).covers(shapely.Polygon().bounds)


def test_same_latitude_symmetry() -> None:
    """Mirrored across the equator and moved along it, a polygon keeps its area."""
    polygon = star(3, 100, 30, 0.5)
    measure = measure_for(4326)
    mirrored = affinity.scale(polygon, yfact=-1, origin=(0, 0))
    assert measure.area(mirrored) == pytest.approx(measure.area(polygon), rel=1e-13)
    assert measure.area(affinity.translate(polygon, 8)) == pytest.approx(measure.area(polygon), rel=1e-12)


@pytest.mark.parametrize("srid", GK_CODES)
def test_zone_table_agrees_with_proj(srid: int) -> None:
    crs = pyproj.CRS.from_epsg(srid)
    assert crs.coordinate_operation
    values = {parameter.name: float(parameter.value) for parameter in crs.coordinate_operation.params}
    zone = zone_of(srid)
    assert zone
    assert zone.central_meridian == values["Longitude of natural origin"]
    assert zone.false_easting == values["False easting"]
    assert values["Scale factor at natural origin"] == 1
    assert "2000" in crs.name


@pytest.mark.parametrize("srid", [3857, 4490 - 12000, 4555, 2334, 32650])
def test_other_systems_have_no_area(srid: int) -> None:
    with pytest.raises(NoAreaDefined, match=str(srid)) as refused:
        measure_for(srid)
    assert isinstance(refused.value, ConfigError)


def test_scale_agrees_with_proj() -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(110, 118, 500), rng.uniform(-9, 56, 500)
    step = pyproj.Transformer.from_crs(4490, 4526, always_xy=True)
    east, north = step.transform(lon, lat)
    factors = pyproj.Proj("EPSG:4526").get_factors(lon, lat)  # by numerical differentiation: 1e-10
    assert inverse_square_scale(north, east - 38.5e6) == pytest.approx(1 / factors.areal_scale, rel=1e-9)


def test_fit_of_the_scale() -> None:
    rng = np.random.default_rng(2)
    north, offset = rng.uniform(-1e6, 6.2e6, 5000), rng.uniform(-MAX_OFFSET, MAX_OFFSET, 5000)
    cosine, v = np.cos(2 * north / 6367449.145771), (offset / MAX_OFFSET) ** 2
    fitted = 1 + sum(np.polyval(s * (2 * j + 1), cosine) * v**j for j, s in enumerate(area_series(), start=1))
    assert np.abs(fitted - inverse_square_scale(north, offset)).max() < 1e-13


def test_definition_is_named() -> None:
    assert measure_for(4490).definition == measure_for(4547).definition == AREA_DEFINITION


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (2.675, 2, "2.68"),
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (-0.125, 2, "-0.13"),
        (1e-9, 4, "0.0000"),
        ("1.00005", 4, "1.0001"),
    ],
)
def test_round_half_up(value: float | str, places: int, expected: str) -> None:
    assert str(round_half_up(value, places)) == expected


def test_units() -> None:
    assert hectares(12345.5) == Decimal("1.2346")
    assert mu(2000.0 / 3) == Decimal("1.00")
    assert mu(Decimal("66666.67")) == Decimal("100.00")
    with pytest.raises(ValueError, match="nan"):
        round_half_up(float("nan"), 2)


def test_close_table_gives_differences_to_the_largest() -> None:
    assert close_table([1.004, 2.004, 3.004], 6.012, 2) == [Decimal("1.00"), Decimal("2.00"), Decimal("3.01")]
    assert close_table([0.006, 0.006, 0.006], 0.018, 2) == [Decimal("0.00"), Decimal("0.01"), Decimal("0.01")]
    assert close_table([], 0, 2) == []
    with pytest.raises(ValueError, match="difference"):
        close_table([0.0], 1, 2)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=30), st.integers(0, 4))
def test_closed_tables_sum(values: list[float], places: int) -> None:
    total = sum(values)
    if round_half_up(total, places) and not any(round_half_up(value, places) for value in values):
        return
    closed = close_table(values, total, places)
    assert sum(closed) == round_half_up(total, places)
    assert all(item >= 0 for item in closed)
    unit = Decimal(1).scaleb(-places)
    assert all(abs(item - Decimal(str(value))) < unit * 2 for item, value in zip(closed, values, strict=True))
