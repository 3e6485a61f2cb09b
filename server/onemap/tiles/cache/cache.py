"""The levels of the cache put together: each missing tile is made once, however many ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from onemap.block import Metric
from onemap.block.caller import Caller, caller_gone, present_caller
from onemap.errors import ClientGone, OneMapError
from onemap.store import Store
from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.entry import Asked, Body, Entry, Fill
from onemap.tiles.cache.follow import Followers, Levels
from onemap.tiles.cache.memory import Memory
from onemap.tiles.cache.seeds import CatchUp, Seeds
from onemap.tiles.cache.shared import SharedTiles, Ticket
from onemap.tiles.cache.turns import Turns
from onemap.tiles.cache.writer import Writer
from onemap.tiles.matrixset import TileMatrixSet


@dataclass(slots=True, eq=False)
class _Flight:
    """A tile in the making, and who has it made: it is given up when that one and all beside have left.

    A request has one tile made at a time, so that nobody waits beside who is waited for.
    """

    fill: Fill
    maker: Caller
    landed: asyncio.Event | None = None
    outcome: Entry | Exception | None = None


class TileCache:
    """Tiles of all stores. ``get`` and ``at`` are to be used from one event loop.

    ``memory_bytes``: for tiles in memory. ``folder``: where the file that the processes of a zone share is, which takes
    ``shared_bytes``, and the archives; None: there are none. At most ``workers`` tiles are made at the same time.
    """

    def __init__(
        self,
        matrix_sets: Mapping[str, TileMatrixSet],
        memory_bytes: int,
        workers: int,
        folder: Path | None = None,
        zone: str = "",
        shared_bytes: int = 0,
    ) -> None:
        self.counters = Counters()
        self.memory = Memory(memory_bytes, self.counters)
        self.shared: SharedTiles | None = None
        self.seeds: Seeds | None = None
        if folder is not None and shared_bytes:
            self.shared = SharedTiles(folder / f"tiles-{zone}.sqlite", shared_bytes, self.counters)

        def levels(catch_up: CatchUp) -> Levels:
            if folder is not None:
                self.seeds = Seeds(folder, zone, matrix_sets, catch_up)
            return Levels(self.memory, self.shared, self.seeds, matrix_sets, self.counters)

        self.followers = Followers(levels)
        self._writer = Writer(self.shared)
        self._flights: dict[Hashable, _Flight] = {}
        self._turns = Turns(workers)

    def metrics(self) -> list[Metric]:
        """Return what is counted, and how much is kept."""
        used = self.shared.size() if self.shared else 0
        return [
            *self.counters.metrics(),
            Metric("onemap_tile_memory_bytes", "Tiles kept in memory, in bytes.", self.memory.size, "gauge"),
            Metric("onemap_tile_memory_tiles", "Tiles kept in memory.", len(self.memory), "gauge"),
            Metric("onemap_tile_shared_bytes", "Use of the shared file, in bytes.", used, "gauge", common=True),
        ]

    async def get(self, asked: Asked, stores: Mapping[str, Store]) -> Entry:
        """Return a tile, made where it is nowhere; what making it raises, everybody who waits for it gets.

        ``stores``: those of its sources, by name. A tile whose data changes while it is made goes to those who asked
        for it before, and to nobody else.
        """
        while True:
            entry = self.memory.get(asked.key)
            if entry is not None:
                self.counters.memory += 1
                return entry
            flight = self._flights.get(asked.key)
            if flight is None or flight.fill.spoiled:
                return await self._fly(asked, stores)
            flight.maker.beside = [*flight.maker.beside, present_caller()]
            flight.landed = flight.landed or asyncio.Event()
            await flight.landed.wait()
            if isinstance(flight.outcome, ClientGone) and not caller_gone():
                continue  # given up at the moment in which this caller came
            if isinstance(flight.outcome, Exception):
                raise flight.outcome
            if flight.outcome is not None:
                self.counters.memory += 1
                return flight.outcome

    async def _fly(self, asked: Asked, stores: Mapping[str, Store]) -> Entry:
        """Find or make a tile. A cancelled maker leaves no outcome, and one of those who wait begins anew."""
        fill, maker = self.memory.begin(asked), present_caller()
        flight = self._flights[asked.key] = _Flight(fill, maker)
        body: Body | None = None
        try:
            body = await self._find(asked, stores, fill)
        except Exception as error:
            flight.outcome = error
            raise
        finally:
            maker.beside = ()
            flight.outcome = flight.outcome or self.memory.end(fill, asked, body)
            if self._flights.get(asked.key) is flight:
                del self._flights[asked.key]
            if flight.landed is not None:
                flight.landed.set()
        assert isinstance(flight.outcome, Entry)
        return flight.outcome

    async def _find(self, asked: Asked, stores: Mapping[str, Store], fill: Fill) -> Body:
        """Return a tile from the next level that has it, or make it."""
        kept, ticket = None, None
        if self.shared is not None or self.seeds is not None or not self.followers.know(asked.sources):
            kept, ticket = self._glance(asked)
            if kept is None and ticket is None:
                kept, ticket = await anyio.to_thread.run_sync(self._look, asked, stores, fill)
        if kept is not None:
            return kept
        if not self._turns.take():
            await self._turns.wait()
        try:
            if present_caller().gone:
                raise ClientGone
            body = await asked.make(Body.of_tile)
        finally:
            self._turns.give()
        self.counters.made += 1
        if ticket is not None and self.shared is not None:
            self._writer.submit(asked, ticket, body)
        return body

    def _glance(self, asked: Asked) -> tuple[Body | None, Ticket | None]:
        """Return the same as ``_look`` where that takes no longer than to hand it to a thread, else neither."""
        if self.shared is None or not self.followers.know(asked.sources):
            return None, None
        found, ticket = self.shared.glance(asked)
        if found is not None:
            self.counters.shared += 1
            return found, None
        if self.seeds is not None and not self.seeds.lacks(asked):
            return None, None
        return None, ticket

    def _look(self, asked: Asked, stores: Mapping[str, Store], fill: Fill) -> tuple[Body | None, Ticket | None]:
        """Return a tile that lies ready, or what is needed to keep it once it is made. Blocks."""
        try:
            self.followers.follow(stores, asked.sources)
        except OneMapError:  # changes of its data would not be noticed: it is not kept
            fill.spoiled = True
            return None, None
        found = self.shared.get(asked) if self.shared is not None else None
        if found is not None:
            self.counters.shared += 1
            return found, None
        found = self._seeded(asked)
        if found is not None or self.shared is None:
            return found, None
        return None, self.shared.ticket(asked)

    def _seeded(self, asked: Asked) -> Body | None:
        try:
            found = self.seeds.get(asked) if self.seeds is not None else None
        except OneMapError:
            return None
        if found is not None:
            self.counters.archive += 1
        return found
