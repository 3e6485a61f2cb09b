"""Rows and random typed filters over them, for the comparison of SQLite, PostGIS and the reference."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import shapely
from hypothesis import strategies as st
from pygeofilter import ast, values

from onemap.cql import Column
from onemap.cql.nodes import ARITHMETIC, ARRAYS, COMPARISONS, SPATIAL, TEMPORAL, AccentI, BBox, CaseI, Geometry, like
from onemap.cql.temporal import RULES

TYPES = {
    "名称": "string",
    "alt name": "string",
    "i": "integer",
    "j": "integer",
    "code18": "integer",
    "x": "number",
    "y": "number",
    "flag": "boolean",
    "other": "boolean",
    "day": "date",
    "day2": "date",
    "moment": "datetime",
    "moment2": "datetime",
    "shape": "geometry",
    "shape2": "geometry",
    "tags": "array",
    "marks": "array",
}
COLUMNS = {name: Column('"' + name + '"', kind, 4326) for name, kind in TYPES.items()}  # type: ignore[arg-type]
TEXTS = [
    "",
    "a",
    "A",
    "Straße",
    "STRASSE",
    "Ünder_score",
    "under%cent",
    "back\\slash",
    "it's",
    "耕地",
    "がま",
    "ΟΔΟΣ",
    "οδός",
    " pad ",
]
WHOLE = [0, 1, -1, 2, 3, 7, -12, 100]
REALS = [0.0, 0.25, -0.5, 1.0, 1.5, 2.5, -3.75, 12.0]
BIG = [440100000000000001, 440100000000000002, 9007199254740993]
DAYS = [date(1949, 10, 1), date(2020, 2, 29), date(2024, 12, 31), date(2025, 1, 1)]
MOMENTS = [
    datetime(2020, 2, 29, 0, 0, 0, tzinfo=UTC),
    datetime(2020, 2, 29, 23, 59, 59, 500000, tzinfo=UTC),
    datetime(2024, 12, 31, 8, 30, 0, tzinfo=UTC),
    datetime(2025, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
]
SHAPES = [
    "POINT (1 1)",
    "POINT (2 2)",
    "POINT EMPTY",
    "LINESTRING (0 0, 4 4)",
    "LINESTRING (0 4, 4 0)",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0))",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 3 1, 3 3, 1 3, 1 1))",
    "POLYGON ((4 0, 8 0, 8 4, 4 4, 4 0))",
    "MULTIPOINT ((0 0), (9 9))",
]
LISTS: list[list[Any]] = [
    [],
    ["a"],
    ["a", "b", "a"],
    [1, 2.0],
    [1.0, True],
    [["a"], "b"],
    ["2024-12-31"],
    ["耕地", False],
]


def rows() -> list[dict[str, Any]]:
    """Return rows in which every value and None meet each other in many ways."""
    pools: dict[str, list[Any]] = {
        "string": TEXTS,
        "integer": WHOLE,
        "number": REALS,
        "boolean": [True, False],
        "date": DAYS,
        "datetime": MOMENTS,
        "geometry": [shapely.from_wkt(text) for text in SHAPES],
        "array": LISTS,
    }
    found = []
    for number in range(60):
        row: dict[str, Any] = {}
        for place, (name, kind) in enumerate(TYPES.items()):
            pool = [*(BIG if name == "code18" else pools[kind]), None]
            row[name] = pool[(number * (2 * place + 1) + number // len(pool)) % len(pool)]
        found.append(row)
    return found


def attribute(*kinds: str) -> st.SearchStrategy[Any]:
    names = [name for name, kind in TYPES.items() if kind in kinds and name != "code18"]
    return st.sampled_from(names).map(ast.Attribute)


def function(names: list[str], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(ast.Function, st.sampled_from(names), st.tuples(*arguments).map(list))


days, moments = st.sampled_from(DAYS), st.sampled_from(MOMENTS)
instants = st.one_of(attribute("date", "datetime"), days, moments)
texts = st.recursive(
    st.one_of(attribute("string"), st.sampled_from(TEXTS)),
    lambda inner: st.one_of(
        st.builds(CaseI, inner),
        st.builds(AccentI, inner),
        function(["lower", "upper", "trim"], inner),
        function(["concat"], inner, inner),
    ),
    max_leaves=2,
)
patterns = st.recursive(
    st.lists(
        st.sampled_from(["%", "_", "\\%", "\\_", "\\\\", "a", "A", "ß", "s", "地", "[", "*", "?"]), max_size=4
    ).map("".join),
    lambda inner: st.one_of(st.builds(CaseI, inner), st.builds(AccentI, inner)),
    max_leaves=1,
)


def _power(base: Any, exponent: int) -> Any:
    return ARITHMETIC["^"](base, exponent)


numbers = st.recursive(
    st.one_of(attribute("integer", "number"), st.sampled_from(WHOLE), st.sampled_from(REALS)),
    lambda inner: st.one_of(
        *(st.builds(ARITHMETIC[op], inner, inner) for op in ("+", "-", "*", "/", "%", "div")),
        st.builds(_power, inner, st.sampled_from([-1, 0, 1, 2])),
        function(["abs", "round", "floor", "ceil"], inner),
        function(["length"], texts),
        function(["year", "month", "day"], instants),
    ),
    max_leaves=4,
)
booleans = st.one_of(attribute("boolean"), st.booleans())
big = st.one_of(st.just(ast.Attribute("code18")), st.sampled_from(BIG))


def _geometry(text: str) -> Geometry:
    return Geometry(_lists(shapely.geometry.mapping(shapely.from_wkt(text))))


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lists(item) for name, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


boxes = st.tuples(*[st.sampled_from([-1.0, 0.0, 2.0, 4.0, 9.0])] * 4).map(
    lambda box: BBox((min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]) + 1, max(box[1], box[3]) + 1))
)
shapes = st.one_of(
    attribute("geometry"), st.sampled_from([text for text in SHAPES if "EMPTY" not in text]).map(_geometry), boxes
)


def _interval(start: Any, end: Any) -> Any:
    if isinstance(start, date) and isinstance(end, date) and _day(start) > _day(end):
        start, end = end, start
    if isinstance(start, datetime) and isinstance(end, datetime):
        start, end = min(start, end), max(start, end)
    return values.Interval(start, end)


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


intervals = st.builds(_interval, st.one_of(st.none(), instants), st.one_of(st.none(), instants))
elements = st.one_of(
    st.sampled_from(["a", "b", "耕地", 1, 2, 1.0, True, False, DAYS[2], MOMENTS[1]]),
    attribute("string", "integer", "number", "boolean", "date", "datetime"),
    st.just(["a"]),
)
lists = st.one_of(attribute("array"), st.lists(elements, max_size=3))


def pairs(table: dict[str, Any], operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda kind, left, right: kind(left, right), st.sampled_from(list(table.values())), operands, operands
    )


def within(operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda value, items: ast.In(value, items, not_=False), operands, st.lists(operands, min_size=1, max_size=3)
    )


for_instants = {
    name: kind for name, kind in TEMPORAL.items() if name[2:] in ("after", "before", "disjoint", "equals", "intersects")
}
predicates = st.one_of(
    *(pairs(dict(COMPARISONS), operands) for operands in (texts, numbers, booleans, instants, big)),
    *(within(operands) for operands in (texts, numbers, booleans, instants, big)),
    st.builds(lambda a, b, c: ast.Between(a, b, c, not_=False), numbers, numbers, numbers),
    st.builds(lambda a, b, c: ast.Between(a, b, c, not_=False), instants, instants, instants),
    st.builds(like, texts, patterns),
    pairs(dict(SPATIAL), shapes),
    pairs(dict(TEMPORAL), intervals),
    pairs(for_instants, st.one_of(instants, intervals)),
    pairs(dict(ARRAYS), lists),
    st.builds(
        lambda node: ast.IsNull(node, not_=False), st.one_of(texts, numbers, attribute(*TYPES.values()), intervals)
    ),
    booleans,
)
assert set(RULES) == set(TEMPORAL.values())
assert math.isfinite(sum(REALS))


def trees() -> st.SearchStrategy[Any]:
    """Return conditions of a few predicates, joined and negated."""
    return st.recursive(
        predicates,
        lambda inner: st.one_of(
            st.builds(ast.And, inner, inner),
            st.builds(ast.Or, inner, inner),
            st.builds(ast.Not, inner),
            st.builds(lambda node: ast.IsNull(node, not_=False), inner),
        ),
        max_leaves=5,
    )
