"""OGC API Features 1.0 Part 1 (17-069r4), Annex A: conformance class Core."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import jsonschema
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.web.schemas import SCHEMAS

CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOJSON = {"Accept": "application/geo+json"}
JSON = {"Accept": "application/json"}


def get(server: TestClient, path: str, **query: Any) -> dict[str, Any]:
    """Return a document that must be there."""
    response = server.get(path, params=query, headers=JSON)
    assert response.status_code == 200, response.text[:500]
    return response.json()


def collections(server: TestClient) -> list[dict[str, Any]]:
    return get(server, "/collections")["collections"]


def identifiers(server: TestClient) -> list[str]:
    return [item["id"] for item in collections(server)]


def links(document: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [item for item in document["links"] if item["rel"] == rel]


def validate(document: Any, name: str) -> None:
    """Validate against a component schema (OpenAPI 3.0 `nullable` made JSON Schema)."""
    components = {"components": {"schemas": _nullable(SCHEMAS)}}
    jsonschema.validate(document, {"$ref": f"#/components/schemas/{name}", **components})


def _nullable(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _nullable(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def middle(collection: dict[str, Any]) -> list[float]:
    """Return a box in the middle of a collection's extent, a fifth of it wide."""
    west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
    x, y, w, h = (west + east) / 2, (south + north) / 2, (east - west) / 10, (north - south) / 10
    return [x - w, y - h, x + w, y + h]


@pytest.mark.abstract_test(CORE, "/conf/core/http")
def test_http(server: TestClient) -> None:
    response = server.get("/collections", headers=JSON)
    assert (response.http_version, response.status_code) == ("HTTP/1.1", 200)


@pytest.mark.abstract_test(CORE, "/conf/core/crs84")
def test_crs84(server: TestClient) -> None:
    for collection in collections(server):
        west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
        for feature in get(server, f"/collections/{collection['id']}/items", limit=50)["features"]:
            x0, y0, x1, y1 = shapely.geometry.shape(feature["geometry"]).bounds
            assert west - 1e-4 <= x0 <= x1 <= east + 1e-4
            assert south - 1e-4 <= y0 <= y1 <= north + 1e-4


@pytest.mark.abstract_test(CORE, "/conf/core/root-op")
def test_root_op(server: TestClient) -> None:
    assert server.get("/", headers=JSON).status_code == 200


@pytest.mark.abstract_test(CORE, "/conf/core/root-success")
def test_root_success(server: TestClient) -> None:
    document = get(server, "/")
    validate(document, "landingPage")
    for rel in ("service-desc", "conformance", "data"):
        assert links(document, rel), rel


@pytest.mark.abstract_test(CORE, "/conf/core/api-definition-op")
def test_api_definition_op(server: TestClient) -> None:
    for rel in ("service-desc", "service-doc"):
        for item in links(get(server, "/"), rel):
            assert server.get(item["href"], headers={"Accept": item["type"]}).status_code == 200


@pytest.mark.abstract_test(CORE, "/conf/core/api-definition-success")
def test_api_definition_success(server: TestClient) -> None:
    item = links(get(server, "/"), "service-desc")[0]
    response = server.get(item["href"], headers={"Accept": item["type"]})
    assert response.headers["content-type"] == item["type"]
    assert "/collections" in response.json()["paths"]


@pytest.mark.abstract_test(CORE, "/conf/core/conformance-op")
def test_conformance_op(server: TestClient) -> None:
    for item in links(get(server, "/"), "conformance"):
        assert server.get(item["href"]).status_code == 200


@pytest.mark.abstract_test(CORE, "/conf/core/conformance-success")
def test_conformance_success(server: TestClient) -> None:
    document = get(server, "/conformance")
    validate(document, "confClasses")
    assert CORE in document["conformsTo"]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-op")
def test_fc_md_op(server: TestClient) -> None:
    for item in links(get(server, "/"), "data"):
        assert server.get(item["href"]).status_code == 200


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-success")
def test_fc_md_success(server: TestClient) -> None:
    validate(get(server, "/collections"), "collections")


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-links")
def test_fc_md_links(server: TestClient) -> None:
    document = get(server, "/collections")
    for rel in ("self", "alternate"):
        assert links(document, rel)
        assert all(item.get("type") for item in links(document, rel))


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-items")
def test_fc_md_items(server: TestClient) -> None:
    spelled = {path for path in get(server, "/api")["paths"] if path.endswith("/items")}
    assert spelled == {f"/collections/{identifier}/items" for identifier in identifiers(server)}


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-items-links")
def test_fc_md_items_links(server: TestClient) -> None:
    for collection in collections(server):
        types = {item["type"] for item in links(collection, "items")}
        assert {"application/geo+json", "text/html"} <= types


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-extent")
def test_fc_md_extent(server: TestClient) -> None:
    for collection in collections(server):
        extent = collection["extent"]
        assert extent["spatial"]["crs"] == CRS84
        west, south, east, north = extent["spatial"]["bbox"][0]
        assert -180 <= west <= 180
        assert -180 <= east <= 180
        assert -90 <= south <= north <= 90
        for start, end in extent.get("temporal", {}).get("interval", []):
            assert datetime.fromisoformat(start) <= datetime.fromisoformat(end)


