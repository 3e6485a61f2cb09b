"""The pages of features in a real Chromium: filtering, sorting, paging, columns, downloads, and the map of a result."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import Visit

pytestmark = pytest.mark.browser

LANGUAGES = {
    "zh": {"filter": "筛选条件", "apply": "应用", "next": "下一页", "first": "第一页", "whole": "全部结果"},
    "en": {"filter": "Filter", "apply": "Apply", "next": "Next page", "first": "First page", "whole": "Whole result"},
}
SHAPES = """async () => {
    const data = await window.onemap.map.getSource('features').getData()
    return data.features.map((feature) => [feature.properties['@id'], feature.properties.DLBM])
}"""
MIDDLE = """() => {
    const { map } = window.onemap
    const ring = map.queryRenderedFeatures().find((item) => item.layer.id === 'features:fill').geometry.coordinates[0]
    const mean = [0, 1].map((axis) => ring.slice(1).reduce((sum, point) => sum + point[axis], 0) / (ring.length - 1))
    const { x, y } = map.project(mean)
    const box = map.getCanvas().getBoundingClientRect()
    return [x + box.x, y + box.y]
}"""


def asked(page: Page) -> dict[str, str]:
    """Return the query of the address that the page has."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def column(page: Page, title: str) -> list[str]:
    """Return the cells of a column of the table."""
    heads = page.locator(".features thead th").all_inner_texts()
    place = next(index for index, head in enumerate(heads) if head.startswith(title))
    return page.locator(f".features tbody tr > :nth-child({place + 1})").all_inner_texts()


def shapes_ready(visit: Visit) -> None:
    """Wait until the map has drawn the features."""
    visit.until("Boolean(window.onemap?.map.getSource('features'))")
    visit.map_ready()


@pytest.fixture(params=LANGUAGES)
def spoken(request: pytest.FixtureRequest, browser: Browser, server_url: str) -> Iterator[tuple[Visit, dict[str, str]]]:
    """A visit in each language with the words of its buttons; nothing leaves the server, nothing fails."""
    locale = {"zh": "zh-CN", "en": "en-US"}[request.param]
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale=locale)
    visited = Visit(context.new_page(), server_url)
    yield visited, LANGUAGES[request.param]
    assert visited.strangers() == []
    assert visited.complaints == []
    context.close()


def test_a_filter_by_enumeration_narrows_table_map_and_downloads(spoken: tuple[Visit, dict[str, str]]) -> None:
    visit, words = spoken
    page = visit.open("/collections/dltb/items")
    page.get_by_text(words["filter"], exact=True).click()
    page.locator("select[name='where.DLBM.value']").select_option("0101")
    page.locator(".filter").get_by_role("button", name=words["apply"]).click()
    page.wait_for_url("**DLBM=0101**")
    assert asked(page) == {"DLBM": "0101", "limit": "10"}
    assert {text.split()[-1] for text in page.locator("td:nth-child(6)").all_inner_texts()} == {"0101"}
    shapes_ready(visit)
    shown = page.evaluate(SHAPES)
    assert {code for _, code in shown} == {"0101"}
    assert [key for key, _ in shown] == page.locator("[data-feature]").evaluate_all(
        "rows => rows.map((row) => row.dataset.feature)"
    )
    hrefs = page.locator("a[download]").evaluate_all("links => links.map((link) => link.href)")
    assert len(hrefs) == 7
    assert all("DLBM=0101" in href and "limit=" not in href for href in hrefs)
    assert any("encoding=gbk" in href for href in hrefs)
    with urlopen(next(href for href in hrefs if "f=csv" in href)) as answer:
        lines = answer.read().decode("utf-8-sig").splitlines()
    assert all(",0101," in line for line in lines[1:])
    assert len(lines) > 11
    visit.shot(f"features-filtered-{page.locator('html').get_attribute('lang')}")


