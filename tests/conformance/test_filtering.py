"""OGC API Features Part 3 (19-079r2), Annex A: queryables, their parameters, and filters, in both encodings of CQL2."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.cql import parse_text, write_json
from tests.conformance.test_features_core import GEOJSON, collections, get, identifiers, items_parameters, links, middle
from tests.conformance.test_features_crs import CRS84, expected
from tests.conformance.test_schemas import REL, fetch, inspect
from tests.conformance.truth import Truth, polygon

QUERYABLES = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables"
PARAMETERS = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters"
FILTER = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter"
FEATURES_FILTER = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter"
LANGUAGES = ("cql2-text", "cql2-json")
INVALID = {"integer": "1.5", "number": "1,5", "boolean": "yes", "date": "2024-02-30", "datetime": "2024-01-01"}
Reader = Callable[[str], Truth]
language = pytest.mark.parametrize("lang", LANGUAGES)


def write(text: str, lang: str) -> str:
    """Return a filter in a language."""
    return text if lang == "cql2-text" else json.dumps(write_json(parse_text(text)), ensure_ascii=False)


def ids(server: TestClient, identifier: str, **query: Any) -> list[int]:
    """Return the ids of all features that a request finds, without their properties and geometries."""
    path = f"/collections/{identifier}/items"
    wanted = {"limit": 10_000, "properties": "", "skipGeometry": "true", **query}
    response = server.get(path, params=wanted, headers=GEOJSON)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/geo+json"
    document = response.json()
    assert not links(document, "next")
    # How many match is told only where it can be counted quickly.
    assert document.get("numberMatched", document["numberReturned"]) == document["numberReturned"]
    return [feature["id"] for feature in document["features"]]


def filtered(server: TestClient, identifier: str, text: str, lang: str, **query: Any) -> list[int]:
    return ids(server, identifier, **{"filter": write(text, lang), "filter-lang": lang, **query})


def refused(server: TestClient, identifier: str, **query: Any) -> str:
    """Return what a problem says of a request that must be refused."""
    response = server.get(f"/collections/{identifier}/items", params=query, headers=GEOJSON)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    problem = response.json()
    return str(problem["detail"]) + problem.get("hint", "")


def whole(collection: dict[str, Any]) -> list[float]:
    """Return the extent of a collection: west, south, east, north."""
    return list(collection["extent"]["spatial"]["bbox"][0])


@pytest.mark.abstract_test(QUERYABLES, "/conf/queryables/get-conformance")
@pytest.mark.abstract_test(PARAMETERS, "/conf/queryables-query-parameters/get-conformance")
@pytest.mark.abstract_test(FILTER, "/conf/filter/get-conformance")
@pytest.mark.abstract_test(FEATURES_FILTER, "/conf/features-filter/get-conformance")
def test_get_conformance(server: TestClient) -> None:
    declared = get(server, "/conformance")["conformsTo"]
    assert {QUERYABLES, PARAMETERS, FILTER, FEATURES_FILTER} <= set(declared)


@pytest.mark.abstract_test(QUERYABLES, "/conf/queryables/get-queryables-uris")
def test_get_queryables_uris(server: TestClient) -> None:
    for identifier in identifiers(server):
        for extra in ({}, {"f": "csv", "limit": 1}, {"f": "html"}):
            response = server.get(f"/collections/{identifier}/items", params=extra)
            address = f"http://testserver/collections/{identifier}/queryables"
            assert f'<{address}>; rel="{REL}queryables"' in response.headers["link"].split(", ")[-2]


@pytest.mark.abstract_test(QUERYABLES, "/conf/queryables/get-queryables")
def test_get_queryables(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        document = fetch(server, identifier, "queryables")
        inspect(document, truth(identifier).types)
        assert document["additionalProperties"] is False


def parameter_schema(item: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a queryable as OpenAPI 3.0 can write it, without titles, which have languages."""
    return {name: value for name, value in item.items() if name not in ("oneOf", "title", "x-ogc-role")}


@pytest.mark.abstract_test(PARAMETERS, "/req/queryables-query-parameters/parameters")
def test_every_queryable_is_a_parameter_with_its_schema(server: TestClient) -> None:
    for identifier, parameters in zip(sorted(identifiers(server)), items_parameters(server), strict=True):
        for name, item in fetch(server, identifier, "queryables")["properties"].items():
            if "type" in item:
                assert parameter_schema(parameters[name]["schema"]) == parameter_schema(item)
            else:
                assert name not in parameters


