"""Turns at making tiles: so many at the same time, the others in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """So many places, for tasks of one event loop. A place that is taken or waited for is to be given back.

    To take a free one is a single call, where a semaphore of asyncio makes three and a coroutine for each tile.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free, which it is not while somebody waits."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place. Whoever is cancelled meanwhile has none."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given at the moment in which this task was cancelled
                self.give()
            raise

    def give(self) -> None:
        """Give a place back, to who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
