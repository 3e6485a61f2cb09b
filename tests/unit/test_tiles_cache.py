"""The tile cache: bounded by bytes, one maker for each tile, no result of a failed or cancelled one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import anyio
import pytest

from onemap.tiles.cache import Made, TileCache


def test_concurrent_requests_make_a_tile_once() -> None:
    made = 0

    def make() -> Made:
        nonlocal made
        made += 1
        time.sleep(0.05)
        return Made(b"tile")

    async def ask() -> list[bytes]:
        cache, got = TileCache(10_000, 4), []

        async def one() -> None:
            got.append(await cache.get("key", make))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(one)
        got.append(await cache.get("key", make))
        return got

    assert anyio.run(ask) == [b"tile"] * 11
    assert made == 1


def test_least_recently_used_goes_first() -> None:
    async def ask() -> list[str]:
        cache, made = TileCache(3 * (1000 + 300), 1), []

        async def get(key: str) -> None:
            await cache.get(key, lambda: made.append(key) or Made(b"x" * 1000))  # type: ignore[func-returns-value]

        for key in ["a", "b", "c", "a", "d", "a", "b"]:
            await get(key)
        return made

    assert anyio.run(ask) == ["a", "b", "c", "d", "b"]


def test_what_must_not_be_kept_is_made_again() -> None:
    async def ask() -> list[bytes]:
        cache = TileCache(10_000, 1)
        first = await cache.get("key", lambda: Made(b"while changing", keep=False))
        return [first, await cache.get("key", lambda: Made(b"after"))]

    assert anyio.run(ask) == [b"while changing", b"after"]


def test_every_waiter_gets_the_error_and_the_next_request_tries_again() -> None:
    def fail() -> Made:
        time.sleep(0.03)
        raise ValueError("broken")

    async def ask() -> tuple[int, bytes]:
        cache, failed = TileCache(10_000, 2), []

        async def one() -> None:
            with pytest.raises(ValueError, match="broken"):
                await cache.get("key", fail)
            failed.append(1)

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)
        return len(failed), await cache.get("key", lambda: Made(b"well"))

    assert anyio.run(ask) == (2, b"well")


def test_a_tile_whose_maker_is_cancelled_at_work_is_not_lost() -> None:
    gate, calls = threading.Event(), []

    def make() -> Made:
        calls.append(1)
        gate.wait(5)
        return Made(b"tile")

    assert anyio.run(cancel_first, TileCache(10_000, 2), make, gate) == [b"tile"]
    assert len(calls) == 1


def test_a_maker_cancelled_before_it_began_leaves_the_work_to_a_waiter() -> None:
    gate, calls = threading.Event(), []

    def make() -> Made:
        calls.append(1)
        return Made(b"tile")

    async def ask() -> list[bytes]:
        cache = TileCache(10_000, 1)
        async with anyio.create_task_group() as group:
            group.start_soon(cache.get, "other", lambda: Made(str(gate.wait(5)).encode()))
            await anyio.sleep(0.02)
            return await cancel_first(cache, make, gate)

    assert anyio.run(ask) == [b"tile"]
    assert len(calls) == 1


async def cancel_first(cache: TileCache, make: Callable[[], Made], gate: threading.Event) -> list[bytes]:
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

    def make() -> Made:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return Made(b"tile")

    async def ask() -> None:
        cache = TileCache(10_000, 2)
        async with anyio.create_task_group() as group:
            for key in range(8):
                group.start_soon(cache.get, key, make)

    anyio.run(ask)
    assert most == 2
