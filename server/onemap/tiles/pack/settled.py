"""Telling the content of a store as a whole, for tables whose changes no log tells."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from onemap.store import Store


@runtime_checkable
class SettlingStore(Store, Protocol):
    """A store whose content as a whole can be told by a short text."""

    def settled(self) -> str | None:
        """Return a text that is the same for the same content, in every process; None while it is being changed."""
        ...


def settled(store: Store) -> str | None:
    """Return what tells the content of a store, None where nothing does."""
    return store.settled() if isinstance(store, SettlingStore) else None
