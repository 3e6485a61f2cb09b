"""Filters that pygeofilter's own parsers made, as filters of ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from pygeofilter import ast, values

from onemap.cql import Tree, place
from onemap.cql.limits import check_tree
from onemap.cql.nodes import BBox, Geometry, like
from onemap.errors import InvalidParameter
from onemap.geo.crs import CRS84, Crs

GEOMETRY = "geometry"


def adopt(tree: Tree, geometry_column: str, given: Crs, storage: Crs, named: Callable[[str], Crs]) -> Tree:
    """Return a pygeofilter tree as ``onemap.cql`` has it, geometries in x, y of ``storage``.

    ``given`` is the CRS of geometries without one, ``named`` gives that of those with one; a box has no other than
    CRS84. The property ``geometry`` is the geometry column. LIKE has the wildcards of CQL2, whatever the node says.
    Raises InvalidParameter.
    """
    check_tree(tree)
    return _Adopter(geometry_column, given, storage, named).node(tree)


@dataclasses.dataclass(frozen=True, slots=True)
class _Adopter:
    geometry_column: str
    given: Crs
    storage: Crs
    named: Callable[[str], Crs]

    def node(self, node: Tree) -> Tree:
        if isinstance(node, values.Geometry):
            return self._geometry(node)
        if isinstance(node, ast.Function) and node.name.lower() == "bbox":
            return place(BBox(tuple(_number(item) for item in node.arguments)), CRS84, self.storage)
        if isinstance(node, ast.Attribute):
            return ast.Attribute(self.geometry_column) if node.name == GEOMETRY else node
        if isinstance(node, ast.Like):
            return self._like(node)
        if isinstance(node, ast.TemporalPredicate):
            return type(node)(*(self._time(item) for item in (node.lhs, node.rhs)))
        return self._other(node)

    def _other(self, node: Tree) -> Tree:
        if isinstance(node, list | tuple):
            return [self.node(item) for item in node]
        if isinstance(node, datetime):
            return node.replace(tzinfo=UTC) if node.tzinfo is None else node.astimezone(UTC)
        if isinstance(node, ast.Node | values.Interval) and dataclasses.is_dataclass(type(node)):
            parts = {part.name: self.node(getattr(node, part.name)) for part in dataclasses.fields(node)}
            return dataclasses.replace(node, **parts)
        if node is None or isinstance(node, str | int | float | date):
            return node
        raise InvalidParameter(f"The filter uses {type(node).__name__}, which is not supported.")

    def _like(self, node: Any) -> Tree:
        subject, pattern = self.node(node.lhs), self.node(node.pattern)
        if node.nocase:
            subject, pattern = (ast.Function("lower", [part]) for part in (subject, pattern))
        if isinstance(pattern, ast.Function) and pattern.name == "lower":
            # pygeofilter reads CASEI as lower(), and a pattern must be a text.
            pattern = str(pattern.arguments[0]).lower()
        test = like(subject, pattern)
        return ast.Not(test) if node.not_ else test

    def _time(self, node: Tree) -> Tree:
        """Return an operand of a temporal predicate; a pair is an interval."""
        made = self.node(node)
        return values.Interval(*made) if isinstance(made, list) and len(made) == 2 else made

    def _geometry(self, node: Any) -> Tree:
        document = dict(node.geometry)
        name = document.pop("crs", {}).get("properties", {}).get("name")
        return place(Geometry(_listed(document)), self.named(name) if name else self.given, self.storage)


def _listed(item: Any) -> Any:
    """Return GeoJSON with lists for tuples and floats for whole numbers."""
    if isinstance(item, dict):
        return {key: value if key == "type" else _listed(value) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return [_listed(part) for part in item]
    return float(item) if isinstance(item, int) else item


def _number(item: Tree) -> float:
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise InvalidParameter("BBOX takes numbers.")
    return float(item)
