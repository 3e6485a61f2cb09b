"""The layers of one tile, drawn beside each other where their store has places free for that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import anyio
import anyio.to_thread

from onemap.store.tiling import TileStore
from onemap.tiles.engine import Drawing

_MOST_HELPERS = 3
# To compress fewer bytes takes no longer than to hand them to another thread.
_LARGE = 400_000


async def render_together[T](drawn: Sequence[Drawing], row: int, col: int, finish: Callable[[bytes], T]) -> T:
    """Return what ``finish`` makes of a tile with these layers in their order; what is raised first is raised."""
    if len(drawn) == 1 and drawn[0].layer.pack is not None:
        # One way to another thread and back, not one for each step, and the shorter one of asyncio.
        return await asyncio.to_thread(lambda: finish(drawn[0].render(row, col)))
    tile = await drawn[0].render_soon(row, col) if len(drawn) == 1 else await _together(drawn, row, col)
    return await anyio.to_thread.run_sync(finish, tile) if len(tile) > _LARGE else finish(tile)


async def _together(drawn: Sequence[Drawing], row: int, col: int) -> bytes:
    made = [b""] * len(drawn)
    left = iter(enumerate(drawn))
    failed: list[Exception] = []

    async def work() -> None:
        for at, drawing in left:
            try:
                made[at] = await drawing.render_soon(row, col)
            except Exception as error:
                failed.append(error)
            if failed:
                return

    with _helpers(drawn) as count:
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(work)
            await work()
    if failed:
        raise failed[0]
    return b"".join(made)


@contextmanager
def _helpers(drawn: Sequence[Drawing]) -> Iterator[int]:
    """Take places of the store that draws the most of the layers, as far as some are free; give how many."""
    spare = _spare(drawn)
    taken = 0
    try:
        if spare is not None:
            while taken < min(_MOST_HELPERS, len(drawn) - 1) and spare.acquire(blocking=False):
                taken += 1
        yield taken
    finally:
        if spare is not None and taken:
            spare.release(taken)


def _spare(drawn: Sequence[Drawing]) -> threading.Semaphore | None:
    layers = [drawing.layer for drawing in drawn]
    stores = [layer.store for layer in layers if layer.pack is None and isinstance(layer.store, TileStore)]
    chosen = max(stores, key=stores.count, default=None)
    return chosen.spare() if isinstance(chosen, TileStore) else None
