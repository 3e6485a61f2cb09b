"""The pages in a real Chromium: they work, they draw, they complain of nothing, and no request leaves the server."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import DRAWN, Visit

pytestmark = pytest.mark.browser

POSITION = r"\[-?\d+(\.\d+)?,-?\d+(\.\d+)?\]"
DRAWN_TRIANGLE = re.compile(
    rf'^\{{"type":"Feature".*"Polygon","coordinates":\[\[{POSITION}(,{POSITION}){{3}}\]\]\}}\}}$'
)
COLOURS = """async (address) => {
    const image = new Image()
    image.src = address
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
    const pen = canvas.getContext('2d')
    pen.drawImage(image, 0, 0)
    const pixels = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer)
    return new Set(pixels).size
}"""


def parcel_text(data: Path) -> str:
    """Return a coordinate text whose parcel touches permanent basic farmland."""
    return (data / "demo" / "parcels" / "a_farmland_utf8.txt").read_text(encoding="utf-8-sig")


def colours(page: Page, selector: str) -> int:
    """Return how many different colours the screenshot of an element has."""
    picture = base64.b64encode(page.locator(selector).screenshot()).decode()
    return int(page.evaluate(COLOURS, "data:image/png;base64," + picture))


def test_the_landing_page_leads_to_map_data_and_analysis(visit: Visit) -> None:
    page = visit.open("/")
    expect(page.locator("h1")).to_contain_text("示范省")
    expect(page.locator(".card")).not_to_have_count(0)
    visit.shot("landing")
    page.get_by_role("link", name="地类图斑", exact=True).click()
    expect(page).to_have_url(visit.server + "/collections/dltb")


def test_the_language_switch_holds_for_the_pages_that_follow(visit: Visit) -> None:
    page = visit.open("/collections")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_contain_text("Data")
    visit.open("/processes")
    expect(page.locator("h1")).to_contain_text("Analysis")
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_collection_page_draws_its_tiles_and_names_addresses_for_clients(visit: Visit) -> None:
    page = visit.open("/collections/dltb")
    visit.map_ready()
    assert page.evaluate(DRAWN, "dltb") > 100
    assert colours(page, ".map") > 20
    addresses = page.locator(".connect code").all_inner_texts()
    assert f"{visit.server}/collections/dltb/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}" in addresses
    visit.shot("collection")


def test_the_items_page_draws_and_lists_the_same_features_and_pages_on(visit: Visit) -> None:
    page = visit.open("/collections/dltb/items?limit=20")
    visit.map_ready()
    assert page.evaluate(DRAWN, "features") >= 20
    rows = page.locator("tr[data-feature]")
    expect(rows).to_have_count(20)
    first = rows.first.get_attribute("data-feature")
    visit.shot("items")
    page.get_by_role("link", name="下一页").first.click()
    expect(rows).to_have_count(20)
    assert rows.first.get_attribute("data-feature") != first


def test_the_item_page_shows_attributes_with_the_titles_of_codes(visit: Visit) -> None:
    page = visit.open("/collections/dltb/items/1?crs=http://www.opengis.net/def/crs/EPSG/0/4526")
    visit.map_ready()
    assert page.evaluate(DRAWN, "features") > 0
    expect(page.locator(".attributes").first).to_contain_text("地类编码")
    visit.shot("item")


def test_the_map_draws_all_layers_and_hides_one_at_will(visit: Visit) -> None:
    page = visit.open("/map")
    visit.map_ready()
    for collection in ("dltb", "yjjbnttb", "stbhhx", "czkfbj", "xzq"):
        assert page.evaluate(DRAWN, collection) > 0, collection
    assert colours(page, ".map") > 20
    visit.shot("map")
    page.get_by_label("地类图斑", exact=True).uncheck()
    visit.map_ready()
    assert page.evaluate(DRAWN, "dltb") == 0


def test_a_click_on_the_map_shows_attributes_and_leads_to_the_feature(visit: Visit) -> None:
    page = visit.open("/map")
    visit.map_ready()
    page.mouse.click(790, 480)
    popup = page.locator(".popup")
    expect(popup).to_contain_text("地类编码")
    visit.shot("popup")
    popup.get_by_role("link", name="打开要素").first.click()
    expect(page.locator(".attributes").first).to_be_visible()


def test_a_pasted_parcel_text_is_checked_and_drawn(visit: Visit, data: Path) -> None:
    page = visit.open("/processes/control-line-check")
    visit.map_ready()
    page.locator("#in-parcels").fill(parcel_text(data))
    page.get_by_role("button", name="执行").click()
    result = page.locator("[data-result]")
    expect(result.locator(".verdict")).to_have_text("涉及，禁止")
    expect(result.locator("tbody tr").filter(has_text="永久基本农田")).to_contain_text("涉及，禁止")
    expect(page.get_by_role("button", name="执行")).to_be_enabled()
    visit.map_ready()
    assert page.evaluate(DRAWN, "parcels") > 0
    visit.shot("process")


def test_an_uploaded_file_is_read_by_its_kind(visit: Visit, data: Path) -> None:
    page = visit.open("/processes/ellipsoid-area")
    page.locator("input[type=file]").set_input_files(data / "demo" / "parcels" / "d_town_shapefile_gbk.zip")
    page.get_by_role("button", name="执行").click()
    expect(page.locator("[data-result] tbody tr").first).to_contain_text(".")
    expect(page.locator("[data-result] .summary")).to_contain_text("公顷")


def test_a_parcel_drawn_on_the_map_is_analysed(visit: Visit) -> None:
    page = visit.open("/processes/landuse-breakdown")
    visit.map_ready()
    page.get_by_role("button", name="在地图上绘制").click()
    box = page.locator(".map").bounding_box()
    assert box is not None
    for x, y in ((0.45, 0.5), (0.55, 0.5), (0.55, 0.6)):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y, delay=20)
        page.wait_for_timeout(400)
    page.keyboard.press("Enter")
    expect(page.locator("#in-parcels")).to_have_value(DRAWN_TRIANGLE)
    page.get_by_role("button", name="执行").click()
    expect(page.locator("[data-result]")).to_contain_text("土地利用现状")


def test_a_problem_is_told_in_words_with_its_place(browser: Browser, server_url: str) -> None:
    context = browser.new_context(locale="en-US")
    visited = Visit(context.new_page(), server_url)
    page = visited.open("/processes/ellipsoid-area")
    page.locator("#in-parcels").fill('{"type":"Polygon","coordinates":[[[113.9,30.5],[113.91,30.5]]]}')
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".message.error")).to_contain_text("422")
    expect(page.locator(".message.error")).to_contain_text("OM-4220")
    expect(page.locator("[data-result]")).to_be_hidden()
    context.close()


def test_the_api_page_lists_operations_without_any_help_from_outside(visit: Visit) -> None:
    page = visit.open("/api")
    expect(page.locator(".opblock-tag")).not_to_have_count(0)
    visit.shot("api")


@pytest.mark.parametrize(
    "path",
    ["/", "/collections", "/collections/dltb", "/collections/dltb/items", "/map", "/processes/control-line-check"],
)
def test_no_page_is_wider_than_a_phone(browser: Browser, server_url: str, path: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    visited = Visit(context.new_page(), server_url)
    page = visited.open(path)
    page.wait_for_load_state("networkidle")
    visited.shot("phone" + path.replace("/", "-"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


@pytest.mark.parametrize("path", ["/", "/collections", "/processes/control-line-check"])
def test_the_keyboard_reaches_the_content_first(visit: Visit, path: str) -> None:
    page = visit.open(path)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#main$"))
