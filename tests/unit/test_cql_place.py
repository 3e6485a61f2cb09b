"""Geometry literals in the plane of the storage CRS. Expected positions come from pyproj."""

from __future__ import annotations

import pyproj
import pytest
import shapely

from onemap.cql import Column, bounds_of, parse_text, place
from onemap.cql.nodes import Placed
from onemap.errors import InvalidParameter
from onemap.geo.crs import CRS84, WEB_MERCATOR, crs_from_srid
from tests.cql_engines import sqlite_engine

CGCS2000 = crs_from_srid(4490)
ZONE_37 = crs_from_srid(4525)
TO_ZONE_37 = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4525", always_xy=True)


def literal(text: str, given: object = CRS84, storage: object = CRS84) -> Placed:
    placed = place(parse_text(f"S_INTERSECTS(geom, {text})"), given, storage)  # type: ignore[arg-type]
    assert isinstance(placed.rhs, Placed)
    return placed.rhs


def shape(text: str, given: object = CRS84, storage: object = CRS84) -> shapely.Geometry:
    return shapely.from_wkb(literal(text, given, storage).wkb)


def test_axis_order_is_that_of_the_filter_crs() -> None:
    assert shape("POINT(111.5 27.5)") == shapely.Point(111.5, 27.5)
    assert shape("POINT(27.5 111.5)", CGCS2000, CGCS2000) == shapely.Point(111.5, 27.5)
    east, north = TO_ZONE_37.transform(111.5, 27.5)
    found = shape(f"POINT({north} {east})", ZONE_37, CGCS2000)
    assert found.distance(shapely.Point(111.5, 27.5)) < 1e-9
    assert shape("BBOX(27, 111, 28, 112)", CGCS2000, CGCS2000).bounds == (111, 27, 112, 28)
    assert shape("BBOX(27, 111, 0, 28, 112, 99)", CGCS2000, CGCS2000).bounds == (111, 27, 112, 28)


def test_heights_are_passed_over() -> None:
    assert not shape("LINESTRING Z (1 1 1, 2 2 2)").has_z


def test_a_box_across_the_antimeridian_is_two() -> None:
    found = literal("BBOX(170, -10, -170, 10)")
    assert set(found.boxes) == {(170, -10, 180, 10), (-180, -10, -170, 10)}


def test_boxes_without_width_or_height() -> None:
    assert shape("BBOX(1, 1, 1, 1)") == shapely.Point(1, 1)
    assert shape("BBOX(1, 1, 1, 3)").equals(shapely.LineString([(1, 1), (1, 3)]))
    assert shape("BBOX(5, 5, 1, 9)", WEB_MERCATOR, WEB_MERCATOR).is_empty


def test_long_edges_bend_with_the_projection() -> None:
    """A parallel of 4 degrees is no straight line in Gauss-Kruger: its middle lies hundreds of metres off the chord."""
    found = shape("LINESTRING(109 30, 113 30)", CRS84, ZONE_37)
    middle = shapely.Point(*TO_ZONE_37.transform(111, 30))
    chord = shapely.LineString([TO_ZONE_37.transform(109, 30), TO_ZONE_37.transform(113, 30)])
    assert found.distance(middle) < 0.05
    assert chord.distance(middle) > 500


def test_what_lies_outside_the_domain_is_cut_off() -> None:
    world = literal("BBOX(-180, -90, 180, 90)", CRS84, ZONE_37)
    assert world.cut
    assert shapely.from_wkb(world.wkb).covers(shapely.Point(*TO_ZONE_37.transform(111, 30)))
    assert not literal("BBOX(110, 20, 112, 30)", CRS84, ZONE_37).cut
    assert literal("POINT(-100 -40)", CRS84, ZONE_37).boxes == ()


def test_a_part_of_a_literal_is_not_the_literal() -> None:
    """A feature may hold all that the zone's domain leaves of the world, and does not hold the world."""
    left = shape("BBOX(-180, -90, 180, 90)", CRS84, ZONE_37)
    columns = {"geom": Column('"geom"', "geometry", 4525)}
    with sqlite_engine(columns, [{"geom": left}, {"geom": None}]) as answer:
        for text, expected in (
            ("S_CONTAINS(geom, BBOX(-180, -90, 180, 90))", [False, None]),
            ("S_EQUALS(BBOX(-180, -90, 180, 90), geom)", [False, None]),
            ("S_WITHIN(geom, BBOX(-180, -90, 180, 90))", [True, None]),
            ("S_DISJOINT(geom, POINT(-100 -40))", [True, None]),
        ):
            assert answer(place(parse_text(text), CRS84, ZONE_37)) == expected


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("POINT(90 180)", CRS84, "latitude 180"),
        ("POINT(110 30)", CGCS2000, "longitude 30.0, latitude 110.0"),
        ("BBOX(0, 5, 1, 4)", CRS84, "lower corner is above"),
        ("POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))", CRS84, "Self-intersection"),
        ("POINT(1e300 1e300)", ZONE_37, "outside the reach"),
        ("LINESTRING(-1e308 0, 1e308 1)", ZONE_37, "outside the reach"),
    ],
)
def test_errors(text: str, given: object, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        literal(text, given, CGCS2000)


def limits(text: str) -> object:
    return bounds_of(place(parse_text(text), CRS84, CRS84), "geom")


def test_bounds() -> None:
    near, far = "S_INTERSECTS(geom, BBOX(0, 0, 1, 1))", "S_WITHIN(geom, BBOX(5, 5, 9, 9))"
    assert limits(near) == [(0, 0, 1, 1)]
    assert limits(f"{near} AND {far}") == [(0, 0, 1, 1)]
    assert limits(f"{near} OR {far}") == [(0, 0, 1, 1), (5, 5, 9, 9)]
    assert limits(f"NOT ({near} OR a = 1)") is None
    assert limits(f"{near} OR a = 1") is None
    assert limits(f"{near} AND a = 1") == [(0, 0, 1, 1)]
    assert limits("NOT S_DISJOINT(BBOX(0, 0, 1, 1), geom)") == [(0, 0, 1, 1)]
    assert limits("NOT (a = 1 OR S_DISJOINT(geom, BBOX(0, 0, 1, 1)))") == [(0, 0, 1, 1)]
    assert limits("S_DISJOINT(geom, BBOX(0, 0, 1, 1))") is None
    assert limits("S_INTERSECTS(other, BBOX(0, 0, 1, 1))") is None
    assert limits(f"{near} AND FALSE") == []
    assert limits("NOT FALSE") is None
