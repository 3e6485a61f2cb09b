"""OGC API Common 1.0: Part 1 (Core) and Part 2 (Geospatial Data, collections)."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient

CLASS = "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/"
COLLECTIONS = "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections"
JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}


def rels(document: dict) -> set[str]:
    return {item["rel"] for item in document["links"]}


@pytest.mark.abstract_test(CLASS + "core", "/conf/core/http")
def test_core_http(server: TestClient) -> None:
    response = server.get("/", headers=JSON)
    assert response.http_version == "HTTP/1.1"
    assert response.status_code == 200
    assert server.head("/", headers=JSON).status_code == 200


@pytest.mark.abstract_test(CLASS + "core", "/conf/core/query-param-unknown")
def test_core_unknown_parameter(server: TestClient) -> None:
    assert server.get("/", params={"unknown": "1"}).status_code == 400


@pytest.mark.abstract_test(CLASS + "landing-page", "/conf/landing-page/root-success")
def test_landing_page(server: TestClient) -> None:
    document = server.get("/", headers=JSON).json()
    assert {"service-desc", "service-doc", "conformance", "self", "alternate"} <= rels(document)


@pytest.mark.abstract_test(CLASS + "landing-page", "/conf/landing-page/api-definition-success")
def test_landing_page_api_definition(server: TestClient) -> None:
    document = server.get("/", headers=JSON).json()
    address = next(item["href"] for item in document["links"] if item["rel"] == "service-desc")
    assert server.get(address).json()["openapi"] == "3.0.3"


@pytest.mark.abstract_test(CLASS + "landing-page", "/conf/landing-page/conformance-success")
def test_landing_page_conformance(server: TestClient) -> None:
    document = server.get("/conformance", headers=JSON).json()
    assert CLASS + "core" in document["conformsTo"]


@pytest.mark.abstract_test(CLASS + "json", "/conf/json/definition")
def test_json(server: TestClient) -> None:
    for path in ("/", "/conformance", "/collections"):
        assert server.get(path, headers=JSON).headers["content-type"] == "application/json"


@pytest.mark.abstract_test(CLASS + "html", "/conf/html/definition")
def test_html(server: TestClient) -> None:
    for path in ("/", "/conformance", "/collections", "/api"):
        response = server.get(path, headers=HTML)
        assert response.headers["content-type"].startswith("text/html")
        assert response.text.lstrip().lower().startswith("<!doctype html>")


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/oas-definition-2")
def test_oas30(server: TestClient) -> None:
    response = server.get("/api", params={"f": "json"})
    assert response.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    validate(response.json())


@pytest.mark.abstract_test(COLLECTIONS, "/conf/collections/rc-md-success")
def test_collections(server: TestClient) -> None:
    document = server.get("/collections", headers=JSON).json()
    assert {"self", "alternate"} <= rels(document)
    assert document["collections"]
    for collection in document["collections"]:
        assert {"self", "items"} <= rels(collection)
        alone = server.get(f"/collections/{collection['id']}", headers=JSON).json()
        assert {**alone, "links": 0} == {**collection, "links": 0}
