"""GDAL and QGIS as clients of WMTS: they list the layers of the capabilities and put them where they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyproj
import pytest
from starlette.testclient import TestClient

from tests.clients.test_qgis import PYTHON, has_qgis

pytestmark = pytest.mark.client
PROBE = Path(__file__).with_name("qgis_wmts_probe.py")
CAPABILITIES = "/wmts/1.0.0/WMTSCapabilities.xml"
SETS = {
    "CGCS2000Quad": "EPSG:4490",
    "WebMercatorQuad": "EPSG:3857",
    "WorldCRS84Quad": "OGC:CRS84",
    "c": "EPSG:4490",
    "w": "EPSG:3857",
    "CGCS2000GK3Zone38": "EPSG:4526",
    "CGCS2000GK3CM114E": "EPSG:4547",
}


def run(command: list[str]) -> str:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def gdalinfo(source: str) -> dict[str, Any]:
    if not shutil.which("gdalinfo") and not os.environ.get("CI"):
        pytest.skip("gdalinfo is not installed: apt-get install gdal-bin")
    found: dict[str, Any] = json.loads(run(["gdalinfo", "-json", source]))
    return found


def expected(client: TestClient, crs: str) -> tuple[float, ...]:
    """Return the bounds of the layer in x, y of a CRS, by PROJ."""
    box = client.get("/collections/dltb").json()["extent"]["spatial"]["bbox"][0]
    if crs in ("EPSG:4490", "OGC:CRS84"):
        return tuple(box)
    geographic = "EPSG:4326" if crs == "EPSG:3857" else "EPSG:4490"
    return pyproj.Transformer.from_crs(geographic, crs, always_xy=True).transform_bounds(*box)


def tolerance(crs: str) -> float:
    return 1e-5 if crs in ("EPSG:4490", "OGC:CRS84") else 1.0


def test_gdal_lists_every_layer_on_every_set(server_url: str) -> None:
    listed = gdalinfo(f"WMTS:{server_url}{CAPABILITIES}")["metadata"]["SUBDATASETS"].values()
    for layer in ("vec", "dltb", "xzq"):
        for matrix_set in SETS:
            assert any(item.endswith(f",layer={layer},tilematrixset={matrix_set}") for item in listed)


@pytest.mark.parametrize("matrix_set", SETS)
def test_gdal_places_the_layer(server_url: str, client: TestClient, matrix_set: str) -> None:
    found = gdalinfo(f"WMTS:{server_url}{CAPABILITIES},layer=dltb,tilematrixset={matrix_set}")
    crs = SETS[matrix_set]
    corners = found["cornerCoordinates"]
    bounds = (*corners["lowerLeft"], *corners["upperRight"])
    assert bounds == pytest.approx(expected(client, crs), abs=tolerance(crs))
    wkt = pyproj.CRS.from_wkt(found["coordinateSystem"]["wkt"])
    assert wkt.to_authority() == tuple(crs.split(":"))


def test_qgis_places_the_layer(server_url: str, client: TestClient) -> None:
    if not has_qgis() and not os.environ.get("CI"):
        pytest.skip("QGIS is not installed: apt-get install qgis python3-qgis qgis-providers")
    pairs = [f"{matrix_set}={crs}" for matrix_set, crs in SETS.items()]
    found = json.loads(run([PYTHON, str(PROBE), server_url + CAPABILITIES, "dltb", *pairs]).strip().splitlines()[-1])
    for matrix_set, crs in SETS.items():
        assert found[matrix_set]["valid"], matrix_set
        assert found[matrix_set]["crs"] == crs
        assert found[matrix_set]["bounds"] == pytest.approx(expected(client, crs), abs=tolerance(crs))
