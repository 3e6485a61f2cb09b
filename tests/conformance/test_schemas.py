"""OGC API Common Part 3 (23-058r2), Annex A: schemas, property roles, returnables, queryables and sortables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from tests.conformance.test_features_core import collections, get, identifiers, links
from tests.conformance.truth import Truth

SCHEMAS = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/schemas"
ROLES = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/advanced-property-roles"
RETURNABLES = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/returnables-and-receivables"
QUERYABLES = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/queryables"
SORTABLES = "http://www.opengis.net/spec/ogcapi-common-3/1.0/conf/sortables"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
KINDS = {"schema": RETURNABLES, "queryables": QUERYABLES, "sortables": SORTABLES}
KEYWORDS = {
    "title", "description", "type", "format", "enum", "oneOf", "maxLength", "readOnly", "contentEncoding",
}  # fmt: skip
GEOMETRIES = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "any"}
UCUM = {"m", "m2", "km", "km2", "har", "deg", "%", "1"}
TIMES = {"date": {"type": "string", "format": "date"}, "datetime": {"type": "string", "format": "date-time"}}
Reader = Callable[[str], Truth]


def fetch(server: TestClient, identifier: str, kind: str) -> dict[str, Any]:
    """Return one of the schemas of a collection, from the address that is its ``$id``."""
    address = f"/collections/{identifier}/{kind}"
    response = server.get(address, headers={"Accept": "application/schema+json"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/schema+json")
    document: dict[str, Any] = response.json()
    assert document["$id"] == f"http://testserver{address}"
    return document


def properties(server: TestClient, *kinds: str) -> list[dict[str, Any]]:
    """Return the properties of the schemas of all collections."""
    asked = kinds or tuple(KINDS)
    return [fetch(server, identifier, kind)["properties"] for identifier in identifiers(server) for kind in asked]


def with_role(members: dict[str, Any], prefix: str) -> dict[str, dict[str, Any]]:
    return {name: item for name, item in members.items() if item.get("x-ogc-role", "").startswith(prefix)}


def inspect(document: dict[str, Any], types: dict[str, str]) -> None:
    """Check a schema; ``types`` are those of the columns in the data file."""
    jsonschema.Draft202012Validator.check_schema(document)
    assert (document["$schema"], document["type"]) == (DIALECT, "object")
    assert document["properties"]
    for name, item in document["properties"].items():
        assert {key for key in item if not key.startswith("x-ogc-")} <= KEYWORDS
        assert item["title"]
        if name not in types:
            assert item.get("x-ogc-role") in ("id", "primary-geometry")
        elif types[name] in TIMES:
            assert {key: item.get(key) for key in ("type", "format")} == TIMES[types[name]]
        else:
            assert item["type"] == types[name]
        if item.get("x-ogc-role") == "primary-geometry":
            assert item["format"].removeprefix("geometry-") in GEOMETRIES
            assert not {"type", "$ref"} & item.keys()


@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/basic-schema-inspection")
def test_basic_schema_inspection(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        for kind in KINDS:
            inspect(fetch(server, identifier, kind), truth(identifier).types)


@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/role")
def test_role(server: TestClient) -> None:
    for members in properties(server):
        assert all(isinstance(item.get("x-ogc-role", ""), str) for item in members.values())


@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/role-id")
def test_role_id(server: TestClient) -> None:
    for members in properties(server, "schema"):
        assert [item["type"] for item in with_role(members, "id").values()] == ["integer"]
    for members in properties(server, "queryables", "sortables"):
        assert len(with_role(members, "id")) <= 1


@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/property-seq")
def test_property_seq(server: TestClient) -> None:
    for members in properties(server):
        assert all(isinstance(item.get("x-ogc-propertySeq", 0), int) for item in members.values())


@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/unit")
def test_unit(server: TestClient) -> None:
    for members in properties(server):
        for item in members.values():
            assert "x-ogc-unitLang" not in item
            if "x-ogc-unit" in item:
                assert item["x-ogc-unit"] in UCUM
                assert item["type"] in ("number", "integer")


@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/definition")
@pytest.mark.abstract_test(SCHEMAS, "/conf/schemas/nullvalues")
def test_definition_and_nullvalues(server: TestClient) -> None:
    """Neither is used: a value that is missing is null."""
    for members in properties(server):
        assert not any({"x-ogc-definition", "x-ogc-nullValues"} & item.keys() for item in members.values())


@pytest.mark.abstract_test(ROLES, "/conf/advanced-property-roles/role-primary-geometry")
def test_role_primary_geometry(server: TestClient) -> None:
    for members in properties(server, "schema", "queryables"):
        (item,) = with_role(members, "primary-geometry").values()
        assert item["format"].startswith("geometry-")
        assert not {"type", "$ref"} & item.keys()


@pytest.mark.abstract_test(ROLES, "/conf/advanced-property-roles/role-primary-temporal")
def test_role_primary_temporal(server: TestClient) -> None:
    allowed = [set(), {"primary-instant"}, {"primary-interval-start", "primary-interval-end"}]
    found = []
    for members in properties(server, "schema"):
        times = {**with_role(members, "primary-instant"), **with_role(members, "primary-interval")}
        found.append({item["x-ogc-role"] for item in times.values()})
        assert found[-1] in allowed
        assert len(times) == len(found[-1])
        assert all((item["type"], item["format"]) in (("string", "date"), ("string", "date-time"))
                   for item in times.values())  # fmt: skip
    if "dltb" in identifiers(server):
        assert all(roles in found for roles in allowed)


@pytest.mark.abstract_test(ROLES, "/conf/advanced-property-roles/role-type")
def test_role_type(server: TestClient) -> None:
    for members in properties(server):
        typed = [item for item in members.values() if item.get("x-ogc-role") == "type"]
        assert len(typed) <= 1
        assert all(item["type"] == "string" for item in typed)


@pytest.mark.abstract_test(RETURNABLES, "/conf/returnables-and-receivables/get-conformance")
@pytest.mark.abstract_test(QUERYABLES, "/conf/queryables/get-conformance")
@pytest.mark.abstract_test(SORTABLES, "/conf/sortables/get-conformance")
def test_get_conformance(server: TestClient) -> None:
    response = server.get("/conformance", headers={"Accept": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert {SCHEMAS, ROLES, *KINDS.values()} <= set(response.json()["conformsTo"])


@pytest.mark.abstract_test(RETURNABLES, "/conf/returnables-and-receivables/link")
@pytest.mark.abstract_test(QUERYABLES, "/conf/queryables/link")
@pytest.mark.abstract_test(SORTABLES, "/conf/sortables/link")
@pytest.mark.parametrize("kind", KINDS)
def test_link(server: TestClient, kind: str) -> None:
    for listed in collections(server):
        for document in (listed, get(server, f"/collections/{listed['id']}")):
            (found,) = links(document, REL + kind)
            assert found["href"].split("?")[0] == f"http://testserver/collections/{listed['id']}/{kind}"
            assert found["type"] == "application/schema+json"
            assert server.get(found["href"]).headers["content-type"] == "application/schema+json"


@pytest.mark.abstract_test(RETURNABLES, "/conf/returnables-and-receivables/op-and-response")
def test_the_schema_names_every_column_that_may_be_seen(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        document, known = fetch(server, identifier, "schema"), truth(identifier)
        inspect(document, known.types)
        seen = set(get(server, f"/collections/{identifier}/items/{known.ids[0]}")["properties"])
        assert document["properties"].keys() - {"fid", "geom"} == seen <= known.types.keys()


@pytest.mark.abstract_test(RETURNABLES, "/conf/returnables-and-receivables/response-1")
def test_features_are_as_the_schema_says(server: TestClient) -> None:
    """A value that is missing is null in GeoJSON; everything else is valid, the id and the geometry included."""
    for identifier in identifiers(server):
        path, schema = f"/collections/{identifier}/items", fetch(server, identifier, "schema")
        page = get(server, path, limit=500)["features"]
        kind = schema["properties"]["geom"]["format"].removeprefix("geometry-")
        checked = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        for feature in [*page, get(server, f"{path}/{page[-1]['id']}")]:
            values = {name: value for name, value in feature["properties"].items() if value is not None}
            checked.validate({**values, "fid": feature["id"]})
            assert feature["properties"].keys() <= schema["properties"].keys()
            assert feature["geometry"]["type"].lower() == kind


@pytest.mark.abstract_test(QUERYABLES, "/conf/queryables/op-and-response")
def test_queryables(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        document = fetch(server, identifier, "queryables")
        inspect(document, truth(identifier).types)
        assert document["additionalProperties"] is False
        returned = fetch(server, identifier, "schema")["properties"]
        plain = {name: {**item, "x-ogc-role": ""} for name, item in document["properties"].items()}
        assert plain == {name: {**item, "x-ogc-role": ""} for name, item in returned.items() if name != "fid"}


@pytest.mark.abstract_test(SORTABLES, "/conf/sortables/op-and-response")
def test_sortables(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        document = fetch(server, identifier, "sortables")
        inspect(document, truth(identifier).types)
        assert document["additionalProperties"] is False
        assert {item["type"] for item in document["properties"].values()} <= {"string", "number", "integer"}
        returned = get(server, f"/collections/{identifier}/items", limit=1)["features"][0]["properties"]
        assert document["properties"].keys() == returned.keys()
