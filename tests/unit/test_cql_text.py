"""CQL2 text: what it means, and what is said about what it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pygeofilter import ast, values

from onemap.cql import parse_text, write_text
from onemap.cql.nodes import BBox, CaseI, Geometry, IntDiv, Mod, Pow, like
from onemap.errors import InvalidParameter

A, B, C, D = (ast.Attribute(name) for name in "abcd")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a OR b AND c", ast.Or(A, ast.And(B, C))),
        ("NOT a AND b", ast.And(ast.Not(A), B)),
        ("NOT (a OR b)", ast.Not(ast.Or(A, B))),
        ("not a = 1", ast.Not(ast.Equal(A, 1))),
        ("a\nAND\tb and c AND d", ast.And(ast.And(A, B), ast.And(C, D))),
        ("(a AND b) AND c AND d", ast.And(ast.And(A, B), ast.And(C, D))),
        ("a = b + c * d", ast.Equal(A, ast.Add(B, ast.Mul(C, D)))),
        ("a - b - c > 0", ast.GreaterThan(ast.Sub(ast.Sub(A, B), C), 0)),
        ("a * b ^ 2 = 1", ast.Equal(ast.Mul(A, Pow(B, 2)), 1)),
        ("-2 ^ 2 = 4", ast.Equal(Pow(-2, 2), 4)),
        ("a = -b", ast.Equal(A, ast.Mul(-1, B))),
        ("a-1 = +.5", ast.Equal(ast.Sub(A, 1), 0.5)),
        ("a DIV 2 = b % 2", ast.Equal(IntDiv(A, 2), Mod(B, 2))),
        ("a <> 1E3", ast.NotEqual(A, 1000.0)),
        ("a NOT LIKE 'x\\%'", ast.Not(like(A, "x\\%"))),
        ("a BETWEEN 1 AND 2 AND b", ast.And(ast.Between(A, 1, 2, not_=False), B)),
        ("a NOT IN ('01', 2)", ast.Not(ast.In(A, ["01", 2], not_=False))),
        ("a + 1 IS NOT NULL", ast.Not(ast.IsNull(ast.Add(A, 1), not_=False))),
        ("(a = 1) IS NULL", ast.IsNull(ast.Equal(A, 1), not_=False)),
        ("TRUE", True),
        ("false OR f()", ast.Or(False, ast.Function("f", []))),
        ("地类编码 = '0101'", ast.Equal(ast.Attribute("地类编码"), "0101")),
        ('"a ""b"" c" = \'it\'\'s\'', ast.Equal(ast.Attribute('a "b" c'), "it's")),
        ("\"AND\" = date", ast.Equal(ast.Attribute("AND"), ast.Attribute("date"))),
        ("point = 1", ast.Equal(ast.Attribute("point"), 1)),
        ("a = 440100000000000001", ast.Equal(A, 440100000000000001)),
        ("a = -9223372036854775808", ast.Equal(A, -(2**63))),
        ("a > DATE('2024-02-29')", ast.GreaterThan(A, date(2024, 2, 29))),
        ("a = timestamp('2024-02-29T23:59:59.25Z')", ast.Equal(A, datetime(2024, 2, 29, 23, 59, 59, 250000, UTC))),
        ("t_during(Interval('2024-01-01', '..'), INTERVAL(b, c))",
         ast.TimeDuring(values.Interval(date(2024, 1, 1), None), values.Interval(B, C))),
        ("A_EQUALS(a, ('x', (1, 2), (b)))", ast.ArrayEquals(A, ["x", [1, 2], [B]])),
        ("A_OVERLAPS((), ((1 + 2), 3))", ast.ArrayOverlaps([], [ast.Add(1, 2), 3])),
        ("f((1, 2), (a + 1) * 2)", ast.Function("f", [[1, 2], ast.Mul(ast.Add(A, 1), 2)])),
        ("casei(a) = CASEI('X')", ast.Equal(CaseI(A), CaseI("X"))),
    ],
)  # fmt: skip
def test_meaning(text: str, tree: Any) -> None:
    found = parse_text(text)
    assert found == tree
    assert write_text(found) == write_text(tree)
    assert parse_text(write_text(found)) == tree


@pytest.mark.parametrize(
    ("text", "kind", "coordinates"),
    [
        ("POINT(1 -2)", "Point", [1.0, -2.0]),
        ("POINT Z (1 2 3)", "Point", [1.0, 2.0, 3.0]),
        ("POINT EMPTY", "Point", []),
        ("LINESTRING(0 0, 1 1)", "LineString", [[0.0, 0.0], [1.0, 1.0]]),
        ("MULTIPOINT((0 0), (1 1))", "MultiPoint", [[0.0, 0.0], [1.0, 1.0]]),
        ("multipoint(0 0, 1 1)", "MultiPoint", [[0.0, 0.0], [1.0, 1.0]]),
        ("POLYGON((0 0,1 0,1 1,0 0), EMPTY)", "Polygon", [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], []]),
        ("MULTILINESTRING((0 0, 1 1), (2 2, 3 3))", "MultiLineString",
         [[[0.0, 0.0], [1.0, 1.0]], [[2.0, 2.0], [3.0, 3.0]]]),
    ],
)  # fmt: skip
def test_geometries(text: str, kind: str, coordinates: list[Any]) -> None:
    tree = parse_text(f"S_INTERSECTS(a, {text})")
    assert tree == ast.GeometryIntersects(A, Geometry({"type": kind, "coordinates": coordinates}))
    assert parse_text(write_text(tree)) == tree


def test_boxes_and_collections() -> None:
    box = parse_text("S_WITHIN(a, BBOX(170, -10, -170, 10))")
    assert box == ast.GeometryWithin(A, BBox((170.0, -10.0, -170.0, 10.0)))
    tree = parse_text("S_EQUALS(a, GEOMETRYCOLLECTION(POINT(1 1), MULTIPOLYGON(((0 0,1 0,1 1,0 0)))))")
    assert [part["type"] for part in tree.rhs.geometry["geometries"]] == ["Point", "MultiPolygon"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: the filter is empty"),
        ("a = ", "line 1, column 5: a value or property is missing; the end of the filter"),
        ("a =\n 'x", "line 2, column 2: the text that begins here has no closing '"),
        ("a = 1 b", "line 1, column 7: 'b' is not expected here"),
        ("a = b = c", "line 1, column 7: comparisons cannot be chained"),
        ("a != 1", "'!' is not an operator"),
        ("a = NULL", "the keyword NULL is not expected here"),
        ("a BETWEEN 1, 2", "AND is missing after BETWEEN"),
        ("a NOT 1", "LIKE, IN or BETWEEN is missing after NOT"),
        ("a IN ()", "a value or property is missing"),
        ("a IS 1", "NULL is missing after IS"),
        ("2 ^ 3 ^ 2 = 1", "has no order"),
        ("a = DATE('2023-02-29')", "is not a date that exists"),
        ("a = TIMESTAMP('2023-02-28T00:00:00+08:00')", "is not a timestamp"),
        ("T_AFTER(a, INTERVAL('2024-01-02', '2024-01-01'))", "the interval ends before it starts"),
        ("T_AFTER(a, INTERVAL('x', '..'))", "is no end of an interval"),
        ("T_AFTER(a)", "T_AFTER takes 2 arguments, not 1"),
        ("S_WITHIN(a, POLYGON((0 0, 1 0, 1 1)))", "a ring has 3 positions; it needs at least 4"),
        ("S_WITHIN(a, POLYGON((0 0, 1 0, 1 1, 0 1)))", "a ring is not closed"),
        ("S_WITHIN(a, LINESTRING(0 0, 1 1 1))", "different numbers of coordinates"),
        ("S_WITHIN(a, POINT Z (1 2))", "needs three coordinates"),
        ("S_WITHIN(a, POINT M (1 2 3))", "measures"),
        ("S_WITHIN(a, BBOX(1, 2, 3))", "BBOX has 3 numbers"),
        ("S_WITHIN(a, GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 1))))", "GEOMETRYCOLLECTION holds"),
        ("a = 9223372036854775808", "more than 64 bits"),
        ("a = 1e999", "too large"),
        ("a = '\ud800'", "surrogate"),
        ("a = '\x00'", "NUL"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_text(text)
    assert message in caught.value.detail


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 50_000, "nested more than"),
        ("NOT " * 50_000 + "a", "nested more than"),
        ("f(" * 50_000, "nested more than"),
        ("A_EQUALS(a, " + "(" * 50_000, "nested more than"),
        ("a = " + "-" * 50_000 + "1", "nested more than"),
        ("a = 1" + " + 1" * 5_000, "nested more than"),
        (" AND ".join(["a = 1"] * 2_000), "more than 4000 parts"),
        (f"a IN ({', '.join(['1'] * 1_001)})", "more than 1000 items"),
        (f"S_WITHIN(a, LINESTRING({', '.join(['0 0'] * 10_001)}))", "more than 10000"),
        ("a = '" + "x" * 300_000 + "'", "at most 262144"),
    ],
)
def test_limits(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        parse_text(text)


def test_long_chains_stay_shallow() -> None:
    text = " OR ".join(f"a = {number}" for number in range(1_000))
    assert write_text(parse_text(text)) == text
