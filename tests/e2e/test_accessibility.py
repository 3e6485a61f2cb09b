"""axe-core finds nothing to mend on the pages of maps, tiles and styles (WCAG 2.2 A and AA, and its best practices)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.e2e.browsing import Visit

pytestmark = pytest.mark.browser

AXE = ROOT / "build/assets/node_modules/axe-core/axe.min.js"
MAPS = ("/map", "/collections/xzq", "/styles/onemap", "/styles/landuse", "/collections/dltb/styles/default")
PAGES = (
    "/", "/collections", "/collections/dltb", "/tiles", "/tiles/WebMercatorQuad", "/tileMatrixSets",
    "/tileMatrixSets/CGCS2000Quad", "/collections/dltb/tiles", "/collections/dltb/tiles/CGCS2000Quad", "/styles",
    "/collections/dltb/styles", "/styles/landuse/metadata",
)  # fmt: skip
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "tags => axe.run(document, {runOnly: tags}).then(({violations}) => violations)"


def violations(visit: Visit) -> list[tuple[str, str, list[str]]]:
    """Return what axe finds: the rule, what is wrong, and where."""
    if not AXE.exists():
        if os.environ.get("CI"):
            pytest.fail("axe-core is not here")
        pytest.skip("The browser libraries are not here: scripts/assets.sh")
    visit.page.evaluate(f"() => {{ {AXE.read_text(encoding='utf-8')} }}")
    found: list[dict[str, Any]] = visit.page.evaluate(RUN, TAGS)
    return [(item["id"], item["help"], [node["html"][:200] for node in item["nodes"]]) for item in found]


@pytest.mark.parametrize("path", [path for path in MAPS if path not in PAGES])
def test_pages_with_maps(visit: Visit, path: str) -> None:
    visit.open(path)
    visit.map_ready()
    assert violations(visit) == []


@pytest.mark.parametrize("path", PAGES)
def test_pages(visit: Visit, path: str) -> None:
    visit.open(path)
    visit.page.wait_for_load_state("networkidle")
    assert violations(visit) == []


@pytest.mark.parametrize("path", ["/map", "/styles", "/tiles/WebMercatorQuad"])
def test_pages_in_english_on_a_narrow_screen(visit: Visit, path: str) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 800})
    visit.open(f"{path}?lang=en")
    visit.page.wait_for_load_state("networkidle")
    assert violations(visit) == []


def test_what_is_said_of_a_feature(visit: Visit) -> None:
    visit.open("/map")
    visit.map_ready()
    visit.page.locator(".maplibregl-canvas").focus()
    visit.page.keyboard.press("Enter")
    visit.page.locator(".maplibregl-popup").wait_for()
    assert violations(visit) == []


def test_a_page_that_is_wrong_is_found(visit: Visit) -> None:
    visit.open("/styles")
    visit.page.evaluate("() => document.body.append(document.createElement('img'))")
    assert "image-alt" in {rule for rule, *_ in violations(visit)}


def test_the_page_of_a_job_with_its_result(visit: Visit) -> None:
    square = {"type": "Polygon", "coordinates": [[[114.3, 30.5], [114.31, 30.5], [114.31, 30.51], [114.3, 30.5]]]}
    ordered = visit.page.request.post(
        f"{visit.server}/processes/control-line-check/execution",
        data={"inputs": {"parcels": square}, "outputs": {"result": {}, "pieces": {}}, "response": "document"},
        headers={"Prefer": "respond-async"},
    )
    visit.open(f"/jobs/{ordered.json()['jobID']}")
    visit.until("document.querySelector('[data-result]')?.hidden === false")
    visit.until("Boolean(window.onemap)")
    visit.map_ready()
    assert violations(visit) == []
