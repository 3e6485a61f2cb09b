"""Notice that a client has left while its answer is still being made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive

from onemap.block.caller import Caller, set_caller

_PATIENCE_SECONDS = 0.2


@contextmanager
def watching(receive: Receive) -> Iterator[Caller]:
    """Give the caller of a request, whose body has been read, and mark it as gone when it leaves.

    Most answers are ready before it is worth looking: the connection is watched from a fifth of a second on.
    """
    caller = Caller()
    set_caller(caller)
    watcher = _Watcher(receive, caller)
    timer = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, watcher.start)
    try:
        yield caller
    finally:
        timer.cancel()
        watcher.stop()


class _Watcher:
    def __init__(self, receive: Receive, caller: Caller) -> None:
        self._receive = receive
        self._caller = caller
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._caller.gone = True