@pytest.mark.abstract_test(PARAMETERS, "/conf/queryables-query-parameters/query-param")
def test_query_param(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        known = truth(identifier)
        queryables = fetch(server, identifier, "queryables")["properties"]
        for name, item in queryables.items():
            values = known.values(name) if "type" in item else []
            for value in [values[0], values[len(values) // 2]] if values else []:
                want = known.where(lambda row, name=name, value=value: row[name] == value)
                assert ids(server, identifier, **{name: value}) == want, (identifier, name, value)


@pytest.mark.abstract_test(PARAMETERS, "/conf/queryables-query-parameters/query-param")
def test_query_param_invalid(server: TestClient, truth: Reader) -> None:
    for identifier in identifiers(server):
        for name, item in fetch(server, identifier, "queryables")["properties"].items():
            if "type" not in item:
                continue
            kind = truth(identifier).types[name]
            wrong = {INVALID.get(kind, "")} | ({"no code"} if "enum" in item else set())
            wrong |= {"x" * (item["maxLength"] + 1)} if "maxLength" in item else set()
            assert all(f"'{name}'" in refused(server, identifier, **{name: value}) for value in wrong - {""})


@language
@pytest.mark.abstract_test(FILTER, "/conf/filter/filter-param")
def test_filter_param(server: TestClient, truth: Reader, lang: str) -> None:
    for identifier in identifiers(server):
        known = truth(identifier)
        assert ids(server, identifier) == known.ids
        for name, item in fetch(server, identifier, "queryables")["properties"].items():
            if "type" in item:
                missing = known.where(lambda row, name=name: row[name] is None)
                assert filtered(server, identifier, f'"{name}" IS NULL', lang) == missing
        for wrong in ("THIS IS NOT A FILTER", '{"op": "="}', "", "{", "1"):
            refused(server, identifier, **{"filter": wrong, "filter-lang": lang})


@pytest.mark.abstract_test(FILTER, "/conf/filter/filter-lang-default")
def test_filter_lang_default(server: TestClient, truth: Reader) -> None:
    for parameters in items_parameters(server):
        schema = parameters["filter-lang"]["schema"]
        assert (schema["enum"], schema["default"]) == (list(LANGUAGES), "cql2-text")
    for identifier in identifiers(server):
        known = truth(identifier)
        name = next(iter(known.types))
        value = known.values(name)[-1]
        want = known.where(lambda row, name=name, value=value: row[name] == value)
        assert ids(server, identifier, filter=f"\"{name}\" = '{value}'") == want != []
        refused(server, identifier, filter="THIS IS NOT A FILTER")
        refused(server, identifier, filter=write(f'"{name}" IS NULL', "cql2-json"))
        assert "cql2-text" in refused(server, identifier, **{"filter": "TRUE", "filter-lang": "cql2"})


@language
@pytest.mark.abstract_test(FILTER, "/conf/filter/expression-construction")
def test_expression_construction(server: TestClient, lang: str) -> None:
    for identifier in identifiers(server):
        text = write("this_is_not_a_queryable IS NULL", lang)
        assert "this_is_not_a_queryable" in refused(server, identifier, **{"filter": text, "filter-lang": lang})


@language
@pytest.mark.abstract_test(FILTER, "/conf/filter/filter-crs-wgs84")
def test_filter_crs_wgs84(server: TestClient, truth: Reader, lang: str) -> None:
    for collection in collections(server):
        identifier, known = collection["id"], truth(collection["id"])
        everything = f"S_INTERSECTS(geom, BBOX({','.join(map(str, whole(collection)))}))"
        assert filtered(server, identifier, everything, lang) == known.ids
        west, south, east, north = middle(collection)
        area = polygon([(west, south), (east, south), (east, north), (west, north)])
        want = known.at(shapely.intersects(known.lonlat, shapely.from_wkt(area)))
        assert filtered(server, identifier, f"S_INTERSECTS(geom, {area})", lang) == want
        nowhere = write("S_INTERSECTS(geom, BBOX(1000000,1000000,2000000,2000000))", lang)
        refused(server, identifier, **{"filter": nowhere, "filter-lang": lang})


def stored(corners: np.ndarray, uri: str, srid: int) -> shapely.Geometry:
    """Return the polygon of corners in the axis order of a CRS's authority, in x, y of another CRS."""
    code = 4326 if uri == CRS84 else int(uri.rsplit("/", 1)[1])
    xy = corners if uri == CRS84 or code == 3857 else corners[:, ::-1]
    # CGCS2000 and WGS 84 are one datum here, which PROJ does not know.
    code, srid = (4490 if number == 4326 and 3857 not in (code, srid) else number for number in (code, srid))
    moved = pyproj.Transformer.from_crs(f"EPSG:{code}", f"EPSG:{srid}", always_xy=True).transform(*xy.T)
    return shapely.Polygon(np.column_stack(moved))


@language
@pytest.mark.abstract_test(FILTER, "/conf/filter/filter-crs-param")
def test_filter_crs_param(server: TestClient, truth: Reader, lang: str) -> None:
    for collection in collections(server):
        identifier, known = collection["id"], truth(collection["id"])
        west, south, east, north = middle(collection)
        lonlat = np.array([[west, south], [east, south], [east, north], [west, north]])
        for uri in collection["crs"]:
            corners = expected(lonlat, uri)
            want = known.at(shapely.intersects(known.shapes, stored(corners, uri, known.srid)))
            text = f"S_INTERSECTS(geom, {polygon(corners)})"
            found = filtered(server, identifier, text, lang, **{"filter-crs": uri})
            assert found == want, (identifier, uri)
            assert 0 < len(want) < len(known.ids) or len(known.ids) < 50


@language
@pytest.mark.abstract_test(FILTER, "/conf/filter/filter-crs-param")
def test_filter_crs_param_invalid(server: TestClient, lang: str) -> None:
    for collection in collections(server):
        text = write(f"S_INTERSECTS(geom, BBOX({','.join(map(str, whole(collection)))}))", lang)
        for uri in ("http://www.opengis.net/def/crs/OGC/0/does_not_exist", "EPSG:4490", ""):
            asked = {"filter": text, "filter-lang": lang, "filter-crs": uri}
            assert "filter-crs" in refused(server, collection["id"], **asked)


@pytest.mark.abstract_test(FILTER, "/conf/filter/get-functions")
def test_get_functions(server: TestClient) -> None:
    landing = get(server, "/")
    (found,) = links(landing, REL + "functions")
    functions = server.get(found["href"], headers={"Accept": "application/json"})
    assert functions.headers["content-type"] == "application/json"
    types = {"string", "number", "integer", "datetime", "geometry", "boolean"}
    for function in functions.json()["functions"]:
        assert set(function["returns"]) <= types
        assert all(set(argument["type"]) <= types for argument in function["arguments"])
    assert {"lower", "year", "length"} <= {function["name"] for function in functions.json()["functions"]}


@pytest.mark.abstract_test(FEATURES_FILTER, "/conf/features-filter/get-collections")
def test_get_collections(server: TestClient) -> None:
    response = server.get("/collections", headers={"Accept": "application/json"})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert len(response.json()["collections"]) in (3, 17)


@pytest.mark.abstract_test(FEATURES_FILTER, "/conf/features-filter/get-collection")
def test_get_collection(server: TestClient) -> None:
    for identifier in identifiers(server):
        (found,) = links(get(server, f"/collections/{identifier}"), REL + "queryables")
        assert found["href"].split("?")[0] == f"http://testserver/collections/{identifier}/queryables"


@pytest.mark.abstract_test(FEATURES_FILTER, "/conf/features-filter/filter-on-items")
def test_filter_on_items(server: TestClient) -> None:
    """The tests of the class Filter run on items; here: the three parameters are described at each of them."""
    for parameters in items_parameters(server):
        for name in ("filter", "filter-lang", "filter-crs"):
            described = parameters[name]
            assert (described["in"], described["required"]) == ("query", False)
            assert (described["style"], described["explode"]) == ("form", False)
            assert described["schema"]["type"] == "string"
        assert parameters["filter-crs"]["schema"]["format"] == "uri"


@language
@pytest.mark.abstract_test(FEATURES_FILTER, "/conf/features-filter/mixing-expression")
def test_mixing_expression(server: TestClient, truth: Reader, lang: str) -> None:
    for collection in collections(server):
        identifier, known = collection["id"], truth(collection["id"])
        west, south, east, north = whole(collection)
        box = f"S_INTERSECTS(geom, BBOX({west},{south},{east},{north}))"
        assert filtered(server, identifier, box, lang, bbox=f"{west},{south},{east},{north}") == known.ids
        beyond = f"{west},{south - 1.5},{east},{south - 0.5}" if south > -80 else "-0.3,-90,0.3,-89.9"
        assert filtered(server, identifier, box, lang, bbox=beyond) == []
        name = next(iter(known.types))
        value = known.values(name)[0]
        mine = known.where(lambda row, name=name, value=value: row[name] != value)
        inner = middle(collection)
        meets = set(known.at(shapely.intersects(known.lonlat, shapely.box(*inner))))
        found = filtered(server, identifier, f"\"{name}\" <> '{value}'", lang, bbox=",".join(map(str, inner)))
        assert found == [one for one in mine if one in meets]


@pytest.mark.abstract_test(FILTER, "/req/filter/mixing-expressions")
def test_all_parameters_are_one_condition(server: TestClient, truth: Reader) -> None:
    if "dltb" not in identifiers(server):
        query = {"filter": "number > 40", "day": "2012-06-03", "q": "PLACE 1"}
        known = truth("places")
        want = known.where(lambda row: row["number"] > 40 and row["day"] == "2012-06-03" and "place 1" in row["name"])
        assert ids(server, "places", **query) == want
        return
    query = {"filter": "TBMJ > 2000", "DLBM": "0101", "datetime": "2024-05-01/..", "q": "水"}
    known = truth("dltb")
    want = known.where(lambda row: row["TBMJ"] > 2000 and row["DLBM"] == "0101" and row["SJNF"] >= 2024)
    assert ids(server, "dltb", **query) == want != []
    assert ids(server, "dltb", **{**query, "datetime": "../2020-01-01"}) == []
