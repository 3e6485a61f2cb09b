from __future__ import annotations

import numpy as np
import pytest
import shapely

from onemap.errors import InvalidParameter
from onemap.geo.bbox import parse_bbox, regions
from onemap.geo.crs import CRS84, crs_from_srid, transform_bounds, transform_xy

CGCS2000 = crs_from_srid(4490)
ZONE_38 = crs_from_srid(4526)


def test_axis_order_follows_the_crs() -> None:
    assert parse_bbox("113,30,114,31", CRS84).bounds == (113, 30, 114, 31)
    assert parse_bbox("30,113,31,114", CGCS2000).bounds == (113, 30, 114, 31)
    assert parse_bbox("3300000,38400000,3400000,38500000", ZONE_38).bounds == (38400000, 3300000, 38500000, 3400000)


def test_six_numbers() -> None:
    assert parse_bbox("113,30,-5,114,31,9000", CRS84).bounds == (113, 30, 114, 31)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,nan,4", "1,2,inf,4", "1e999,0,1,1", "0,5,1,4", "1;2;3;4"]
)
def test_what_is_no_box(text: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_bbox(text, CRS84)


def test_a_box_across_the_antimeridian_has_two_parts() -> None:
    assert parse_bbox("177,65,-177,70", CRS84).parts() == [(177, 65, 180, 70), (-180, 65, -177, 70)]


def test_exchanged_projected_corners_hold_nothing() -> None:
    assert parse_bbox("2,2,1,1", ZONE_38).parts() == []


def test_a_region_in_the_same_plane_is_the_box_itself() -> None:
    (region,) = regions(parse_bbox("113.2,30.2,113.4,30.4", CRS84), CGCS2000, (113.0, 30.0, 114.0, 31.0))
    assert region.rectangle
    assert region.bounds == (113.2, 30.2, 113.4, 30.4)


def test_the_whole_world_means_the_whole_layer_in_a_gauss_kruger_zone() -> None:
    extent = (38_400_000.0, 3_300_000.0, 38_600_000.0, 3_500_000.0)
    (region,) = regions(parse_bbox("-180,-90,180,90", CRS84), ZONE_38, extent)
    assert region.polygon.contains(shapely.box(*extent))


def test_a_region_holds_what_the_box_holds() -> None:
    extent = (38_400_000.0, 3_300_000.0, 38_600_000.0, 3_500_000.0)
    box = parse_bbox("113.4,30.2,114.2,31.0", CRS84)
    (region,) = regions(box, ZONE_38, extent)
    rng = np.random.default_rng(5)
    lonlat = np.column_stack([rng.uniform(113.2, 114.4, 2000), rng.uniform(30.0, 31.2, 2000)])
    inside = shapely.contains_xy(shapely.box(*box.bounds), lonlat[:, 0], lonlat[:, 1])
    xy = transform_xy(lonlat, CRS84, ZONE_38)
    away = shapely.distance(shapely.box(*box.bounds).exterior, shapely.points(lonlat)) > 1e-4
    assert (shapely.contains_xy(region.polygon, xy[:, 0], xy[:, 1]) == inside)[away].all()


def test_a_box_outside_the_domain_is_nothing() -> None:
    assert regions(parse_bbox("-100,20,-90,30", CRS84), ZONE_38, (38_400_000.0, 3.3e6, 38_600_000.0, 3.5e6)) == []
    assert transform_bounds((-100.0, 20.0, -90.0, 30.0), CRS84, ZONE_38) is None


def test_an_empty_layer_has_no_region() -> None:
    assert regions(parse_bbox("0,0,1,1", CRS84), CGCS2000, None) == []
