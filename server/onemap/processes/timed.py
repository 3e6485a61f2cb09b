"""Run pieces of work beside each other, each with a limit of time."""

from __future__ import annotations

import contextvars
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import cache

from onemap.block.caller import Caller, caller_gone, set_caller
from onemap.errors import ClientGone

_LOOK_SECONDS = 0.25


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads of all requests: kept, for a thread's first transformation of coordinates is slow."""
    return ThreadPoolExecutor(max(4, 2 * (os.cpu_count() or 1)), thread_name_prefix="layer")


def each_in_time[T](tasks: Sequence[Callable[[], T]], seconds: float) -> Iterator[T | None]:
    """Yield the result of each task in its order, None for one that takes longer than ``seconds``.

    A task out of time, or whose caller has left, is told so: what it asks of a store ends then (``caller_gone``).
    Raises what a task raises, ClientGone when the caller of all has left.
    """
    running = [_Running(task) for task in tasks]
    try:
        for one in running:
            yield one.result(seconds)
    finally:
        for one in running:
            one.leave()


class _Running[T]:
    """A task in another thread, with a caller of its own who can leave before the caller of all."""

    def __init__(self, task: Callable[[], T]) -> None:
        self._caller = Caller()
        self._task = task
        self._began: float | None = None
        self._future: Future[T] = _threads().submit(contextvars.copy_context().run, self._run)

    def _run(self) -> T:
        self._began = time.monotonic()
        if self._caller.gone:
            raise ClientGone
        set_caller(self._caller)
        return self._task()

    def result(self, seconds: float) -> T | None:
        """Wait for the result; None when it did not come in time. The time counts from when the task began."""
        while True:
            try:
                return self._future.result(timeout=self._patience(seconds))
            except NotYet:
                if self._future.done():  # the task itself ran into a limit of time
                    raise
            if caller_gone():
                raise ClientGone
            if self._began is not None and time.monotonic() - self._began >= seconds:
                self.leave()
                return None

    def _patience(self, seconds: float) -> float:
        if self._began is None:
            return _LOOK_SECONDS
        return min(_LOOK_SECONDS, max(0.0, self._began + seconds - time.monotonic()))

    def leave(self) -> None:
        """Let go of the task: it need not be finished."""
        self._caller.gone = True
        self._future.cancel()
