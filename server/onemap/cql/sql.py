"""Compile a filter tree to an SQL condition: columns from a known set, every value bound."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from pygeofilter import ast, values

from onemap.cql.check import check
from onemap.cql.columns import TEMPORAL, Column, Kind
from onemap.cql.dialects import SQLITE, Dialect, Piece
from onemap.cql.dialects.base import fill, listed
from onemap.cql.folding import accenti, casei
from onemap.cql.functions import FUNCTIONS
from onemap.cql.instants import write_instant
from onemap.cql.nodes import NAMES, AccentI, CaseI, Placed, Tree, fold_balanced
from onemap.cql.temporal import ANY, RULES, Side

Comparison = tuple[Piece | float, str, Piece | float]
_ORDER = ("<", "<=", ">", ">=")
_WHOLE_ONLY = ("s_equals", "s_contains"), ("s_equals", "s_within")


def compile_filter(
    node: Tree, columns: Mapping[str, Column], dialect: Dialect = SQLITE
) -> tuple[str, list[Any]]:  # fmt: skip
    """Return an SQL condition and its parameters in order; three-valued as SQL is.

    ``columns`` are the properties that may be used; any other name raises InvalidParameter, whether the property is
    hidden or does not exist. Geometry literals must have been placed (``onemap.cql.place``). On SQLite the connection
    must know the functions of ``onemap.cql.register``.
    """
    piece = _Compiler(columns, dialect).expression(check(node, columns))
    return piece.text, list(piece.values)


def folded(node: Tree) -> str | None:
    """Return a text literal, CASEI and ACCENTI around it applied; None for anything else."""
    if isinstance(node, str):
        return node
    if not isinstance(node, CaseI | AccentI):
        return None
    text = folded(node.sub_node)
    if text is None:
        return None
    return casei(text) if isinstance(node, CaseI) else accenti(text)


class _Compiler:
    """Compile a tree that ``check`` has passed."""

    def __init__(self, columns: Mapping[str, Column], dialect: Dialect) -> None:
        self._columns = columns
        self._dialect = dialect
        self._srid = next((column.srid for column in columns.values() if column.type == "geometry"), 0)

    def expression(self, node: Tree) -> Piece:
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        rule = next((rule for kind, rule in _FAMILIES if isinstance(node, kind)), None)
        if rule is None:
            raise TypeError(f"{type(node).__name__} cannot be compiled; geometries must be placed first")
        return rule(self, node)

    def scalar(self, node: Tree, kind: Kind) -> Piece:
        return self._dialect.literal(node, kind)

    def _boolean(self, node: bool) -> Piece:
        return Piece(self._dialect.true if node else self._dialect.false, (), "boolean")

    def _attribute(self, node: Any) -> Piece:
        return self._dialect.column(self._columns[node.name])

    def _chain(self, node: Any) -> Piece:
        parts = self.expression(node.lhs), self.expression(node.rhs)
        return fill("({} AND {})" if isinstance(node, ast.And) else "({} OR {})", *parts)

    def _not(self, node: Any) -> Piece:
        return fill("(NOT {})", self.expression(node.sub_node))

    def _negated(self, node: Any, test: Piece) -> Piece:
        return fill("(NOT {})", test) if node.not_ else test

    def _comparison(self, node: Any) -> Piece:
        return self._compare(NAMES[type(node)], self.expression(node.lhs), self.expression(node.rhs))

    def _compare(self, op: str, left: Piece, right: Piece) -> Piece:
        left, right = self._aligned(left, right)
        if left.kind == "string" and op in _ORDER:
            left, right = self._dialect.ordered(left), self._dialect.ordered(right)
        return fill("({} " + op + " {})", left, right)

    def _aligned(self, left: Piece, right: Piece) -> tuple[Piece, Piece]:
        """Return a timestamp that is compared with a date as its day."""
        if (left.kind, right.kind) == ("datetime", "date"):
            return self._dialect.day(left), right
        if (left.kind, right.kind) == ("date", "datetime"):
            return left, self._dialect.day(right)
        return left, right

    def _between(self, node: Any) -> Piece:
        value, low, high = (self.expression(item) for item in (node.lhs, node.low, node.high))
        test = fill("({} AND {})", self._compare(">=", value, low), self._compare("<=", value, high))
        return self._negated(node, test)

    def _in(self, node: Any) -> Piece:
        value, items = self.expression(node.lhs), [self.expression(item) for item in node.sub_nodes]
        if value.kind in TEMPORAL and any(item.kind != value.kind for item in items):
            tests = [self._compare("=", value, item) for item in items]
            return self._negated(node, fold_balanced(tests, functools.partial(fill, "({} OR {})")))
        return self._negated(node, fill("({} IN ({}))", value, listed(items)))

    def _like(self, node: Any) -> Piece:
        return self._negated(node, self._dialect.like(self.expression(node.lhs), folded(node.pattern) or ""))

    def _fold(self, node: Any) -> Piece:
        text = folded(node)
        if text is not None:
            return self._dialect.literal(text, "string")
        return self._dialect.fold(isinstance(node, AccentI), self.expression(node.sub_node))

    def _is_null(self, node: Any) -> Piece:
        parts = [node.lhs.start, node.lhs.end] if isinstance(node.lhs, values.Interval) else [node.lhs]
        tests = [fill("({} IS NULL)", self.expression(part)) for part in parts if part is not None]
        test = fold_balanced(tests or [self._boolean(False)], functools.partial(fill, "({} OR {})"))
        return self._negated(node, test)

    def _arithmetic(self, node: Any) -> Piece:
        left, right = self.expression(node.lhs), self.expression(node.rhs)
        whole = left.kind == right.kind == "integer" and (type(node), True) in self._dialect.arithmetic
        template = self._dialect.arithmetic[type(node), whole]
        return fill(template, left, right, kind="integer" if whole else "number")

    def _function(self, node: Any) -> Piece:
        arguments = [self.expression(item) for item in node.arguments]
        return self._dialect.call(node.name, arguments, FUNCTIONS[node.name].returns or arguments[0].kind)

    def _spatial(self, node: Any) -> Piece:
        name = NAMES[type(node)]
        left, right = self.expression(node.lhs), self.expression(node.rhs)
        for item, other, names in ((node.rhs, left, _WHOLE_ONLY[0]), (node.lhs, right, _WHOLE_ONLY[1])):
            if isinstance(item, Placed) and item.cut and name in names:
                # What is left of the literal could be equal to, or inside of, a feature; the whole cannot.
                return fill("(CASE WHEN {} IS NOT NULL THEN {} END)", other, self._boolean(False))
        return self._dialect.spatial(name, left, right)

    def _placed(self, node: Placed) -> Piece:
        return self._dialect.geometry(node, self._srid)

    def _temporal(self, node: Any) -> Piece:
        (start1, end1), (start2, end2) = self._ends(node.lhs), self._ends(node.rhs)
        ends: dict[Side, Piece | float] = {"s1": start1, "e1": end1, "s2": start2, "e2": end2}
        tests: list[Comparison] = [(ends[left], op, ends[right]) for left, op, right in RULES[type(node)]]
        if type(node) in ANY:
            return fold_balanced([self._test(*test) for test in tests], functools.partial(fill, "({} OR {})"))
        kept = [test for test in tests if not _idle(test, tests)]
        return fold_balanced([self._test(*test) for test in kept], functools.partial(fill, "({} AND {})"))

    def _ends(self, node: Tree) -> tuple[Piece | float, Piece | float]:
        """Return start and end; infinity for an open one."""
        if not isinstance(node, values.Interval):
            instant = self.expression(node)
            return instant, instant
        start, end = (None if item is None else self.expression(item) for item in (node.start, node.end))
        return start or -float("inf"), end or float("inf")

    def _test(self, left: Piece | float, op: str, right: Piece | float) -> Piece:
        if isinstance(left, Piece) and isinstance(right, Piece):
            return self._compare(op, left, right)
        holds = _holds(left, op, right)
        known = left if isinstance(left, Piece) else right
        if not isinstance(known, Piece):
            return self._boolean(holds)
        # An open end settles the comparison, unless the other end is unknown.
        return fill("({} = {})" if holds else "({} <> {})", known, known)

    def _array(self, node: list[Tree]) -> Piece:
        document = _document(node)
        if document is not None:
            return self._dialect.json(orjson.dumps(document).decode())
        return self._dialect.array([self.expression(item) for item in node])

    def _arrays(self, node: Any) -> Piece:
        return self._dialect.arrays(NAMES[type(node)], self.expression(node.lhs), self.expression(node.rhs))


def _holds(left: Piece | float, op: str, right: Piece | float) -> bool:
    """Return the outcome of a comparison in which at least one end is open."""
    x, y = (0.0 if isinstance(end, Piece) else end for end in (left, right))
    return {"<": x < y, ">": x > y, "=": x == y, "<=": x <= y, ">=": x >= y}[op]


def _idle(test: Comparison, tests: list[Comparison]) -> bool:
    """Whether a test of a conjunction always holds unless its end is unknown, which another test finds out."""
    left, op, right = test
    known = left if isinstance(left, Piece) else right
    if isinstance(left, Piece) is isinstance(right, Piece) or not _holds(left, op, right):
        return False
    real = [(first, last) for first, _, last in tests if isinstance(first, Piece) and isinstance(last, Piece)]
    return any(known in pair for pair in real)


def _document(node: list[Tree]) -> list[Any] | None:
    """Return an array of literals as JSON has it, instants as text; None when an element is an expression."""
    found: list[Any] = []
    for item in node:
        value = write_instant(item) if isinstance(item, date) else _document(item) if isinstance(item, list) else item
        if not isinstance(value, str | int | float | list):
            return None
        found.append(value)
    return found


def _scalar(kind: Kind) -> Callable[[_Compiler, Any], Piece]:
    return lambda compiler, node: compiler.scalar(node, kind)


_METHODS: Mapping[type[Any], Callable[[_Compiler, Any], Piece]] = {
    str: _scalar("string"),
    bool: _Compiler._boolean,
    int: _scalar("integer"),
    float: _scalar("number"),
    date: _scalar("date"),
    datetime: _scalar("datetime"),
    list: _Compiler._array,
    Placed: _Compiler._placed,
    ast.Attribute: _Compiler._attribute,
    ast.Not: _Compiler._not,
    ast.Between: _Compiler._between,
    ast.In: _Compiler._in,
    ast.Like: _Compiler._like,
    ast.IsNull: _Compiler._is_null,
    ast.Function: _Compiler._function,
    CaseI: _Compiler._fold,
    AccentI: _Compiler._fold,
}
_FAMILIES: Sequence[tuple[type[Any], Callable[[_Compiler, Any], Piece]]] = (
    (ast.Comparison, _Compiler._comparison),
    (ast.Combination, _Compiler._chain),
    (ast.Arithmetic, _Compiler._arithmetic),
    (ast.SpatialComparisonPredicate, _Compiler._spatial),
    (ast.TemporalPredicate, _Compiler._temporal),
    (ast.ArrayPredicate, _Compiler._arrays),
)
