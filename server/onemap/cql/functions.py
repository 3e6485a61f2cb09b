"""The functions that a filter may call, and no others (conformance class "functions"; the /functions resource).

=============  ========================  =========  ==========================================================
name           arguments                 returns    value
=============  ========================  =========  ==========================================================
lower, upper   text                      text       in lower or upper case, by the rules of Unicode
trim           text                      text       without spaces at both ends
concat         text, text                text       one after the other
length,        text                      integer    number of characters (code points)
char_length
abs            number                    number     absolute value
round          number                    number     nearest whole number, halves away from zero
floor, ceil    number                    number     next whole number below, above
year, month,   date or timestamp         integer    that part of the date in UTC
day
=============  ========================  =========  ==========================================================

A missing (NULL) argument gives NULL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onemap.cql.columns import NUMERIC, TEMPORAL, Kind


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a function and the kinds of values it takes."""

    title: str
    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what it takes, what it gives, what it means. ``returns`` None: the kind of the first argument."""

    name: str
    description: str
    arguments: tuple[Argument, ...]
    returns: Kind | None


_TEXT = Argument("text", frozenset({"string"}))
_NUMBER = Argument("number", NUMERIC)
_TIME = Argument("time", TEMPORAL)
FUNCTIONS: Mapping[str, Function] = {
    item.name: item
    for item in (
        Function("lower", "The text in lower case.", (_TEXT,), "string"),
        Function("upper", "The text in upper case.", (_TEXT,), "string"),
        Function("trim", "The text without spaces at both ends.", (_TEXT,), "string"),
        Function("concat", "Two texts, one after the other.", (_TEXT, _TEXT), "string"),
        Function("length", "The number of characters of a text.", (_TEXT,), "integer"),
        Function("char_length", "The number of characters of a text.", (_TEXT,), "integer"),
        Function("abs", "The absolute value.", (_NUMBER,), None),
        Function("round", "The nearest whole number, halves away from zero.", (_NUMBER,), "number"),
        Function("floor", "The next whole number below.", (_NUMBER,), "number"),
        Function("ceil", "The next whole number above.", (_NUMBER,), "number"),
        Function("year", "The year (UTC).", (_TIME,), "integer"),
        Function("month", "The month, 1 to 12 (UTC).", (_TIME,), "integer"),
        Function("day", "The day of the month (UTC).", (_TIME,), "integer"),
    )
}
_JSON_TYPES: Mapping[Kind, str] = {"date": "datetime"}


def describe_functions() -> list[dict[str, Any]]:
    """Return the functions as the /functions resource lists them (/req/functions/get-functions-response-json)."""
    return [
        {
            "name": item.name,
            "description": item.description,
            "arguments": [{"title": argument.title, "type": _types(argument.kinds)} for argument in item.arguments],
            "returns": _types({item.returns} if item.returns else item.arguments[0].kinds),
        }
        for item in FUNCTIONS.values()
    ]


def _types(kinds: frozenset[Kind] | set[Kind]) -> list[str]:
    return sorted({_JSON_TYPES.get(kind, kind) for kind in kinds})


def find(name: str) -> Function | None:
    """Return the function of this name, in any case."""
    return FUNCTIONS.get(name.lower())
