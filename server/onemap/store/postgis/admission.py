"""Admission: at most so many requests work with a source at once, and at most so many wait for their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from onemap.errors import Busy


class Admission:
    """A counted door with a queue of bounded length.

    ``places``: how many may be inside; ``queue``: how many may wait; ``patience``: how long one waits, in seconds.
    """

    def __init__(self, places: int, queue: int, patience: float) -> None:
        self._free = threading.Semaphore(places)
        self._lock = threading.Lock()
        self._queue = queue
        self._waiting = 0
        self._patience = patience

    @contextmanager
    def place(self, *, wait: bool = True) -> Iterator[None]:
        """Hold a place for the length of the block. Raises Busy when the queue is full or does not move.

        ``wait``: False to raise it, without blocking, whenever no place is free.
        """
        if not self._free.acquire(blocking=False):
            if not wait:
                raise Busy
            self._wait()
        try:
            yield
        finally:
            self._free.release()

    def _wait(self) -> None:
        with self._lock:
            if self._waiting >= self._queue:
                raise Busy
            self._waiting += 1
        try:
            if not self._free.acquire(timeout=self._patience):
                raise Busy
        finally:
            with self._lock:
                self._waiting -= 1
