"""The classes of CQL2 1.0 (OGC 21-065r2) over HTTP: one filter of each kind on items, in both encodings.

The abstract tests themselves are in test_cql2.py; here the expected features come from the data file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from tests.conformance.test_features_core import get, identifiers
from tests.conformance.test_filtering import LANGUAGES, filtered
from tests.conformance.truth import Row, Truth

CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
ADVANCED = CQL2 + "advanced-comparison-operators"
ARITHMETIC = CQL2 + "arithmetic"
ARRAYS = CQL2 + "array-functions"
BASIC = CQL2 + "basic-cql2"
BASIC_SPATIAL = CQL2 + "basic-spatial-functions"
CASE = CQL2 + "case-insensitive-comparison"
ACCENT = CQL2 + "accent-insensitive-comparison"
FUNCTIONS = CQL2 + "functions"
JSON = CQL2 + "cql2-json"
PROPERTIES = CQL2 + "property-property"
SPATIAL = CQL2 + "spatial-functions"
SPATIAL_PLUS = CQL2 + "basic-spatial-functions-plus"
TEMPORAL = CQL2 + "temporal-functions"
TEXT = CQL2 + "cql2-text"
Reader = Callable[[str], Truth]
Test = Callable[[Row], Any]
language = pytest.mark.parametrize("lang", LANGUAGES)


def both(test: Test, *names: str) -> Test:
    """Return a test that is unknown where one of the columns has no value."""
    return lambda row: all(row[name] is not None for name in names) and test(row)


def compare(server: TestClient, truth: Reader, lang: str, cases: list[tuple[str, str, Test]]) -> None:
    """Check filters on the collections of the server, each with the test that its features pass."""
    served = identifiers(server)
    asked = [case for case in cases if case[0] in served]
    assert asked
    for identifier, text, test in asked:
        want = truth(identifier).where(test)
        assert filtered(server, identifier, text, lang) == want, text
        if test.__name__ != "nothing":
            assert 0 < len(want) < len(truth(identifier).ids), text


def nothing(_: Row) -> bool:
    return False


@language
@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/comparison")
@pytest.mark.abstract_test(BASIC, "/conf/basic-cql2/logical")
@pytest.mark.abstract_test(TEXT, "/conf/cql2-text/validate")
@pytest.mark.abstract_test(JSON, "/conf/cql2-json/validate")
def test_basic(server: TestClient, truth: Reader, lang: str) -> None:
    cases: list[tuple[str, str, Test]] = [
        ("dltb", "DLBM = '0101'", lambda row: row["DLBM"] == "0101"),
        ("dltb", "KCDLBM IS NULL", lambda row: row["KCDLBM"] is None),
        ("dltb", "TBMJ > 1e4 AND NOT (DLBM = '0101' OR DLMC = '水浇地')",
         lambda row: row["TBMJ"] > 1e4 and row["DLBM"] != "0101" and row["DLMC"] != "水浇地"),
        ("dltb", "NOT XZDWKD > 10", both(lambda row: row["XZDWKD"] <= 10, "XZDWKD")),
        ("approved_projects", "PZRQ >= DATE('2022-01-01')", lambda row: row["PZRQ"] >= "2022-01-01"),
        ("buildings", "JZWCS <> 3", lambda row: row["JZWCS"] != 3),
        ("places", "\"number\" < 5 OR name = 'place 100'", lambda row: row["number"] < 5 or row["name"] == "place 100"),
        ("squares", "day < DATE('2015-01-01')", lambda row: row["day"] < "2015-01-01"),
        ("lines", "name = 'it''s'", nothing),
    ]  # fmt: skip
    compare(server, truth, lang, cases)


@language
@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/like")
@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/between")
@pytest.mark.abstract_test(ADVANCED, "/conf/advanced-comparison-operators/in")
def test_advanced_comparison(server: TestClient, truth: Reader, lang: str) -> None:
    cases: list[tuple[str, str, Test]] = [
        ("dltb", "DLBM LIKE '01%'", lambda row: row["DLBM"].startswith("01")),
        ("dltb", "DLMC LIKE '_田'", lambda row: len(row["DLMC"]) == 2 and row["DLMC"][1] == "田"),
        ("dltb", "DLBM IN ('0301', '0702')", lambda row: row["DLBM"] in ("0301", "0702")),
        ("dltb", "TBMJ BETWEEN 1000 AND 2000.5", lambda row: 1000 <= row["TBMJ"] <= 2000.5),
        ("buildings", "JZWCS NOT BETWEEN 2 AND 4", lambda row: not 2 <= row["JZWCS"] <= 4),
        ("places", "name LIKE '%7'", lambda row: row["name"].endswith("7")),
        ("places", "\"number\" NOT IN (1, 2, 3)", lambda row: row["number"] not in (1, 2, 3)),
        ("squares", "day BETWEEN DATE('2012-06-01') AND DATE('2014-06-30')",
         lambda row: "2012-06-01" <= row["day"] <= "2014-06-30"),
    ]  # fmt: skip
    compare(server, truth, lang, cases)


@language
@pytest.mark.abstract_test(CASE, "/conf/case-insensitive-comparison/casei-like")
@pytest.mark.abstract_test(ACCENT, "/conf/accent-insensitive-comparison/accenti-casei-like")
def test_folding(server: TestClient, truth: Reader, lang: str) -> None:
    cases: list[tuple[str, str, Test]] = [
        ("xzq", "CASEI(JB) = CASEI('PROVINCE')", lambda row: row["JB"] == "province"),
        ("xzq", "ACCENTI(CASEI(JB)) LIKE ACCENTI(CASEI('PRÓV%'))", lambda row: row["JB"].startswith("prov")),
        ("places", "CASEI(name) LIKE CASEI('PLACE 1_')",
         lambda row: row["name"].startswith("place 1") and len(row["name"]) == 8),
        ("lines", "ACCENTI(name) = ACCENTI('pläce 7')", lambda row: row["name"] == "place 7"),
    ]  # fmt: skip
    compare(server, truth, lang, cases)


@language
@pytest.mark.abstract_test(PROPERTIES, "/conf/property-property/comparison-property-property")
@pytest.mark.abstract_test(ARITHMETIC, "/conf/arithmetic/arithmetic")
@pytest.mark.abstract_test(FUNCTIONS, "/conf/functions/functions")
def test_computed(server: TestClient, truth: Reader, lang: str) -> None:
    cases: list[tuple[str, str, Test]] = [
        ("dltb", "TBMJ = TBDLMJ", lambda row: row["TBMJ"] == row["TBDLMJ"]),
        ("dltb", "TBMJ / 2 > 5000 + 10 * 3", lambda row: row["TBMJ"] / 2 > 5030),
        ("buildings", "JZWCS % 2 = 1", lambda row: row["JZWCS"] % 2 == 1),
        ("yjjbnttb", "length(ZLDWMC) > 15", lambda row: len(row["ZLDWMC"]) > 15),
        ("approved_projects", "year(PZRQ) = 2020 OR month(PZRQ) = 6",
         lambda row: row["PZRQ"][:4] == "2020" or row["PZRQ"][5:7] == "06"),
        ("places", "\"number\" * \"number\" < 50 + \"number\"",
         lambda row: row["number"] ** 2 < 50 + row["number"]),
        ("squares", "upper(name) = 'PLACE 3' OR day(day) = 7",
         lambda row: row["name"] == "place 3" or row["day"].endswith("-07")),
    ]  # fmt: skip
    compare(server, truth, lang, cases)


@language
@pytest.mark.abstract_test(TEMPORAL, "/conf/temporal-functions/temporal-functions-1")
@pytest.mark.abstract_test(TEMPORAL, "/conf/temporal-functions/temporal-functions-2")
def test_temporal(server: TestClient, truth: Reader, lang: str) -> None:
    cases: list[tuple[str, str, Test]] = [
        ("approved_projects", "T_AFTER(PZRQ, DATE('2022-03-01'))", lambda row: row["PZRQ"] > "2022-03-01"),
        ("approved_projects", "T_INTERSECTS(PZRQ, INTERVAL('2020-01-01', '2021-12-31'))",
         lambda row: "2020-01-01" <= row["PZRQ"] <= "2021-12-31"),
        ("yjjbnttb", "T_DURING(INTERVAL('2023-01-01', '2023-06-01'), INTERVAL(BHKSSJ, BHJSSJ))", nothing),
        ("places", "T_BEFORE(day, DATE('2014-06-03'))", lambda row: row["day"] < "2014-06-03"),
        ("places", "T_DISJOINT(day, INTERVAL('2012-01-01', '2020-12-31'))",
         lambda row: not "2012-01-01" <= row["day"] <= "2020-12-31"),
    ]  # fmt: skip
    compare(server, truth, lang, cases)


@language
@pytest.mark.abstract_test(ARRAYS, "/conf/array-functions/array-predicates")
def test_arrays(server: TestClient, truth: Reader, lang: str) -> None:
    cases: list[tuple[str, str, Test]] = [
        ("dltb", "A_CONTAINEDBY((DLBM), ('0101', '0103'))", lambda row: row["DLBM"] in ("0101", "0103")),
        ("places", "A_OVERLAPS((\"number\", 3), (5, 7))", lambda row: row["number"] in (5, 7)),
    ]  # fmt: skip
    compare(server, truth, lang, cases)


def literal(known: Truth) -> shapely.Geometry:
    """Return a triangle over a part of the features, in longitude and latitude."""
    west, south, east, north = shapely.total_bounds(known.lonlat)
    w, h = east - west, north - south
    parts = np.array([(0.21, 0.13), (0.83, 0.37), (0.4, 0.9)])
    return shapely.Polygon(parts * (w, h) + (west, south))


@language
@pytest.mark.abstract_test(BASIC_SPATIAL, "/conf/basic-spatial-functions/s_intersects")
@pytest.mark.abstract_test(SPATIAL_PLUS, "/conf/basic-spatial-functions-plus/s_intersects")
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_within")
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_disjoint")
def test_spatial(server: TestClient, truth: Reader, lang: str) -> None:
    """Shapes are compared in the storage CRS: a literal's corners are transformed, as the features' were."""
    for identifier in ("dltb", "buildings", "stbhhx", "places", "squares", "lines"):
        if identifier not in identifiers(server):
            continue
        known = truth(identifier)
        area = literal(known)
        tests = {
            "S_INTERSECTS": shapely.intersects(known.lonlat, area),
            "S_WITHIN": shapely.within(known.lonlat, area),
            "S_DISJOINT": shapely.disjoint(known.lonlat, area),
            "S_OVERLAPS": shapely.overlaps(known.lonlat, area),
            "S_CROSSES": shapely.crosses(known.lonlat, area),
        }
        for name, found in tests.items():
            want = known.at(found)
            assert filtered(server, identifier, f"{name}(geom, {area.wkt})", lang) == want, (identifier, name)
        assert known.at(tests["S_INTERSECTS"])
        assert known.at(tests["S_DISJOINT"])


@language
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_contains")
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_equals")
def test_spatial_on_itself(server: TestClient, truth: Reader, lang: str) -> None:
    """In the storage CRS coordinates are compared bit by bit; each of these CRS has north or latitude first."""
    for identifier in ("places", "squares", "buildings", "approved_projects"):
        if identifier not in identifiers(server):
            continue
        known = truth(identifier)
        one = known.shapes[3]
        crs = {"filter-crs": get(server, f"/collections/{identifier}")["storageCrs"]}
        for name, shape, test in (
            ("S_EQUALS", one, shapely.equals),
            ("S_CONTAINS", one.representative_point(), shapely.contains),
        ):
            text = shapely.transform(shape, lambda xy: xy[:, ::-1])
            found = filtered(server, identifier, f"{name}(geom, {shapely.to_wkt(text, -1)})", lang, **crs)
            assert found == known.at(test(known.shapes, shape)) != [], (identifier, name)
