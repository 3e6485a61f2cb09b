from __future__ import annotations

import numpy as np
import pyproj
import pytest

from onemap.errors import ConfigError
from onemap.geo.crs import CRS84, crs_from_srid, crs_from_uri, from_lonlat, to_lonlat, transform_xy


@pytest.mark.parametrize("code", [2327, 2349, 2360, 2370, 2380, 4610, 21413, 2401, 2415, 4214])
def test_xian_1980_and_beijing_1954_are_refused(code: int) -> None:
    with pytest.raises(ConfigError, match=r"Xian 1980|Beijing 1954"):
        crs_from_srid(code)


def test_cgcs2000_and_wgs84_are_equal() -> None:
    xy = np.array([[113.5, 30.25]])
    assert transform_xy(xy, crs_from_srid(4490), crs_from_srid(4326)) is xy


@pytest.mark.parametrize("code", [3857, 4491, 4513, 4526, 4547, 4554])
def test_there_and_back(code: int) -> None:
    crs = crs_from_srid(code)
    middle = (crs.domain[0] + crs.domain[2]) / 2
    lonlat = np.array([[middle, 30.0], [middle + 1.2, 40.5], [middle - 1.2, 20.25]])
    assert np.abs(to_lonlat(from_lonlat(lonlat, crs), crs) - lonlat).max() < 1e-10


def test_web_mercator_is_what_pyproj_says() -> None:
    lonlat = np.array([[113.5, 30.25], [-179.9, -84.0], [0.0, 0.0]])
    want = np.column_stack(pyproj.Transformer.from_crs(4326, 3857, always_xy=True).transform(*lonlat.T))
    assert np.abs(from_lonlat(lonlat, crs_from_srid(3857)) - want).max() < 1e-6


def test_uris() -> None:
    assert crs_from_uri(CRS84.uri) is CRS84
    assert crs_from_uri("http://www.opengis.net/def/crs/EPSG/0/4526").srid == 4526
    for wrong in (
        "EPSG:4490",
        "http://www.opengis.net/def/crs/EPSG/0/4490 +nadgrids=x",
        "http://www.opengis.net/def/crs/EPSG/0/0",
    ):
        with pytest.raises(ConfigError):
            crs_from_uri(wrong)
