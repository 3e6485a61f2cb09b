"""Keeping tiles in the shared file after their requests are answered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from onemap.tiles.cache.entry import Asked, Body
from onemap.tiles.cache.shared import Made, SharedTiles, Ticket

_MOST_BYTES = 32 * 2**20
_OVERHEAD = 1000
# A transaction costs as much as several tiles, and each turn of the interpreter's lock is felt by who makes tiles:
# those of a moment share one.
_GATHER_SECONDS = 0.2


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
        time.sleep(_GATHER_SECONDS)
        with self._lock:
            made, self._waiting, self._bytes = self._waiting, [], 0
        shared.put_all(made)
