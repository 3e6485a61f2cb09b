"""Composing SQL for SQLite: named gaps take identifiers or other SQL, never text; values are always bound."""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass

_FORMAT = string.Formatter()


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL that is safe to execute."""

    text: str


def identifier(name: str) -> Sql:
    """Return a quoted identifier. Raises ValueError for a name that SQLite cannot hold."""
    if "\x00" in name:
        raise ValueError("an identifier cannot contain a NUL character")
    return Sql('"' + name.replace('"', '""') + '"')


def identifiers(names: Iterable[str]) -> Sql:
    """Return quoted identifiers separated by commas."""
    return Sql(", ".join(identifier(name).text for name in names))


def compose(template: str, **gaps: Sql) -> str:
    """Return the template with each ``{gap}`` filled; a literal template and composed parts are all it takes."""
    parts = []
    for literal, gap, _, _ in _FORMAT.parse(template):
        parts.append(literal)
        if gap:
            parts.append(gaps[gap].text)
    return "".join(parts)
