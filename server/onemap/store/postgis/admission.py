"""Admission: at most so many requests work with a source at once, and at most so many wait for their turn."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from onemap.errors import Busy


class Admission:
    """A counted door with a queue of bounded length.

    ``places``: how many may be inside; ``queue``: how many may wait; ``patience``: how long one waits, in seconds.
    """

    def __init__(self, places: int, queue: int, patience: float) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._free.put(None)
        self._lock = threading.Lock()
        self._queue = queue
        self._waiting = 0
        self._patience = patience

    def enter(self, *, wait: bool = True) -> None:
        """Take a place, to be left again. Raises Busy when the queue is full or does not move.

        ``wait``: False to raise it, without blocking, whenever no place is free.
        """
        try:
            self._free.get_nowait()
        except Empty:
            if not wait:
                raise Busy from None
            self._wait()

    def leave(self) -> None:
        """Give a place back."""
        self._free.put(None)

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._queue:
                raise Busy
            self._waiting += 1
        try:
            self._free.get(timeout=self._patience)
        except Empty:
            raise Busy from None
        finally:
            with self._lock:
                self._waiting -= 1
