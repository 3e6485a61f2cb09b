"""The filter tree to CQL2 JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from pygeofilter import ast, values

from onemap.cql.instants import OPEN, write_date, write_instant, write_timestamp
from onemap.cql.nodes import NAMES, BBox, Geometry, Tree, operands

Json = Any


def write_json(tree: Tree) -> Json:
    """Return a filter as a JSON document (OGC 21-065r2, Annex A). Raises TypeError for a node CQL2 has no form for."""
    return _write(tree)


@functools.singledispatch
def _write(node: object) -> Json:
    name = NAMES.get(type(node))
    if name is None:
        raise TypeError(f"CQL2 JSON has no form for {type(node).__name__}")
    return {"op": name, "args": [_write(item) for item in node.get_sub_nodes()]}  # type: ignore[attr-defined]


@_write.register(str)
@_write.register(bool)
@_write.register(int)
@_write.register(float)
def _scalar(node: Json) -> Json:
    return node


@_write.register
def _list(node: list) -> Json:  # type: ignore[type-arg]
    return [_write(item) for item in node]


@_write.register
def _date(node: date) -> Json:
    return {"date": write_date(node)}


@_write.register
def _timestamp(node: datetime) -> Json:
    return {"timestamp": write_timestamp(node)}


@_write.register(values.Interval)
def _interval(node: values.Interval) -> Json:
    return {"interval": [_end(node.start), _end(node.end)]}


def _end(node: Tree) -> Json:
    if node is None:
        return OPEN
    return write_instant(node) if isinstance(node, date) else _write(node)


@_write.register(Geometry)
def _geometry(node: Geometry) -> Json:
    return node.geometry


@_write.register
def _bbox(node: BBox) -> Json:
    return {"bbox": list(node.numbers)}


@_write.register(ast.Attribute)
def _attribute(node: ast.Attribute) -> Json:
    return {"property": node.name}


@_write.register(ast.Function)
def _function(node: ast.Function) -> Json:
    return {"op": node.name, "args": [_write(item) for item in node.arguments]}


@_write.register(ast.Combination)
def _combination(node: ast.Combination) -> Json:
    return {"op": node.op.name.lower(), "args": [_write(item) for item in operands(node, type(node))]}


@_write.register(ast.Not)
def _not(node: ast.Not) -> Json:
    return {"op": "not", "args": [_write(node.sub_node)]}


def _operator(name: str, arguments: Callable[[Any], list[Json]]) -> Callable[[Any], Json]:
    def write(node: Any) -> Json:
        test = {"op": name, "args": arguments(node)}
        return {"op": "not", "args": [test]} if node.not_ else test

    return write


_OPERATORS: Mapping[type[ast.Node], Callable[[Any], Json]] = {
    ast.Like: _operator("like", lambda node: [_write(node.lhs), _write(node.pattern)]),
    ast.Between: _operator("between", lambda node: [_write(item) for item in (node.lhs, node.low, node.high)]),
    ast.In: _operator("in", lambda node: [_write(node.lhs), [_write(item) for item in node.sub_nodes]]),
    ast.IsNull: _operator("isNull", lambda node: [_write(node.lhs)]),
}
for _kind, _writer in _OPERATORS.items():
    _write.register(_kind, _writer)
