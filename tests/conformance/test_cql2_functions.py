"""OGC 21-065r2 (CQL2 1.0), Annex A: spatial, temporal and array functions, in both encodings and both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onemap.cql import check, parse_text, place
from onemap.errors import InvalidParameter
from onemap.geo.crs import CRS84
from tests.conformance.cql2_data import ALL, COLUMNS, ROWS, Find, finder, present
from tests.cql_engines import ENGINES

CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/"
BASIC_SPATIAL = CQL2 + "basic-spatial-functions"
SPATIAL_PLUS = CQL2 + "basic-spatial-functions-plus"
SPATIAL = CQL2 + "spatial-functions"
TEMPORAL = CQL2 + "temporal-functions"
ARRAYS = CQL2 + "array-functions"
WORLD_BOX = "BBOX(-180,-90,180,90)"
WORLD = "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"
LINE = "LINESTRING(7 50, 10 51)"
POINT = "POINT(7.02 49.92)"
YEAR = "INTERVAL('2021-01-01T00:00:00Z','2021-12-31T23:59:59Z')"


@pytest.fixture(scope="module", params=list(ENGINES))
def find(request: pytest.FixtureRequest) -> Iterator[Find]:
    with ENGINES[request.param](COLUMNS, ROWS) as answer:
        yield finder(answer)


def refused(text: str) -> None:
    with pytest.raises(InvalidParameter):
        place(check(parse_text(text), COLUMNS), CRS84, CRS84)


@pytest.mark.abstract_test(BASIC_SPATIAL, "/conf/basic-spatial-functions/s_intersects")
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_intersects")
def test_intersects(find: Find) -> None:
    assert find(f"S_INTERSECTS(geom,{WORLD_BOX})") == find(f"S_INTERSECTS(geom,{WORLD})") == present("geom")
    assert find(f"S_INTERSECTS(geom,{POINT})") == {0}
    assert find(f"S_INTERSECTS(geom,{LINE})") == set()
    refused("S_INTERSECTS(geom,POINT(90 180))")


@pytest.mark.abstract_test(BASIC_SPATIAL, "/conf/basic-spatial-functions/test-data")
@pytest.mark.abstract_test(BASIC_SPATIAL, "/conf/basic-spatial-functions/logical")
def test_boxes(find: Find) -> None:
    assert find("S_INTERSECTS(geom,BBOX(179,-90,-90,90))") == {2, 6}
    assert find("S_INTERSECTS(BBOX(0,0,12,12),geom)") == {3, 4, 5}
    assert find("S_INTERSECTS(geom,BBOX(0,0,6,6)) and not S_INTERSECTS(geom,BBOX(0,0,1,1))") == {4}
    assert find("S_INTERSECTS(geom,BBOX(0,0,-500,6,6,9000)) or geom IS NULL") == {3, 4, 7}


@pytest.mark.abstract_test(SPATIAL_PLUS, "/conf/basic-spatial-functions-plus/s_intersects")
@pytest.mark.abstract_test(SPATIAL_PLUS, "/conf/basic-spatial-functions-plus/test-data")
def test_literals(find: Find) -> None:
    assert find("S_INTERSECTS(geom,LINESTRING(-180 -45, 0 -45))") == {1, 2}
    assert find("S_INTERSECTS(geom,MULTILINESTRING((-180 -45, -90 -45), (0 12, 30 12)))") == {2, 3, 4}
    hole = "(-120 -50, -85 -50, -85 -40, -120 -40, -120 -50)"
    outer = "(-180 -90, -20 -90, -20 90, -180 90, -180 -90)"
    assert find(f"S_INTERSECTS(geom,POLYGON({outer}, {hole}))") == {1, 2}
    assert find(f"S_INTERSECTS(geom,MULTIPOLYGON(({outer}, {hole}), ((0 0, 3 0, 3 3, 0 3, 0 0))))") == {1, 2, 3}
    assert find(f"S_INTERSECTS(geom,GEOMETRYCOLLECTION({POINT}, POLYGON((16 1, 18 1, 18 3, 16 1))))") == {0, 5}
    assert find("S_INTERSECTS(geom,POLYGON Z((5 5 1, 6 5 2, 6 6 3, 5 5 1)))") == {3, 4}
    refused("S_INTERSECTS(geom,MULTIPOINT(7.02 49.92, 90 180))")


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_disjoint")
def test_disjoint(find: Find) -> None:
    assert find(f"S_DISJOINT(geom,{WORLD_BOX})") == find(f"S_DISJOINT(geom,{WORLD})") == set()
    for literal in (LINE, POINT):
        assert find(f"S_DISJOINT(geom,{literal})") == present("geom") - find(f"S_INTERSECTS(geom,{literal})")
    refused("S_DISJOINT(geom,POINT(90 180))")


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_equals")
def test_equals(find: Find) -> None:
    assert find(f"S_EQUALS(geom,{WORLD})") == find(f"S_EQUALS(geom,{LINE})") == set()
    assert find(f"S_EQUALS(geom,{POINT})") == {0}
    assert find("S_EQUALS(POLYGON((15 15, 5 15, 5 5, 15 5, 15 15)),geom)") == {4}


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_touches")
def test_touches(find: Find) -> None:
    assert find(f"S_TOUCHES(geom,{WORLD_BOX})") == find(f"S_TOUCHES(geom,{WORLD})") == set()
    assert find("S_TOUCHES(geom,LINESTRING(15 15, 15 40))") == {3, 4}
    assert find("S_TOUCHES(geom,BBOX(20,0,30,10))") == {5}


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_crosses")
def test_crosses(find: Find) -> None:
    assert find("S_CROSSES(geom,BBOX(5,5,15,15))") == {3}
    assert find("S_CROSSES(geom,LINESTRING(0 20, 20 0))") == {3, 4, 5}
    assert find("S_CROSSES(geom,POLYGON((-90 -50, -85 -50, -85 -40, -90 -40, -90 -50)))") == {2}


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_within")
def test_within(find: Find) -> None:
    assert find(f"S_WITHIN(geom,{WORLD_BOX})") == find(f"S_WITHIN(geom,{WORLD})") == present("geom")
    assert find("S_WITHIN(geom,MULTIPOINT(7 50, 10 51))") == set()
    assert find("S_WITHIN(geom,BBOX(0,0,15,15))") == {4}


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_contains")
def test_contains(find: Find) -> None:
    assert find(f"S_CONTAINS(geom,{WORLD_BOX})") == find(f"S_CONTAINS(geom,{WORLD})") == set()
    assert find("S_CONTAINS(geom,MULTIPOINT(7 7, 10 14))") == {4}
    assert find("S_CONTAINS(BBOX(0,0,15,15),geom)") == {4}


@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/s_overlaps")
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/test-data")
@pytest.mark.abstract_test(SPATIAL, "/conf/spatial-functions/logical")
def test_overlaps(find: Find) -> None:
    assert find("S_OVERLAPS(geom,MULTIPOINT(7 50, 10 51))") == find(f"S_OVERLAPS(geom,{LINE})") == set()
    assert find(f"S_OVERLAPS(geom,{WORLD})") == set()
    assert find("S_OVERLAPS(geom,BBOX(8,8,12,12))") == {5}
    assert find("S_OVERLAPS(geom,BBOX(8,-8,12,12)) OR NOT S_INTERSECTS(geom, BBOX(-180,-90,180,20))") == {0, 4, 5}


@pytest.mark.abstract_test(TEMPORAL, "/conf/temporal-functions/temporal-functions-1")
def test_instants(find: Find) -> None:
    at = "TIMESTAMP('2021-01-01T00:00:00Z')"
    assert find(f"T_AFTER(opens,{at})") == {0, 2, 5}
    assert find(f"T_BEFORE(opens,{at})") == {3, 4}
    assert find(f"T_DISJOINT(opens,{at})") == {0, 2, 3, 4, 5}
    assert find(f"T_EQUALS(opens,{at})") == find(f"T_INTERSECTS({at},opens)") == {1, 7}
    assert find(f"T_AFTER(opens,{YEAR})") == {2}
    assert find(f"T_INTERSECTS(opens,{YEAR})") == {0, 1, 5, 7}
    assert find("T_INTERSECTS(founded,INTERVAL('2021-01-01','2021-12-31'))") == {4, 5}
    assert find("T_BEFORE(founded,DATE('1978-12-18'))") == {0}
    refused("T_DURING(opens,INTERVAL('2021-01-01','..'))")


@pytest.mark.abstract_test(TEMPORAL, "/conf/temporal-functions/temporal-functions-2")
@pytest.mark.abstract_test(TEMPORAL, "/conf/temporal-functions/test-data")
@pytest.mark.abstract_test(TEMPORAL, "/conf/temporal-functions/logical")
def test_intervals(find: Find) -> None:
    expected = {
        "T_AFTER": {2},
        "T_BEFORE": set(),
        "T_DISJOINT": {2},
        "T_EQUALS": {1},
        "T_INTERSECTS": {0, 1, 4, 5, 7},
        "T_CONTAINS": set(),
        "T_DURING": {0},
        "T_FINISHEDBY": set(),
        "T_FINISHES": set(),
        "T_MEETS": {4},
        "T_METBY": {5},
        "T_OVERLAPPEDBY": set(),
        "T_OVERLAPS": set(),
        "T_STARTEDBY": set(),
        "T_STARTS": {7},
    }
    assert {name: find(f"{name}(INTERVAL(opens,closes),{YEAR})") for name in expected} == expected
    assert find("T_DURING(INTERVAL(opens,closes),INTERVAL('2021-01-01','..'))") == {0, 2, 5}
    assert find("NOT T_AFTER(opens,INTERVAL('2021-01-01','..'))") == present("opens")


@pytest.mark.abstract_test(ARRAYS, "/conf/array-functions/array-predicates")
@pytest.mark.abstract_test(ARRAYS, "/conf/array-functions/logical")
def test_arrays(find: Find) -> None:
    two = "('forest','farm')"
    assert find(f"A_EQUALS(uses,{two})") == {0, 4}
    assert find(f"A_CONTAINS(uses,{two})") == {0, 4, 7}
    assert find(f"A_CONTAINEDBY(uses,{two})") == {0, 1, 2, 4}
    assert find(f"A_OVERLAPS({two},uses)") == {0, 1, 3, 4, 7}
    assert find("NOT A_OVERLAPS(uses,('farm'))") == {2, 5}
    assert find("A_CONTAINS(uses, ())") == present("uses") == ALL - {6}