def test_the_map_shows_the_whole_result_when_asked(spoken: tuple[Visit, dict[str, str]]) -> None:
    visit, words = spoken
    page = visit.open("/collections/dltb/items?filter=DLBM%20LIKE%20'02%25'&limit=5")
    shapes_ready(visit)
    assert len(page.evaluate(SHAPES)) == 5
    page.get_by_role("button", name=words["whole"]).click()
    matched = int(page.locator(".found strong").inner_text().replace(",", ""))
    assert matched > 5
    expect(page.locator(".maptools output")).to_contain_text(str(matched))
    found = page.evaluate(SHAPES)
    assert len(found) == matched
    assert all(code.startswith("02") for _, code in found)


def test_pages_follow_each_other_in_the_order_of_the_column_head(spoken: tuple[Visit, dict[str, str]]) -> None:
    visit, words = spoken
    page = visit.open("/collections/dltb/items?properties=DLBM,TBMJ&limit=20")
    head = page.locator(".features thead th").nth(2)
    for direction, down in (("ascending", False), ("descending", True)):
        head.get_by_role("link").click()
        expect(head).to_have_attribute("aria-sort", direction)
        first = [float(text) for text in column(page, head.inner_text()[:4])]
        page.get_by_role("link", name=words["next"]).click()
        expect(page.get_by_role("link", name=words["first"])).to_be_visible()
        both = first + [float(text) for text in column(page, head.inner_text()[:4])]
        assert len(both) == 40
        assert both == sorted(both, reverse=down)
        page.get_by_role("link", name=words["first"]).click()
        expect(page.get_by_role("link", name=words["first"])).to_have_count(0)
        assert [float(text) for text in column(page, head.inner_text()[:4])] == first
    head.get_by_role("link").click()
    expect(page.locator("[aria-sort]")).to_have_count(0)


def test_the_browser_leads_back_to_the_page_before(visit: Visit) -> None:
    page = visit.open("/collections/dltb/items?limit=20")
    rows = page.locator("tr[data-feature]")
    before = rows.first.get_attribute("data-feature")
    page.get_by_role("link", name="下一页").click()
    expect(rows.first).not_to_have_attribute("data-feature", before or "")
    page.go_back()
    expect(rows.first).to_have_attribute("data-feature", before or "")


def test_conditions_of_every_kind_become_one_filter_and_fill_the_form_in_again(visit: Visit) -> None:
    page = visit.open("/collections/approved_projects/items")
    page.locator(".filter > summary").click()
    page.locator("[name='where.XMMC.value']").fill("街道")
    page.locator("[name='where.YDMJ.value']").fill("0")
    page.locator("[name='where.PZRQ.value']").fill("2024-01-01")
    page.locator("[name='where.PZRQ.upto']").fill("2025-12-31")
    page.get_by_role("button", name="应用").first.click()
    page.wait_for_url("**filter=**")
    assert asked(page)["filter"] == (
        "CASEI(XMMC) LIKE CASEI('%街道%') AND PZRQ BETWEEN DATE('2024-01-01') AND DATE('2025-12-31') AND YDMJ >= 0"
    )
    assert all("街道" in text for text in column(page, "项目名称"))
    assert all("2024-01-01" <= text <= "2025-12-31" for text in column(page, "批准日期"))
    expect(page.locator("[name='where.PZRQ.upto']")).to_have_value("2025-12-31")
    expect(page.locator("textarea[name=filter]")).to_have_value("")
    page.locator(".asked a").filter(has_text="项目名称").click()
    page.wait_for_url(lambda address: "CASEI" not in address)
    assert asked(page)["filter"] == "PZRQ BETWEEN DATE('2024-01-01') AND DATE('2025-12-31') AND YDMJ >= 0"


def test_chosen_columns_are_the_only_ones_and_stay_with_the_next_page(visit: Visit) -> None:
    page = visit.open("/collections/dltb/items")
    page.locator(".menu > summary").first.click()
    for box in page.locator("[name=properties]").all():
        box.set_checked(box.get_attribute("value") in ("DLBM", "TBMJ"))
    page.locator(".pane").get_by_role("button", name="应用").click()
    page.wait_for_url("**properties=DLBM*")
    expect(page.locator(".features thead th")).to_have_count(3)
    page.get_by_role("link", name="下一页").click()
    expect(page.locator(".features thead th")).to_have_count(3)
    page.locator(".size select").select_option("50")
    page.wait_for_url("**limit=50**")
    expect(page.locator("tr[data-feature]")).to_have_count(50)
    assert asked(page) == {"properties": "DLBM,TBMJ", "limit": "50"}


