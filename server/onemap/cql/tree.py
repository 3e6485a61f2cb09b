"""Building filter trees in code: parameters, policies and time become the same nodes as a filter text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from pygeofilter import ast

from onemap.cql.nodes import CaseI, fold_balanced, like

_WILDCARDS = re.compile(r"[%_\\]")
Literal = str | int | float | bool | date


def equals(name: str, value: Literal) -> ast.Node:
    """Return the filter ``name = value``."""
    return ast.Equal(ast.Attribute(name), value)


def one_of(name: str, values: Iterable[Literal]) -> ast.Node:
    """Return the filter ``name IN (values)``, of at least one value."""
    return ast.In(ast.Attribute(name), list(values), not_=False)


def at_least(name: str, value: Literal) -> ast.Node:
    """Return the filter ``name >= value``."""
    return ast.GreaterEqual(ast.Attribute(name), value)


def at_most(name: str, value: Literal) -> ast.Node:
    """Return the filter ``name <= value``."""
    return ast.LessEqual(ast.Attribute(name), value)


def is_null(name: str) -> ast.Node:
    """Return the filter ``name IS NULL``."""
    return ast.IsNull(ast.Attribute(name), not_=False)


def all_of(filters: Iterable[ast.Node | None]) -> ast.Node | None:
    """Return the conjunction of the filters that are there, or None when there is none."""
    given = [item for item in filters if item is not None]
    return fold_balanced(given, ast.And) if given else None


def any_of(filters: Iterable[ast.Node]) -> ast.Node:
    """Return the disjunction of at least one filter."""
    return fold_balanced(list(filters), ast.Or)


def contains_text(name: str, text: str) -> ast.Node:
    """Return the filter for a property that contains a text, letters alike in both cases."""
    escaped = _WILDCARDS.sub(r"\\\g<0>", text)
    return like(CaseI(ast.Attribute(name)), CaseI(f"%{escaped}%"))


def starts_with(name: str, text: str) -> ast.Node:
    """Return the filter for a property that begins with a text."""
    escaped = _WILDCARDS.sub(r"\\\g<0>", text)
    return like(ast.Attribute(name), f"{escaped}%")
