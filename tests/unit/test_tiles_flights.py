"""The tile cache: one maker for each tile, no result of a failed or cancelled one, none of one whose data changed."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Mapping

import anyio
import pytest

from onemap.block.caller import Caller, caller_gone, set_caller
from onemap.errors import ClientGone
from onemap.store import Store
from onemap.tiles.cache import Asked, Place, Source, TileCache

SOURCE = Source("store", "table", 4490)
STORES: Mapping[str, Store] = {}


class Cache:
    """A cache whose tiles are texts, by key."""

    def __init__(self, capacity: int, workers: int) -> None:
        self.tiles = TileCache({}, capacity, workers)

    async def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        place = Place("grid", "1", 0, 0)
        asked = Asked(
            key, lambda: key.encode(), (SOURCE,), place, lambda finish: anyio.to_thread.run_sync(lambda: finish(make()))
        )
        return zlib.decompress((await self.tiles.get(asked, STORES)).body.packed, 31)


def test_concurrent_requests_make_a_tile_once() -> None:
    made = 0

    def make() -> bytes:
        nonlocal made
        made += 1
        time.sleep(0.05)
        return b"tile"

    async def ask() -> list[bytes]:
        cache, got = Cache(10_000, 4), []

        async def one() -> None:
            got.append(await cache.get("key", make))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(one)
        got.append(await cache.get("key", make))
        return got

    assert anyio.run(ask) == [b"tile"] * 11
    assert made == 1


def test_a_tile_whose_data_changes_goes_to_those_who_asked_before_only() -> None:
    gate, began = threading.Event(), threading.Event()

    def old() -> bytes:
        began.set()
        gate.wait(5)
        return b"old"

    async def ask() -> tuple[list[bytes], list[bytes]]:
        cache, before, after = Cache(10_000, 2), [], []

        async def one(got: list[bytes], make: Callable[[], bytes]) -> None:
            got.append(await cache.get("key", make))

        async with anyio.create_task_group() as group:
            group.start_soon(one, before, old)
            group.start_soon(one, before, old)
            await anyio.to_thread.run_sync(began.wait)
            cache.tiles.memory.drop(SOURCE)
            group.start_soon(one, after, lambda: b"new")
            group.start_soon(one, after, lambda: b"new")
            await anyio.sleep(0.05)
            gate.set()
        after.append(await cache.get("key", lambda: b"newer"))
        return before, after

    assert anyio.run(ask) == ([b"old", b"old"], [b"new", b"new", b"new"])


def test_every_waiter_gets_the_error_and_the_next_request_tries_again() -> None:
    def fail() -> bytes:
        time.sleep(0.03)
        raise ValueError("broken")

    async def ask() -> tuple[int, bytes]:
        cache, failed = Cache(10_000, 2), []

        async def one() -> None:
            with pytest.raises(ValueError, match="broken"):
                await cache.get("key", fail)
            failed.append(1)

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
        return len(failed), await cache.get("key", lambda: b"well")

    assert anyio.run(ask) == (2, b"well")


def test_a_tile_whose_maker_is_cancelled_at_work_is_not_lost() -> None:
    gate, calls = threading.Event(), []

    def make() -> bytes:
        calls.append(1)
        gate.wait(5)
        return b"tile"

    assert anyio.run(cancel_first, Cache(10_000, 2), make, gate) == [b"tile"]
    assert len(calls) == 1


def test_a_maker_cancelled_before_it_began_leaves_the_work_to_a_waiter() -> None:
    gate, calls = threading.Event(), []

    def make() -> bytes:
        calls.append(1)
        return b"tile"

    async def ask() -> list[bytes]:
        cache = Cache(10_000, 1)
        async with anyio.create_task_group() as group:
            group.start_soon(cache.get, "other", lambda: str(gate.wait(5)).encode())
            await anyio.sleep(0.02)
            return await cancel_first(cache, make, gate)

    assert anyio.run(ask) == [b"tile"]
    assert len(calls) == 1


async def cancel_first(cache: Cache, make: Callable[[], bytes], gate: threading.Event) -> list[bytes]:
    """Ask twice for a tile, cancel the first request, then open the gate; return what the second one got."""
    got: list[bytes] = []

    async def wait() -> None:
        got.append(await cache.get("key", make))

    async with anyio.create_task_group() as group, anyio.create_task_group() as first:
        first.start_soon(cache.get, "key", make)
        await anyio.sleep(0.02)
        group.start_soon(wait)
        await anyio.sleep(0.02)
        first.cancel_scope.cancel()
        gate.set()
    return got


def test_at_most_so_many_workers() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def make() -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return b"tile"

    async def ask() -> None:
        cache = Cache(10_000, 2)
        async with anyio.create_task_group() as group:
            for key in range(8):
                group.start_soon(cache.get, key, make)

    anyio.run(ask)
    assert most == 2


def test_a_tile_is_given_up_when_all_who_wait_for_it_have_left() -> None:
    first, second, began = Caller(), Caller(), threading.Event()

    def make() -> bytes:
        began.set()
        while not caller_gone():
            time.sleep(0.005)
        raise ClientGone

    async def ask() -> tuple[list[str], bool]:
        cache, left = Cache(10_000, 2), []

        async def one(name: str, caller: Caller) -> None:
            set_caller(caller)
            with pytest.raises(ClientGone):
                await cache.get("key", make)
            left.append(name)

        async with anyio.create_task_group() as group:
            group.start_soon(one, "first", first)
            await anyio.to_thread.run_sync(began.wait)
            group.start_soon(one, "second", second)
            await anyio.sleep(0.02)
            first.gone = True
            await anyio.sleep(0.05)
            goes_on = not left
            second.gone = True
        return left, goes_on

    assert anyio.run(ask) == (["first", "second"], True)


def test_whoever_comes_when_a_tile_is_given_up_has_it_made_anew() -> None:
    leaving, staying, began, gate = Caller(), Caller(), threading.Event(), threading.Event()

    def given_up() -> bytes:
        began.set()
        gate.wait(5)
        raise ClientGone

    async def ask() -> list[bytes]:
        cache, got = Cache(10_000, 2), []

        async def leave() -> None:
            set_caller(leaving)
            with pytest.raises(ClientGone):
                await cache.get("key", given_up)

        async def stay() -> None:
            set_caller(staying)
            got.append(await cache.get("key", lambda: b"tile"))

        async with anyio.create_task_group() as group:
            group.start_soon(leave)
            await anyio.to_thread.run_sync(began.wait)
            leaving.gone = True
            group.start_soon(stay)
            await anyio.sleep(0.02)
            gate.set()
        return got

    assert anyio.run(ask) == [b"tile"]
