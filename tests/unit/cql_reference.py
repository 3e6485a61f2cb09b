"""What a filter means, row by row in Python: simple, slow, and independent of any SQL.

A row is a mapping of property names to values: str, int, float, bool, date, datetime (UTC), a shapely geometry, a list,
or None. The result is True, False or None (unknown).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import shapely
from pygeofilter import ast, values

from onemap.cql.nodes import NAMES, AccentI, ArithmeticOp, CaseI, Placed

Row = Mapping[str, Any]
EARLIEST, LATEST = object(), object()


def evaluate(node: Any, row: Row) -> Any:
    match node:
        case ast.And():
            return conjunction([evaluate(node.lhs, row), evaluate(node.rhs, row)])
        case ast.Or():
            sides = [evaluate(node.lhs, row), evaluate(node.rhs, row)]
            return negation(conjunction([negation(side) for side in sides]))
        case ast.Not():
            return negation(evaluate(node.sub_node, row))
        case ast.Attribute():
            return row[node.name]
        case ast.IsNull():
            return is_null(node.lhs, row)
        case ast.Comparison():
            return compare(NAMES[type(node)], evaluate(node.lhs, row), evaluate(node.rhs, row))
        case ast.Between():
            value, low, high = (evaluate(item, row) for item in (node.lhs, node.low, node.high))
            return conjunction([compare(">=", value, low), compare("<=", value, high)])
        case ast.In():
            value = evaluate(node.lhs, row)
            tests = [negation(compare("=", value, evaluate(item, row))) for item in node.sub_nodes]
            return negation(conjunction(tests))
        case ast.Like():
            return like(evaluate(node.lhs, row), evaluate(node.pattern, row))
        case CaseI() | AccentI():
            text = evaluate(node.sub_node, row)
            return text if text is None else text.casefold() if isinstance(node, CaseI) else without_accents(text)
        case ast.Arithmetic():
            return arithmetic(node.op, evaluate(node.lhs, row), evaluate(node.rhs, row))
        case ast.Function():
            return function(node.name, [evaluate(item, row) for item in node.arguments])
        case ast.SpatialComparisonPredicate():
            return spatial(NAMES[type(node)][2:], evaluate(node.lhs, row), evaluate(node.rhs, row))
        case ast.TemporalPredicate():
            return temporal(NAMES[type(node)], *ends(node.lhs, row), *ends(node.rhs, row))
        case ast.ArrayPredicate():
            return arrays(NAMES[type(node)], evaluate(node.lhs, row), evaluate(node.rhs, row))
        case list():
            return [element(evaluate(item, row)) for item in node]
        case Placed():
            return shapely.from_wkb(node.wkb)
    return node


def negation(value: bool | None) -> bool | None:
    return None if value is None else not value


def conjunction(parts: list[bool | None]) -> bool | None:
    if any(part is False for part in parts):
        return False
    return None if any(part is None for part in parts) else True


def is_null(node: Any, row: Row) -> bool:
    if isinstance(node, values.Interval):
        return any(end is not None and evaluate(end, row) is None for end in (node.start, node.end))
    return evaluate(node, row) is None


def compare(op: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    sign = order(left, right)
    return {"=": sign == 0, "<>": sign != 0, "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[op]


def order(left: Any, right: Any) -> int:
    """Return -1, 0 or 1. A timestamp and a date compare by days; texts by code points."""
    if left is right and left in (EARLIEST, LATEST):
        return 0
    if left is EARLIEST or right is LATEST:
        return -1
    if left is LATEST or right is EARLIEST:
        return 1
    if isinstance(left, datetime) is not isinstance(right, datetime):
        left, right = (item.astimezone(UTC).date() if isinstance(item, datetime) else item for item in (left, right))
    return (left > right) - (left < right)


def like(text: str | None, pattern: str) -> bool | None:
    if text is None:
        return None
    wild = re.sub(
        r"\\(.)|(%)|(_)|(.)",
        lambda found: ".*" if found[2] else "." if found[3] else re.escape(found[1] or found[4]),
        pattern,
        flags=re.DOTALL,
    )
    return re.fullmatch(wild, text, re.DOTALL) is not None


def without_accents(text: str) -> str:
    marks = [
        mark
        for mark in unicodedata.normalize("NFD", text)
        if unicodedata.category(mark) != "Mn" or mark in "\u3099\u309a"
    ]
    return unicodedata.normalize("NFC", "".join(marks))


def arithmetic(op: Any, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    whole = isinstance(left, int) and isinstance(right, int)
    if op in (ast.ArithmeticOp.DIV, ArithmeticOp.INTDIV, ArithmeticOp.MOD) and right == 0:
        return None
    match op:
        case ast.ArithmeticOp.ADD:
            return left + right
        case ast.ArithmeticOp.SUB:
            return left - right
        case ast.ArithmeticOp.MUL:
            return left * right
        case ast.ArithmeticOp.DIV:
            return float(left) / float(right)
        case ArithmeticOp.INTDIV:
            return quotient(left, right) if whole else float(math.trunc(left / right))
        case ArithmeticOp.MOD:
            return left - right * (quotient(left, right) if whole else math.trunc(left / right))
    if (left == 0 and right < 0) or (left < 0 and right != math.floor(right)):
        return None
    return float(left) ** float(right)


def quotient(left: int, right: int) -> int:
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def function(name: str, arguments: list[Any]) -> Any:
    if None in arguments:
        return None
    first = arguments[0]
    if isinstance(first, datetime):
        first = first.astimezone(UTC)
    match name:
        case "lower":
            return first.lower()
        case "upper":
            return first.upper()
        case "trim":
            return first.strip(" ")
        case "concat":
            return first + arguments[1]
        case "length" | "char_length":
            return len(first)
        case "abs":
            return abs(first)
        case "round":
            return math.floor(abs(first) + 0.5) * (-1 if first < 0 else 1)
        case "floor":
            return math.floor(first)
        case "ceil":
            return math.ceil(first)
    return getattr(first, name)


def spatial(name: str, left: Any, right: Any) -> bool | None:
    return None if left is None or right is None else bool(getattr(shapely, name)(left, right))


def ends(node: Any, row: Row) -> tuple[Any, Any]:
    if not isinstance(node, values.Interval):
        instant = evaluate(node, row)
        return instant, instant
    start = EARLIEST if node.start is None else evaluate(node.start, row)
    end = LATEST if node.end is None else evaluate(node.end, row)
    return start, end


def temporal(name: str, s1: Any, e1: Any, s2: Any, e2: Any) -> bool | None:
    """Return the relation of two closed intervals, as OWL-Time draws them."""
    match name:
        case "t_after":
            return compare(">", s1, e2)
        case "t_before":
            return compare("<", e1, s2)
        case "t_disjoint":
            return negation(conjunction([compare(">=", e1, s2), compare("<=", s1, e2)]))
        case "t_equals":
            return conjunction([compare("=", s1, s2), compare("=", e1, e2)])
        case "t_intersects":
            return conjunction([compare(">=", e1, s2), compare("<=", s1, e2)])
        case "t_contains":
            return conjunction([compare("<", s1, s2), compare("<", e2, e1)])
        case "t_during":
            return temporal("t_contains", s2, e2, s1, e1)
        case "t_finishedBy":
            return conjunction([compare("<", s1, s2), compare("=", e1, e2)])
        case "t_finishes":
            return temporal("t_finishedBy", s2, e2, s1, e1)
        case "t_meets":
            return compare("=", e1, s2)
        case "t_metBy":
            return compare("=", s1, e2)
        case "t_overlaps":
            return conjunction([compare("<", s1, s2), compare("<", s2, e1), compare("<", e1, e2)])
        case "t_overlappedBy":
            return temporal("t_overlaps", s2, e2, s1, e1)
        case "t_startedBy":
            return conjunction([compare("=", s1, s2), compare("<", e2, e1)])
    return temporal("t_startedBy", s2, e2, s1, e1)


def element(value: Any) -> Any:
    """Return a value as an element of an array: instants are texts."""
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
        return text + "Z"
    return value.isoformat() if isinstance(value, date) else value


def key(value: Any) -> Any:
    """Return a JSON value in a form that compares as JSON does: true is not 1, 1 is 1.0."""
    if isinstance(value, list):
        return tuple(key(item) for item in value)
    return (isinstance(value, bool), value)


def arrays(name: str, left: list[Any] | None, right: list[Any] | None) -> bool | None:
    if left is None or right is None:
        return None
    first, second = {key(item) for item in left}, {key(item) for item in right}
    match name:
        case "a_equals":
            return first == second
        case "a_contains":
            return first >= second
        case "a_containedBy":
            return first <= second
    return bool(first & second)
