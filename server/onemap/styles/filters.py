"""Filters of styles: a part of CQL2 that MapLibre expressions and OGC Filter 1.1 can both say."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pygeofilter import ast

from onemap.catalog import Field
from onemap.cql import Column, Tree, check, parse_text
from onemap.errors import InvalidParameter
from onemap.store import View

COMPARISONS: Mapping[type[Any], tuple[str, str]] = {
    ast.Equal: ("==", "PropertyIsEqualTo"),
    ast.NotEqual: ("!=", "PropertyIsNotEqualTo"),
    ast.LessThan: ("<", "PropertyIsLessThan"),
    ast.LessEqual: ("<=", "PropertyIsLessThanOrEqualTo"),
    ast.GreaterThan: (">", "PropertyIsGreaterThan"),
    ast.GreaterEqual: (">=", "PropertyIsGreaterThanOrEqualTo"),
}
"""Operators of MapLibre and elements of OGC Filter 1.1 by comparison."""
Literal = str | int | float | bool


def parse(text: str) -> Tree:
    """Return a filter of a style. Raises InvalidParameter: not CQL2, or more of it than a style can draw by."""
    tree = parse_text(text)
    names(tree)
    return tree


def names(tree: Tree) -> set[str]:
    """Return the properties that a filter names. Raises InvalidParameter for what a style cannot draw by."""
    if isinstance(tree, ast.And | ast.Or):
        return names(tree.lhs) | names(tree.rhs)
    if isinstance(tree, ast.Not):
        return names(tree.sub_node)
    if isinstance(tree, ast.IsNull):
        return {_property(tree.lhs)}
    if isinstance(tree, ast.Like):
        prefix(tree)
        return {_property(tree.lhs)}
    if isinstance(tree, ast.In):
        return {_property(tree.lhs), *(_nothing(literal(item)) for item in tree.sub_nodes)} - {""}
    if isinstance(tree, ast.Between):
        return {_property(tree.lhs), _nothing(literal(tree.low)), _nothing(literal(tree.high))} - {""}
    if type(tree) in COMPARISONS:
        literal(tree.rhs)
        return {_property(tree.lhs)}
    raise InvalidParameter(f"A style cannot draw by {type(tree).__name__}.", "Compare properties with values.")


def resolve(tree: Tree, view: View) -> Tree | None:
    """Return a filter with roles replaced by the names of a view's columns; None where it lacks one of them.

    Raises InvalidParameter when a property is compared with a value of another type.
    """
    found = {name: column_of(view, name, name) for name in names(tree)}
    if any(column is None for column in found.values()):
        return None
    renamed = _rename(tree, {name: column.name for name, column in found.items() if column})
    return check(renamed, {field.name: Column(field.name, field.type) for field in view.columns})


def column_of(view: View, name: str | None, role: str | None) -> Field | None:
    """Return the visible column with this name, or else the one with this role; None where there is none."""
    named = view.column(name) if name else None
    return named or next((field for field in view.columns if role and field.role == role), None)


def prefix(node: Any) -> str:
    """Return the text before the only wildcard of a LIKE, its last character. Raises InvalidParameter for others."""
    pattern = node.pattern
    if not isinstance(pattern, str) or not pattern.endswith("%") or any(char in pattern[:-1] for char in "%_\\"):
        raise InvalidParameter("A style takes only a LIKE of the form 'prefix%'.")
    return pattern[:-1]


def literal(node: Tree) -> Literal:
    """Return a value that a property is compared with, dates as texts. Raises InvalidParameter for anything else."""
    if isinstance(node, date | datetime):
        return node.isoformat()
    if isinstance(node, bool | int | float | str):
        return node
    raise InvalidParameter("A style compares properties only with values.")


def _nothing(_: object) -> str:
    return ""


def _property(node: Tree) -> str:
    if not isinstance(node, ast.Attribute):
        raise InvalidParameter("In the filter of a style a property stands on the left.")
    return str(node.name)


def _rename(tree: Tree, columns: Mapping[str, str]) -> Tree:
    renamed = copy.deepcopy(tree)
    for node in _attributes(renamed):
        node.name = columns[node.name]
    return renamed


def _attributes(tree: Tree) -> Iterator[Any]:
    if isinstance(tree, ast.Attribute):
        yield tree
    elif isinstance(tree, ast.Node):
        for node in tree.get_sub_nodes():
            yield from _attributes(node)