@pytest.mark.abstract_test(CORE, "/conf/core/fc-md-extent-multi")
def test_fc_md_extent_multi(server: TestClient) -> None:
    assert all(len(item["extent"]["spatial"]["bbox"]) == 1 for item in collections(server))


@pytest.mark.abstract_test(CORE, "/conf/core/sfc-md-op")
def test_sfc_md_op(server: TestClient) -> None:
    for identifier in identifiers(server):
        assert server.get(f"/collections/{identifier}").status_code == 200
    assert server.get("/collections/no-such-collection").status_code == 404


@pytest.mark.abstract_test(CORE, "/conf/core/sfc-md-success")
def test_sfc_md_success(server: TestClient) -> None:
    for listed in collections(server):
        alone = get(server, f"/collections/{listed['id']}")
        validate(alone, "collection")
        assert {key: alone.get(key) for key in ("id", "title", "extent")} == {
            key: listed.get(key) for key in ("id", "title", "extent")
        }


@pytest.mark.abstract_test(CORE, "/conf/core/fc-op")
def test_fc_op(server: TestClient) -> None:
    for identifier in identifiers(server):
        assert server.get(f"/collections/{identifier}/items", headers=GEOJSON).status_code == 200


def items_parameters(server: TestClient) -> list[dict[str, dict[str, Any]]]:
    paths = get(server, "/api")["paths"]
    operations = [item["get"] for path, item in paths.items() if path.endswith("/items")]
    assert operations
    return [{parameter["name"]: parameter for parameter in item["parameters"]} for item in operations]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-bbox-definition")
def test_fc_bbox_definition(server: TestClient) -> None:
    for parameters in items_parameters(server):
        bbox = parameters["bbox"]
        assert (bbox["in"], bbox["required"], bbox["style"], bbox["explode"]) == ("query", False, "form", False)
        assert bbox["schema"] == {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}


@pytest.mark.abstract_test(CORE, "/conf/core/fc-bbox-response")
def test_fc_bbox_response(server: TestClient) -> None:
    for collection in collections(server):
        path, box = f"/collections/{collection['id']}/items", middle(collection)
        text = ",".join(map(str, box))
        found = get(server, path, bbox=text, limit=10000)
        area = shapely.box(*box)
        assert all(shapely.geometry.shape(item["geometry"]).distance(area) < 1e-6 for item in found["features"])
        everything = get(server, path, limit=10000)
        inside = [
            item["id"]
            for item in everything["features"]
            if shapely.geometry.shape(item["geometry"]).representative_point().within(area)
        ]
        assert set(inside) <= {item["id"] for item in found["features"]}
        with_heights = ",".join(map(str, [*box[:2], 0, *box[2:], 9000]))
        assert get(server, path, bbox=with_heights)["numberMatched"] == found["numberMatched"]


def test_fc_bbox_antimeridian(world: TestClient) -> None:
    found = get(world, "/collections/places/items", bbox="177,65,-177,70", limit=100)["features"]
    longitudes = sorted(item["geometry"]["coordinates"][0] for item in found)
    assert longitudes[0] < -177
    assert longitudes[-1] > 177
    assert all(abs(value) > 177 for value in longitudes)


@pytest.mark.abstract_test(CORE, "/conf/core/fc-limit-definition")
def test_fc_limit_definition(server: TestClient) -> None:
    for parameters in items_parameters(server):
        limit = parameters["limit"]
        assert (limit["in"], limit["style"], limit["explode"]) == ("query", "form", False)
        assert limit["schema"]["type"] == "integer"
        assert limit["schema"]["minimum"] == 1
        assert limit["schema"]["minimum"] <= limit["schema"]["default"] <= limit["schema"]["maximum"]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-limit-response")
def test_fc_limit_response(server: TestClient) -> None:
    for identifier in identifiers(server):
        path = f"/collections/{identifier}/items"
        assert len(get(server, path, limit=3)["features"]) <= 3
        assert len(get(server, path)["features"]) <= 10
        assert server.get(path, params={"limit": 1_000_000}).status_code == 200
        for wrong in ("0", "-1", "x", "1.5", ""):
            assert server.get(path, params={"limit": wrong}).status_code == 400


@pytest.mark.abstract_test(CORE, "/conf/core/fc-time-definition")
def test_fc_time_definition(server: TestClient) -> None:
    for parameters in items_parameters(server):
        time = parameters["datetime"]
        assert (time["in"], time["style"], time["explode"]) == ("query", "form", False)
        assert time["schema"]["type"] == "string"


def test_fc_time_response_dates(world: TestClient) -> None:
    """Without a declared temporal property every feature matches, whatever the time."""
    path = "/collections/places/items"
    assert get(world, path, datetime="1900-01-01")["numberMatched"] == get(world, path)["numberMatched"]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-time-response")