def test_a_row_and_its_shape_light_up_together_and_a_click_says_what_is_there(visit: Visit) -> None:
    page = visit.open("/collections/dltb/items?DLBM=0101&limit=5")
    shapes_ready(visit)
    row = page.locator("tr[data-feature]").nth(1)
    row.hover()
    key = row.get_attribute("data-feature")
    assert page.evaluate("window.onemap.map.getFilter('highlight')") == ["==", ["get", "@id"], key]
    row.get_by_role("link").focus()
    expect(row).to_have_class("current")
    page.mouse.click(*page.evaluate(MIDDLE))
    popup = page.locator(".popup")
    expect(popup).to_contain_text("水田 0101")
    clicked = page.locator("tr.current").get_attribute("data-feature")
    popup.get_by_role("link").click()
    expect(page).to_have_url(f"{visit.server}/collections/dltb/items/{clicked}")


def test_a_search_in_the_extent_of_the_map_keeps_the_other_conditions(visit: Visit) -> None:
    page = visit.open("/collections/dltb/items?DLBM=0101&limit=5")
    shapes_ready(visit)
    page.get_by_role("button", name="只查此范围").click()
    page.wait_for_url("**bbox=**")
    assert asked(page)["DLBM"] == "0101"
    assert page.locator(".asked li").count() == 2
    assert page.locator("tr[data-feature]").count() > 0


def test_a_filter_that_cannot_be_read_comes_back_with_the_problem(browser: Browser, server_url: str) -> None:
    context = browser.new_context(locale="en-US")
    visited = Visit(context.new_page(), server_url)
    page = visited.open("/collections/dltb/items")
    page.locator(".filter > summary").click()
    page.get_by_text("Advanced").click()
    page.locator("select[name='where.DLBM.value']").select_option("0101")
    page.locator("textarea[name=filter]").fill("TBMJ > > 5")
    page.locator(".filter").get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("OM-4001")
    expect(page.locator("textarea[name=filter]")).to_have_value("TBMJ > > 5")
    expect(page.locator("select[name='where.DLBM.value']")).to_have_value("0101")
    page.locator("textarea[name=filter]").fill("TBMJ > 5000 OR TBMJ < 100")
    page.locator(".filter").get_by_role("button", name="Apply").click()
    expect(page.locator("tr[data-feature]")).to_have_count(10)
    assert asked(page) == {"DLBM": "0101", "filter": "TBMJ > 5000 OR TBMJ < 100", "limit": "10"}
    assert visited.strangers() == []
    context.close()


def test_without_scripts_the_form_asks_the_same(browser: Browser, server_url: str) -> None:
    context = browser.new_context(locale="zh-CN", java_script_enabled=False)
    page = context.new_page()
    page.goto(server_url + "/collections/dltb/items")
    page.locator(".filter > summary").click()
    page.locator("select[name='where.DLBM.op']").select_option("starts")
    page.locator("select[name='where.DLBM.value']").select_option("01")
    page.locator("[name='where.TBMJ.value']").fill("900.5")
    page.locator(".filter").get_by_role("button", name="应用").click()
    assert asked(page) == {"filter": "DLBM LIKE '01%' AND TBMJ >= 900.5", "limit": "10"}
    assert page.locator("tr[data-feature]").count() > 0
    context.close()


@pytest.mark.parametrize("path", ["/items/1", "/items?filter=x", "/items?q=zzz", "/schema", "/queryables"])
def test_no_page_of_features_is_wider_than_a_phone(browser: Browser, server_url: str, path: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US")
    page = context.new_page()
    page.goto(f"{server_url}/collections/dltb{path}")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
