"""The query parameter profile (23-058r2) and the profiles of GeoJSON (21-045r1, classes profiles and api)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conformance.test_features_core import get, identifiers

PARAMETER = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/profile-parameter"
PROFILES = "http://www.opengis.net/spec/json-fg-1/1.0/conf/profiles"
API = "http://www.opengis.net/spec/json-fg-1/1.0/conf/api"
REGISTER = "http://www.opengis.net/def/profile/OGC/0/"
NAMES = ("rfc7946", "jsonfg", "jsonfg-plus")
FG = "http://www.opengis.net/spec/json-fg-1/1.0/conf/core"
ACCEPT = {"Accept": "application/geo+json"}


def resources(server: TestClient) -> list[tuple[str, str]]:
    """Return the paths of a page and of a feature of each collection, with its storage CRS."""
    found = []
    for identifier in identifiers(server):
        path = f"/collections/{identifier}/items"
        crs = get(server, f"/collections/{identifier}")["storageCrs"]
        key = get(server, path, limit=1)["features"][0]["id"]
        found += [(f"{path}?limit=3&crs={crs}", crs), (f"{path}/{key}?crs={crs}", crs)]
    return found


def fetch(server: TestClient, path: str, profile: str | None = None, status: int = 200) -> tuple[dict[str, Any], str]:
    """Return a document and its Link header."""
    more = "" if profile is None else f"&profile={profile}"
    response = server.get(path + more, headers=ACCEPT)
    assert response.status_code == status, response.text
    return response.json(), response.headers.get("link", "")


def features(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document.get("features", [document])


def linked(document: dict[str, Any], header: str) -> list[str]:
    """Return the profiles that the document links to; its header names the same."""
    found = [item["href"] for item in document["links"] if item["rel"] == "profile"]
    assert all(f'<{uri}>; rel="profile"' in header for uri in found)
    return found


@pytest.mark.abstract_test(PARAMETER, "/conf/profile-parameter/profile-param")
def test_the_parameter_is_described(server: TestClient) -> None:
    paths = server.get("/api", params={"f": "json"}).json()["paths"]
    for identifier in identifiers(server):
        for path in (f"/collections/{identifier}/items", f"/collections/{identifier}/items/{{featureId}}"):
            parameter = next(item for item in paths[path]["get"]["parameters"] if item["name"] == "profile")
            assert (parameter["required"], parameter["style"], parameter["explode"]) == (False, "form", False)
            assert parameter["schema"]["type"] == "array"
            allowed = parameter["schema"]["items"]["enum"]
            assert {value.removeprefix(REGISTER) for value in allowed} == set(NAMES)


@pytest.mark.abstract_test(PARAMETER, "/conf/profile-parameter/profile-param-response")
def test_answers_name_their_profile(server: TestClient) -> None:
    for path, _ in resources(server):
        assert linked(*fetch(server, path)) == [REGISTER + "rfc7946"]
        for name in NAMES:
            assert linked(*fetch(server, path, name)) == [REGISTER + name]
            assert linked(*fetch(server, path, REGISTER + name)) == [REGISTER + name]
        assert linked(*fetch(server, path, "jsonfg,rfc7946")) == [REGISTER + "jsonfg"]
        for wrong in ("strange", "rfc7946,strange", "http://example.com/profile", ""):
            fetch(server, path, wrong, 400)


@pytest.mark.abstract_test(API, "/conf/api/profile-parameter-rfc7946")
@pytest.mark.abstract_test(PROFILES, "/conf/profiles/rfc7946")
def test_rfc7946(server: TestClient) -> None:
    for path, _ in resources(server):
        response = server.get(f"{path}&profile=rfc7946", headers=ACCEPT)
        assert response.headers["content-type"] == "application/geo+json"
        document = response.json()
        assert "conformsTo" not in document
        assert all("place" not in feature for feature in features(document))


@pytest.mark.abstract_test(API, "/conf/api/profile-parameter-jsonfg")
@pytest.mark.abstract_test(PROFILES, "/conf/profiles/json-fg")
def test_jsonfg(server: TestClient) -> None:
    for path, crs in resources(server):
        response = server.get(f"{path}&profile=jsonfg", headers=ACCEPT)
        assert response.headers["content-type"] == "application/geo+json"
        document, plus = response.json(), fetch(server, path, "jsonfg-plus")[0]
        assert FG in document["conformsTo"]
        assert document["coordRefSys"] == crs
        for short, full in zip(features(document), features(plus), strict=True):
            assert short["place"] == full["place"] is not None
            assert short["geometry"] is None
            assert short["properties"] == full["properties"]


@pytest.mark.abstract_test(PROFILES, "/conf/profiles/jsonfg-plus")
def test_jsonfg_plus(server: TestClient) -> None:
    for path, _ in resources(server):
        for feature in features(fetch(server, path, "jsonfg-plus")[0]):
            assert feature["place"] is not None
            assert feature["geometry"] is not None
        plain = fetch(server, path.split("crs=")[0], "jsonfg")[0]
        assert all(feature["geometry"] is not None and feature["place"] is None for feature in features(plain))


def test_media_types_without_the_profile_pass_over_it(server: TestClient) -> None:
    path = f"/collections/{identifiers(server)[0]}/items"
    fg = server.get(path, params={"f": "jsonfg", "limit": 1, "profile": "rfc7946"})
    assert linked(fg.json(), fg.headers["link"]) == [REGISTER + "jsonfg-plus"]
    for name in ("csv", "html"):
        response = server.get(path, params={"f": name, "limit": 1, "profile": "jsonfg"})
        assert response.status_code == 200
        assert 'rel="profile"' not in response.headers["link"]


def test_the_next_page_has_the_profile(server: TestClient) -> None:
    path = f"/collections/{identifiers(server)[0]}/items"
    document = server.get(path, params={"limit": 1, "profile": "jsonfg"}, headers=ACCEPT).json()
    following = next(item["href"] for item in document["links"] if item["rel"] == "next")
    assert "conformsTo" in server.get(following).json()
