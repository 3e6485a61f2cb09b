"""Jobs in a real Chromium: the form runs one, its progress is live, its page shows what came of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Visit
from tests.e2e.test_browser import parcel_text

pytestmark = pytest.mark.browser
SHOWN = "document.querySelector('[data-result]')?.hidden === false"
SQUARE = {"type": "Polygon", "coordinates": [[[114.3, 30.5], [114.31, 30.5], [114.31, 30.51], [114.3, 30.5]]]}


def test_a_process_runs_as_a_job_and_tells_its_progress(visit: Visit) -> None:
    page = visit.open("/processes/echo?lang=en")
    page.fill("#in-echo", "hello")
    page.fill("#in-pause", "4")
    page.fill("#in-mixed", "2.5")
    page.fill("#in-array", "1, 2, 3")
    for side, value in (("west", "114"), ("south", "30"), ("east", "115"), ("north", "31")):
        page.fill(f"[data-side={side}]", value)
    page.set_input_files("#in-binary", {"name": "x.tif", "mimeType": "image/tiff", "buffer": b"II*\x00"})
    for output in ("mixed", "array", "bbox", "binary"):
        page.check(f"[data-outputs] [value={output}]")
    page.check("[data-async]")
    page.click("[data-run]")
    visit.until("(document.querySelector('[data-job] progress').value ?? 0) > 10")
    visit.shot("job-running")
    visit.until(SHOWN)
    shown = json.loads(page.locator("[data-result] pre").inner_text())
    assert (shown["echo"], shown["mixed"], shown["array"]) == ("hello", 2.5, [1, 2, 3])
    assert shown["bbox"]["bbox"] == [114, 30, 115, 31]
    with page.expect_download() as download:
        page.click("[data-result] .files a")
    assert download.value.suggested_filename == "echo-binary.tif"
    assert any(url.endswith("/events") for url in visit.requested)


def test_a_job_is_stopped_from_its_page(visit: Visit) -> None:
    page = visit.open("/processes/echo")
    page.fill("#in-echo", "x")
    page.fill("#in-pause", "10")
    page.check("[data-async]")
    page.click("[data-run]")
    visit.until("document.querySelector('[data-job] [data-page]').href.includes('/jobs/')")
    page.click("[data-job] [data-page]")
    page.click("[data-dismiss]")
    expect(page.locator("[data-status=dismissed]")).to_be_visible()
    page.click("[data-dismiss]")
    page.wait_for_url("**/jobs")
    visit.shot("jobs")


def test_an_analysis_as_a_job_is_on_the_map_and_on_its_own_page(visit: Visit) -> None:
    page = visit.open("/processes/ellipsoid-area")
    page.fill("#in-parcels", json.dumps(SQUARE))
    page.check("[data-async]")
    page.click("[data-run]")
    visit.until(SHOWN)
    visit.until("window.onemap.map.querySourceFeatures('parcels').length > 0")
    page.click("[data-job] [data-page]")
    visit.until(SHOWN)
    assert "m²" in page.locator("[data-result]").inner_text()
    visit.shot("job")


def test_where_events_do_not_come_the_page_asks_for_the_status(visit: Visit) -> None:
    visit.page.route("**/events", lambda route: route.fulfill(status=503, body="{}"))
    page = visit.open("/processes/echo")
    page.fill("#in-echo", "x")
    page.fill("#in-pause", "2")
    page.check("[data-async]")
    page.click("[data-run]")
    visit.until(SHOWN)
    visit.complaints.clear()  # the browser's own line about the 503


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_of_a_job_shows_what_came_of_it_without_a_reload(visit: Visit, data: Path, lang: str) -> None:
    page = visit.open(f"/processes/control-line-check?lang={lang}")
    inputs = {"parcels": text_parcel(data, "a_farmland_utf8.txt")}
    outputs = {name: {} for name in ("result", "report", "table", "pieces")}
    ordered = page.request.post(
        f"{visit.server}/processes/control-line-check/execution",
        data={"inputs": inputs, "outputs": outputs, "response": "document"},
        headers={"Prefer": "respond-async", "Accept-Language": lang},
    )
    job = ordered.json()["jobID"]
    visit.open(f"/jobs/{job}")
    page.evaluate("window.here = true")
    visit.until(SHOWN)
    visit.until("window.onemap?.map.querySourceFeatures('parcels').length > 0")
    visit.until("window.onemap.map.querySourceFeatures('pieces').length > 0")
    expect(page.locator("[data-result] .verdict .badge")).to_be_visible()
    expect(page.locator("[data-result] tbody tr").first).to_be_visible()
    expect(page.locator("h1 [data-status=successful]")).to_be_visible()
    assert page.evaluate("window.here"), "the page was not loaded again"
    expect(page.locator("main > .process .files a")).to_have_count(4)
    with page.expect_download() as download:
        page.locator(".files a[type='application/pdf']").click()
    assert download.value.suggested_filename == f"report-{job[:8]}.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF")
    visit.map_ready()
    visit.shot(f"job-result-{lang}")
    page.click("[data-evidence][rel=describedby]")
    expect(page.locator("h1")).to_have_text("存证" if lang == "zh" else "Evidence")


def test_the_result_of_a_process_leads_to_its_evidence(visit: Visit, data: Path) -> None:
    page = visit.open("/processes/control-line-check")
    page.fill("#in-parcels", parcel_text(data))
    page.click("[data-run]")
    visit.until(SHOWN)
    page.click("[data-result] [data-evidence]")
    page.wait_for_url("**/evidence/*")


def text_parcel(data: Path, name: str) -> dict[str, str]:
    """Return a sample file of parcels as an input."""
    content = base64.b64encode((data / "demo" / "parcels" / name).read_bytes()).decode()
    return {"value": content, "encoding": "base64", "mediaType": "text/plain"}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_parts_of_a_review_are_shown_as_results_alone_are(visit: Visit, data: Path, lang: str) -> None:
    inputs = {"parcels": text_parcel(data, "a_farmland_utf8.txt")}
    ordered = visit.page.request.post(
        f"{visit.server}/processes/preliminary-review/execution",
        data={"inputs": inputs},
        headers={"Prefer": "respond-async", "Accept-Language": lang},
    )
    page = visit.open(f"/jobs/{ordered.json()['jobID']}?lang={lang}")
    visit.until(SHOWN)
    parts = page.locator("[data-nested]")
    named = {"landuse-breakdown", "control-line-check", "plan-conformity", "mineral-overlay", "conversion-review"}
    assert {part.get_attribute("data-nested") for part in parts.all()} == named
    lines = page.locator("[data-nested=control-line-check]")
    expect(lines.locator("> summary")).to_contain_text("控制线检查" if lang == "zh" else "Control-line check")
    expect(lines.locator("> summary .badge")).to_be_visible()
    expect(lines.locator("tbody tr").first).to_be_hidden()
    lines.locator("> summary").click()
    expect(lines.locator("tbody tr").first).to_be_visible()
    assert lines.locator("h3").all_inner_texts() == (
        ["各图层", "所用数据"] if lang == "zh" else ["Layers", "Data used"]
    )
    heads = page.locator("[data-nested=landuse-breakdown] th").all_text_contents()
    assert ("地类" if lang == "zh" else "Class") in heads
    assert page.locator("[data-result] > .raw").get_attribute("open") is None
    visit.shot(f"job-review-{lang}")
