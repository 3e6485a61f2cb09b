"""The viewer in a real Chromium: tree of layers, legend, identify, time, permanent link, keyboard, both languages."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import DRAWN, Visit

HERE = "#map=12/30.5/113.9"
HIDDEN = ["ghyt", "dltb_previous"]


def fragment(visit: Visit) -> str:
    return unquote(visit.page.evaluate("location.hash"))


def test_layers_stand_below_the_classes_of_the_catalogue(visit: Visit) -> None:
    page = visit.open("/map")
    visit.map_ready()
    assert page.locator(".kind h2").all_inner_texts() == ["规划", "管理", "现状"]
    groups = ["三条控制线", "其他控制线", "国土空间规划", "建设用地审批", "矿产资源管理", "耕地保护"]
    assert page.locator(".kind h3").all_inner_texts() == [*groups, "基础地理", "土地资源", "矿产资源"]
    boxes = page.locator("[data-layer]")
    expect(boxes).to_have_count(17)
    assert [box.get_attribute("data-layer") for box in boxes.all() if not box.is_checked()] == HIDDEN
    page.get_by_label("全部: 规划").click()  # of some shown all are shown, then none
    page.get_by_label("全部: 规划").uncheck()
    visit.map_ready()
    for collection in ("yjjbnttb", "stbhhx", "czkfbj"):
        assert page.evaluate(DRAWN, collection) == 0
    assert page.evaluate(DRAWN, "dltb") > 0
    page.get_by_label("城镇开发边界", exact=True).check()
    assert page.get_by_label("全部: 规划").evaluate("box => box.indeterminate")


def test_a_layer_that_the_style_leaves_off_is_turned_on_and_stays_so_by_the_address(visit: Visit) -> None:
    page = visit.open("/map#map=13/30.5/113.9")
    visit.map_ready()
    assert page.evaluate(DRAWN, "ghyt") == 0
    assert "layers=" not in fragment(visit)
    page.get_by_label("规划用地", exact=True).check()
    visit.map_ready()
    assert page.evaluate(DRAWN, "ghyt") > 0
    assert "ghyt" in fragment(visit).split("layers=")[1].split("&")[0].split(",")
    page.reload()
    visit.map_ready()
    assert page.evaluate(DRAWN, "ghyt") > 0
    page.get_by_label("规划用地", exact=True).uncheck()
    assert "layers=" not in fragment(visit)


def test_the_legend_lists_the_classes_in_view_with_their_symbols(visit: Visit) -> None:
    page = visit.open("/map#map=14/30.5/113.9")
    visit.map_ready()
    row = page.locator("li", has=page.locator("[data-layer=dltb]"))
    row.locator("summary").click()
    page.wait_for_timeout(500)
    shown = row.locator(".codes li:visible")
    assert 0 < shown.count() < 40
    assert page.locator("li", has=page.locator("[data-layer=stbhhx]")).locator("img.symbol").count() == 1
    visit.shot("viewer-legend")


def test_the_address_holds_place_layers_time_and_language(visit: Visit) -> None:
    page = visit.open("/map")
    visit.map_ready()
    page.get_by_label("地类图斑", exact=True).uncheck()
    page.get_by_label("按时间显示").check()
    page.get_by_label("日期").fill("2021-06-30")
    page.get_by_label("日期").press("Enter")
    page.evaluate("window.onemap.map.jumpTo({center: [113.9, 30.5], zoom: 12})")
    visit.map_ready()
    kept = fragment(visit)
    assert kept.startswith("#map=12/30.5/113.9&")
    for part in ("layers=", "time=2021-06-30", "lang=zh"):
        assert part in kept
    assert "dltb" not in re.split("[=,&]", kept)
    page.goto("about:blank")
    page.goto(visit.server + "/map" + kept)
    visit.map_ready()
    assert page.evaluate("window.onemap.map.getZoom()") == pytest.approx(12)
    expect(page.get_by_label("地类图斑", exact=True)).not_to_be_checked()
    expect(page.get_by_label("日期")).to_have_value("2021-06-30")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    visit.map_ready()
    assert fragment(visit).replace("lang=en", "lang=zh") == kept
    expect(page.get_by_label("Land-use parcels", exact=True)).not_to_be_checked()


def test_a_link_in_another_language_is_followed(visit: Visit) -> None:
    page = visit.open("/map" + HERE + "&lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    visit.map_ready()
    assert page.locator(".kind h2").first.inner_text() == "Planning"


def test_the_slider_shows_what_holds_on_a_day(visit: Visit) -> None:
    page = visit.open("/map")
    visit.map_ready()
    everything = {name: page.evaluate(DRAWN, name) for name in ("approved_projects", "yjjbnttb", "dltb")}
    page.get_by_label("按时间显示").check()
    slider = page.get_by_label("时间轴")
    slider.focus()
    page.keyboard.press("Home")
    visit.map_ready()
    page.wait_for_timeout(300)
    assert page.evaluate(DRAWN, "approved_projects") < everything["approved_projects"] / 2
    assert page.evaluate(DRAWN, "yjjbnttb") == 0
    assert page.evaluate(DRAWN, "dltb") == everything["dltb"]
    page.keyboard.press("End")
    visit.map_ready()
    page.wait_for_timeout(300)
    assert page.evaluate(DRAWN, "approved_projects") == everything["approved_projects"]
    visit.shot("viewer-time")


def test_identify_lists_features_with_titles_and_the_meaning_of_codes(visit: Visit) -> None:
    page = visit.open("/map" + HERE)
    visit.map_ready()
    page.mouse.click(700, 500)
    popup = page.locator(".popup")
    expect(popup).to_contain_text("地类编码")
    expect(popup.locator("summary").filter(has_text="行政区").first).to_be_visible()
    assert popup.locator("details").count() >= 3
    visit.shot("viewer-identify")


def test_the_keyboard_will_do(visit: Visit) -> None:
    page = visit.open("/map" + HERE)
    visit.map_ready()
    box = page.get_by_label("地类图斑", exact=True)
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    page.keyboard.press("Space")
    visit.map_ready()
    canvas = page.locator(".maplibregl-canvas")
    canvas.focus()
    page.keyboard.press("Enter")
    popup = page.locator(".popup")
    expect(popup).to_contain_text("地类编码")
    page.keyboard.press("Escape")
    expect(popup).to_have_count(0)
    before = page.evaluate("window.onemap.map.getCenter().lng")
    page.keyboard.press("ArrowRight")
    visit.until(f"window.onemap.map.getCenter().lng > {before}")


def test_on_a_phone_the_panel_is_folded_and_fits(browser: Browser, server_url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    visited = Visit(context.new_page(), server_url)
    page = visited.open("/map")
    visited.map_ready()
    visited.shot("viewer-phone-folded")
    expect(page.locator("[data-layer]").first).to_be_hidden()
    page.locator(".layers > summary").click()
    expect(page.locator("[data-layer]").first).to_be_visible()
    panel = page.locator(".layers").bounding_box()
    assert panel is not None
    assert panel["x"] + panel["width"] <= 390 - 44
    visited.shot("viewer-phone")
    assert visited.strangers() == []
    assert visited.complaints == []
    context.close()
