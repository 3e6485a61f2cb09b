"""Styles as programs read them: MapLibre's own validator, and MapLibre in Chromium with this server's fonts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from onemap.styles.fonts import FONT
from tests.conftest import ROOT
from tests.e2e.browsing import Visit

VALIDATOR = ROOT / "build/assets/node_modules/@maplibre/maplibre-gl-style-spec/dist/gl-style-validate.mjs"
SECOND_MAP = """style => new Promise((resolve) => {
  const container = document.querySelector('[data-map]')
  window.errors = []
  const map = new maplibregl.Map({container, style, center: [113.9, 30.5], zoom: 9.5, localIdeographFontFamily: false})
  map.on('error', ({error}) => window.errors.push(String(error)))
  map.once('idle', () => resolve([...new Set(map.queryRenderedFeatures().filter((item) => item.layer.type === 'symbol')
    .map((item) => item.properties.XZQMC))]))
  window.onemap.map = map
})"""

COUNTS = """() => {
  const counts = {}
  for (const { layer, properties } of window.onemap.map.queryRenderedFeatures()) {
    if (layer.type === 'symbol') counts[properties.XZQDM] = (counts[properties.XZQDM] ?? 0) + 1
  }
  return counts
}"""


def node() -> str:
    """Return a node program, the one that scripts/assets.sh uses."""
    found = shutil.which("node") or shutil.which("node", path=str(ROOT / ".venv/bin"))
    if (found is None or not VALIDATOR.exists()) and not os.environ.get("CI"):
        pytest.skip("The browser libraries are not here: scripts/assets.sh")
    return str(found)


def test_the_validator_of_maplibre_accepts_each_style(client: TestClient, tmp_path: Path) -> None:
    program = node()
    listed = client.get("/styles", params={"f": "json"}).json()["styles"]
    for identifier in [item["id"] for item in listed]:
        path = tmp_path / f"{identifier}.json"
        path.write_bytes(client.get(f"/styles/{identifier}", params={"f": "mapbox"}).content)
        done = subprocess.run([program, str(VALIDATOR), str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), identifier
    broken = json.loads(path.read_text())
    broken["layers"][1]["type"] = "nonsense"
    path.write_text(json.dumps(broken))
    assert subprocess.run([program, str(VALIDATOR), str(path)], capture_output=True, check=False).returncode != 0


def test_maplibre_writes_the_names_of_divisions_with_the_fonts_of_this_server(visit: Visit) -> None:
    page = visit.open("/styles/admin")
    visit.map_ready()
    written = page.evaluate(SECOND_MAP, f"{visit.server}/styles/admin?f=mapbox")
    assert any(name.endswith(("区", "县")) for name in written)
    assert page.evaluate("window.errors") == []
    fonts = [url for url in visit.requested if "/fonts/" in url]
    assert fonts
    assert all(FONT.replace(" ", "%20") in url for url in fonts)
    visit.shot("style-fonts")
    counts = page.evaluate(COUNTS)
    assert len(counts) >= 3
    assert set(counts.values()) == {1}  # however many tiles a division lies in


@pytest.mark.parametrize("identifier", ["onemap", "landuse", "redline"])
def test_the_preview_of_a_style_draws_it_beside_its_legend(visit: Visit, identifier: str) -> None:
    page = visit.open(f"/styles/{identifier}")
    visit.map_ready()
    assert page.evaluate("window.onemap.map.queryRenderedFeatures().length") > 10
    assert page.locator(".legend-image img").evaluate("image => image.naturalWidth") > 50
    visit.shot(f"style-{identifier}")
