"""OpenLayers in a real Chromium draws the tilesets in the CRS of their matrix set, each feature in its place."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import quote

import pyproj
import pytest
import shapely
from shapely.geometry import shape

from tests.e2e.browsing import Visit
from tests.e2e.test_browser import colours

pytestmark = pytest.mark.browser

FOUND = """([x, y]) => {
    const { map } = window.onemap
    const features = map.getFeaturesAtPixel(map.getPixelFromCoordinate([x, y]))
    return features.map((feature) => `${feature.get('layer')}/${feature.getId()}`)
}"""
MOVE = """([x, y]) => {
    delete document.querySelector('[data-tileset]').dataset.drawn
    const view = window.onemap.map.getView()
    view.setCenter([x, y])
    view.setResolution(window.onemap.metres * (view.getProjection().getMetersPerUnit() === 1 ? 1 : 1 / 111319.5))
}"""
DRAWN = "document.querySelector('[data-tileset]')?.dataset.drawn === 'true'"


def parcels(server: str, count: int) -> list[tuple[str, shapely.Point]]:
    """Return the ids of some land-use parcels and a place inside each, in longitude and latitude."""
    text = quote("TBMJ > 20000")
    with urllib.request.urlopen(f"{server}/collections/dltb/items?f=json&limit={count}&filter={text}") as answer:
        features = json.load(answer)["features"]
    return [(str(item["id"]), shape(item["geometry"]).representative_point()) for item in features]


def to_map(matrix_set: str, point: shapely.Point) -> list[float]:
    """Return x, y of the CRS of a set."""
    codes = {"CGCS2000GK3Zone38": 4526, "CGCS2000GK3CM114E": 4547, "WebMercatorQuad": 3857}
    if matrix_set not in codes:
        return [point.x, point.y]
    geographic = 4326 if matrix_set == "WebMercatorQuad" else 4490
    transformer = pyproj.Transformer.from_crs(geographic, codes[matrix_set], always_xy=True)
    return list(transformer.transform(point.x, point.y))


@pytest.mark.parametrize(
    "tileset",
    [
        "/collections/dltb/tiles/CGCS2000Quad",
        "/collections/dltb/tiles/TiandituCGCS2000",
        "/collections/dltb/tiles/CGCS2000GK3Zone38",
        "/tiles/WorldCRS84Quad",
        "/tiles/CGCS2000GK3CM114E?collections=dltb,xzq",
        "/tiles/WebMercatorQuad",
    ],
)
def test_openlayers_draws_each_feature_in_its_place(visit: Visit, tileset: str) -> None:
    page = visit.open(tileset)
    visit.until(DRAWN)
    matrix_set = tileset.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
    visit.shot(f"openlayers-{tileset.split('?', maxsplit=1)[0].strip('/').replace('/', '-')}")
    assert colours(page, "[data-tileset]") > 20
    page.evaluate("window.onemap.metres = 1")
    for key, point in parcels(visit.server, 3):
        place = to_map(matrix_set, point)
        page.evaluate(MOVE, place)
        visit.until(f"({FOUND})({place}).includes('dltb/{key}')")


def test_a_click_names_the_feature(visit: Visit) -> None:
    page = visit.open("/collections/dltb/tiles/CGCS2000Quad")
    visit.until(DRAWN)
    page.locator("[data-tileset]").click()
    page.locator(".identified dt").first.wait_for()
    assert "DLBM" in page.locator(".identified dt").all_text_contents()
