"""Reading the log of changes: what tile invalidation, derived data and sync ask a store for."""

from __future__ import annotations

from collections.abc import Collection as Several
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from onemap.geo.crs import Bounds
from onemap.store.base import Store


@dataclass(frozen=True, slots=True)
class Change:
    """One logged change of a feature. ``before`` and ``after``: its box in x, y of the storage CRS, None: none."""

    table: str
    key: int
    operation: Literal["insert", "update", "delete"]
    before: Bounds | None
    after: Bounds | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed up to ``position``. ``unknown``: tables that may have changed in ways that no log tells."""

    position: str
    changed: tuple[Change, ...] = ()
    unknown: frozenset[str] = frozenset()


@runtime_checkable
class LoggedStore(Store, Protocol):
    """A store that tells what changed since a position in its log. Positions are opaque texts of one store."""

    def position(self) -> str:
        """Return the present position: what is committed now is before it. Blocks."""
        ...

    def changes(self, since: str, tables: Several[str], most: int = 10_000) -> Changes:
        """Return every change of these tables committed after the position, in no order. Blocks.

        More than ``most`` of one table, a position that the log no longer reaches, and changes of a table without a
        log make the table ``unknown``. Nothing is lost: a transaction still open at ``since`` counts when it commits.
        """
        ...
