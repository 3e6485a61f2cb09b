"""Turns at making tiles."""

from __future__ import annotations

import asyncio

from onemap.tiles.cache.turns import Turns


async def _waiting(places: Turns, who: str, heard: list[str]) -> None:
    await places.wait()
    heard.append(who)


def test_places_go_to_who_has_waited_longest() -> None:
    async def scene() -> list[str]:
        places, heard = Turns(1), list[str]()
        assert places.take()
        assert not places.take()
        tasks = [asyncio.create_task(_waiting(places, who, heard)) for who in "ab"]
        await asyncio.sleep(0)
        places.give()
        assert not places.take()  # it is that of the first one, although that one has not heard of it yet
        await tasks[0]
        assert heard == ["a"]
        places.give()
        await tasks[1]
        places.give()
        assert places.take()
        return heard

    assert asyncio.run(scene()) == ["a", "b"]


def test_who_is_cancelled_while_waiting_has_no_place() -> None:
    async def scene() -> None:
        places, heard = Turns(1), list[str]()
        assert places.take()
        first, second = (asyncio.create_task(_waiting(places, who, heard)) for who in "ab")
        await asyncio.sleep(0)
        first.cancel()
        places.give()
        await second
        assert heard == ["b"]
        places.give()
        assert places.take()
        assert not places.take()

    asyncio.run(scene())


def test_a_place_given_at_the_moment_of_a_cancellation_goes_on_to_the_next_one() -> None:
    async def scene() -> None:
        places, heard = Turns(1), list[str]()
        assert places.take()
        first, second = (asyncio.create_task(_waiting(places, who, heard)) for who in "ab")
        await asyncio.sleep(0)
        places.give()
        first.cancel()
        await asyncio.wait_for(second, 5)
        assert heard == ["b"]
        places.give()
        assert places.take()

    asyncio.run(scene())
