"""The filter tree: pygeofilter's nodes, and those that CQL2 needs beside them.

A condition is an ``ast.Condition`` or ``ast.Predicate``, a boolean function or property, or True or False. Literals
are Python values: str, int (64 bits), float, bool, ``date`` and ``datetime`` (UTC), ``values.Interval`` (None is an
open end), ``Geometry``, ``BBox``, and a list for an array.

Canonical form, which both parsers give: NOT LIKE, NOT IN, NOT BETWEEN and IS NOT NULL are ``Not`` around the positive
predicate; a chain of AND or OR is a balanced tree, so that no filter is deeper than its nesting in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from pygeofilter import ast, values

Tree = Any  # ast.Node, or a literal where a literal may stand (pygeofilter is not typed)


class ArithmeticOp(Enum):
    """The operators that pygeofilter lacks."""

    MOD = "%"
    INTDIV = "div"
    POW = "^"


@dataclass
class Mod(ast.Arithmetic):  # type: ignore[misc]
    """Remainder with the sign of the dividend."""

    op: ClassVar[ArithmeticOp] = ArithmeticOp.MOD


@dataclass
class IntDiv(ast.Arithmetic):  # type: ignore[misc]
    """Quotient cut towards zero."""

    op: ClassVar[ArithmeticOp] = ArithmeticOp.INTDIV


@dataclass
class Pow(ast.Arithmetic):  # type: ignore[misc]
    """Power."""

    op: ClassVar[ArithmeticOp] = ArithmeticOp.POW


@dataclass
class CaseI(ast.Expression):  # type: ignore[misc]
    """A text without regard to case."""

    sub_node: Tree

    def get_sub_nodes(self) -> list[Tree]:
        return [self.sub_node]

    def get_template(self) -> str:
        return "CASEI({})"


@dataclass
class AccentI(ast.Expression):  # type: ignore[misc]
    """A text without regard to accents."""

    sub_node: Tree

    def get_sub_nodes(self) -> list[Tree]:
        return [self.sub_node]

    def get_template(self) -> str:
        return "ACCENTI({})"


class TemporalComparisonOp(Enum):
    """The temporal comparison that pygeofilter lacks."""

    INTERSECTS = "TINTERSECTS"


@dataclass
class TimeIntersects(ast.TemporalPredicate):  # type: ignore[misc]
    """Whether two times have a moment in common."""

    op: ClassVar[TemporalComparisonOp] = TemporalComparisonOp.INTERSECTS


@dataclass(eq=False)
class Geometry(values.Geometry):  # type: ignore[misc]
    """A GeoJSON geometry of lists and floats, in the axis order of the filter's CRS; 2 or 3 coordinates."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Geometry) and self.geometry == other.geometry

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class BBox:
    """A bounding box of 4 or 6 numbers in the axis order of the filter's CRS; the first may exceed the third (fourth)
    where it crosses the antimeridian."""

    numbers: tuple[float, ...]


@dataclass(frozen=True)
class Placed:
    """A geometry literal in x, y of the storage CRS.

    ``wkb``: two-dimensional. ``boxes``: the bounds of its parts. ``cut``: a part of the literal lies outside the
    domain of the storage CRS, and is not here.
    """

    wkb: bytes
    boxes: tuple[tuple[float, float, float, float], ...]
    cut: bool = False


COMPARISONS: Mapping[str, type[ast.Node]] = {
    "=": ast.Equal,
    "<>": ast.NotEqual,
    "<": ast.LessThan,
    "<=": ast.LessEqual,
    ">": ast.GreaterThan,
    ">=": ast.GreaterEqual,
}
ARITHMETIC: Mapping[str, type[ast.Node]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mul,
    "/": ast.Div,
    "%": Mod,
    "div": IntDiv,
    "^": Pow,
}
SPATIAL: Mapping[str, type[ast.Node]] = {
    "s_intersects": ast.GeometryIntersects,
    "s_equals": ast.GeometryEquals,
    "s_disjoint": ast.GeometryDisjoint,
    "s_touches": ast.GeometryTouches,
    "s_within": ast.GeometryWithin,
    "s_overlaps": ast.GeometryOverlaps,
    "s_crosses": ast.GeometryCrosses,
    "s_contains": ast.GeometryContains,
}
TEMPORAL: Mapping[str, type[ast.Node]] = {
    "t_after": ast.TimeAfter,
    "t_before": ast.TimeBefore,
    "t_contains": ast.TimeContains,
    "t_disjoint": ast.TimeDisjoint,
    "t_during": ast.TimeDuring,
    "t_equals": ast.TimeEquals,
    "t_finishedBy": ast.TimeEndedBy,
    "t_finishes": ast.TimeEnds,
    "t_intersects": TimeIntersects,
    "t_meets": ast.TimeMeets,
    "t_metBy": ast.TimeMetBy,
    "t_overlappedBy": ast.TimeOverlappedBy,
    "t_overlaps": ast.TimeOverlaps,
    "t_startedBy": ast.TimeBegunBy,
    "t_starts": ast.TimeBegins,
}
ARRAYS: Mapping[str, type[ast.Node]] = {
    "a_equals": ast.ArrayEquals,
    "a_contains": ast.ArrayContains,
    "a_containedBy": ast.ArrayContainedBy,
    "a_overlaps": ast.ArrayOverlaps,
}
FOLDS: Mapping[str, type[ast.Node]] = {"casei": CaseI, "accenti": AccentI}
PREDICATES: Mapping[str, type[ast.Node]] = {**SPATIAL, **TEMPORAL, **ARRAYS}
NAMES: Mapping[type[ast.Node], str] = {
    kind: name for table in (COMPARISONS, ARITHMETIC, PREDICATES, FOLDS) for name, kind in table.items()
}
GEOMETRY_TYPES: Mapping[str, str] = {
    name.upper(): name
    for name in (
        "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection",
    )
}  # fmt: skip


def combine(kind: type[ast.Combination], items: Sequence[Tree]) -> Tree:
    """Return the balanced conjunction or disjunction of at least one condition; nested ones of the kind are joined."""
    flat = [leaf for item in items for leaf in operands(item, kind)]
    return fold_balanced(flat, kind)


def operands(node: Tree, kind: type[ast.Combination]) -> list[Tree]:
    """Return the conditions of a chain of AND (or OR), in order; a node of another kind is its own only one."""
    found, waiting = [], [node]
    while waiting:
        item = waiting.pop()
        if type(item) is kind:
            waiting += [item.rhs, item.lhs]
        else:
            found.append(item)
    return found


def fold_balanced[T](items: Sequence[T], join: Callable[[T, T], T]) -> T:
    """Join at least one item pairwise, so that the depth is the logarithm of their number."""
    if len(items) == 1:
        return items[0]
    middle = (len(items) + 1) // 2
    return join(fold_balanced(items[:middle], join), fold_balanced(items[middle:], join))


def like(subject: Tree, pattern: Tree) -> ast.Like:
    """Return a LIKE predicate with the wildcards of CQL2."""
    return ast.Like(subject, pattern, nocase=False, wildcard="%", singlechar="_", escapechar="\\", not_=False)


def children(node: Tree) -> list[Tree]:
    """Return what a node is made of, literals included."""
    if isinstance(node, list):
        return node
    if isinstance(node, ast.Like):
        return [node.lhs, node.pattern]
    if isinstance(node, values.Interval | ast.Node):
        return list(node.get_sub_nodes())
    return []
