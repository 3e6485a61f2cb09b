"""Compile a filter tree to an SQL condition: columns from a known set, every value bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pygeofilter import ast

from onemap.errors import InvalidParameter

_COMPARE: Mapping[type[ast.Node], str] = {
    ast.Equal: " = ",
    ast.NotEqual: " <> ",
    ast.LessThan: " < ",
    ast.LessEqual: " <= ",
    ast.GreaterThan: " > ",
    ast.GreaterEqual: " >= ",
}
_JOIN: Mapping[type[ast.Node], str] = {ast.And: " AND ", ast.Or: " OR "}


def compile_filter(node: ast.Node, columns: Mapping[str, str]) -> tuple[str, list[Any]]:
    """Return an SQL condition and its parameters in order.

    ``columns`` maps each property name that may be used to its quoted column; any other name raises
    InvalidParameter, whether the property is hidden or does not exist. Parameters are marked ``?``.
    """
    values: list[Any] = []
    return _condition(node, columns, values), values


def _condition(node: Any, columns: Mapping[str, str], values: list[Any]) -> str:
    operator = _JOIN.get(type(node)) or _COMPARE.get(type(node))
    if operator:
        left = _condition(node.lhs, columns, values)
        return "(" + left + operator + _condition(node.rhs, columns, values) + ")"
    match node:
        case ast.Not():
            return "(NOT " + _condition(node.sub_node, columns, values) + ")"
        case ast.IsNull():
            test = " IS NOT NULL" if node.not_ else " IS NULL"
            return "(" + _condition(node.lhs, columns, values) + test + ")"
        case ast.Attribute():
            return _column(node.name, columns)
        case str() | int() | float():
            values.append(node)
            return "?"
    raise InvalidParameter(f"The filter uses {type(node).__name__}, which is not supported.")


def _column(name: str, columns: Mapping[str, str]) -> str:
    if name not in columns:
        raise InvalidParameter(f"There is no property '{name}'.")
    return columns[name]
