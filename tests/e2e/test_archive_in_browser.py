"""A page reads a seeded archive with pmtiles.js, in parts, and MapLibre draws it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import ROOT, running
from tests.e2e.browsing import Visit

ARCHIVE = "/collections/dltb/tiles/WebMercatorQuad/archive.pmtiles"
MAP = """async archive => {
  const protocol = new pmtiles.Protocol({ metadata: true });
  maplibregl.addProtocol('pmtiles', protocol.tile);
  const header = await new pmtiles.PMTiles(archive).getHeader();
  const box = document.body.appendChild(document.createElement('div'));
  box.style.cssText = 'position: fixed; inset: 0; background: white';
  window.drawn = new maplibregl.Map({
    container: box, center: [header.centerLon, header.centerLat], zoom: 13, attributionControl: false,
    style: {
      version: 8,
      sources: { land: { type: 'vector', url: 'pmtiles://' + archive } },
      layers: [{
        id: 'land', type: 'fill', source: 'land', 'source-layer': 'dltb',
        paint: { 'fill-color': '#7a9', 'fill-outline-color': '#333' },
      }],
    },
  });
  window.failures = [];
  window.drawn.on('error', event => window.failures.push(String(event.error)));
  return header;
}"""


@pytest.fixture
def seeded(data: Path, tmp_path: Path) -> Path:
    """A data folder with the demo and a seeded archive of its land use."""
    (tmp_path / "demo").symlink_to(data / "demo")
    command = [str(Path(sys.executable).with_name("onemap")), "tiles", "seed", "dltb", "--zooms", "9-14"]
    common = ["--root", str(ROOT), "--data", str(tmp_path), "--zone", "business", "--workers", "1"]
    subprocess.run([*command, *common], check=True, capture_output=True, cwd=ROOT)
    return tmp_path


def test_a_page_reads_a_seeded_archive(browser: Browser, seeded: Path) -> None:
    with running("--root", str(ROOT), "--zone", "business", "--data", str(seeded)) as server:
        context = browser.new_context(viewport={"width": 800, "height": 600})
        visit = Visit(context.new_page(), server)
        visit.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # this page names no icon
        page = visit.open("/livez")
        for script in ("pmtiles/pmtiles.js", "maplibre-gl/maplibre-gl.js"):
            page.add_script_tag(url=f"{server}/static/vendor/{script}")
        header = page.evaluate(MAP, server + ARCHIVE)
        assert (header["minZoom"], header["maxZoom"]) == (9, 14)
        visit.until("window.drawn.loaded() && window.drawn.areTilesLoaded()")
        shown = page.evaluate("window.drawn.queryRenderedFeatures().map(item => item.properties.DLBM)")
        assert len(shown) > 50
        assert all(shown)
        assert page.evaluate("window.failures") == []
        assert visit.complaints == []
        assert visit.strangers() == []
        parts = [url for url in visit.requested if url.endswith(ARCHIVE)]
        assert len(parts) >= 3  # the directory, and tiles
        assert visit.shot("archive-pmtiles")
        context.close()
