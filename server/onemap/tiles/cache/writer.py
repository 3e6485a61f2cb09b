"""Keeping tiles in the shared file after their requests are answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from onemap.tiles.cache.entry import Asked, Body
from onemap.tiles.cache.shared import SharedTiles, Ticket

_MOST_WAITING = 200


class Writer:
    """Writes one tile after the other in a thread of its own; when too many wait, further ones are not kept."""

    def __init__(self, shared: SharedTiles | None) -> None:
        self._shared = shared
        self._worker = ThreadPoolExecutor(1, "onemap-tiles")
        self._waiting = 0

    def submit(self, asked: Asked, ticket: Ticket, body: Body) -> None:
        """Keep a tile soon. To be called from one thread."""
        if self._shared is not None and self._waiting < _MOST_WAITING:
            self._waiting += 1
            self._worker.submit(self._put, self._shared, asked, ticket, body)

    def flush(self) -> None:
        """Return when everything that was submitted is done."""
        self._worker.submit(int).result()

    def _put(self, shared: SharedTiles, asked: Asked, ticket: Ticket, body: Body) -> None:
        try:
            shared.put(asked, ticket, body)
        finally:
            self._waiting -= 1
