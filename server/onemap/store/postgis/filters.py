"""Filter trees as conditions of PostgreSQL: the one place that knows how onemap.cql writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from psycopg import sql
from pygeofilter import ast

from onemap.cql import compile_filter

_PART = re.compile(r"\?|\x00(\d+)\x00")


def compile_condition(
    node: ast.Node, columns: Mapping[str, sql.Composable], prefix: str
) -> tuple[sql.Composable, dict[str, Any]]:
    """Return the condition and its values, named ``<prefix>0``, ``<prefix>1``, ...

    Raises InvalidParameter for a property that is not among the columns.
    """
    names = {name: f"\x00{at}\x00" for at, name in enumerate(columns)}
    text, values = compile_filter(node, names)
    expressions = list(columns.values())
    parts: list[sql.Composable] = []
    named: dict[str, Any] = {}
    end = 0
    for match in _PART.finditer(text):
        parts.append(_literal(text[end : match.start()]))
        if match[1]:
            parts.append(expressions[int(match[1])])
        else:
            name = f"{prefix}{len(named)}"
            named[name] = values[len(named)]
            parts.append(sql.Placeholder(name))
        end = match.end()
    return sql.Composed([*parts, _literal(text[end:])]), named


def _literal(text: str) -> sql.SQL:
    # The compiler writes operators and parentheses of its own; names and values never come this way.
    return sql.SQL(text.replace("%", "%%"))
