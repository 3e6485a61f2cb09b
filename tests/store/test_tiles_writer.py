"""Tiles are written into the shared file together: while none are made, if that can be soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from types import SimpleNamespace

import pytest

from onemap.tiles.cache import Asked, Body, Place, Source
from onemap.tiles.cache import writer as module
from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.shared import Made, SharedTiles
from onemap.tiles.cache.writer import Writer

LAND = Source("a", "land", 4490)


class Clock:
    """Time that goes on when the writer sleeps; ``then``: what happens meanwhile, step by step."""

    def __init__(self) -> None:
        self.time = 0.0
        self._lock = Lock()
        self.then: Iterator[None] = iter(())

    def sleep(self, seconds: float) -> None:
        self.time = round(self.time + seconds, 3)
        self.go_on()

    def go_on(self) -> None:
        with self._lock:
            next(self.then, None)


class Noted(SharedTiles):
    """A shared file that notes when it was written to, by the clock of the test, and how many tiles came at once."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path, 10**8, Counters())
        assert self.adopt("a", "0") is not None
        self.clock = clock
        self.writes: list[tuple[float, int]] = []

    def put_all(self, made: Sequence[Made]) -> list[bool]:
        self.writes.append((round(self.clock.time, 2), len(made)))
        kept = super().put_all(made)
        self.clock.go_on()
        return kept


async def nothing(finish: Callable[[bytes], Body]) -> Body:
    return finish(b"")


def asked(number: int) -> Asked:
    return Asked(number, lambda: b"%d" % number, (LAND,), Place("WorldCRS84Quad", "8", 0, number), nothing)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=clock.sleep, monotonic=lambda: clock.time))
    return clock


@pytest.fixture
def shared(tmp_path: Path, clock: Clock) -> Noted:
    return Noted(tmp_path / "tiles.sqlite", clock)


def submit(writer: Writer, shared: Noted, count: int, size: int = 10) -> Iterator[None]:
    """Submit tiles one after the other, one at each step."""
    ticket = shared.ticket(asked(0))
    assert ticket is not None
    for number in range(count):
        writer.submit(asked(number), ticket, body(number, size))
        yield


def body(number: int, size: int) -> Body:
    return Body.of(b"%d" % number * size)


def write(shared: Noted, count: int, size: int = 10) -> list[tuple[float, int]]:
    """Have so many tiles made, one at each step of the clock; return when tiles were written, and how many at once."""
    writer = Writer(shared)
    shared.clock.then = submit(writer, shared, count, size)
    shared.clock.go_on()
    for _ in range(count):
        writer.flush()
    assert sum(many for _, many in shared.writes) == count
    assert all(shared.get(asked(number)) == body(number, size) for number in range(count))
    return shared.writes


def test_one_tile_is_written_when_no_other_has_come_for_a_moment(shared: Noted) -> None:
    assert write(shared, 1) == [(0.1, 1)]


def test_tiles_that_come_one_after_the_other_are_written_when_that_ends(shared: Noted) -> None:
    assert write(shared, 5) == [(0.5, 5)]


def test_tiles_that_go_on_coming_are_written_within_a_second(shared: Noted) -> None:
    assert write(shared, 25) == [(1.0, 11), (2.0, 11), (2.3, 3)]


def test_many_bytes_are_not_waited_with(shared: Noted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 12_000)
    assert [many for _, many in write(shared, 6, 2_000)] == [2, 2, 2]
