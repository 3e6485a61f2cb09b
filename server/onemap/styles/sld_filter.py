"""Filters of styles as OGC Filter Encoding 1.1 (OGC 04-095)."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from pygeofilter import ast

from onemap.cql import Tree
from onemap.styles.filters import COMPARISONS, literal, prefix
from onemap.styles.xml import OGC, child


def filter_element(tree: Tree | None, column: str | None, code: str | None) -> Element | None:
    """Return the Filter element for a filter and for one code of a column; None for neither."""
    equal = ast.Equal(ast.Attribute(column), code) if column and code is not None else None
    whole = ast.And(tree, equal) if tree is not None and equal is not None else tree if tree is not None else equal
    if whole is None:
        return None
    root = Element(f"{{{OGC}}}Filter")
    _append(root, whole)
    return root


def _append(parent: Element, tree: Any) -> None:
    if isinstance(tree, ast.And | ast.Or):
        group = child(parent, OGC, "And" if isinstance(tree, ast.And) else "Or")
        _append(group, tree.lhs)
        _append(group, tree.rhs)
    elif isinstance(tree, ast.Not):
        _append(child(parent, OGC, "Not"), tree.sub_node)
    elif isinstance(tree, ast.IsNull):
        _property(child(parent, OGC, "PropertyIsNull"), tree.lhs)
    elif isinstance(tree, ast.In):
        group = child(parent, OGC, "Or") if len(tree.sub_nodes) > 1 else parent
        for value in tree.sub_nodes:
            _comparison(group, "PropertyIsEqualTo", tree.lhs, value)
    elif isinstance(tree, ast.Between):
        between = child(parent, OGC, "PropertyIsBetween")
        _property(between, tree.lhs)
        _literal(child(between, OGC, "LowerBoundary"), tree.low)
        _literal(child(between, OGC, "UpperBoundary"), tree.high)
    elif isinstance(tree, ast.Like):
        like = child(parent, OGC, "PropertyIsLike", wildCard="%", singleChar="_", escapeChar="\\")
        _property(like, tree.lhs)
        _literal(like, prefix(tree) + "%")
    else:
        _comparison(parent, COMPARISONS[type(tree)][1], tree.lhs, tree.rhs)


def _comparison(parent: Element, name: str, lhs: Tree, rhs: Tree) -> None:
    made = child(parent, OGC, name)
    _property(made, lhs)
    _literal(made, rhs)


def _property(parent: Element, node: Any) -> None:
    child(parent, OGC, "PropertyName", node.name)


def _literal(parent: Element, node: Tree) -> None:
    value = literal(node)
    child(parent, OGC, "Literal", str(value).lower() if isinstance(value, bool) else str(value))
