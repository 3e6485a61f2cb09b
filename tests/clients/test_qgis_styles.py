"""QGIS with the styles of this server: MapLibre styles over vector tiles, and SLD over the features."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_qgis import PYTHON, has_qgis

pytestmark = pytest.mark.client
PROBE = Path(__file__).with_name("qgis_styles_probe.py")


def probe(server_url: str, style: str, data: Path, table: str, image: Path) -> dict[str, Any]:
    """Return what QGIS made of a style."""
    if not has_qgis() and not os.environ.get("CI"):
        pytest.skip("QGIS is not installed: apt-get install qgis python3-qgis qgis-providers")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("PYTHONPATH", None)
    geopackage = data / "demo" / "province.gpkg"
    command = [PYTHON, str(PROBE), server_url, style, str(geopackage), table, str(image)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("style", "table", "colour", "parts", "rules"),
    [
        ("landuse", "dltb", "#f8d072", {"QgsSimpleFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 81),
        ("landuse-groups", "dltb", None, {"QgsSimpleFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 3),
        (
            "redline", "stbhhx", "#e0201b",
            {"QgsSimpleFillSymbolLayer", "QgsSVGFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 1,
        ),
        ("urban-boundary", "czkfbj", "#6a3fb0", {"QgsSimpleFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 3),
        ("admin", "xzq", None, {"QgsSimpleLineSymbolLayer"}, 5),
        ("plan", "ghyt", None, {"QgsSimpleFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 24),
        (
            "nature-reserve", "zrbhd", None,
            {"QgsSimpleFillSymbolLayer", "QgsSVGFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 2,
        ),
        (
            "wetland", "sd", None,
            {"QgsSimpleFillSymbolLayer", "QgsSVGFillSymbolLayer", "QgsSimpleLineSymbolLayer"}, 2,
        ),
    ],
)  # fmt: skip
def test_qgis_draws_a_style(
    server_url: str, data: Path, tmp_path: Path, style: str, table: str, colour: str | None, parts: set[str], rules: int
) -> None:
    found = probe(server_url, style, data, table, tmp_path / "drawn.png")
    assert found["converted"]
    assert found["warnings"] == []
    assert found["valid"]
    assert table in found["layers"]
    assert len(found["colours"]) > 5
    assert (found["loaded"], found["message"]) == (True, "")
    assert set(found["symbols"]) == parts
    assert found["rules"] == rules
    assert len(found["sld_colours"]) > 5
    if colour and style != "landuse":
        assert colour in found["colours"]
        assert colour in found["sld_colours"]
