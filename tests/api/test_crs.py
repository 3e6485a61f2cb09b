"""A golden table of points: coordinates in every system, in the axis order of the authority.

The values were computed with pyproj and ``always_xy=False`` (authority order), independently of the
server; the test checks the table against pyproj again and the server against the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, publish_file
from onemap.catalog.declare import offered_crs
from onemap.geo.crs import crs_from_srid
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
GOLDEN_FILE = Path(__file__).with_name("golden_crs.csv")


def golden() -> list[tuple[float, float, int, float, float]]:
    rows = [line.split(",") for line in GOLDEN_FILE.read_text().splitlines()[1:]]
    return [(float(a), float(b), int(c), float(d), float(e)) for a, b, c, d, e in rows]


@pytest.mark.parametrize(("lon", "lat", "code", "first", "second"), golden())
def test_the_table_is_what_pyproj_says(lon: float, lat: float, code: int, first: float, second: float) -> None:
    base = "EPSG:4326" if code in (4326, 3857) else "EPSG:4490"
    transformer = pyproj.Transformer.from_crs(base, f"EPSG:{code}", always_xy=False)
    assert transformer.transform(lat, lon) == pytest.approx((first, second), rel=0, abs=1e-4)


def _served(path: Path, srid: int, xy: np.ndarray) -> TestClient:
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("points", "POINT", srid, (FieldSpec("name", "TEXT"),)))
        writer.insert("points", shapely.points(xy), {"name": [str(number) for number in range(len(xy))]})
        writer.finish("points", "2026-01-01T00:00:00.000Z")
    return TestClient(create_app(publish_file(path)), raise_server_exceptions=False)


@pytest.mark.parametrize("srid", [4490, 4526, 4547, 4513, 4326, 3857])
def test_points_stored_in_one_system_come_out_in_their_authority_order(tmp_path: Path, srid: int) -> None:
    """Store a point with x = easting, read it in the storage CRS: north first where the authority says so."""
    rows = [row for row in golden() if row[2] == srid]
    assert rows
    swapped = srid != 3857
    xy = np.array([(second, first) if swapped else (first, second) for _, _, _, first, second in rows])
    client = _served(tmp_path / "points.gpkg", srid, xy)
    features = client.get("/collections/points/items", params={"crs": f"{EPSG}{srid}"}).json()["features"]
    for feature, (_, _, _, first, second) in zip(features, rows, strict=True):
        assert feature["geometry"]["coordinates"] == pytest.approx([first, second], rel=0, abs=1e-4)


@pytest.mark.parametrize("srid", [4490, 4526, 4547, 4513, 4326, 3857])
def test_points_stored_in_one_system_come_out_in_crs84(tmp_path: Path, srid: int) -> None:
    rows = [row for row in golden() if row[2] == srid]
    swapped = srid != 3857
    xy = np.array([(second, first) if swapped else (first, second) for _, _, _, first, second in rows])
    client = _served(tmp_path / "points.gpkg", srid, xy)
    features = client.get("/collections/points/items").json()["features"]
    for feature, (lon, lat, *_) in zip(features, rows, strict=True):
        assert feature["geometry"]["coordinates"] == pytest.approx([lon, lat], rel=0, abs=2e-9)


def test_every_cgcs2000_gauss_kruger_code_is_north_first() -> None:
    for code in range(4491, 4555):
        crs = crs_from_srid(code)
        assert crs.swapped, code
        assert pyproj.CRS.from_epsg(code).axis_info[0].direction == "north"
        assert crs in offered_crs(crs)
