"""OGC API Features Part 4 (20-002, draft): create, replace, update and delete, by requirement.

The draft's abstract tests cover only some of its requirements; the others are tested under the id of the requirement.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.conformance.test_declared import marked_classes
from tests.editing import COUNT, CRS84, EPSG, GK, MERGE, PARCELS, SITES, Editable, X, Y, feature, make, square

PART4 = "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/"
CRUD = PART4 + "create-replace-delete"
UPDATE = PART4 + "update"
FEATURES = PART4 + "features"
ETAGS = PART4 + "optimistic-locking-etags"
GEOJSON = {"Content-Type": "application/geo+json"}
IN_GK = {**GEOJSON, "Content-Crs": GK}
ONE = f"{PARCELS}/1"


@pytest.fixture
def client(editable: Editable) -> TestClient:
    return editable.client


def read(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    response = client.get(path, params=query or None, headers={"Accept": "application/geo+json"})
    assert response.status_code == 200, response.text
    return response.json()


def lonlat(column: int = 0) -> shapely.Polygon:
    west = 114 + column / 1000
    return shapely.box(west, 30.72, west + 0.0005, 30.7205)


def test_the_classes_are_declared_where_editing_is_allowed(editable: Editable) -> None:
    declared = set(editable.client.get("/conformance", params={"f": "json"}).json()["conformsTo"])
    assert {CRUD, UPDATE, FEATURES, ETAGS} <= declared
    assert {uri for uri in declared if uri.startswith(PART4)} - marked_classes() == set()
    closed = editable.again(allow="none").client.get("/conformance", params={"f": "json"}).json()["conformsTo"]
    assert not any(uri.startswith(PART4) for uri in closed)


@pytest.mark.abstract_test(CRUD, "/req/core/methods")
@pytest.mark.abstract_test(CRUD, "/req/create-replace-delete/options-op")
@pytest.mark.abstract_test(CRUD, "/req/create-replace-delete/options-response")
def test_options(client: TestClient) -> None:
    for path, methods in ((PARCELS, {"POST"}), (ONE, {"PUT", "PATCH", "DELETE"})):
        response = client.options(path)
        assert response.status_code == 200
        assert set(response.headers["allow"].split(", ")) == methods | {"GET", "HEAD", "OPTIONS"}


@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/insert-post-op")
@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/insert-body")
@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/insert-response")
def test_insert(client: TestClient) -> None:
    sent = feature(lonlat(), swapped=False, name="new")
    response = client.post(PARCELS, json=sent, headers=GEOJSON)
    assert response.status_code == 201
    stored = read(client, response.headers["location"])
    assert stored["properties"]["name"] == "new"
    assert str(stored["id"]) == response.headers["location"].rpartition("/")[2]


@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/insert-response-rid")
def test_insert_gives_a_new_identifier(client: TestClient) -> None:
    sent = {**feature(lonlat(), swapped=False, name="new"), "id": 1}
    before = {item["id"] for item in read(client, PARCELS, limit=100)["features"]}
    places = [client.post(PARCELS, json=sent, headers=GEOJSON).headers["location"] for _ in range(3)]
    made = {read(client, place)["id"] for place in places}
    assert len(made) == 3
    assert not made & before


@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/insert-content-type")
@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/update-put-content-type")
def test_content_type(client: TestClient) -> None:
    for call, path in ((client.post, PARCELS), (client.put, ONE)):
        assert call(path, content=b"<f/>", headers={"Content-Type": "application/gml+xml"}).status_code == 415
        assert call(path, content=b"{}").status_code == 415


@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/update-put-op")
@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/update-put-body")
@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/update-put-response")
def test_replace(client: TestClient) -> None:
    for path in (ONE, f"{PARCELS}/{COUNT}"):
        response = client.put(path, json=feature(lonlat(3), swapped=False, name="replaced"), headers=GEOJSON)
        assert response.status_code in (200, 204)
        stored = read(client, path)
        assert stored["properties"]["name"] == "replaced"
        assert stored["properties"]["floors"] is None
        assert shapely.geometry.shape(stored["geometry"]).bounds == pytest.approx(lonlat(3).bounds, abs=1e-8)


@pytest.mark.abstract_test(CRUD, "/req/create-replace-delete/put-rid")
@pytest.mark.abstract_test(FEATURES, "/req/features/geojson-create-replace")
def test_replace_passes_over_an_identifier(client: TestClient) -> None:
    sent = {**feature(lonlat(), swapped=False, name="replaced"), "id": 2}
    assert client.put(ONE, json=sent, headers=GEOJSON).status_code in (200, 204)
    assert (read(client, ONE)["id"], read(client, ONE)["properties"]["name"]) == (1, "replaced")
    assert read(client, f"{PARCELS}/2")["properties"]["name"] == "parcel 1"


@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/update-put-rid-exception")
def test_replace_what_is_not_there(client: TestClient) -> None:
    sent = feature(lonlat(), swapped=False, name="replaced")
    assert client.put(f"{PARCELS}/999", json=sent, headers=GEOJSON).status_code == 404
    for tag in ("*", '"x"'):
        response = client.put(f"{PARCELS}/999", json=sent, headers=GEOJSON | {"If-Match": tag})
        assert response.status_code == 412
    assert client.get(f"{PARCELS}/999").status_code == 404


@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/delete-op")
@pytest.mark.abstract_test(CRUD, "/conf/create-replace-delete/delete-response")
@pytest.mark.abstract_test(CRUD, "/rec/delete/no-feature")
def test_delete(client: TestClient) -> None:
    assert client.delete(ONE).status_code in (200, 204)
    assert client.get(ONE).status_code == 404
    assert client.delete(ONE).status_code == 404


@pytest.mark.abstract_test(UPDATE, "/req/update/methods")
@pytest.mark.abstract_test(UPDATE, "/req/update/update-patch-op")
@pytest.mark.abstract_test(UPDATE, "/req/update/update-patch-body")
@pytest.mark.abstract_test(UPDATE, "/req/update/update-patch-response")
@pytest.mark.abstract_test(FEATURES, "/req/features/update-json-merge-patch")
def test_update(client: TestClient) -> None:
    """Members of the patch are those of the schema; null takes a value away; what is not named stays."""
    before = read(client, ONE)
    patch = {
        "name": "patched",
        "area": None,
        "geom": {"coordinates": [[[[114, 30.72], [114.1, 30.72], [114, 30.8], [114, 30.72]]]]},
    }
    outside = client.patch(ONE, json=patch, headers=MERGE)
    assert outside.status_code == 422
    patch["geom"] = {"coordinates": [shapely.geometry.mapping(lonlat(2))["coordinates"]]}
    assert client.patch(ONE, json=patch, headers=MERGE).status_code in (200, 204)
    after = read(client, ONE)
    assert after["properties"] == before["properties"] | {"name": "patched", "area": None}
    assert shapely.geometry.shape(after["geometry"]).bounds == pytest.approx(lonlat(2).bounds, abs=1e-8)


@pytest.mark.abstract_test(UPDATE, "/req/update/rid")
def test_update_passes_over_an_identifier(client: TestClient) -> None:
    assert client.patch(ONE, json={"id": 2, "name": "patched"}, headers=MERGE).status_code in (200, 204)
    assert read(client, ONE)["properties"]["name"] == "patched"
    assert read(client, f"{PARCELS}/2")["properties"]["name"] == "parcel 1"


@pytest.mark.abstract_test(FEATURES, "/req/features/update-json-merge-patch")
def test_the_identifying_property_cannot_be_updated(client: TestClient) -> None:
    assert client.patch(f"{SITES}/A1", json={"code": "Z1"}, headers=MERGE).status_code in range(400, 500)
    assert read(client, f"{SITES}/A1")["properties"]["code"] == "A1"


@pytest.mark.abstract_test(FEATURES, "/conf/features/collection-endpoint")
def test_put_does_not_create(client: TestClient) -> None:
    """Where it does not, the collections do not say that it does."""
    for collection in client.get("/collections", params={"f": "json"}).json()["collections"]:
        assert collection.get("supportsNonAutogeneratedResourceIds", False) is False


@pytest.mark.abstract_test(FEATURES, "/req/features/resource-endpoint")
@pytest.mark.abstract_test(FEATURES, "/req/features/resources-endpoint")
def test_endpoints(client: TestClient) -> None:
    for item in read(client, PARCELS, limit=3)["features"]:
        response = client.patch(f"{PARCELS}/{item['id']}", json={"floors": 9}, headers=MERGE)
        assert response.status_code in (200, 204)


@pytest.mark.abstract_test(FEATURES, "/req/features/content-crs-header")
@pytest.mark.abstract_test(FEATURES, "/req/features/crs-other-crs")
def test_every_crs_of_the_collection_is_read(client: TestClient) -> None:
    """The same feature, sent in each system as the server itself writes it there, is stored as the same feature."""
    offered = client.get("/collections/parcels", params={"f": "json"}).json()["crs"]
    assert {CRS84, f"{EPSG}4490", f"{EPSG}4547", f"{EPSG}3857"} <= set(offered)
    original = square(0)
    for crs in offered:
        sent = read(client, f"{PARCELS}/2", crs=crs)
        answer = client.put(ONE, json=sent, headers=GEOJSON | {"Content-Crs": f"<{crs}>"})
        assert answer.status_code in (200, 204), answer.text
        stored = shapely.geometry.shape(read(client, ONE, crs=f"{EPSG}4547")["geometry"])
        expected = (Y, X + 100, Y + 80, X + 180)
        assert stored.bounds == pytest.approx(expected, abs=2e-3)
    wrong = client.put(ONE, json=feature(original, name="x"), headers=GEOJSON | {"Content-Crs": f"<{EPSG}4526>"})
    assert wrong.status_code in range(400, 500)


@pytest.mark.abstract_test(FEATURES, "/conf/features/crs-crs84")
@pytest.mark.abstract_test(FEATURES, "/req/features/default-crs")
def test_default_crs(client: TestClient) -> None:
    place = client.post(PARCELS, json=feature(lonlat(), swapped=False, name="x"), headers=GEOJSON).headers["location"]
    shape = shapely.geometry.shape(read(client, place)["geometry"])
    assert shape.bounds == pytest.approx(lonlat().bounds, abs=1e-8)


@pytest.mark.abstract_test(FEATURES, "/req/features/schema")
def test_schema(client: TestClient) -> None:
    response = client.get("/collections/parcels/schema", params={"f": "json"})
    assert response.headers["content-type"] == "application/schema+json"
    schema = response.json()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    properties = {"name": "x" * 20, "kind": "0301", "floors": 32767, "serial": 2**63 - 1, "area": 1e300, "open": True}
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(properties))
    assert client.post(PARCELS, json=feature(square(4), **properties), headers=IN_GK).status_code == 201
    for name, value in (("kind", "0999"), ("floors", 32768), ("name", "x" * 21), ("strange", 1)):
        wrong = {**properties, name: value}
        assert list(validator.iter_errors(wrong))
        assert client.post(PARCELS, json=feature(square(4), **wrong), headers=IN_GK).status_code == 422


@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/get-etag-response")
@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/put-etag-response")
@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/patch-etag-response")
def test_etags(client: TestClient) -> None:
    seen = [client.get(ONE).headers["etag"]]
    shown = MERGE | {"Prefer": "return=representation"}
    for change in (
        lambda: client.put(ONE, json=feature(square(1), name="put"), headers=IN_GK),
        lambda: client.patch(ONE, json={"floors": 5}, headers=MERGE),
        lambda: client.patch(ONE, json={"floors": 6}, headers=shown),
    ):
        response = change()
        now = client.get(ONE).headers["etag"]
        assert response.headers["etag"] == now
        assert not now.startswith("W/")
        assert now not in seen
        seen.append(now)
    assert client.get(ONE, headers={"If-None-Match": seen[-1]}).status_code == 304
    assert client.get(ONE, headers={"If-None-Match": seen[0]}).status_code == 200


@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/ifmatch-put-op")
@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/ifmatch-patch-op")
@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/ifmatch-put-eval")
@pytest.mark.abstract_test(ETAGS, "/req/optimistic-locking-etags/ifmatch-patch-eval")
def test_if_match(client: TestClient) -> None:
    tag = client.get(ONE).headers["etag"]
    body = feature(square(1), name="mine")
    assert client.put(ONE, json=body, headers=IN_GK | {"If-Match": '"stale"'}).status_code == 412
    assert read(client, ONE)["properties"]["name"] == "parcel 0"
    done = client.put(ONE, json=body, headers=IN_GK | {"If-Match": tag})
    assert done.status_code in (200, 204)
    assert client.patch(ONE, json={"name": "late"}, headers=MERGE | {"If-Match": tag}).status_code == 412
    patched = client.patch(ONE, json={"name": "next"}, headers=MERGE | {"If-Match": done.headers["etag"]})
    assert patched.status_code in (200, 204)
    assert read(client, ONE)["properties"]["name"] == "next"


@pytest.fixture(scope="module", params=["geopackage", "postgis"])
def paged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Editable:
    root: Path = tmp_path_factory.mktemp("paged") / "root"
    return make(root, request.getfixturevalue("cluster") if request.param == "postgis" else None)


# All is drawn before anything is done: what is there when the test runs again is not what was there before.
EDIT = st.tuples(
    st.sampled_from(["insert", "update", "delete"]), st.text("abcz", min_size=1, max_size=4), st.integers(0, 10**6)
)
EDITS = st.lists(st.lists(EDIT, max_size=3), min_size=4, max_size=8)
SORTS = st.sampled_from([None, "name", "-floors", "kind,-name"])


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(edits=EDITS, size=st.integers(2, 5), sortby=SORTS)
def test_paging_while_features_change(
    paged: Editable, edits: list[list[tuple[str, str, int]]], size: int, sortby: str | None
) -> None:
    """Between the pages of an answer features come, change and go: none is given twice, none that stays is missed.

    Changes touch no sort key: a feature that moves in the order may be met in both places.
    """
    client, touched, given_ids = paged.client, set(), []
    before = {item["id"] for item in read(client, PARCELS, limit=1000)["features"]}
    address: str | None = f"{PARCELS}?limit={size}" + (f"&sortby={sortby}" if sortby else "")
    for step in [*edits, *([[]] * 1000)]:
        if address is None:
            break
        page = read(client, address)
        given_ids += [item["id"] for item in page["features"]]
        address = next((item["href"] for item in page["links"] if item["rel"] == "next"), None)
        for edit in step:
            touched |= _edit(client, *edit)
    assert len(given_ids) == len(set(given_ids))
    assert before - touched <= set(given_ids)


def _edit(client: TestClient, operation: str, name: str, number: int) -> set[int]:
    """Make a change, of the feature with this number in a circle, and return the ids of features that did not stay."""
    present = [item["id"] for item in read(client, PARCELS, limit=1000)["features"]]
    if operation == "insert" or len(present) < 8:
        made = client.post(PARCELS, json=feature(square(1), name=name, floors=3), headers=IN_GK)
        assert made.status_code == 201
        return set()
    chosen = present[number % len(present)]
    if operation == "update":
        assert client.patch(f"{PARCELS}/{chosen}", json={"area": 1.0}, headers=MERGE).status_code == 204
        return set()
    assert client.delete(f"{PARCELS}/{chosen}").status_code == 204
    return {chosen}
