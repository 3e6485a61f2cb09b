"""OGC API Styles (draft, OGC 20-009), Annex A: what of core, html, mapbox-style and sld-11 concerns reading."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conformance.test_features_core import get
from tests.sld import faults

SPEC = "http://www.opengis.net/spec/ogcapi-styles-1/0.0/conf/"
CORE = SPEC + "core"
HTML = SPEC + "html"
MAPBOX = SPEC + "mapbox-style"
SLD = SPEC + "sld-11"
MAPBOX_TYPE = "application/vnd.mapbox.style+json"
SLD_TYPE = "application/vnd.ogc.sld+xml;version=1.1"


def listed(server: TestClient) -> list[dict[str, Any]]:
    answer = server.get("/styles", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return list(answer.json()["styles"])


def linked(item: dict[str, Any], rel: str) -> list[dict[str, str]]:
    return [link for link in item["links"] if link["rel"] == rel]


@pytest.mark.abstract_test(CORE, "/conf/core/1")
def test_styles_and_their_metadata_can_be_fetched(server: TestClient) -> None:
    styles = listed(server)
    assert styles
    assert len({item["id"] for item in styles}) == len(styles)
    for item in styles:
        sheets, described = linked(item, "stylesheet"), linked(item, "describedby")
        assert sheets
        assert described
        for link in sheets:
            assert link["href"].split("?")[0] == f"http://testserver/styles/{item['id']}"
            answer = server.get(link["href"].split("?")[0], headers={"Accept": link["type"]})
            assert answer.status_code == 200
            assert answer.headers["content-type"] == link["type"]
        for link in described:
            assert link["href"].split("?")[0] == f"http://testserver/styles/{item['id']}/metadata"
            metadata = server.get(link["href"], headers={"Accept": link["type"]}).json()
            assert metadata["id"] == item["id"]
            assert [sheet["link"]["href"] for sheet in metadata["stylesheets"]] == [link["href"] for link in sheets]
            assert metadata["layers"]


@pytest.mark.abstract_test(CORE, "/conf/core/1")
def test_the_landing_page_and_collections_lead_to_styles(server: TestClient) -> None:
    rel = "http://www.opengis.net/def/rel/ogc/1.0/styles"
    assert [link["href"] for link in linked(get(server, "/"), rel)] == ["http://testserver/styles?f=json"]
    for collection in get(server, "/collections")["collections"]:
        (link,) = linked(collection, rel)
        found = server.get(link["href"]).json()
        assert found["default"] in [item["id"] for item in found["styles"]]


@pytest.mark.abstract_test(HTML, "/conf/html/1")
def test_lists_and_metadata_are_pages_too(server: TestClient) -> None:
    styles = listed(server)
    page = server.get("/styles", headers={"Accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for item in styles:
        assert item["id"] in page.text
        assert f'href="http://testserver/styles/{item["id"]}"' in page.text
        metadata = server.get(f"/styles/{item['id']}/metadata", headers={"Accept": "text/html"})
        assert metadata.status_code == 200
        assert metadata.headers["content-type"] == "text/html; charset=utf-8"
        for link in linked(item, "stylesheet"):
            assert link["href"] in metadata.text


@pytest.mark.abstract_test(MAPBOX, "/conf/mapbox-style/1")
def test_every_style_is_a_mapbox_style_of_version_8(server: TestClient) -> None:
    for item in listed(server):
        answer = server.get(f"/styles/{item['id']}", params={"f": "mapbox"})
        assert answer.headers["content-type"] == MAPBOX_TYPE
        style = answer.json()
        assert style["version"] == 8
        names = [layer["id"] for layer in style["layers"]]
        assert len(set(names)) == len(names) > 1
        for layer in style["layers"][1:]:
            assert layer["type"] in ("fill", "line", "circle", "symbol")
            assert layer["source"] in style["sources"]


@pytest.mark.abstract_test(SLD, "/conf/sld-11/1")
def test_every_style_is_a_styled_layer_descriptor(server: TestClient) -> None:
    for item in listed(server):
        answer = server.get(f"/styles/{item['id']}", headers={"Accept": SLD_TYPE})
        assert answer.headers["content-type"] == SLD_TYPE
        assert faults(answer.content) == []
