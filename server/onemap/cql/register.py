"""The SQL functions that compiled filters call on SQLite."""

from __future__ import annotations

import functools
import math
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from onemap.cql.folding import accenti, casei
from onemap.cql.register_spatial import spatial_functions

Number = int | float


def register(connection: sqlite3.Connection) -> None:
    """Add the functions that compiled filters call to a connection (which serves one thread at a time)."""
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(name, count, function, deterministic=True)
    for name, relation in spatial_functions().items():
        connection.create_function(name, 2, relation, deterministic=True)


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives None for a missing argument or an impossible result."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        if None in arguments:
            return None
        try:
            value = function(*arguments)
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            return None
        return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value

    return call


def div(x: Number, y: Number) -> float | None:
    """Return the quotient cut towards zero; None for a division by zero."""
    return None if y == 0 else float(math.trunc(float(x) / float(y)))


def mod(x: Number, y: Number) -> float | None:
    """Return what the quotient cut towards zero leaves; None for a division by zero."""
    return None if y == 0 else float(x) - float(y) * float(math.trunc(float(x) / float(y)))


def power(x: Number, y: Number) -> float | None:
    """Return x to the power y; None where that is no real number."""
    x, y = float(x), float(y)
    return None if (x == 0 and y < 0) or (x < 0 and y != math.floor(y)) else math.pow(x, y)


def rounded(x: Number) -> Number:
    """Return the nearest whole number, halves away from zero."""
    return x if isinstance(x, int) else math.copysign(math.floor(abs(x) + 0.5), x)


def _array(text: str | bytes) -> list[bytes] | None:
    """Return the elements of a JSON array in a form that compares; None for what is not an array."""
    found = orjson.loads(text)
    return [orjson.dumps(_plain(item), option=orjson.OPT_SORT_KEYS) for item in found] if type(found) is list else None


def _plain(item: Any) -> Any:
    """Return a value with numbers that are equal made the same."""
    if isinstance(item, float) and item.is_integer() and abs(item) < 2**53:
        return int(item)
    return [_plain(part) for part in item] if isinstance(item, list) else item


def _sets(test: Callable[[set[bytes], set[bytes]], bool]) -> Callable[[str, str], bool | None]:
    def compare(left: str, right: str) -> bool | None:
        first, second = _array(left), _array(right)
        return None if first is None or second is None else test(set(first), set(second))

    return compare


_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    name: (count, _strict(function))
    for name, count, function in (
        ("cql_casei", 1, casei),
        ("cql_accenti", 1, accenti),
        ("cql_lower", 1, str.lower),
        ("cql_upper", 1, str.upper),
        ("cql_abs", 1, abs),
        ("cql_round", 1, rounded),
        ("cql_floor", 1, math.floor),
        ("cql_ceil", 1, math.ceil),
        ("cql_div", 2, div),
        ("cql_mod", 2, mod),
        ("cql_power", 2, power),
        ("cql_a_equals", 2, _sets(lambda left, right: left == right)),
        ("cql_a_contains", 2, _sets(lambda left, right: left >= right)),
        ("cql_a_containedby", 2, _sets(lambda left, right: left <= right)),
        ("cql_a_overlaps", 2, _sets(lambda left, right: bool(left & right))),
    )
}
