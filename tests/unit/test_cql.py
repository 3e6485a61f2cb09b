from __future__ import annotations

from decimal import Decimal

import pytest
from pygeofilter import ast

from onemap.cql import POSTGIS, Column, all_of, any_of, at_least, at_most, compile_filter, equals, is_null, one_of
from onemap.cql.dialects import named
from onemap.cql.nodes import Mod
from onemap.errors import InvalidParameter

COLUMNS = {"DLBM": Column('"DLBM"', "string"), "TBMJ": Column('"TBMJ"', "number")}


def test_values_are_bound() -> None:
    node = all_of([equals("DLBM", "01' OR 1=1"), None, any_of([at_least("TBMJ", 5), is_null("TBMJ")])])
    assert node is not None
    assert compile_filter(node, COLUMNS) == (
        '(("DLBM" = ?) AND (("TBMJ" >= ?) OR ("TBMJ" IS NULL)))',
        ["01' OR 1=1", 5],
    )


def test_a_list_of_values_is_one_test() -> None:
    assert compile_filter(one_of("DLBM", ["0101", "x'"]), COLUMNS) == ('("DLBM" IN (?, ?))', ["0101", "x'"])


def test_not() -> None:
    assert compile_filter(ast.Not(at_most("TBMJ", 2.5)), COLUMNS) == ('(NOT ("TBMJ" <= ?))', [2.5])


def test_unknown_and_hidden_names_are_alike() -> None:
    with pytest.raises(InvalidParameter, match="no property 'ZRRZJHM'"):
        compile_filter(equals("ZRRZJHM", "x"), COLUMNS)


def test_other_nodes_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="Include"):
        compile_filter(ast.Include(not_=False), COLUMNS)
    with pytest.raises(InvalidParameter, match="LIKE that CQL2 does not have"):
        compile_filter(ast.Like(ast.Attribute("DLBM"), "x*", True, "*", "?", "!", False), COLUMNS)


def test_nothing_is_no_filter() -> None:
    assert all_of([None, None]) is None


def test_parameters_of_postgresql() -> None:
    columns = {"a%s": Column('"a%s"', "string"), "n": Column('"n"', "number")}
    node = ast.And(ast.Equal(ast.Attribute("a%s"), "x"), ast.Equal(Mod(ast.Attribute("n"), 2), 0.5))
    text, values = compile_filter(node, columns, POSTGIS)
    assert text.startswith('(("a%%s" = %s::text) AND ')
    assert values == ["x", 2, Decimal("0.5")]
    assert named(text, values, "f") == (
        text.replace("= %s::text", "= %(f0)s::text")
        .replace("%s::bigint", "%(f1)s::bigint")
        .replace("%s::numeric", "%(f2)s::numeric"),
        {"f0": "x", "f1": 2, "f2": Decimal("0.5")},
    )
