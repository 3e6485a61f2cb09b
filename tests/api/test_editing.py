"""Creating, replacing, updating and deleting features over HTTP: every refusal names its reason and place."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
import shapely
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from tests.editing import COUNT, CRS84, EPSG, GK, MERGE, PARCELS, SITES, Editable, X, Y, feature, make, square

GEOJSON = {"Content-Type": "application/geo+json"}
PLAIN = {"accept-encoding": "identity"}  # a compressed body has an entity tag of its own
IN_GK = {**GEOJSON, "Content-Crs": GK}
SHOWN = {"Prefer": "return=representation"}


@pytest.fixture(scope="module", params=["geopackage", "postgis"])
def untouched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """A client of an instance for requests that change nothing."""
    root = tmp_path_factory.mktemp("untouched") / "root"
    return make(root, request.getfixturevalue("cluster") if request.param == "postgis" else None).client


@pytest.fixture
def client(editable: Editable) -> TestClient:
    return editable.client


def read(client: TestClient, path: str, **query: Any) -> dict[str, Any]:
    response = client.get(path, params=query, headers={"Accept": "application/geo+json"})
    assert response.status_code == 200, response.text
    return response.json()


def test_create(client: TestClient) -> None:
    sent = feature(square(30), name="new", kind="0301", floors=3, serial=2**62 + 1, area=1.25, day="2026-02-01",
                   seen="2026-02-01T08:00:00+08:00", open=False)  # fmt: skip
    response = client.post(PARCELS, json=sent, headers=IN_GK)
    assert (response.status_code, response.content) == (201, b"")
    location = response.headers["location"]
    assert location == f"http://testserver{PARCELS}/{COUNT + 1}"
    stored = read(client, location, crs=f"{EPSG}4547")
    assert stored["id"] == COUNT + 1
    assert stored["properties"] == sent["properties"] | {"seen": "2026-02-01T00:00:00.000Z"}
    assert stored["geometry"]["type"] == "MultiPolygon"
    assert stored["geometry"]["coordinates"][0][0][0] == [Y, X + 3080]
    assert client.get(location, headers=PLAIN).headers["etag"] == response.headers["etag"]
    assert read(client, PARCELS)["numberMatched"] == COUNT + 1


def test_create_in_crs84_and_in_authority_order(client: TestClient) -> None:
    lonlat = shapely.box(114.0, 30.72, 114.001, 30.721)
    made = client.post(PARCELS, json=feature(lonlat, swapped=False, name="a"), headers=GEOJSON | SHOWN)
    assert made.status_code == 201
    assert made.headers["content-crs"] == f"<{CRS84}>"
    assert made.headers["preference-applied"] == "return=representation"
    headers = GEOJSON | {"Content-Crs": f"<{EPSG}4490>"}
    twin = client.post(PARCELS, json=feature(lonlat, name="a"), headers=headers | SHOWN)
    assert twin.json()["geometry"] == made.json()["geometry"]
    west, south, east, north = shapely.geometry.shape(made.json()["geometry"]).bounds
    assert (west, south, east, north) == pytest.approx(lonlat.bounds, abs=1e-8)


def test_create_several_in_one_transaction(client: TestClient) -> None:
    good = [feature(square(30 + at), name=f"n{at}") for at in range(3)]
    body: dict[str, Any] = {"type": "FeatureCollection", "features": good}
    response = client.post(PARCELS, json=body, headers=IN_GK)
    assert (response.status_code, response.json()["ids"]) == (200, [16, 17, 18])
    bad = {**body, "features": [*good, feature(square(3), name="n", kind="9999")]}
    refused = client.post(PARCELS, json=bad, headers=IN_GK)
    assert (refused.status_code, refused.json()["pointer"]) == (422, "/features/3/properties/kind")
    assert read(client, PARCELS)["numberMatched"] == COUNT + 3
    shown = client.post(PARCELS, json=body, headers=IN_GK | SHOWN).json()
    assert [item["id"] for item in shown["features"]] == [19, 20, 21]


def test_replace(client: TestClient) -> None:
    path = f"{PARCELS}/5"
    response = client.put(path, json={**feature(square(4), name="other"), "id": 77}, headers=IN_GK)
    assert (response.status_code, response.content) == (204, b"")
    stored = read(client, path)
    assert stored["id"] == 5
    assert stored["properties"] == dict.fromkeys(stored["properties"]) | {"name": "other"}
    assert client.get(path).headers["etag"] == response.headers["etag"]
    shown = client.put(path, json=feature(square(4), name="third"), headers=IN_GK | SHOWN)
    assert (shown.status_code, shown.json()["properties"]["name"]) == (200, "third")
    assert shown.json() == read(client, path)
    assert client.put(f"{PARCELS}/999", json=feature(square(4), name="x"), headers=IN_GK).status_code == 404


def test_what_is_not_shown_stays(editable: Editable) -> None:
    assert editable.client.put(f"{PARCELS}/5", json=feature(None, name="other"), headers=IN_GK).status_code == 204
    assert editable.rows("SELECT name, note FROM parcels WHERE fid = 5") == [("other", "hidden")]
    patch = editable.client.patch(f"{PARCELS}/5", json={"properties": {"note": "seen"}}, headers=MERGE)
    unknown = editable.client.patch(f"{PARCELS}/5", json={"properties": {"nota": "seen"}}, headers=MERGE)
    assert (patch.status_code, patch.json()["pointer"]) == (422, "/properties/note")
    assert patch.json()["detail"].replace("note", "nota") == unknown.json()["detail"]


def test_patch(client: TestClient) -> None:
    path = f"{PARCELS}/6"
    before = read(client, path)
    response = client.patch(path, json={"floors": 99, "area": None}, headers=MERGE)
    assert (response.status_code, client.get(path, headers=PLAIN).headers["etag"]) == (204, response.headers["etag"])
    after = read(client, path)
    assert after["properties"] == before["properties"] | {"floors": 99, "area": None}
    assert after["geometry"] == before["geometry"]
    shown = client.patch(path, json={"properties": {"open": False}, "id": 5}, headers=MERGE | SHOWN)
    assert (shown.status_code, shown.json()["properties"]["open"], shown.json()["id"]) == (200, False, 6)
    assert client.patch(path, json={}, headers=MERGE).status_code == 204


@pytest.mark.parametrize("name", ["geom", "geometry"])
def test_patch_of_the_geometry(client: TestClient, name: str) -> None:
    path, ring = f"{PARCELS}/6", [[Y, X], [Y, X + 10], [Y + 10, X + 10], [Y, X]]
    headers = MERGE | {"Content-Crs": GK}
    assert client.patch(path, json={name: {"coordinates": [[ring]]}}, headers=headers).status_code == 204
    assert read(client, path, crs=f"{EPSG}4547")["geometry"]["coordinates"] == [[ring]]
    assert (
        client.patch(path, json={name: {"type": "Polygon", "coordinates": [ring]}}, headers=headers).status_code == 204
    )
    assert client.patch(path, json={name: None}, headers=headers).status_code == 204
    assert read(client, path)["geometry"] is None


def test_delete(client: TestClient) -> None:
    response = client.delete(f"{PARCELS}/5")
    assert (response.status_code, response.content) == (204, b"")
    assert client.get(f"{PARCELS}/5").status_code == 404
    assert client.delete(f"{PARCELS}/5").status_code == 404
    assert read(client, PARCELS)["numberMatched"] == COUNT - 1


def test_tiles_are_fresh(client: TestClient) -> None:
    document = client.get("/collections/parcels/tiles/WebMercatorQuad/tilejson.json").json()
    west, south, east, north = document["bounds"]
    zoom, y = 14, math.radians((south + north) / 2)
    column = int(((west + east) / 2 + 180) / 360 * 2**zoom)
    row = int((1 - math.asinh(math.tan(y)) / math.pi) / 2 * 2**zoom)
    path = f"/collections/parcels/tiles/WebMercatorQuad/{zoom}/{row}/{column}"
    first = client.get(path)
    assert first.status_code == 200
    assert first.content
    for key in range(1, COUNT + 1):
        assert client.delete(f"{PARCELS}/{key}").status_code == 204
    second = client.get(path)
    assert second.content != first.content
    assert second.headers.get("etag") != first.headers["etag"]


def test_keys_that_are_texts(client: TestClient) -> None:
    point = shapely.Point(114.5, 30.5)
    made = client.post(SITES, json=feature(point, swapped=False, code="X/9", height=1), headers=GEOJSON)
    assert made.headers["location"].endswith("/items/X%2F9")
    assert read(client, f"{SITES}/X%2F9")["properties"] == {"code": "X/9", "height": 1.0}
    again = client.post(SITES, json={**feature(point, swapped=False, height=1), "id": "X/9"}, headers=GEOJSON)
    assert (again.status_code, again.json()["code"]) == (409, "OM-4090")
    missing = client.post(SITES, json=feature(point, swapped=False), headers=GEOJSON)
    assert (missing.status_code, missing.json()["pointer"]) == (422, "/properties/code")
    moved = client.patch(f"{SITES}/A1", json={"code": "A9"}, headers=MERGE)
    assert (moved.status_code, moved.json()["pointer"]) == (422, "/code")
    assert client.put(f"{SITES}/A1", json=feature(point, swapped=False, code="A1"), headers=GEOJSON).status_code == 204


PROPERTIES: list[tuple[dict[str, Any], str]] = [
    ({}, "name"),
    ({"name": None}, "name"),
    ({"name": 5}, "name"),
    ({"name": "x" * 21}, "name"),
    ({"name": "a\x00b"}, "name"),
    ({"kind": "0102"}, "kind"),
    ({"floors": 1.5}, "floors"),
    ({"floors": True}, "floors"),
    ({"floors": 40_000}, "floors"),
    ({"serial": "12"}, "serial"),
    ({"area": "12"}, "area"),
    ({"day": "2025-02-30"}, "day"),
    ({"day": "2025-02-03T00:00:00Z"}, "day"),
    ({"seen": "2025-02-03"}, "seen"),
    ({"seen": "2025-02-03T00:00:00"}, "seen"),
    ({"open": 1}, "open"),
    ({"colour": "red"}, "colour"),
    ({"note": "hidden"}, "note"),
    ({"a/b~c": 1}, "a~1b~0c"),
]


@pytest.mark.parametrize("properties, name", PROPERTIES)
def test_refused_properties(untouched: TestClient, properties: dict[str, Any], name: str) -> None:
    given = properties if not properties or "name" in properties else {"name": "x", **properties}
    response = untouched.post(PARCELS, json=feature(square(3), **given), headers=IN_GK)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["pointer"]) == (422, "OM-4221", f"/properties/{name}")
    assert response.headers["content-type"] == "application/problem+json"


BOWTIE = [[[Y, X], [Y + 9, X + 9], [Y, X + 9], [Y + 9, X], [Y, X]]]
GEOMETRIES: list[tuple[Any, int, str, str]] = [
    ({"type": "Polygon", "coordinates": BOWTIE}, 422, "/geometry", "crosses"),
    ({"type": "Point", "coordinates": [Y, X]}, 422, "/geometry/type", "MULTIPOLYGON"),
    ({"type": "Polygon", "coordinates": [[[X, Y], [X, Y + 1], [X + 1, Y], [X, Y]]]}, 422, "/geometry", "domain"),
    ({"type": "Polygon", "coordinates": [[[Y + 1e5, X], [Y + 1e5, X + 9], [Y + 1e5 + 9, X], [Y + 1e5, X]]]},
     422, "/geometry", "extent"),
    ({"type": "Polygon", "coordinates": [[[Y, X], [Y, X + 9], [Y, X]]]}, 400, "/geometry/coordinates/0", "positions"),
    ({"type": "Polygon", "coordinates": [[[Y, X], [Y, X + 9], [Y + 9, X], [Y + 9, X]]]},
     400, "/geometry/coordinates/0", "closed"),
    ({"type": "Polygon", "coordinates": []}, 400, "/geometry/coordinates", "array"),
    ({"type": "Polygon", "coordinates": [[["a", 1]]]}, 400, "/geometry/coordinates/0/0", "coordinate"),
    ({"type": "Polygon", "coordinates": [[[Y, X, 1.0]]]}, 400, "/geometry/coordinates/0/0", "height"),
    ({"type": "Circle", "coordinates": []}, 400, "/geometry/type", "Circle"),
    ({"coordinates": []}, 400, "/geometry", "type"),
    ([], 400, "/geometry", "object"),
    ({"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}]},
     400, "/geometry/geometries/0/type", "GeometryCollection"),
]  # fmt: skip


@pytest.mark.parametrize("geometry, status, pointer, word", GEOMETRIES)
def test_refused_geometries(untouched: TestClient, geometry: Any, status: int, pointer: str, word: str) -> None:
    body = {"type": "Feature", "geometry": geometry, "properties": {"name": "x"}}
    for response in (
        untouched.post(PARCELS, json=body, headers=IN_GK),
        untouched.put(f"{PARCELS}/1", json=body, headers=IN_GK),
    ):
        problem = response.json()
        assert (response.status_code, problem["pointer"]) == (status, pointer)
        assert word in problem["detail"]


def test_the_place_of_a_fault_is_in_the_order_of_the_request(untouched: TestClient) -> None:
    body = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": BOWTIE}, "properties": {"name": "x"}}
    assert untouched.post(PARCELS, json=body, headers=IN_GK).json()["place"] == [Y + 4.5, X + 4.5]


BODIES: list[tuple[str, int]] = [
    ("{", 400),
    ("[]", 400),
    ('{"type": "Feature"}', 400),
    ('{"type": "Feature", "geometry": null}', 400),
    ('{"type": "Feature", "geometry": null, "properties": []}', 400),
    ('{"type": "Feature", "geometry": null, "properties": {"name": "a", "name": "b"}}', 400),
    ('{"type": "Feature", "geometry": null, "properties": {"name": "a", "area": NaN}}', 400),
    ('{"type": "Feature", "geometry": null, "properties": {"name": "a", "serial": 9223372036854775808}}', 400),
    ('{"type": "FeatureCollection", "features": []}', 400),
    ('{"type": "Point", "coordinates": [1, 2]}', 400),
    ('{"type": "Feature", "geometry": null, "place": {"type": "Point"}, "properties": {"name": "a"}}', 422),
    ('{"type": "Feature", "geometry": null, "crs": {"type": "name"}, "properties": {"name": "a"}}', 422),
    ('{"type": "Feature", "geometry": ' + '{"a":' * 40 + "1" + "}" * 40 + "}", 400),
]


@pytest.mark.parametrize("body, status", BODIES)
def test_refused_bodies(untouched: TestClient, body: str, status: int) -> None:
    response = untouched.post(PARCELS, content=body, headers=GEOJSON)
    assert response.status_code == status, response.text
    assert read(untouched, PARCELS)["numberMatched"] == COUNT


def test_refused_headers_and_queries(untouched: TestClient) -> None:
    body = feature(square(3), name="x")
    assert untouched.post(PARCELS, content="x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert untouched.post(PARCELS, content=b"{}", headers={}).status_code == 415
    assert untouched.patch(f"{PARCELS}/1", json={}).status_code == 415
    assert untouched.post(PARCELS, json=body, headers={"Content-Crs": f"<{EPSG}4526>"}).json()["code"] == "OM-4003"
    assert untouched.post(f"{PARCELS}?limit=3", json=body, headers=IN_GK).json()["code"] == "OM-4002"
    assert untouched.post(PARCELS, json=body, headers=IN_GK | {"Accept": "text/csv"}).status_code == 406


def test_patch_is_an_object(client: TestClient) -> None:
    assert client.patch(f"{PARCELS}/1", json=[1], headers=MERGE).status_code == 400
    assert client.patch(f"{PARCELS}/1", json={"properties": None}, headers=MERGE).status_code == 204
    assert client.patch(f"{PARCELS}/1", json={"name": None}, headers=MERGE).json()["pointer"] == "/name"
    assert client.patch(f"{PARCELS}/999", json={"floors": 1}, headers=MERGE).status_code == 404


def test_who_may_edit(editable: Editable) -> None:
    body, client = feature(square(3), name="x"), editable.client
    fixed = client.post("/collections/fixed/items", json=body, headers=IN_GK)
    assert (fixed.status_code, fixed.json()["code"]) == (403, "OM-4030")
    assert "not declared editable" in fixed.json()["detail"]
    hidden = client.post("/collections/classified/items", json=body, headers=IN_GK)
    random = client.post("/collections/nothing/items", json=body, headers=IN_GK)
    assert (hidden.status_code, random.status_code) == (404, 404)
    closed = editable.again(allow="none").client
    for response in (
        closed.post(PARCELS, json=body, headers=IN_GK),
        closed.put(f"{PARCELS}/1", json=body, headers=IN_GK),
        closed.patch(f"{PARCELS}/1", json={}, headers=MERGE),
        closed.delete(f"{PARCELS}/1"),
    ):
        assert (response.status_code, "in this zone" in response.json()["detail"]) == (403, True)
    assert closed.options(PARCELS).headers["allow"] == "GET, HEAD, OPTIONS"


def test_options_tell_the_truth(untouched: TestClient) -> None:
    def allowed(path: str) -> set[str]:
        return set(untouched.options(path).headers["allow"].split(", "))

    reading = {"GET", "HEAD", "OPTIONS"}
    assert allowed(PARCELS) == reading | {"POST"}
    assert allowed(f"{PARCELS}/1") == reading | {"PUT", "PATCH", "DELETE"}
    for name in ("fixed", "classified", "nothing"):
        assert allowed(f"/collections/{name}/items") == allowed(f"/collections/{name}/items/1") == reading


def test_if_match(client: TestClient) -> None:
    path = f"{PARCELS}/1"
    tag = client.get(path).headers["etag"]
    page = client.get(path, headers={"Accept": "text/html"}).headers["etag"]
    body = feature(square(0), name="mine")
    assert tag.partition(".")[0] == page.partition(".")[0]
    assert tag != page
    changed = client.put(path, json=body, headers=IN_GK | {"If-Match": f'"other", {page}'})
    assert changed.status_code == 204
    late = client.put(path, json=body, headers=IN_GK | {"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "OM-4120")
    assert (
        client.patch(path, json={"floors": 1}, headers=MERGE | {"If-Match": f"W/{changed.headers['etag']}"}).status_code
        == 412
    )
    assert client.delete(path, headers={"If-Match": tag}).status_code == 412
    assert client.put(f"{PARCELS}/999", json=body, headers=IN_GK | {"If-Match": "*"}).status_code == 412
    assert client.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_if_match_may_be_required(editable: Editable) -> None:
    client = editable.again(require_match=True).client
    assert client.delete(f"{PARCELS}/1").json()["code"] == "OM-4280"
    assert client.patch(f"{PARCELS}/1", json={}, headers=MERGE).status_code == 428
    assert (
        client.delete(f"{PARCELS}/1", headers={"If-Match": client.get(f"{PARCELS}/1").headers["etag"]}).status_code
        == 204
    )


def test_limits(editable: Editable) -> None:
    client = editable.again(max_features=2, max_vertices=10).client
    few = {"type": "FeatureCollection", "features": [feature(square(at), name="x") for at in range(3)]}
    assert client.post(PARCELS, json=few, headers=IN_GK).status_code == 413
    circle = shapely.Point(X, Y).buffer(50)
    assert client.post(PARCELS, json=feature(circle, name="x"), headers=IN_GK).status_code == 413


def test_of_two_writers_with_the_same_state_one_wins(editable: Editable) -> None:
    clients = [editable.client, editable.again().client]
    for at in range(10):
        _race(clients, at)


def _race(clients: list[TestClient], at: int) -> None:
    tag = clients[0].get(f"{PARCELS}/1").headers["etag"]
    statuses: list[int] = []
    start = threading.Barrier(2)

    def change(client: TestClient, name: str) -> None:
        start.wait()
        answer = client.patch(f"{PARCELS}/1", json={"name": name}, headers=MERGE | {"If-Match": tag})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=change, args=(item, f"{n}-{at}")) for n, item in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [204, 412]


def test_openapi(editable: Editable) -> None:
    document = editable.client.get("/api", params={"f": "json"}).json()
    validate(document)
    paths = document["paths"]
    assert set(paths[PARCELS]) == {"get", "post"}
    assert set(paths[f"{PARCELS}/{{featureId}}"]) == {"get", "put", "patch", "delete"}
    assert set(paths["/collections/fixed/items"]) == {"get"}
    closed = editable.again(allow="none").client.get("/api", params={"f": "json"}).json()
    assert set(closed["paths"][PARCELS]) == {"get"}


def test_schema_says_what_is_needed(untouched: TestClient) -> None:
    schema = untouched.get("/collections/parcels/schema", params={"f": "json"}).json()
    assert (schema["required"], schema["additionalProperties"]) == (["name"], False)
    assert schema["properties"]["floors"]["maximum"] == 32767
    assert set(schema["properties"]["kind"]["enum"]) == {"0101", "0301"}