def test_fc_time_response(server: TestClient) -> None:
    for collection in collections(server):
        path = f"/collections/{collection['id']}/items"
        for time in (
            "2018-02-12T23:20:50Z",
            "2018-02-12",
            "2000-01-01T00:00:00Z/2030-01-01T00:00:00Z",
            "2000-01-01/..",
            "/2030-01-01",
        ):
            assert server.get(path, params={"datetime": time}).status_code == 200
        for wrong in (
            "2018-13-01",
            "2018-02-30",
            "yesterday",
            "2018-02-12T23:20:50",
            "2020-01-01/2019-01-01",
            "a/b/c",
            "",
        ):
            assert server.get(path, params={"datetime": wrong}).status_code == 400, wrong
        if "temporal" in collection["extent"]:
            start, end = collection["extent"]["temporal"]["interval"][0]
            everything = get(server, path)["numberMatched"]
            assert get(server, path, datetime=f"{start}/{end}")["numberMatched"] == everything
            assert get(server, path, datetime="1800-01-01/1801-01-01")["numberMatched"] == 0


@pytest.mark.abstract_test(CORE, "/conf/core/query-param-invalid")
def test_query_param_invalid(server: TestClient) -> None:
    for identifier in identifiers(server):
        path = f"/collections/{identifier}/items"
        for wrong in ("1,2,3", "a,b,c,d", "1,2,3,4,5", "1,5,2,4", "nan,0,1,1", "inf,0,1,1", ""):
            response = server.get(path, params={"bbox": wrong})
            assert response.status_code == 400, wrong
            assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.abstract_test(CORE, "/conf/core/query-param-unknown")
def test_query_param_unknown(server: TestClient) -> None:
    for identifier in identifiers(server):
        response = server.get(f"/collections/{identifier}/items", params={"no_such_parameter": "1"})
        assert response.status_code == 400
        assert "no_such_parameter" in response.json()["detail"]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-response")
def test_fc_response(server: TestClient) -> None:
    for identifier in identifiers(server):
        document = get(server, f"/collections/{identifier}/items")
        validate(document, "featureCollection")


@pytest.mark.abstract_test(CORE, "/conf/core/fc-links")
def test_fc_links(server: TestClient) -> None:
    for identifier in identifiers(server):
        document = get(server, f"/collections/{identifier}/items", limit=2)
        assert links(document, "self")[0]["type"] == "application/geo+json"
        assert links(document, "alternate")[0]["type"] == "text/html"
        assert all(item.get("rel") and item.get("type") for item in document["links"])


def test_paging_reads_every_feature_once(server: TestClient) -> None:
    for identifier in identifiers(server):
        seen, address = [], f"/collections/{identifier}/items?limit=997"
        while address:
            page = server.get(address, headers=JSON).json()
            seen += [item["id"] for item in page["features"]]
            address = next((item["href"] for item in links(page, "next")), None)
        assert len(seen) == len(set(seen)) == page["numberMatched"]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-timeStamp")
def test_fc_timestamp(server: TestClient) -> None:
    for identifier in identifiers(server):
        stamp = get(server, f"/collections/{identifier}/items", limit=1)["timeStamp"]
        assert datetime.fromisoformat(stamp).tzinfo is not None


@pytest.mark.abstract_test(CORE, "/conf/core/fc-numberMatched")
def test_fc_number_matched(server: TestClient) -> None:
    for identifier in identifiers(server):
        first = get(server, f"/collections/{identifier}/items", limit=1)
        second = get(server, f"/collections/{identifier}/items", limit=10)
        assert first["numberMatched"] == second["numberMatched"] >= second["numberReturned"]


@pytest.mark.abstract_test(CORE, "/conf/core/fc-numberReturned")
def test_fc_number_returned(server: TestClient) -> None:
    for identifier in identifiers(server):
        document = get(server, f"/collections/{identifier}/items", limit=7)
        assert document["numberReturned"] == len(document["features"])


@pytest.mark.abstract_test(CORE, "/conf/core/f-op")
def test_f_op(server: TestClient) -> None:
    for identifier in identifiers(server):
        feature = get(server, f"/collections/{identifier}/items", limit=1)["features"][0]
        path = f"/collections/{identifier}/items/{feature['id']}"
        assert server.get(path, headers=GEOJSON).status_code == 200
        assert server.get(f"/collections/{identifier}/items/no-such-feature").status_code == 404


@pytest.mark.abstract_test(CORE, "/conf/core/f-success")
def test_f_success(server: TestClient) -> None:
    for identifier in identifiers(server):
        listed = get(server, f"/collections/{identifier}/items", limit=1)["features"][0]
        alone = get(server, f"/collections/{identifier}/items/{listed['id']}")
        validate(alone, "feature")
        assert {key: alone[key] for key in listed} == listed


@pytest.mark.abstract_test(CORE, "/conf/core/f-links")
def test_f_links(server: TestClient) -> None:
    for identifier in identifiers(server):
        listed = get(server, f"/collections/{identifier}/items", limit=1)["features"][0]
        alone = get(server, f"/collections/{identifier}/items/{listed['id']}")
        for rel in ("self", "alternate", "collection"):
            assert links(alone, rel)[0].get("type"), rel
