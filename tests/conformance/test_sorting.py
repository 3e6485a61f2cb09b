"""OGC API Features Part 8 (draft), Annex A: sortables and sorting; the order is computed from the data file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.conformance.test_features_core import collections, get, identifiers, items_parameters, links
from tests.conformance.test_filtering import ids, refused
from tests.conformance.test_schemas import REL, fetch, inspect
from tests.conformance.truth import Truth

SORTABLES = "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/sortables"
SORTING = "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/sorting"
FEATURES_SORTING = "http://www.opengis.net/spec/ogcapi-features-8/1.0/conf/features-sorting"
Reader = Callable[[str], Truth]


@pytest.mark.abstract_test(SORTABLES, "/conf/sortables/get-conformance")
@pytest.mark.abstract_test(SORTING, "/conf/sorting/get-conformance")
@pytest.mark.abstract_test(FEATURES_SORTING, "/conf/features-sorting/get-conformance")
def test_get_conformance(server: TestClient) -> None:
    assert {SORTABLES, SORTING, FEATURES_SORTING} <= set(get(server, "/conformance")["conformsTo"])


@pytest.mark.abstract_test(SORTABLES, "/conf/sortables/get-sortables-uris")
def test_get_sortables_uris(server: TestClient) -> None:
    for identifier in identifiers(server):
        response = server.get(f"/collections/{identifier}/items", params={"limit": 1})
        address = f"http://testserver/collections/{identifier}/sortables"
        assert f'<{address}>; rel="{REL}sortables"' in response.headers["link"]


@pytest.mark.abstract_test(SORTABLES, "/conf/sortables/get-sortables")
def test_get_sortables(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        document = fetch(server, identifier, "sortables")
        inspect(document, truth(identifier).types)
        assert all("type" in item for item in document["properties"].values())
        assert document["additionalProperties"] is False


@pytest.mark.abstract_test(SORTING, "/conf/sorting/sortby-param")
@pytest.mark.abstract_test(FEATURES_SORTING, "/conf/features-sorting/filter-sorting")
def test_sortby_param(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        known = truth(identifier)
        for name in fetch(server, identifier, "sortables")["properties"]:
            assert ids(server, identifier, sortby=name) == known.sorted_by((name, False)), (identifier, name)
            assert ids(server, identifier, sortby=f"-{name}") == known.sorted_by((name, True)), (identifier, name)
        for wrong in ("THIS IS NOT A SORTBY EXPRESSION", "", "-", "geom", ",", "+-"):
            refused(server, identifier, sortby=wrong)


@pytest.mark.abstract_test(SORTING, "/req/core/rc-sortby-response")
def test_several_keys(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        known, names = truth(identifier), list(fetch(server, identifier, "sortables")["properties"])
        first, second = sorted(names, key=lambda name: len(known.values(name)) if known.values(name) else 9999)[:2]
        want = known.sorted_by((first, True), (second, False))
        for text in (f"-{first},{second}", f"-{first},+{second}", f"-{first}, {second}"):
            assert ids(server, identifier, sortby=text) == want, (identifier, text)
        assert "twice" in refused(server, identifier, sortby=f"{first},-{first}")


@pytest.mark.abstract_test(SORTING, "/req/sorting/sortby-definition")
def test_sortby_definition(server: TestClient) -> None:
    for parameters in items_parameters(server):
        described = parameters["sortby"]
        assert (described["in"], described["required"]) == ("query", False)
        assert (described["style"], described["explode"]) == ("form", False)
        schema = described["schema"]
        assert (schema["type"], schema["minItems"], schema["items"]["type"]) == ("array", 1, "string")


@pytest.mark.abstract_test(SORTING, "/conf/sorting/sortby-order-default")
def test_sortby_order_default(server: TestClient, truth: Reader) -> None:
    """No default order is declared; features come in the order of their ids."""
    for collection in collections(server):
        assert "defaultSortOrder" not in collection
        assert ids(server, collection["id"]) == truth(collection["id"]).ids


@pytest.mark.abstract_test(SORTING, "/conf/sorting/expression-construction")
def test_expression_construction(server: TestClient) -> None:
    for identifier in identifiers(server):
        assert "this_is_not_a_sortable" in refused(server, identifier, sortby="this_is_not_a_sortable")


@pytest.mark.abstract_test(FEATURES_SORTING, "/conf/features-sorting/get-collections")
@pytest.mark.abstract_test(FEATURES_SORTING, "/conf/features-sorting/get-collection")
def test_get_collection(server: TestClient) -> None:
    response = server.get("/collections", headers={"Accept": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    for identifier in identifiers(server):
        (found,) = links(get(server, f"/collections/{identifier}"), REL + "sortables")
        assert found["href"].split("?")[0] == f"http://testserver/collections/{identifier}/sortables"


@pytest.mark.abstract_test(FEATURES_SORTING, "/req/features-sorting/response")
def test_every_page_goes_on_in_the_order(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        known = truth(identifier)
        names = list(fetch(server, identifier, "sortables")["properties"])
        name = max(names, key=lambda name: sum(row[name] is None for row in known.rows))
        other = [item for item in names if item != name][-1]
        want = known.sorted_by((name, True), (other, False))
        size = max(len(want) // 4, 3)
        query = {"limit": size, "properties": "", "skipGeometry": "true", "sortby": f"-{name},{other}"}
        page = get(server, f"/collections/{identifier}/items", **query)
        found = [feature["id"] for feature in page["features"]]
        while following := links(page, "next"):
            page = server.get(following[0]["href"]).json()
            found += [feature["id"] for feature in page["features"]]
            assert len(found) <= len(want)
        assert found == want, identifier
