"""Parsing of query parameters that all blocks share; each error names the parameter and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from onemap.errors import InvalidParameter, UnknownParameter, did_you_mean

if TYPE_CHECKING:
    from onemap.block.call import Call

SHARED = ("f", "lang")
"""Query parameters that every resource knows."""
MOST_PARAMETERS = 200
_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}", re.ASCII)


def parse_query(query_string: bytes) -> dict[str, list[str]]:
    """Return the query parameters with all their values. Raises InvalidParameter: not UTF-8, or too many."""
    query: dict[str, list[str]] = {}
    for name, value in _pairs(query_string):
        query.setdefault(name, []).append(value)
    return query


@lru_cache(256)
def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidParameter("The query is not percent-encoded UTF-8.") from None
    if len(pairs) > MOST_PARAMETERS:
        raise InvalidParameter(f"The query has {len(pairs)} parameters; at most {MOST_PARAMETERS} are read.")
    return pairs


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise UnknownParameter for the first given name that is not known (/req/core/query-param-unknown)."""
    names = set(known)
    for name in given:
        if name not in names:
            raise UnknownParameter(f"Unknown query parameter '{shorten(name)}'.", did_you_mean(name, names))


def shorten(value: str, length: int = 60) -> str:
    """Return the value cut for use in a message, with control characters made visible."""
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value[: length + 1])
    return clean if len(value) <= length else clean[:length] + "…"


def integer(call: Call, name: str, default: int, minimum: int, maximum: int | None = None) -> int:
    """Return an integer parameter; a value above ``maximum`` is cut to it, not refused.

    Raises InvalidParameter when it is not an integer or below the minimum.
    """
    text = call.one(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text):
        raise InvalidParameter(f"'{name}' must be an integer, not '{shorten(text)}'.")
    value = int(text)
    if value < minimum:
        raise InvalidParameter(f"'{name}' must be at least {minimum}, not {shorten(text)}.")
    return value if maximum is None else min(value, maximum)
