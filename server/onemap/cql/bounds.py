"""The regions outside of which no feature can match a filter, for use with a spatial index."""

from __future__ import annotations

from pygeofilter import ast

from onemap.cql.nodes import Placed, Tree
from onemap.geo.crs import Bounds

_MOST_BOXES = 64


def bounds_of(tree: Tree, geometry: str | None = None) -> list[Bounds] | None:
    """Return boxes (x, y of the storage CRS), at least one of which the box of every match meets; None: no limit.

    An empty list: nothing matches. ``geometry``: the property that the index is of, where there are several. The
    literals must have been placed.
    """
    return _limit(tree, False, geometry)


def _limit(node: Tree, negated: bool, geometry: str | None) -> list[Bounds] | None:
    if isinstance(node, bool):
        return None if node is not negated else []
    if isinstance(node, ast.Not):
        return _limit(node.sub_node, not negated, geometry)
    if isinstance(node, ast.Combination):
        sides = _limit(node.lhs, negated, geometry), _limit(node.rhs, negated, geometry)
        return _both(*sides) if isinstance(node, ast.And) is not negated else _either(*sides)
    if isinstance(node, ast.SpatialComparisonPredicate):
        return _spatial(node, negated, geometry)
    return None


def _spatial(node: ast.SpatialComparisonPredicate, negated: bool, geometry: str | None) -> list[Bounds] | None:
    if isinstance(node, ast.GeometryDisjoint) is not negated:
        return None
    literal = next((item for item in (node.lhs, node.rhs) if isinstance(item, Placed)), None)
    name = next((item.name for item in (node.lhs, node.rhs) if isinstance(item, ast.Attribute)), None)
    if literal is None or name is None or (geometry is not None and name != geometry):
        return None
    if not literal.boxes and isinstance(node, ast.GeometryEquals):
        return None  # an empty geometry equals an empty one, which is in no index
    return list(literal.boxes)


def _both(left: list[Bounds] | None, right: list[Bounds] | None) -> list[Bounds] | None:
    """Return the smaller of two limits: a large feature may meet both, and not where they overlap."""
    if left is None or right is None:
        return right if left is None else left
    return min(left, right, key=_area)


def _either(left: list[Bounds] | None, right: list[Bounds] | None) -> list[Bounds] | None:
    if left is None or right is None:
        return None
    boxes = left + right
    return boxes if len(boxes) <= _MOST_BOXES else [_around(boxes)]


def _area(boxes: list[Bounds]) -> float:
    return sum((box[2] - box[0]) * (box[3] - box[1]) for box in boxes)


def _around(boxes: list[Bounds]) -> Bounds:
    low_x, low_y, high_x, high_y = zip(*boxes, strict=True)
    return (min(low_x), min(low_y), max(high_x), max(high_y))
