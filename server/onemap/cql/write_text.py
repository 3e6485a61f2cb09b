"""The filter tree to CQL2 text, with no more parentheses than it needs."""

from __future__ import annotations

import functools
from datetime import date, datetime
from typing import Any

from pygeofilter import ast, values

from onemap.cql.instants import OPEN, write_date, write_instant, write_timestamp
from onemap.cql.lexer import IDENTIFIER, RESERVED_CALLS
from onemap.cql.nodes import NAMES, BBox, Geometry, Placed, Tree, operands

_CONTROL = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r"}
_ESCAPES = str.maketrans({"'": "''", "\\": "\\\\", **_CONTROL})
_OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY, _POWER, _ATOM = range(1, 9)
_LEVELS: dict[type[Any], int] = {
    ast.Or: _OR,
    ast.And: _AND,
    ast.Not: _NOT,
    **dict.fromkeys((ast.Like, ast.Between, ast.In, ast.IsNull), _COMPARE),
}
_OPERATOR_LEVELS = {"+": _ADD, "-": _ADD, "*": _MULTIPLY, "/": _MULTIPLY, "%": _MULTIPLY, "div": _MULTIPLY, "^": _POWER}


def write_text(tree: Tree) -> str:
    """Return a filter as CQL2 text (OGC 21-065r2, Annex B). Raises TypeError for a node CQL2 has no form for.

    A placed geometry, which no parser gives, is written as the hexadecimal digits of its WKB: distinct trees have
    distinct texts.
    """
    return _write(tree)


def _level(node: Tree) -> int:
    if isinstance(node, ast.Comparison):
        return _COMPARE
    if isinstance(node, ast.Arithmetic):
        return _OPERATOR_LEVELS[NAMES[type(node)]]
    return _LEVELS.get(type(node), _ATOM)


def _inside(node: Tree, least: int) -> str:
    """Return a node as part of another: in parentheses when it binds less tightly than ``least``."""
    text: str = _write(node)
    return f"({text})" if _level(node) < least else text


@functools.singledispatch
def _write(node: object) -> str:
    name = NAMES.get(type(node))
    if name is None:
        raise TypeError(f"CQL2 text has no form for {type(node).__name__}")
    arguments = ", ".join(_write(item) for item in node.get_sub_nodes())  # type: ignore[attr-defined]
    return f"{name.upper()}({arguments})"


@_write.register
def _text(node: str) -> str:
    return "'" + node.translate(_ESCAPES) + "'"


@_write.register
def _boolean(node: bool) -> str:
    return "TRUE" if node else "FALSE"


@_write.register
def _integer(node: int) -> str:
    return str(node)


@_write.register
def _float(node: float) -> str:
    return repr(node).upper()


@_write.register
def _array(node: list) -> str:  # type: ignore[type-arg]
    return "(" + ", ".join(_write(item) for item in node) + ")"


@_write.register
def _date(node: date) -> str:
    return f"DATE('{write_date(node)}')"


@_write.register
def _timestamp(node: datetime) -> str:
    return f"TIMESTAMP('{write_timestamp(node)}')"


@_write.register(values.Interval)
def _interval(node: values.Interval) -> str:
    return f"INTERVAL({_end(node.start)}, {_end(node.end)})"


def _end(node: Tree) -> str:
    if node is None or isinstance(node, date):
        return f"'{OPEN if node is None else write_instant(node)}'"
    return _inside(node, _ADD)


@_write.register(Geometry)
def _geometry(node: Geometry) -> str:
    return _tagged(node.geometry)


def _tagged(geometry: dict[str, Any]) -> str:
    kind: str = geometry["type"].upper()
    if kind == "GEOMETRYCOLLECTION":
        parts = ", ".join(_tagged(part) for part in geometry["geometries"])
        return f"{kind}({parts})" if parts else f"{kind} EMPTY"
    coordinates = geometry["coordinates"]
    if not coordinates:
        return f"{kind} EMPTY"
    text = _coordinates(coordinates)
    return f"{kind}({text})" if kind == "POINT" else kind + text


def _coordinates(value: list[Any]) -> str:
    if not value:
        return "EMPTY"
    if not isinstance(value[0], list):
        return " ".join(map(_float, value))
    # A point of a MULTIPOINT and of a line look alike here; both forms are read.
    return "(" + ", ".join(_coordinates(item) for item in value) + ")"


@_write.register
def _bbox(node: BBox) -> str:
    return f"BBOX({', '.join(map(_float, node.numbers))})"


@_write.register
def _placed(node: Placed) -> str:
    return f"WKB('{node.wkb.hex()}', {_boolean(node.cut)})"


@_write.register(ast.Attribute)
def _attribute(node: ast.Attribute) -> str:
    plain = IDENTIFIER.fullmatch(node.name) and node.name.upper() not in RESERVED_CALLS
    return str(node.name) if plain else '"' + node.name.replace('"', '""') + '"'


@_write.register(ast.Function)
def _function(node: ast.Function) -> str:
    return f"{node.name}({', '.join(_write(item) for item in node.arguments)})"


@_write.register(ast.Combination)
def _combination(node: ast.Combination) -> str:
    level = _level(node)
    return f" {node.op.name} ".join(_inside(item, level + 1) for item in operands(node, type(node)))


@_write.register(ast.Not)
def _not(node: ast.Not) -> str:
    return "NOT " + _inside(node.sub_node, _ATOM)


@_write.register(ast.Comparison)
@_write.register(ast.Arithmetic)
def _binary(node: Any) -> str:
    level = _level(node)
    left = level if _MULTIPLY >= level >= _ADD else level + 1
    operator = NAMES[type(node)]
    return f"{_inside(node.lhs, left)} {operator} {_inside(node.rhs, level + 1)}"


def _negated(node: Any, text: str) -> str:
    return f"NOT ({text})" if node.not_ else text


@_write.register(ast.Like)
def _like(node: ast.Like) -> str:
    return _negated(node, f"{_inside(node.lhs, _ADD)} LIKE {_inside(node.pattern, _ADD)}")


@_write.register(ast.Between)
def _between(node: ast.Between) -> str:
    low, high = _inside(node.low, _ADD), _inside(node.high, _ADD)
    return _negated(node, f"{_inside(node.lhs, _ADD)} BETWEEN {low} AND {high}")


@_write.register(ast.In)
def _in(node: ast.In) -> str:
    items = ", ".join(_inside(item, _ADD) for item in node.sub_nodes)
    return _negated(node, f"{_inside(node.lhs, _ADD)} IN ({items})")


@_write.register(ast.IsNull)
def _is_null(node: ast.IsNull) -> str:
    return _negated(node, f"{_inside(node.lhs, _ADD)} IS NULL")
