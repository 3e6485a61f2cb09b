"""OGC API Features 1.0 Part 1, Annex A: conformance classes GeoJSON, HTML and OpenAPI 3.0."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from tests.conformance.test_features_core import get, identifiers, links
from tests.conformance.test_features_core import validate as validate_schema

CLASS = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"


@pytest.mark.abstract_test(CLASS + "geojson", "/conf/geojson/definition")
def test_geojson_definition(server: TestClient) -> None:
    for identifier in identifiers(server):
        path = f"/collections/{identifier}/items"
        feature = get(server, path, limit=1)["features"][0]["id"]
        for resource in (path, f"{path}/{feature}"):
            for accept in ("application/geo+json", "application/json", "*/*"):
                response = server.get(resource, headers={"Accept": accept})
                assert response.headers["content-type"] == "application/geo+json"
    assert (
        server.get("/collections", headers={"Accept": "application/json"}).headers["content-type"] == "application/json"
    )


@pytest.mark.abstract_test(CLASS + "geojson", "/conf/geojson/content")
def test_geojson_content(server: TestClient) -> None:
    for identifier in identifiers(server):
        document = get(server, f"/collections/{identifier}/items", limit=20)
        validate_schema(document, "featureCollection")
        for feature in document["features"][:3]:
            assert get(server, f"/collections/{identifier}/items/{feature['id']}")["id"] == feature["id"]


@pytest.mark.abstract_test(CLASS + "html", "/conf/html/definition")
def test_html_definition(server: TestClient) -> None:
    identifier = identifiers(server)[0]
    path = f"/collections/{identifier}"
    feature = get(server, f"{path}/items", limit=1)["features"][0]["id"]
    resources = [
        "/",
        "/conformance",
        "/collections",
        path,
        f"{path}/items",
        f"{path}/items/{feature}",
        f"{path}/queryables",
    ]
    for resource in resources:
        response = server.get(resource, headers={"Accept": "text/html"})
        assert response.status_code == 200, resource
        assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.abstract_test(CLASS + "html", "/conf/html/content")
def test_html_content(server: TestClient) -> None:
    for identifier in identifiers(server):
        page = server.get(f"/collections/{identifier}/items", params={"f": "html", "limit": 3}).text
        assert page.lstrip().lower().startswith("<!doctype html>")
        for feature in get(server, f"/collections/{identifier}/items", limit=3)["features"]:
            assert f"/collections/{identifier}/items/{feature['id']}" in page
        assert not re.search(r"""(?:src|href)\s*=\s*["']https?://(?!testserver)""", page)


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/oas-definition-1")
def test_oas_definition_1(server: TestClient) -> None:
    landing = get(server, "/")
    description, page = links(landing, "service-desc")[0], links(landing, "service-doc")[0]
    assert description["type"] == "application/vnd.oai.openapi+json;version=3.0"
    assert server.get(description["href"]).headers["content-type"] == description["type"]
    assert server.get(page["href"]).headers["content-type"].startswith("text/html")


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/oas-definition-2")
def test_oas_definition_2(server: TestClient) -> None:
    document = get(server, "/api")
    validate(document)
    assert document["openapi"].startswith("3.0.")
    operations = [item["operationId"] for path in document["paths"].values() for item in path.values()]
    assert len(operations) == len(set(operations))


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/oas-impl")
def test_oas_impl(server: TestClient) -> None:
    paths = get(server, "/api")["paths"]
    for path in [path for path, item in paths.items() if "{" not in path and "get" in item]:
        assert server.get(path).status_code == 200, path


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/completeness")
def test_completeness(server: TestClient) -> None:
    for path, item in get(server, "/api")["paths"].items():
        for method, operation in item.items():
            success = [status for status in operation["responses"] if status.startswith("2")]
            assert success, f"{method} {path}"
            assert all(operation["responses"][status].get("content") for status in success if status != "204")


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/exceptions-codes")
def test_exceptions_codes(server: TestClient) -> None:
    for path, item in get(server, "/api")["paths"].items():
        for operation in item.values():
            assert {"400", "default"} <= set(operation["responses"]), path
            assert "404" in operation["responses"] or "{" not in path


@pytest.mark.abstract_test(CLASS + "oas30", "/conf/oas30/security")
def test_security(server: TestClient) -> None:
    document = get(server, "/api")
    assert "securitySchemes" not in document["components"]
    assert server.get("/collections").status_code == 200
