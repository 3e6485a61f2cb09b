"""Places for those who make tiles: taken at once where one is free, else in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque


class Places:
    """So many places, for tasks of one event loop. A place that is taken or waited for is to be given back."""

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
