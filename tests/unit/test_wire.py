"""Head and body of an answer leave together, and nothing is held back for longer than a moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from onemap.cli.wire import Joining


class Sent:
    """What was handed to the network, call by call."""

    def __init__(self) -> None:
        self.calls: list[list[bytes]] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.calls.append([data])

    def writelines(self, data: list[bytes]) -> None:
        self.calls.append(list(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def sent() -> Sent:
    return Sent()


def run(sent: Sent, work: Any) -> None:
    async def whole() -> None:
        await work(Joining(sent, asyncio.get_running_loop()))  # type: ignore[arg-type]

    asyncio.run(whole())


def test_head_and_body_leave_together(sent: Sent) -> None:
    async def work(transport: Joining) -> None:
        transport.write(b"head")
        transport.write(b"body")
        await asyncio.sleep(0)
        transport.write(b"next")
        await asyncio.sleep(0)

    run(sent, work)
    assert sent.calls == [[b"head", b"body"], [b"next"]]


def test_a_head_alone_leaves_at_once(sent: Sent) -> None:
    async def work(transport: Joining) -> None:
        transport.write(b"head")
        assert sent.calls == []
        await asyncio.sleep(0)
        assert sent.calls == [[b"head"]]

    run(sent, work)


def test_a_stream_holds_one_part_at_most(sent: Sent) -> None:
    async def work(transport: Joining) -> None:
        for part in range(7):
            transport.write(b"%d" % part)
            assert part - sum(map(len, sent.calls)) <= 0
        transport.close()

    run(sent, work)
    assert b"".join(b"".join(call) for call in sent.calls) == b"0123456"
    assert sent.closed


def test_the_rest_is_the_transport_s_own(sent: Sent) -> None:
    async def work(transport: Joining) -> None:
        assert not transport.is_closing()
        transport.write(b"last")
        transport.close()
        assert transport.is_closing()

    run(sent, work)
    assert sent.calls == [[b"last"]]
