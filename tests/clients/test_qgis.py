"""QGIS itself as a client: Debian's QGIS in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import shapely
from starlette.testclient import TestClient

pytestmark = pytest.mark.client
PROBE = Path(__file__).with_name("qgis_probe.py")
PYTHON = "/usr/bin/python3"


def has_qgis() -> bool:
    return bool(shutil.which("qgis")) or Path("/usr/lib/python3/dist-packages/qgis").is_dir()


def probe(server_url: str, collection: str, *box: float) -> dict[str, Any]:
    """Return what QGIS made of a collection."""
    if not has_qgis() and not os.environ.get("CI"):
        pytest.skip("QGIS is not installed: apt-get install qgis python3-qgis qgis-providers")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("PYTHONPATH", None)
    command = [PYTHON, str(PROBE), server_url, collection, *map(str, box)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize("collection", ["dltb", "stbhhx"])
def test_qgis_reads_a_collection(server_url: str, client: TestClient, collection: str) -> None:
    """A Gauss-Kruger collection and one in EPSG:4490: all features, at the right place."""
    document = client.get(f"/collections/{collection}/items", params={"limit": 20}).json()
    found = probe(server_url, collection)
    assert found["valid"]
    assert found["count"] == document["numberMatched"]
    assert set(document["features"][0]["properties"]) <= set(found["fields"])
    for feature, bounds in zip(document["features"], found["bounds"], strict=False):
        want = shapely.geometry.shape(feature["geometry"]).bounds
        assert max(abs(a - b) for a, b in zip(bounds, want, strict=True)) < 1e-6


def test_qgis_asks_for_a_box(server_url: str, client: TestClient) -> None:
    west, south, east, north = client.get("/collections/dltb").json()["extent"]["spatial"]["bbox"][0]
    box = (
        west + (east - west) * 0.45,
        south + (north - south) * 0.45,
        west + (east - west) * 0.5,
        south + (north - south) * 0.5,
    )
    text = ",".join(map(str, box))
    want = client.get("/collections/dltb/items", params={"bbox": text, "limit": 10000}).json()["numberMatched"]
    assert 0 < probe(server_url, "dltb", *box)["count"] <= want
