"""OGC API Features 1.0 Part 2 (18-058r1), Annex A: coordinate reference systems by reference.

Expected coordinates come from pyproj in authority axis order, not from the server's own code.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from starlette.testclient import TestClient

from tests.conformance.test_features_core import collections, get, items_parameters, middle

CRS = "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
UNSUPPORTED = "http://www.opengis.net/def/crs/0/unsupported"


@cache
def from_crs84(uri: str) -> pyproj.Transformer:
    """Return longitude, latitude -> coordinates in the order of the authority; CGCS2000 equals WGS 84 here."""
    code = uri.rsplit("/", 1)[1]
    base = "EPSG:4490" if code == "4490" or 4491 <= int(code) <= 4554 else "EPSG:4326"
    return pyproj.Transformer.from_crs(base, f"EPSG:{code}", always_xy=False)


def expected(lonlat: np.ndarray, uri: str) -> np.ndarray:
    if uri == CRS84:
        return lonlat
    return np.column_stack(from_crs84(uri).transform(lonlat[:, 1], lonlat[:, 0]))


def vertices(feature: dict[str, Any]) -> np.ndarray:
    return np.array(shapely.get_coordinates(shapely.geometry.shape(feature["geometry"])))


@pytest.mark.abstract_test(CRS, "/conf/crs/crs-uri")
def test_crs_uri(server: TestClient) -> None:
    for collection in collections(server):
        for uri in collection["crs"]:
            assert uri == CRS84 or uri.startswith("http://www.opengis.net/def/crs/EPSG/0/")


@pytest.mark.abstract_test(CRS, "/conf/crs/default-crs")
def test_default_crs(server: TestClient) -> None:
    for collection in collections(server):
        assert collection["crs"][0] == CRS84


@pytest.mark.abstract_test(CRS, "/conf/crs/storageCrs")
def test_storage_crs(server: TestClient) -> None:
    for collection in collections(server):
        assert collection["storageCrs"] in collection["crs"]


@pytest.mark.abstract_test(CRS, "/conf/crs/crs-parameter")
def test_crs_parameter(server: TestClient) -> None:
    for parameters in items_parameters(server):
        assert parameters["crs"]["schema"] == {"type": "string", "format": "uri"}
        assert (parameters["crs"]["style"], parameters["crs"]["explode"]) == ("form", False)
    for collection in collections(server):
        for uri in collection["crs"]:
            response = server.get(f"/collections/{collection['id']}/items", params={"crs": uri, "limit": 2})
            assert response.status_code == 200
            assert response.headers["content-crs"] == f"<{uri}>"


@pytest.mark.abstract_test(CRS, "/conf/crs/crs-parameter-invalid")
def test_crs_parameter_invalid(server: TestClient) -> None:
    for collection in collections(server):
        path = f"/collections/{collection['id']}/items"
        feature = get(server, path, limit=1)["features"][0]["id"]
        for uri in (UNSUPPORTED, "EPSG:4490", "+proj=longlat +nadgrids=/etc/passwd", ""):
            assert server.get(path, params={"crs": uri}).status_code == 400
            assert server.get(f"{path}/{feature}", params={"crs": uri}).status_code == 400


@pytest.mark.abstract_test(CRS, "/conf/crs/crs-parameter-default")
def test_crs_parameter_default(server: TestClient) -> None:
    for collection in collections(server):
        path = f"/collections/{collection['id']}/items"
        default = server.get(path, params={"limit": 5})
        explicit = server.get(path, params={"limit": 5, "crs": CRS84})
        assert default.headers["content-crs"] == f"<{CRS84}>"
        assert default.json()["features"] == explicit.json()["features"]


@pytest.mark.abstract_test(CRS, "/conf/crs/crs-parameter-transform")
def test_crs_parameter_transform(server: TestClient) -> None:
    for collection in collections(server):
        path = f"/collections/{collection['id']}/items"
        plain = get(server, path, limit=5)["features"]
        plain = [item for item in plain if abs(vertices(item)[:, 1]).max() < 85]
        for uri in collection["crs"]:
            for feature in plain:
                moved = get(server, f"{path}/{feature['id']}", crs=uri)
                want = expected(vertices(feature), uri)
                off = np.abs(vertices(moved) - want).max()
                assert off < (1e-8 if abs(want).max() <= 360 else 2e-3), (collection["id"], uri, off)


@pytest.mark.abstract_test(CRS, "/conf/crs/bbox-crs-parameter")
def test_bbox_crs_parameter(server: TestClient) -> None:
    for parameters in items_parameters(server):
        assert parameters["bbox-crs"]["schema"] == {"type": "string", "format": "uri"}
    for collection in collections(server):
        path, box = f"/collections/{collection['id']}/items", middle(collection)
        want = {item["id"] for item in get(server, path, bbox=",".join(map(str, box)), limit=10000)["features"]}
        inner = np.array([[box[0], box[1]], [box[2], box[3]], [box[0], box[3]], [box[2], box[1]]])
        for uri in collection["crs"]:
            corners = expected(inner, uri)
            text = ",".join(map(repr, [*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()]))
            found = get(server, path, **{"bbox": text, "bbox-crs": uri, "limit": 10000})["features"]
            missed = want ^ {item["id"] for item in found}
            assert len(missed) <= 0.05 * len(want) + 1, (collection["id"], uri, len(missed), len(want))


@pytest.mark.abstract_test(CRS, "/conf/crs/bbox-crs-parameter-invalid")
def test_bbox_crs_parameter_invalid(server: TestClient) -> None:
    for collection in collections(server):
        path = f"/collections/{collection['id']}/items"
        for uri in (UNSUPPORTED, "4490", "urn:ogc:def:crs:EPSG::99999"):
            query = {"bbox": "0,0,1,1", "bbox-crs": uri}
            assert server.get(path, params=query).status_code == 400


@pytest.mark.abstract_test(CRS, "/conf/crs/bbox-crs-parameter-default")
def test_bbox_crs_parameter_default(server: TestClient) -> None:
    for collection in collections(server):
        path, box = f"/collections/{collection['id']}/items", ",".join(map(str, middle(collection)))
        default = get(server, path, bbox=box)
        explicit = get(server, path, **{"bbox": box, "bbox-crs": CRS84})
        assert default["features"] == explicit["features"]


def test_a_box_outside_the_domain_is_empty(server: TestClient) -> None:
    for collection in collections(server):
        path = f"/collections/{collection['id']}/items"
        for uri in [uri for uri in collection["crs"] if uri.endswith(("/3857", "/4526", "/4547"))]:
            query = {"bbox": "-9e8,-9e8,-8e8,-8e8", "bbox-crs": uri}
            assert get(server, path, **query)["features"] == []
