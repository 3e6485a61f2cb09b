"""OGC Features and Geometries JSON 1.0 (21-045r1), Annex A: classes core and types-schemas."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conformance.test_features_core import get, identifiers

SPEC = "http://www.opengis.net/spec/json-fg-1/1.0/conf/"
CORE = SPEC + "core"
TYPES = SPEC + "types-schemas"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
INSTANT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?")
DIMENSIONS = {"Point": 0, "MultiPoint": 0, "LineString": 1, "MultiLineString": 1, "Polygon": 2, "MultiPolygon": 2}


def documents(server: TestClient, **query: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return a JSON-FG page of each collection in each of its systems."""
    found = []
    for identifier in identifiers(server):
        for crs in get(server, f"/collections/{identifier}")["crs"]:
            response = server.get(f"/collections/{identifier}/items", params={"f": "jsonfg", "limit": 5, "crs": crs})
            assert response.headers["content-type"] == "application/vnd.ogc.fg+json"
            assert response.headers["content-crs"] == f"<{crs}>"
            found.append((crs, response.json()))
    return found


@pytest.mark.abstract_test(CORE, "/conf/core/metadata")
def test_metadata(server: TestClient) -> None:
    for _, document in documents(server):
        assert CORE in document["conformsTo"]
        assert all("conformsTo" not in feature for feature in document["features"])


@pytest.mark.abstract_test(CORE, "/conf/core/place")
def test_place_and_coordinate_reference_system(server: TestClient) -> None:
    for crs, document in documents(server):
        assert document.get("coordRefSys") == (None if crs == CRS84 else crs)
        for feature in document["features"]:
            assert "coordRefSys" not in feature
            assert (feature["place"] is None) == (crs == CRS84 or feature["geometry"] is None)
            assert feature["place"] is None or feature["place"] != feature["geometry"]


@pytest.mark.abstract_test(CORE, "/conf/core/geometry-wgs84")
def test_geometry_is_in_longitude_and_latitude(server: TestClient) -> None:
    for identifier in identifiers(server):
        plain = get(server, f"/collections/{identifier}/items", limit=5)["features"]
        crs = get(server, f"/collections/{identifier}")["storageCrs"]
        query = {"f": "jsonfg", "limit": 5, "crs": crs}
        features = server.get(f"/collections/{identifier}/items", params=query).json()["features"]
        assert [item["geometry"] for item in features] == [item["geometry"] for item in plain]
        assert [item["properties"] for item in features] == [item["properties"] for item in plain]


@pytest.mark.abstract_test(CORE, "/conf/core/instant-and-interval")
def test_times(server: TestClient) -> None:
    for _, document in documents(server):
        for time in [feature["time"] for feature in document["features"] if feature["time"]]:
            for value in time.get("interval", list(time.values())):
                assert value == ".." or INSTANT.fullmatch(value)


@pytest.mark.abstract_test(TYPES, "/conf/types-schemas/feature-type")
def test_feature_type_and_schema(server: TestClient) -> None:
    for _, document in documents(server):
        assert TYPES in document["conformsTo"]
        identifier = document["featureType"]
        assert identifier in identifiers(server)
        schema = server.get(document["featureSchema"])
        assert schema.headers["content-type"] == "application/schema+json"
        assert schema.json()["type"] == "object"


@pytest.mark.abstract_test(TYPES, "/conf/types-schemas/geometry-dimension")
def test_geometry_dimension(server: TestClient) -> None:
    for _, document in documents(server):
        known = document.get("geometryDimension")
        kinds = {feature["geometry"]["type"] for feature in document["features"] if feature["geometry"]}
        assert known is None or {DIMENSIONS[kind] for kind in kinds} <= {known}


@pytest.mark.abstract_test(CORE, "/conf/core/schema-valid")
def test_a_single_feature(server: TestClient) -> None:
    for identifier in identifiers(server):
        path = f"/collections/{identifier}/items"
        feature = get(server, path, limit=1)["features"][0]["id"]
        document = server.get(f"{path}/{feature}", params={"f": "jsonfg"}).json()
        assert document["id"] == feature
        assert {CORE, TYPES} <= set(document["conformsTo"])
        assert document["featureType"] == identifier
