"""GDAL (3.7 or newer, inside the pyogrio wheel) as a client: it knows the axis order of the authorities.

Coordinates that GDAL reads are compared with the stored ones, so that a swapped axis cannot hide.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from onemap.store.geopackage.blob import decode

pytestmark = pytest.mark.client
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def stored(data: Path, table: str, most: int = 50) -> np.ndarray:
    """Return the first geometries of a table as the file has them, x, y."""
    with closing(sqlite3.connect(data / "demo" / "province.gpkg")) as connection, connection:
        rows = connection.execute(f'SELECT geom FROM "{table}" ORDER BY fid LIMIT ?', [most]).fetchall()
    return decode([row[0] for row in rows])


def read(server_url: str, collection: str, most: int | None = 50, **options: str) -> tuple[dict, np.ndarray]:
    """Return metadata and geometries as GDAL reads them through its OAPIF driver."""
    meta, _, wkb, _ = pyogrio.raw.read(f"OAPIF:{server_url}", layer=collection, max_features=most, **options)
    return meta, shapely.from_wkb(wkb)


def test_gdal_is_new_enough() -> None:
    assert pyogrio.__gdal_version__ >= (3, 7, 0)


def test_gdal_lists_the_collections(server_url: str) -> None:
    layers = {name for name, _ in pyogrio.list_layers(f"OAPIF:{server_url}")}
    assert {"dltb", "stbhhx", "xzq"} <= layers


@pytest.mark.parametrize("collection", ["dltb", "stbhhx", "approved_projects"])
def test_gdal_reads_crs84(server_url: str, collection: str) -> None:
    _, found = read(server_url, collection, 20, CRS="OGC:CRS84")
    assert len(found)
    west, south, east, north = shapely.total_bounds(found)
    assert 112 < west < east < 116
    assert 29 < south < north < 32


@pytest.mark.parametrize(("collection", "code"), [("dltb", 4526), ("stbhhx", 4490), ("approved_projects", 4547)])
def test_gdal_reads_the_storage_crs(server_url: str, data: Path, collection: str, code: int) -> None:
    """GDAL asks for the storage CRS, swaps the axes as the authority says, and must get the stored coordinates."""
    meta, found = read(server_url, collection, 20, CRS=f"EPSG:{code}")
    assert meta["crs"] == f"EPSG:{code}"
    want = stored(data, collection, 20)
    for got, original in zip(found, want, strict=True):
        assert np.allclose(shapely.bounds(got), shapely.bounds(original), rtol=0, atol=2e-4)


def test_gdal_pages_through_everything(server_url: str, data: Path) -> None:
    _, found = read(server_url, "dltb", None, PAGE_SIZE="997")
    with closing(sqlite3.connect(data / "demo" / "province.gpkg")) as connection, connection:
        assert len(found) == connection.execute("SELECT count(*) FROM dltb").fetchone()[0]


def test_gdal_filters_by_box(server_url: str) -> None:
    _, everything = read(server_url, "dltb", None)
    west, south, east, north = shapely.total_bounds(everything)
    box = (
        west + (east - west) * 0.4,
        south + (north - south) * 0.4,
        west + (east - west) * 0.6,
        south + (north - south) * 0.6,
    )
    _, _, wkb, _ = pyogrio.raw.read(f"OAPIF:{server_url}", layer="dltb", bbox=box)
    assert len(wkb) == int(shapely.intersects(everything, shapely.box(*box)).sum()) > 0
