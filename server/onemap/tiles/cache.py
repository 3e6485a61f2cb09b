"""A cache of finished tiles: bounded by bytes, and each missing tile is made once however many ask for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

_OVERHEAD = 300


@dataclass(frozen=True, slots=True)
class Made:
    """A tile just made. ``keep``: whether it may be given to later requests."""

    body: bytes
    keep: bool = True


@dataclass(slots=True)
class _Flight:
    """A tile in the making."""

    landed: anyio.Event = field(default_factory=anyio.Event)
    outcome: bytes | Exception | None = None


class TileCache:
    """Bodies by key, the least recently used dropped first. To be used from one event loop.

    ``capacity`` is in bytes; at most ``workers`` tiles are made at the same time, in worker threads.
    """

    def __init__(self, capacity: int, workers: int) -> None:
        self._capacity = capacity
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0
        self._flights: dict[Hashable, _Flight] = {}
        self._limiter = anyio.CapacityLimiter(workers)

    async def get(self, key: Hashable, make: Callable[[], Made]) -> bytes:
        """Return the body of a key, made by ``make`` when it is not there; what ``make`` raises, every waiter gets."""
        while True:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
                return body
            flight = self._flights.get(key)
            if flight is None:
                return await self._fly(key, make)
            await flight.landed.wait()
            if isinstance(flight.outcome, Exception):
                raise flight.outcome
            if flight.outcome is not None:
                return flight.outcome

    async def _fly(self, key: Hashable, make: Callable[[], Made]) -> bytes:
        """Make a tile. A cancelled maker leaves no outcome, and one of those who wait begins anew."""
        flight = self._flights[key] = _Flight()
        try:
            made = await anyio.to_thread.run_sync(make, limiter=self._limiter)
            flight.outcome = made.body
            if made.keep:
                self._put(key, made.body)
            return made.body
        except Exception as error:
            flight.outcome = error
            raise
        finally:
            del self._flights[key]
            flight.landed.set()

    def _put(self, key: Hashable, body: bytes) -> None:
        self._bodies[key] = body
        self._size += len(body) + _OVERHEAD
        while self._size > self._capacity:
            _, dropped = self._bodies.popitem(last=False)
            self._size -= len(dropped) + _OVERHEAD
