"""The work on an archive: its tiles made block by block, in this process or in several, and written at the end."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from onemap.errors import ConfigError
from onemap.tiles.archive.facts import Facts, about, facts
from onemap.tiles.archive.make import Maker
from onemap.tiles.archive.mbtiles import write_mbtiles
from onemap.tiles.archive.staging import Block, StagedTile, Staging
from onemap.tiles.archive.writer import About, write_pmtiles
from onemap.tiles.cache.logs import Log, log_of
from onemap.tiles.names import family_of
from onemap.tiles.tilesets import TileSet

_ROUNDS = 5
_MOST_CHANGES = 10_000
_AHEAD = 3
Open = Callable[[], Maker]
Progress = Callable[[int, int, int], None]
"""Told how many tiles are done, how many there are, and how many bytes were made in this run."""
Make = Callable[[Sequence[Block]], Iterator[tuple[Block, list[StagedTile]]]]
_maker: Maker | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be made: the tiles of ``maker`` into ``target``, by so many processes, each with a maker of ``open``.

    ``tileset``: that of the collection; ``bounds``: what was asked for, in degrees.
    """

    maker: Maker
    tileset: TileSet
    bounds: tuple[float, float, float, float] | None
    target: Path
    processes: int
    open: Open


@dataclass(frozen=True, slots=True)
class Outcome:
    """An archive that was made; ``moving``: its data was changed meanwhile in ways that no log tells."""

    tiles: int
    facts: Facts
    moving: bool


def carry_out(work: Work, progress: Progress, *, restart: bool = False) -> Outcome:
    """Make an archive; work that was broken off goes on where it was. Raises ConfigError."""
    maker = work.maker
    family = family_of(maker.layer, maker.grid.id, maker.most)
    log = log_of(maker.layer.store)
    staging = Staging(work.target.with_name(work.target.name + ".part"), _plan(work, family), restart=restart)
    try:
        position = staging.noted("position") or log.position()
        staging.note("position", position)
        with _makers(work) as make:
            done = staging.done()
            _fill(maker, [block for block in maker.blocks() if block not in done], staging, make, progress)
            position, moving = _catch_up(maker, log, position, staging, make)
        told = about(maker.layer, work.tileset, maker.levels, work.bounds)
        tiles = _write(work, staging, told)
    except BaseException:
        staging.close()
        raise
    staging.close(remove=True)
    return Outcome(tiles, facts(told, maker.layer, maker.levels, family, position), moving)


def _catch_up(maker: Maker, log: Log, position: str, staging: Staging, make: Make) -> tuple[str, bool]:
    """Make the blocks again that were changed meanwhile; return the position, and whether more may have changed."""
    table = maker.layer.view.collection.table.name
    for _ in range(_ROUNDS):
        found = log.changes(position, {table}, _MOST_CHANGES)
        if found.unknown:
            return position, True
        blocks = maker.changed(found)
        _fill(maker, blocks, staging, make, None)
        position = found.position
        staging.note("position", position)
        if not blocks:
            break
    return position, False


def _write(work: Work, staging: Staging, told: About) -> int:
    if work.target.suffix == ".mbtiles":
        return write_mbtiles(work.target, ((z, col, row, body) for _, z, row, col, body in staging.tiles()), told)
    return write_pmtiles(work.target, ((number, body) for number, *_, body in staging.tiles()), told)


def _plan(work: Work, family: str) -> str:
    """Return what the staged tiles are good for: the same tiles, made in the same way."""
    levels = [[plan.level.id, plan.zoom, plan.limits, plan.overview] for plan in work.maker.levels]
    return orjson.dumps([family, work.maker.grid.id, levels]).decode()


def _fill(maker: Maker, blocks: Sequence[Block], staging: Staging, make: Make, progress: Progress | None) -> None:
    total = sum(plan.count for plan in maker.levels)
    left = sum(_count(maker, block) for block in blocks)
    done, size = total - left, 0
    for block, tiles in make(blocks):
        within = maker.plan_of(block).within(block)
        size += staging.put(block, tiles, within)
        done += _count(maker, block)
        if progress is not None:
            progress(done, total, size)


def _count(maker: Maker, block: Block) -> int:
    top, bottom, left, right = maker.plan_of(block).within(block)
    return (bottom - top + 1) * (right - left + 1)


@contextmanager
def _makers(work: Work) -> Iterator[Make]:
    """Give what makes blocks: here, or in processes of their own, which end with this one."""
    if work.processes == 1:
        yield lambda blocks: ((block, work.maker.make(block)) for block in blocks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(work.processes, context, _begin, (work.open, os.getpid())) as pool:

        def make(blocks: Sequence[Block]) -> Iterator[tuple[Block, list[StagedTile]]]:
            waiting, running = iter(blocks), dict[Future[list[StagedTile]], Block]()
            while True:
                for block in waiting:
                    running[pool.submit(_make, block)] = block
                    if len(running) >= work.processes * _AHEAD:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()

        try:
            yield make
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(open_: Open, parent: int) -> None:
    """Prepare a process that makes tiles."""
    global _maker  # noqa: PLW0603
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _maker = open_()


def _make(block: Block) -> list[StagedTile]:
    if _maker is None:
        raise ConfigError("This process makes no tiles.")
    return _maker.make(block)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
