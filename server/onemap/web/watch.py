"""Notice that a client has left while its answer is still being made."""

from __future__ import annotations

import asyncio
from contextvars import Context
from time import monotonic
from weakref import WeakKeyDictionary

from starlette.types import Receive

from onemap.block.caller import Caller, set_caller

_PATIENCE_SECONDS = 0.2


class Watch:
    """Give the caller of a request, whose body has been read, and mark it as gone when it leaves.

    Most answers are ready before it is worth looking: the connection is watched from a fifth of a second on, or two.
    """

    __slots__ = ("_caller", "_receive", "_rounds", "_task", "began")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._caller = Caller()
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Caller:
        set_caller(self._caller)
        self.began = monotonic()
        self._rounds = _rounds_of(asyncio.get_running_loop())
        self._rounds.add(self)
        return self._caller

    def __exit__(self, *_: object) -> None:
        self._rounds.discard(self)
        if self._task is not None:
            self._task.cancel()

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._caller.gone = True


class _Rounds:
    """The watches of an event loop that have not started: one timer for all of them."""

    def __init__(self) -> None:
        self._waiting: set[Watch] = set()
        self._going = False

    def add(self, watch: Watch) -> None:
        self._waiting.add(watch)
        if not self._going:
            self._going = True
            self._look_later()

    def discard(self, watch: Watch) -> None:
        self._waiting.discard(watch)

    def _look(self) -> None:
        long_ago = monotonic() - _PATIENCE_SECONDS
        due = {watch for watch in self._waiting if watch.began <= long_ago}
        self._waiting -= due
        for watch in due:
            watch.start()
        self._going = bool(self._waiting)
        if self._going:
            self._look_later()

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._look, context=Context())


_rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Rounds] = WeakKeyDictionary()


def _rounds_of(loop: asyncio.AbstractEventLoop) -> _Rounds:
    found = _rounds.get(loop)
    if found is None:
        found = _rounds[loop] = _Rounds()
    return found
