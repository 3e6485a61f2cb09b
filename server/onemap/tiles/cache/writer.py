"""Keeping tiles in the shared file after their requests are answered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from onemap.tiles.cache.entry import Asked, Body
from onemap.tiles.cache.shared import Made, SharedTiles, Ticket

_MOST_BYTES = 32 * 2**20
_OVERHEAD = 1000
# A transaction costs as much as several tiles, and whoever makes tiles meanwhile feels it, by the interpreter and by
# the caches of the processor: tiles are written together, while none are made if that can be.
_QUIET_SECONDS = 0.1
_LATEST_SECONDS = 1.0


class Writer:
    """Writes tiles in a thread of its own; when too many wait, further ones are not kept."""

    def __init__(self, shared: SharedTiles | None) -> None:
        self._shared = shared
        self._worker = ThreadPoolExecutor(1, "onemap-tiles")
        self._lock = Lock()
        self._waiting: list[Made] = []
        self._bytes = 0

    def submit(self, asked: Asked, ticket: Ticket, body: Body) -> None:
        """Keep a tile soon. To be called from one thread."""
        if self._shared is not None and self._bytes < _MOST_BYTES:
            with self._lock:
                self._waiting.append((asked, ticket, body))
                self._bytes += len(body.packed) + _OVERHEAD
                first = len(self._waiting) == 1
            if first:
                self._worker.submit(self._put, self._shared)

    def flush(self) -> None:
        """Return when everything that was submitted is done."""
        self._worker.submit(int).result()

    def _put(self, shared: SharedTiles) -> None:
        self._gather()
        with self._lock:
            made, self._waiting, self._bytes = self._waiting, [], 0
        shared.put_all(made)

    def _gather(self) -> None:
        """Wait until no tile has come for a moment, but not for long, and not for more than half of what may wait."""
        until, before = time.monotonic() + _LATEST_SECONDS, 0
        while before < (now := len(self._waiting)) and time.monotonic() < until and self._bytes < _MOST_BYTES / 2:
            before = now
            time.sleep(_QUIET_SECONDS)
