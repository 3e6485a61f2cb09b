"""What tiles are made from changes: a store by its log, or as a whole; and what was prepared for tiles from it."""

from __future__ import annotations

import time
from collections.abc import Collection as Several
from typing import Protocol, runtime_checkable

from onemap.store import Store
from onemap.store.changelog import Changes, LoggedStore


class Log(Protocol):
    """What a follower asks of a store; see ``LoggedStore``."""

    def position(self) -> str:
        """Return the present position."""
        ...

    def changes(self, since: str, tables: Several[str], most: int) -> Changes:
        """Return the changes of tables since a position."""
        ...

    def wait(self, since: str, seconds: float) -> None:
        """Return when something may have changed, after so many seconds at the latest."""
        ...


@runtime_checkable
class PreparedStore(Store, Protocol):
    """A store with features prepared for tiles, which are made anew without any change of the data."""

    def prepared(self) -> str:
        """Return a token that is another one after they were made anew. Blocks."""
        ...


def log_of(store: Store) -> Log:
    """Return what tells of changes of a store."""
    return _Logged(store) if isinstance(store, LoggedStore) else _Whole(store)


class _Logged:
    """The log of a store. With other prepared features everything may be drawn in another way."""

    def __init__(self, store: LoggedStore) -> None:
        self._store = store

    def position(self) -> str:
        prepared = self._prepared()
        return f"{prepared}|{self._store.position()}"

    def changes(self, since: str, tables: Several[str], most: int) -> Changes:
        prepared, (before, _, position) = self._prepared(), since.partition("|")
        found = self._store.changes(position, tables, most)
        unknown = found.unknown if before == prepared else frozenset(tables)
        return Changes(f"{prepared}|{found.position}", found.changed, unknown)

    def wait(self, since: str, seconds: float) -> None:
        self._store.wait(since.partition("|")[2], seconds)

    def _prepared(self) -> str:
        return self._store.prepared() if isinstance(self._store, PreparedStore) else ""


class _Whole:
    """A store without a log: everything may have changed when its state has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def position(self) -> str:
        return self._store.state()

    def changes(self, since: str, tables: Several[str], most: int) -> Changes:
        _ = most
        state = self._store.state()
        return Changes(state, unknown=frozenset(tables if state != since else ()))

    def wait(self, since: str, seconds: float) -> None:
        _ = since
        time.sleep(seconds)
