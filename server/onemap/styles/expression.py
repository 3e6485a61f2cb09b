"""Filters of styles as MapLibre expressions. As in CQL2, a feature without the value meets no comparison with it."""

from __future__ import annotations

from typing import Any

from pygeofilter import ast

from onemap.cql import Tree
from onemap.styles.filters import COMPARISONS, literal, prefix

Expression = list[Any]


def expression(tree: Tree) -> Expression:
    """Return a checked filter as an expression that is true or false."""
    if isinstance(tree, ast.And | ast.Or):
        return ["all" if isinstance(tree, ast.And) else "any", expression(tree.lhs), expression(tree.rhs)]
    if isinstance(tree, ast.Not):
        return _not(tree.sub_node)
    if isinstance(tree, ast.IsNull):
        return ["!", ["has", tree.lhs.name]]
    return _there(tree.lhs.name, _predicate(tree)) if isinstance(tree, ast.NotEqual) else _predicate(tree)


def _not(tree: Tree) -> Expression:
    """Return the negation: true only where the values are there, as NULL is neither true nor false."""
    if isinstance(tree, ast.And | ast.Or):
        return ["any" if isinstance(tree, ast.And) else "all", _not(tree.lhs), _not(tree.rhs)]
    if isinstance(tree, ast.Not):
        return expression(tree.sub_node)
    if isinstance(tree, ast.IsNull):
        return ["has", tree.lhs.name]
    return _there(tree.lhs.name, ["!", _predicate(tree)])


def _there(name: str, condition: Expression) -> Expression:
    return ["all", ["has", name], condition]


def _predicate(tree: Any) -> Expression:
    value: Expression = ["get", tree.lhs.name]
    if isinstance(tree, ast.In):
        # Not the operator "in", which QGIS reads in its older form only. Each label may stand once.
        return ["match", value, list(dict.fromkeys(literal(item) for item in tree.sub_nodes)), True, False]
    if isinstance(tree, ast.Between):
        return ["all", [">=", value, literal(tree.low)], ["<=", value, literal(tree.high)]]
    if isinstance(tree, ast.Like):
        start = prefix(tree)
        return ["==", ["slice", value, 0, len(start)], start]
    return [COMPARISONS[type(tree)][0], value, literal(tree.rhs)]
