"""Places for downloads: so many are made and sent at once by one process, and no more.

A download takes a worker thread, and a connection of a database now and then: while their number is small there are
always some left for pages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from onemap.block import Pieces
from onemap.config import PostgisSettings, Settings
from onemap.errors import Crowded


class Places:
    """The places of one process."""

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)

    def take(self) -> Callable[[], None]:
        """Take a place and return what gives it back, which may be called more than once. Raises Crowded."""
        if not self._free.acquire(blocking=False):
            raise Crowded
        return _Once(self._free.release)


def places_of(settings: Settings) -> Places:
    """Return the places of an instance: always one less than the connections of a database."""
    connections = [store.connections for store in settings.stores.values() if isinstance(store, PostgisSettings)]
    return Places(min([settings.limits.downloads, *(max(1, most - 1) for most in connections)]))


class Held(Pieces):
    """The pieces of a download, which has its place until they end or are closed."""

    def __init__(self, chunks: Iterator[bytes], release: Callable[[], None]) -> None:
        super().__init__(chunks)
        self._release = release

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Close the pieces and give the place back."""
        try:
            super().close()
        finally:
            self._release()


class _Once:
    """A call that is made once."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._made = False

    def __call__(self) -> None:
        with self._lock:
            made, self._made = self._made, True
        if not made:
            self._call()
