"""CQL2 JSON: the same tree as text, strictly read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onemap.cql import parse_json, parse_text, write_json
from onemap.errors import InvalidParameter

A = {"property": "a"}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"op": "and", "args": [{"op": "=", "args": [A, "x"]}, {"op": "not", "args": [{"op": "isNull", "args": [A]}]}]},
         "a = 'x' AND a IS NOT NULL"),
        ({"op": "or", "args": [True, {"op": "f", "args": []}, {"op": "between", "args": [A, 1, 2.5]}]},
         "TRUE OR f() OR a BETWEEN 1 AND 2.5"),
        ({"op": "in", "args": [A, [440100000000000001, {"date": "2024-01-01"}]]},
         "a IN (440100000000000001, DATE('2024-01-01'))"),
        ({"op": "like", "args": [{"op": "casei", "args": [A]}, {"op": "casei", "args": ["x\\_"]}]},
         "CASEI(a) LIKE CASEI('x\\_')"),
        ({"op": "s_within", "args": [A, {"bbox": [1.0, 2.0, 3.0, 4.0]}]}, "S_WITHIN(a, BBOX(1, 2, 3, 4))"),
        ({"op": "s_within", "args": [A, {"type": "MultiPoint", "coordinates": [[1.0, 2.0], [3.0, 4.0]]}]},
         "S_WITHIN(a, MULTIPOINT((1 2), (3 4)))"),
        ({"op": "t_metBy", "args": [{"interval": [A, ".."]}, {"interval": ["2024-01-01", "2024-02-01T00:00:00Z"]}]},
         "T_METBY(INTERVAL(a, '..'), INTERVAL('2024-01-01', '2024-02-01T00:00:00Z'))"),
        ({"op": "a_containedBy", "args": [A, ["x", 1, True, []]]}, "A_CONTAINEDBY(a, ('x', 1, TRUE, ()))"),
        ({"op": "=", "args": [{"op": "div", "args": [A, 2]}, {"op": "^", "args": [A, 2]}]}, "a div 2 = a ^ 2"),
    ],
)  # fmt: skip
def test_meaning(document: Any, text: str) -> None:
    tree = parse_json(json.dumps(document))
    assert tree == parse_text(text) == parse_json(document)
    assert write_json(tree) == document


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{", "line 1, column 2"),
        ('{"op": "=", "op": "<", "args": [1, 2]}', "the member 'op' twice"),
        ('{"op": "=", "args": [NaN, 2]}', "NaN is no number"),
        ('{"op": "=", "args": [-Infinity, 2]}', "Infinity is no number"),
        ('{"op": "=", "args": [1e999, 2]}', "too large"),
        ('{"op": "=", "args": [9223372036854775808, 2]}', "more than 64 bits"),
        ('{"op": "=", "args": ["\\ud800", 2]}', "surrogate"),
        ('{"op": "=", "args": [null, 2]}', "at '/args/0': null is not an expression"),
        ('{"op": "and", "args": [true, {"op": "=", "args": [1]}]}', "at '/args/1/args': '=' takes 2 arguments, not 1"),
        ('{"op": "AND", "args": [true, true]}', "at '/op': the operator is written 'and'"),
        ('{"op": "==", "args": [1, 1]}', "there is no operator '=='"),
        ('{"op": "in", "args": [1, []]}', "at '/args/1'"),
        ('{"op": "=", "args": [1, {"property": 1}]}', "at '/args/1/property'"),
        ('{"op": "=", "args": [1, {"date": "2024-02-30"}]}', "at '/args/1/date'"),
        ('{"op": "=", "args": [1, 2], "extra": 3}', "the member 'extra' does not belong here"),
        ('{"op": "t_after", "args": [{"interval": ["..", "x"]}, {"date": "2024-01-01"}]}', "/args/0/interval/1"),
        ('{"op": "s_within", "args": [{"type": "Point", "coordinates": [1, "2"]}, {"property": "a"}]}', "/coordinates"),
        ('{"op": "s_within", "args": [{"type": "Circle", "coordinates": []}, {"property": "a"}]}', "not a GeoJSON"),
        ('{"op": "s_within", "args": [{"type": "Point", "coordinates": [1, 2], "crs": {}}, true]}', "no member 'crs'"),
        ("[" * 100_000, "nested more than"),
        ('{"op": "not", "args": [' * 60 + "true" + "]}" * 60, "nested more than"),
    ],
)
def test_errors(source: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse_json(source)
    assert message in caught.value.detail


def test_numbers_of_a_loaded_document_are_checked() -> None:
    for number in (float("nan"), float("inf"), 2**64):
        with pytest.raises(InvalidParameter):
            parse_json({"op": "=", "args": [number, 1]})
