"""What the SQL dialects share: pieces of SQL with their parameters, and the questions a compiler asks of a dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from pygeofilter import ast

from onemap.cql.columns import Column, Kind
from onemap.cql.nodes import Placed


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of SQL, the values bound in it in order, and the kind of its result."""

    text: str
    values: tuple[Any, ...]
    kind: Kind


def fill(template: str, *parts: Piece, kind: Kind = "boolean") -> Piece:
    """Return a literal template with its gaps filled in order; the values follow the gaps."""
    text = template.format(*(part.text for part in parts))
    return Piece(text, tuple(value for part in parts for value in part.values), kind)


def listed(parts: Sequence[Piece], separator: str = ", ", kind: Kind = "array") -> Piece:
    """Return pieces one after the other."""
    return Piece(separator.join(part.text for part in parts), tuple(v for part in parts for v in part.values), kind)


class Dialect(Protocol):
    """How a database writes what is not the same in all of them."""

    true: str
    false: str
    functions: Mapping[str, str]
    arithmetic: Mapping[tuple[type[ast.Node], bool], str]

    def column(self, column: Column) -> Piece:
        """Return a column as an expression."""
        ...

    def literal(self, value: str | float | date, kind: Kind) -> Piece:
        """Return a bound scalar."""
        ...

    def day(self, instant: Piece) -> Piece:
        """Return the day (UTC) of a timestamp."""
        ...

    def ordered(self, text: Piece) -> Piece:
        """Return a text such that it compares by code points."""
        ...

    def fold(self, accents: bool, text: Piece) -> Piece:
        """Return a text without accents, or without regard to case."""
        ...

    def like(self, text: Piece, pattern: str) -> Piece:
        """Return whether a text matches a LIKE pattern of CQL2."""
        ...

    def call(self, name: str, arguments: Sequence[Piece], kind: Kind) -> Piece:
        """Return the call of one of ``onemap.cql.functions``."""
        ...

    def geometry(self, literal: Placed, srid: int) -> Piece:
        """Return a bound geometry."""
        ...

    def spatial(self, name: str, left: Piece, right: Piece) -> Piece:
        """Return the spatial predicate of this CQL2 name."""
        ...

    def array(self, elements: Sequence[Piece]) -> Piece:
        """Return an array of expressions as JSON."""
        ...

    def json(self, document: str) -> Piece:
        """Return a bound JSON array."""
        ...

    def arrays(self, name: str, left: Piece, right: Piece) -> Piece:
        """Return the array predicate of this CQL2 name."""
        ...
