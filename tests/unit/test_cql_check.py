"""Types: a filter fits the queryables or is refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pygeofilter import ast

from onemap.cql import Column, check, compile_filter, describe_functions, parse_text
from onemap.errors import InvalidParameter

COLUMNS = {
    "DLMC": Column('"DLMC"', "string"),
    "TBMJ": Column('"TBMJ"', "number"),
    "gxsj": Column('"gxsj"', "datetime"),
    "day": Column('"day"', "date"),
    "ok": Column('"ok"', "boolean"),
    "raw": Column('"raw"', "binary"),
    "geom": Column('"geom"', "geometry", 4490),
    "tags": Column('"tags"', "array"),
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DLMX = 'a'", "There is no property 'DLMX'."),
        ("DLMC = 1", "= cannot compare the property 'DLMC' (text) with the number 1"),
        ("TBMJ IN (1, 'x')", "IN cannot compare the property 'TBMJ' (number) with the text 'x'"),
        ("geom = 'x'", "cannot compare"),
        ("gxsj > 'soon'", "'soon' is not a date or timestamp"),
        ("TBMJ", "is not a condition"),
        ("ok AND 'x'", "the text 'x' is not a condition"),
        ("DLMC + 1 = 2", "'+' takes numbers, not the property 'DLMC' (text)"),
        ("CASEI(TBMJ) = 'x'", "CASEI takes a text"),
        ("TBMJ LIKE 'x'", "LIKE takes a text"),
        ("DLMC LIKE DLMC", "the pattern of LIKE must be a text in quotes"),
        ("DLMC LIKE '" + "x" * 1001 + "'", "more than 1000 characters"),
        ("S_WITHIN(geom, DLMC)", "S_WITHIN takes geometries, not the property 'DLMC' (text)"),
        ("T_AFTER(DLMC, day)", "T_AFTER takes times"),
        ("T_MEETS(day, INTERVAL(day, '..'))", "T_MEETS takes intervals only"),
        ("T_AFTER(day, INTERVAL(DLMC, '..'))", "cannot be the end of an interval"),
        ("A_EQUALS(DLMC, ())", "A_EQUALS takes arrays"),
        ("A_EQUALS(tags, (geom))", "cannot be an element of an array"),
        ("lowr(DLMC) = 'x'", "There is no function 'lowr'."),
        ("lower(TBMJ) = 'x'", "lower takes text"),
        ("lower(DLMC, 1) = 'x'", "lower takes 1 argument, not 2"),
        ("concat(DLMC) = 'x'", "concat takes 2 arguments, not 1"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check(parse_text(text), COLUMNS)
    assert message in caught.value.detail


def test_the_nearest_name_is_offered() -> None:
    for text, hint in (("DLMX = 'a'", "'DLMC'"), ("lowr(DLMC) = 'x'", "'lower'")):
        with pytest.raises(InvalidParameter) as caught:
            check(parse_text(text), COLUMNS)
        assert hint in caught.value.hint


def test_a_hidden_property_is_as_an_unknown_one() -> None:
    visible = {name: column for name, column in COLUMNS.items() if name != "DLMC"}
    for names in (visible, COLUMNS):
        with pytest.raises(InvalidParameter) as caught:
            check(parse_text("DLMB = 'a'"), names)
        unknown = caught.value.detail, caught.value.hint
    with pytest.raises(InvalidParameter) as caught:
        check(parse_text("DLMC = 'a'"), visible)
    hidden = caught.value.detail.replace("DLMC", "DLMB")
    assert hidden == unknown[0]
    assert "DLMC" not in caught.value.hint


def test_texts_become_instants_beside_instants() -> None:
    moment = datetime(2024, 12, 31, 16, tzinfo=UTC)
    assert check(parse_text("gxsj = '2025-01-01T00:00:00+08:00'"), COLUMNS) == ast.Equal(ast.Attribute("gxsj"), moment)
    assert check(parse_text("'2024-12-31' < day"), COLUMNS) == ast.LessThan(date(2024, 12, 31), ast.Attribute("day"))


def test_functions_are_described_as_the_schema_wants() -> None:
    types = {"string", "number", "integer", "datetime", "geometry", "boolean"}
    for item in describe_functions():
        assert set(item) == {"name", "description", "arguments", "returns"}
        assert set(item["returns"]) <= types
        assert all(set(argument["type"]) <= types for argument in item["arguments"])


def test_anything_can_be_asked_for_null() -> None:
    for text in ("raw IS NULL", "tags IS NULL", "(ok = TRUE) IS NULL", "INTERVAL(day, '..') IS NULL"):
        compile_filter(parse_text(text), COLUMNS)
