"""The pages as text: complete in both languages, labelled, without inline scripts and without foreign addresses."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

PATHS = (
    "/",
    "/conformance",
    "/api",
    "/map",
    "/collections",
    "/collections/dltb",
    "/collections/xzq",
    "/collections/dltb/items",
    "/collections/dltb/items?limit=2&crs=http://www.opengis.net/def/crs/EPSG/0/4526",
    "/collections/dltb/items?bbox=0,0,1,1",
    "/collections/dltb/items?filter=DLBM LIKE '01%' AND TBMJ>5&QSXZ=30&sortby=-TBMJ&properties=DLBM,TBMJ",
    "/collections/approved_projects/items?filter=PZRQ BETWEEN '2020-01-01' AND '2025-12-31'",
    "/collections/dltb/items/1",
    "/collections/approved_projects/items/1",
    "/collections/xzq/items/1",
    "/collections/dltb/queryables",
    "/collections/dltb/sortables",
    "/collections/dltb/schema",
    "/functions",
    "/collections/dltb/tiles",
    "/collections/dltb/tiles/WebMercatorQuad",
    "/collections/dltb/tiles/CGCS2000Quad",
    "/collections/dltb/tiles/CGCS2000GK3Zone38",
    "/tiles",
    "/tiles/WebMercatorQuad",
    "/tiles/TiandituCGCS2000?collections=xzq",
    "/tileMatrixSets",
    "/tileMatrixSets/CGCS2000Quad",
    "/styles",
    "/styles/onemap",
    "/styles/redline",
    "/styles/landuse/metadata",
    "/collections/dltb/styles",
    "/processes",
    "/processes/control-line-check",
    "/processes/landuse-breakdown",
    "/processes/parcel-parse",
    "/processes/echo",
    "/jobs",
    "/jobs?status=running&processID=echo",
)
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
VOID = {"input", "img", "link", "meta", "br"}


class Parsed(HTMLParser):
    """What the tests want to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.unmatched: list[str] = []
        self.inside_label: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; a control inside a label needs no other label."""
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if "label" in self.open:
            self.inside_label.append(found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a tag and whether it closes the one opened last."""
        if not self.open or self.open.pop() != tag:
            self.unmatched.append(tag)

    def all(self, *names: str) -> list[dict[str, str]]:
        """Return the attributes of the tags with these names."""
        return [attributes for tag, attributes in self.tags if tag in names]


def page(client: TestClient, path: str, lang: str = "zh") -> str:
    """Return a page as a browser asks for it."""
    headers = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": lang}
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text[:400]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    return answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_well_formed_and_says_its_language(client: TestClient, path: str) -> None:
    for lang, tag in (("zh", "zh-Hans"), ("en", "en")):
        parsed = Parsed(page(client, path, lang))
        assert parsed.unmatched == []
        assert parsed.open == []
        assert parsed.all("html")[0]["lang"] == tag
        assert len(parsed.all("h1")) == 1
        assert len(parsed.all("main")) == 1


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_nothing_from_elsewhere_and_runs_no_inline_script(client: TestClient, path: str) -> None:
    parsed = Parsed(page(client, path))
    loaded = [attributes[LOADED[tag]] for tag, attributes in parsed.tags if tag in LOADED and LOADED[tag] in attributes]
    assert loaded
    assert {urlsplit(address).netloc for address in loaded} == {"testserver"}
    assert [
        found for found in parsed.all("script") if "src" not in found and found.get("type") != "application/json"
    ] == []
    assert [name for _, found in parsed.tags for name in found if name.startswith("on")] == []


@pytest.mark.parametrize("path", PATHS)
def test_the_files_of_a_page_are_there(client: TestClient, path: str) -> None:
    parsed = Parsed(page(client, path))
    own = [found[name] for tag, name in LOADED.items() for found in parsed.all(tag) if name in found]
    missing = [address for address in own if "/vendor/" not in address and client.get(address).status_code != 200]
    assert missing == []


@pytest.mark.parametrize("path", PATHS)
def test_every_control_has_a_label(client: TestClient, path: str) -> None:
    parsed = Parsed(page(client, path))
    labelled = {found["for"] for found in parsed.all("label") if "for" in found}
    bare = [
        found
        for found in parsed.all("input", "select", "textarea")
        if found.get("type") != "hidden"
        and found.get("id") not in labelled
        and found not in parsed.inside_label
        and "aria-label" not in found
    ]
    assert bare == []


@pytest.mark.parametrize("path", PATHS)
def test_links_within_a_page_lead_somewhere(client: TestClient, path: str) -> None:
    parsed = Parsed(page(client, path))
    links = {
        found["href"].split("#")[0] for found in parsed.all("a") if "/items?f=json&limit=10000" not in found["href"]
    }
    inside = sorted(href for href in links if href and urlsplit(href).netloc == "testserver")
    broken = [href for href in inside[:40] if client.get(href, headers={"Accept": "text/html"}).status_code != 200]
    assert broken == []


def test_english_pages_hold_no_chinese_of_our_own(client: TestClient) -> None:
    text = page(client, "/conformance", "en").replace("中文", "")
    service = client.get("/", params={"f": "json"}).json()
    body = text.replace(service.get("attribution", ""), "")
    assert [char for char in body if "\u4e00" <= char <= "\u9fff"] == []


def test_a_problem_page_shows_what_the_client_sent_as_text_only(client: TestClient) -> None:
    answer = client.get("/collections/dltb/items?<script>alert(1)</script>=1", headers={"Accept": "text/html"})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>alert" not in answer.text
    assert "OM-4002" in answer.text


def test_a_hidden_collection_is_on_no_page_of_the_internet_zone(internet: TestClient) -> None:
    for path in ("/", "/collections", "/map", "/processes/control-line-check"):
        assert "dltb" not in page(internet, path).lower(), path
    answer = internet.get("/collections/dltb", headers={"Accept": "text/html"})
    assert answer.status_code == 404


def test_the_last_page_has_no_next_link(client: TestClient) -> None:
    counted = client.get("/collections/czkfbj/items", params={"f": "json"}).json()["numberMatched"]
    assert counted > 1
    assert 'rel="next"' in page(client, "/collections/czkfbj/items?limit=1")
    assert 'rel="next"' not in page(client, f"/collections/czkfbj/items?limit={counted}")
