"""Reading the log of changes: what tile invalidation, derived data and sync ask a store for."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from collections.abc import Collection as Several
from dataclasses import dataclass
from typing import Literal, Protocol, cast, runtime_checkable

from onemap.geo.crs import Bounds
from onemap.store.base import Store

Operation = Literal["insert", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Change:
    """One logged change of a feature. ``before`` and ``after``: its box in x, y of the storage CRS, None: none."""

    table: str
    key: int
    operation: Operation
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

    def wait(self, since: str, seconds: float) -> None:
        """Return when something may have changed since the position, after so many seconds at the latest. Blocks.

        For one thread of a process at a time. Whether something did change, ``changes`` says.
        """
        ...

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a bound method after every edit made through this store, before the edit returns.

        It is called in the thread of the edit, and only as long as its object lives.
        """
        ...


class Listeners:
    """Bound methods to call, as long as their objects live; what they raise is theirs to catch."""

    def __init__(self) -> None:
        self._methods: list[weakref.WeakMethod[Callable[[], object]]] = []

    def add(self, listener: Callable[[], object]) -> None:
        """Add a bound method."""
        self._methods = [known for known in self._methods if known() is not None]
        self._methods.append(weakref.WeakMethod(listener))

    def call(self) -> None:
        """Call all of them."""
        for known in self._methods:
            listener = known()
            if listener is not None:
                listener()


def change(table: str, key: int, operation: str, box: tuple[float | None, ...]) -> Change:
    """Return a change from a row of a log; ``box``: four sides before, four after, None where there is no geometry."""
    return Change(table, key, cast("Operation", operation), _bounds(box[:4]), _bounds(box[4:8]))


def _bounds(sides: tuple[float | None, ...]) -> Bounds | None:
    return None if None in sides else cast("Bounds", sides)
