"""Types of a filter against the queryables: what each operator and function takes, before any SQL is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NoReturn

from pygeofilter import ast, values

from onemap.cql.columns import NUMERIC, TEMPORAL, Column, Kind
from onemap.cql.functions import FUNCTIONS, find
from onemap.cql.instants import read_instant
from onemap.cql.limits import MOST_PATTERN, check_tree
from onemap.cql.nodes import NAMES, AccentI, BBox, CaseI, Geometry, Placed, TimeIntersects, Tree, like
from onemap.errors import InvalidParameter, did_you_mean

Typed = tuple[Tree, Kind]
_ELEMENTS: frozenset[Kind] = NUMERIC | TEMPORAL | {"string", "boolean", "array"}
_WORDS: Mapping[Kind, str] = {"string": "text", "datetime": "timestamp", "boolean": "boolean (a condition)"}
_FOR_INSTANTS = (ast.TimeAfter, ast.TimeBefore, ast.TimeDisjoint, ast.TimeEquals, TimeIntersects)


def check(tree: Tree, columns: Mapping[str, Column]) -> Tree:
    """Return the filter with texts turned into instants where they are compared with such.

    ``columns`` are the queryables; a property outside them is unknown, hidden or not. Raises InvalidParameter for an
    unknown property or function, wrong arguments, or an expression that is not a condition.
    """
    check_tree(tree)
    return _Checker(columns).condition(tree)


def constant_text(node: Tree) -> str | None:
    """Return the text inside CASEI and ACCENTI, or None when it is not a literal."""
    while isinstance(node, CaseI | AccentI):
        node = node.sub_node
    return node if isinstance(node, str) else None


class _Checker:
    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns

    def condition(self, node: Tree) -> Tree:
        typed, kind = self.expression(node)
        if kind != "boolean":
            _refuse(f"{_shown(node, kind)} is not a condition", "Compare it with something.")
        return typed

    def expression(self, node: Tree) -> Typed:
        method = _METHODS.get(type(node))
        if method is not None:
            return method(self, node)
        for kind, rule in _FAMILIES:
            if isinstance(node, kind):
                return rule(self, node)
        raise InvalidParameter(f"The filter uses {type(node).__name__}, which is not supported.")

    def _attribute(self, node: Any) -> Typed:
        column = self._columns.get(node.name)
        if column is None:
            raise InvalidParameter(f"There is no property '{node.name}'.", did_you_mean(node.name, self._columns))
        return node, column.type

    def _array(self, node: Any) -> Typed:
        typed = [self.expression(item) for item in node]
        for item, kind in typed:
            if kind not in _ELEMENTS:
                _refuse(f"{_shown(item, kind)} cannot be an element of an array")
        return [item for item, _ in typed], "array"

    def _interval(self, node: Any) -> Typed:
        return values.Interval(*(item and self._end(item) for item in (node.start, node.end))), "interval"

    def _end(self, node: Tree) -> Tree:
        typed, kind = self.expression(node)
        if kind not in TEMPORAL:
            _refuse(f"{_shown(node, kind)} cannot be the end of an interval", "Use a date, a timestamp or '..'.")
        return typed

    def _chain(self, node: Any) -> Typed:
        return type(node)(self.condition(node.lhs), self.condition(node.rhs)), "boolean"

    def _not(self, node: Any) -> Typed:
        return ast.Not(self.condition(node.sub_node)), "boolean"

    def _comparison(self, node: Any) -> Typed:
        left, right = self._alike(NAMES[type(node)], [node.lhs, node.rhs])
        return type(node)(left, right), "boolean"

    def _between(self, node: Any) -> Typed:
        typed = self._alike("BETWEEN", [node.lhs, node.low, node.high])
        return ast.Between(*typed, not_=node.not_), "boolean"

    def _in(self, node: Any) -> Typed:
        first, *rest = self._alike("IN", [node.lhs, *node.sub_nodes])
        return ast.In(first, rest, not_=node.not_), "boolean"

    def _alike(self, operator: str, nodes: Sequence[Tree]) -> list[Tree]:
        """Return operands that can be compared with each other, texts made instants among instants."""
        typed = [self.expression(node) for node in nodes]
        if any(kind in TEMPORAL for _, kind in typed):
            typed = [_instant(*item) for item in typed]
        families = {_family(kind) for _, kind in typed}
        if len(families) > 1 or None in families:
            shown = [_shown(*item) for item in typed]
            other = next((place for place, item in enumerate(typed) if _family(item[1]) != _family(typed[0][1])), 1)
            _refuse(f"{operator} cannot compare {shown[0]} with {shown[other]}", "Both must be of the same type.")
        return [node for node, _ in typed]

    def _like(self, node: Any) -> Typed:
        if node.nocase or (node.wildcard, node.singlechar, node.escapechar) != ("%", "_", "\\"):
            raise InvalidParameter("The filter uses a LIKE that CQL2 does not have.")
        left = self._text("LIKE", node.lhs)
        pattern = constant_text(node.pattern)
        if pattern is None:
            _refuse("the pattern of LIKE must be a text in quotes, in CASEI or ACCENTI or not")
        if len(pattern) > MOST_PATTERN:
            _refuse(f"the pattern of LIKE has more than {MOST_PATTERN} characters")
        test = like(left, node.pattern)
        return (ast.Not(test) if node.not_ else test), "boolean"

    def _text(self, operator: str, node: Tree) -> Tree:
        typed, kind = self.expression(node)
        if kind != "string":
            _refuse(f"{operator} takes a text, not {_shown(node, kind)}")
        return typed

    def _fold(self, node: Any) -> Typed:
        return type(node)(self._text(NAMES[type(node)].upper(), node.sub_node)), "string"

    def _is_null(self, node: Any) -> Typed:
        return ast.IsNull(self.expression(node.lhs)[0], not_=node.not_), "boolean"

    def _arithmetic(self, node: Any) -> Typed:
        name = NAMES[type(node)]
        typed = [self.expression(item) for item in (node.lhs, node.rhs)]
        for item, kind in typed:
            if kind not in NUMERIC:
                _refuse(f"'{name}' takes numbers, not {_shown(item, kind)}")
        whole = name not in "/^" and all(kind == "integer" for _, kind in typed)
        return type(node)(typed[0][0], typed[1][0]), "integer" if whole else "number"

    def _spatial(self, node: Any) -> Typed:
        return type(node)(*self._operands(node, frozenset({"geometry"}), "geometries")), "boolean"

    def _arrays(self, node: Any) -> Typed:
        return type(node)(*self._operands(node, frozenset({"array"}), "arrays")), "boolean"

    def _operands(self, node: Any, kinds: frozenset[Kind], word: str) -> list[Tree]:
        typed = [self.expression(item) for item in (node.lhs, node.rhs)]
        for item, kind in typed:
            if kind not in kinds:
                _refuse(f"{NAMES[type(node)].upper()} takes {word}, not {_shown(item, kind)}")
        return [item for item, _ in typed]

    def _temporal(self, node: Any) -> Typed:
        name = NAMES[type(node)].upper()
        typed = [_instant(*self.expression(item)) for item in (node.lhs, node.rhs)]
        for item, kind in typed:
            if kind not in TEMPORAL | {"interval"}:
                _refuse(f"{name} takes times, not {_shown(item, kind)}")
            if kind != "interval" and not isinstance(node, _FOR_INSTANTS):
                hint = "Use T_INTERSECTS, T_BEFORE, T_AFTER, T_DISJOINT or T_EQUALS for instants."
                _refuse(f"{name} takes intervals only, not {_shown(item, kind)}", hint)
        return type(node)(typed[0][0], typed[1][0]), "boolean"

    def _function(self, node: Any) -> Typed:
        function = find(node.name)
        if function is None:
            raise InvalidParameter(f"There is no function '{node.name}'.", did_you_mean(node.name, FUNCTIONS))
        wanted = len(function.arguments)
        if len(node.arguments) != wanted:
            _refuse(f"{function.name} takes {wanted} argument{'s'[: wanted > 1]}, not {len(node.arguments)}")
        typed = [self.expression(item) for item in node.arguments]
        for (item, kind), argument in zip(typed, function.arguments, strict=True):
            if kind not in argument.kinds:
                words = " or ".join(sorted(_WORDS.get(one, one) for one in argument.kinds))
                _refuse(f"{function.name} takes {words}, not {_shown(item, kind)}")
        return ast.Function(function.name, [item for item, _ in typed]), function.returns or typed[0][1]


def _refuse(detail: str, hint: str = "") -> NoReturn:
    raise InvalidParameter(f"The filter does not fit: {detail}.", hint)


def _family(kind: Kind) -> str | None:
    if kind in NUMERIC:
        return "number"
    if kind in TEMPORAL:
        return "time"
    return kind if kind in ("string", "boolean") else None


def _instant(node: Tree, kind: Kind) -> Typed:
    """Return a text literal as the instant it names; anything else as it is."""
    if not isinstance(node, str):
        return node, kind
    instant = read_instant(node)
    if instant is None:
        _refuse(f"'{node[:40]}' is not a date or timestamp", "Write DATE('2025-12-31') or TIMESTAMP('...Z').")
    return instant, "datetime" if isinstance(instant, datetime) else "date"


def _shown(node: Tree, kind: Kind) -> str:
    """Return an expression as a message names it."""
    word = _WORDS.get(kind, kind)
    if isinstance(node, ast.Attribute):
        return f"the property '{node.name}' ({word})"
    if isinstance(node, str):
        return f"the text '{node[:40]}'"
    if isinstance(node, bool):
        return str(node).upper()
    return f"the number {node}" if isinstance(node, int | float) else f"a value of type {word}"


def _literal(kind: Kind) -> Callable[[_Checker, Any], Typed]:
    return lambda _, node: (node, kind)


_METHODS: Mapping[type[Any], Callable[[_Checker, Any], Typed]] = {
    str: _literal("string"),
    bool: _literal("boolean"),
    int: _literal("integer"),
    float: _literal("number"),
    date: _literal("date"),
    datetime: _literal("datetime"),
    Geometry: _literal("geometry"),
    BBox: _literal("geometry"),
    Placed: _literal("geometry"),
    list: _Checker._array,
    values.Interval: _Checker._interval,
    ast.Attribute: _Checker._attribute,
    ast.Not: _Checker._not,
    ast.Between: _Checker._between,
    ast.In: _Checker._in,
    ast.Like: _Checker._like,
    ast.IsNull: _Checker._is_null,
    ast.Function: _Checker._function,
    CaseI: _Checker._fold,
    AccentI: _Checker._fold,
}
_FAMILIES: Sequence[tuple[type[Any], Callable[[_Checker, Any], Typed]]] = (
    (ast.Comparison, _Checker._comparison),
    (ast.Combination, _Checker._chain),
    (ast.Arithmetic, _Checker._arithmetic),
    (ast.SpatialComparisonPredicate, _Checker._spatial),
    (ast.TemporalPredicate, _Checker._temporal),
    (ast.ArrayPredicate, _Checker._arrays),
)
