"""Notice that a client has left while its answer is still being made."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

from onemap.block.caller import Caller, set_caller

_PATIENCE_SECONDS = 0.2


class Watch:
    """Give the caller of a request, whose body has been read, and mark it as gone when it leaves.

    Most answers are ready before it is worth looking: the connection is watched from a fifth of a second on.
    """

    __slots__ = ("_caller", "_receive", "_task", "_timer")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._caller = Caller()
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Caller:
        set_caller(self._caller)
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._start)
        return self._caller

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._caller.gone = True
