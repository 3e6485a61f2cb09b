"""The order of features in an answer: by the sort keys asked for, missing values last, then by the collection's key."""

from __future__ import annotations

from collections.abc import Sequence

from pygeofilter import ast

from onemap.cql import all_of, any_of, equals, is_null
from onemap.store.base import Position, SortKey, Value


def beyond(order: Sequence[SortKey], key: str, position: Position) -> ast.Node:
    """Return the filter for the features that come after a position in an order."""
    condition: ast.Node = ast.GreaterThan(ast.Attribute(key), position.key)
    for sort, value in zip(reversed(order), reversed(position.values), strict=True):
        condition = _step(sort, value, condition)
    return condition


def _step(sort: SortKey, value: Value | None, rest: ast.Node) -> ast.Node:
    """Return the filter for: further on in this sort key, or equal in it and ``rest``."""
    if value is None:
        return ast.And(is_null(sort.name), rest)
    compare = ast.LessThan if sort.descending else ast.GreaterThan
    alike = all_of([equals(sort.name, value), rest])
    return any_of([compare(ast.Attribute(sort.name), value), is_null(sort.name), alike])
