"""GDAL reads the pieces of an analysis: every table, its system, and areas that sum to the result."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.test_processes import run, sample
from tests.api.test_reports import output

pytestmark = [
    pytest.mark.client,
    pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="GDAL is not installed"),
]
FORMS = {"gpkg": "application/geopackage+sqlite3", "shp.zip": "application/zip"}


def ogr(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert not done.stderr.strip(), done.stderr
    return done.stdout


def features(path: Path, layer: str, target: Path) -> list[dict[str, Any]]:
    ogr("ogr2ogr", "-f", "GeoJSON", str(target), str(path), layer)
    return [item["properties"] for item in json.loads(target.read_text(encoding="utf-8"))["features"]]


@pytest.mark.parametrize("form", FORMS)
def test_gdal_reads_the_pieces(client: TestClient, data: Path, tmp_path: Path, form: str) -> None:
    parcels = sample(data, "a_")
    result = run(client, "landuse-breakdown", parcels)
    path = tmp_path / f"pieces.{form}"
    path.write_bytes(output(client, "landuse-breakdown", parcels, "pieces", FORMS[form]))
    summary = ogr("ogrinfo", "-so", "-al", str(path))
    assert "Layer name: dltb" in summary
    assert "Layer name: parcels" in summary
    assert "CGCS2000" in summary
    found = features(path, "dltb", tmp_path / "pieces.geojson")
    area = next(name for name in found[0] if name.startswith("piece"))
    covered = result["parcels"]["area"] - result["remainder"]["area"]
    assert math.fsum(item[area] for item in found) == pytest.approx(covered, rel=1e-9)
    assert any("旱地" in str(item.values()) for item in found)
