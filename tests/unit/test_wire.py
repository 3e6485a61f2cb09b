"""Head and body of an answer leave together, and nothing is held back for longer than a moment."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from onemap.block import Principal
from onemap.block.caller import caller_gone
from onemap.cli.wire import Http, Joining
from onemap.web.ready import FAILURE, Ready


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


class App:
    """An application that has some answers ready, makes others, and leaves the rest to the ASGI protocol."""

    def __init__(self) -> None:
        self.ready = Ready(self.rest, (self.find,))
        self.gate: asyncio.Event | None = None
        self.left: list[bool] = []
        self.asked: list[bytes] = []
        self.stop: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.ready(scope, receive, send)

    def find(self, scope: Any, _: Principal) -> Any:
        path, method = scope["raw_path"], scope["method"]
        self.asked.append(path)
        if method not in ("GET", "HEAD"):
            return None
        if path == b"/ready":
            return 200, [(b"content-length", b"5")], b"ready" if method == "GET" else b""
        if path == b"/nothing":
            return 204, [], b""
        return self.make(path) if path in (b"/made", b"/wrong", b"/slow") else None

    async def make(self, path: bytes) -> Any:
        if path == b"/wrong":
            raise ValueError("wrong")
        if path == b"/slow":
            self.gate = asyncio.Event()
            for _ in range(200):
                if self.gate.is_set() or caller_gone():
                    break
                await asyncio.sleep(0.01)
            self.left.append(caller_gone())
        return 200, [(b"content-length", b"%d" % len(path))], path

    async def rest(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        text = b"%s %s %s" % (scope["method"].encode(), body, str(scope.get(FAILURE, "")).encode())
        headers = [(b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 500 if FAILURE in scope else 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})


async def begun(app: App) -> asyncio.Event:
    """Wait until the slow answer is being made, and return what lets it go on."""
    while app.gate is None:
        await asyncio.sleep(0.01)
    return app.gate


Work = Callable[[App, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(work: Work, patience: int = 5) -> App:
    """Serve the application for one connection, which may be idle for so many seconds."""
    app = App()

    async def whole() -> None:
        config = uvicorn.Config(
            app, port=0, http=Http, lifespan="off", proxy_headers=False, log_level="error", timeout_keep_alive=patience
        )
        server = uvicorn.Server(config)
        app.stop = functools.partial(setattr, server, "should_exit", True)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname()[:2])
        try:
            await asyncio.wait_for(work(app, reader, writer), 10)
        finally:
            writer.close()
            app.stop()
            await serving

    asyncio.run(whole())
    return app


def get(path: str, method: str = "GET", more: str = "", version: str = "1.1") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: here\r\n{more}\r\n".encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


def test_answers_come_in_the_order_of_their_requests_however_they_are_made() -> None:
    paths = ["/ready", "/slow", "/ready", "/other", "/made", "/nothing", "/made", "/wrong", "/ready"]

    async def work(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(map(get, paths)))
        (await begun(app)).set()
        got = [await answer(reader) for _ in paths]
        bodies = [b"ready", b"/slow", b"ready", b"GET  ", b"/made", b"", b"/made", b"GET  wrong", b"ready"]
        assert [body for _, _, body in got] == bodies
        assert [status for status, _, _ in got] == [200, 200, 200, 200, 200, 204, 200, 500, 200]
        assert all("access-control-allow-origin" in headers and "date" in headers for _, headers, _ in got[:3])

    talk(work)


def test_a_thousand_requests_in_one_packet_are_answered() -> None:
    async def work(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/slow") + get("/made") * 1000 + get("/ready") * 1000)
        (await begun(app)).set()
        got = [(await answer(reader))[2] for _ in range(2001)]
        assert got == [b"/slow", *[b"/made"] * 1000, *[b"ready"] * 1000]

    talk(work)


@pytest.mark.parametrize("first", ["/ready", "/made", "/nothing", "/other"])
def test_what_is_no_plain_get_goes_the_usual_way_and_the_next_is_understood(first: str) -> None:
    given = "Content-Length: 4\r\n"

    async def work(_: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get(first, "POST", given) + b"body" + get("/ready"))
        assert [(await answer(reader))[2] for _ in range(2)] == [b"POST body ", b"ready"]
        writer.write(get("/ready", more=given) + b"body" + get("/made"))
        assert [(await answer(reader))[2] for _ in range(2)] == [b"ready", b"/made"]
        writer.write(get("/ready", "HEAD") + get("/ready", more="Connection: close\r\n", version="1.0"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert (await answer(reader))[2] == b"ready"
        assert await reader.read() == b""

    talk(work)


@pytest.mark.parametrize(
    ("target", "body"),
    [("/ready?", b"ready"), ("/ready?a=/b?c", b"ready"), ("/ready#part", b"ready"), ("http://here/ready", b"ready"),
     ("http://here/ready?a=b", b"ready"), ("/re%61dy", b"GET  "), ("/ready/", b"GET  "), ("//ready", b"GET  ")],
)  # fmt: skip
def test_an_address_is_told_apart_however_it_is_written(target: str, body: bytes) -> None:
    async def work(_: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get(target) + get("/made"))
        assert [(await answer(reader))[2] for _ in range(2)] == [body, b"/made"]

    asked = talk(work).asked
    assert asked
    assert all(path.startswith(b"/") and b"#" not in path and b"?" not in path for path in asked)


def test_a_connection_is_closed_when_the_client_wants_that() -> None:
    async def work(_: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/made") + get("/made", more="Connection: close\r\n"))
        assert [(await answer(reader))[2] for _ in range(2)] == [b"/made"] * 2
        assert await reader.read() == b""

    talk(work)


def test_the_maker_of_an_answer_is_told_when_its_client_has_left() -> None:
    async def work(app: App, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/slow"))
        await begun(app)
        writer.close()
        while not app.left:
            await asyncio.sleep(0.01)

    assert talk(work).left == [True]


def test_a_server_that_stops_finishes_what_it_has_begun() -> None:
    async def work(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/slow"))
        gate = await begun(app)
        app.stop()
        await asyncio.sleep(0.3)
        gate.set()
        _, headers, body = await answer(reader)
        assert (headers["connection"], body) == ("close", b"/slow")
        assert await reader.read() == b""

    talk(work)


def test_an_answer_before_it_sets_no_limit_to_the_next() -> None:
    async def work(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/ready") + get("/slow"))
        assert (await answer(reader))[2] == b"ready"
        await asyncio.sleep(1.3)
        assert app.gate is not None
        app.gate.set()
        assert (await answer(reader))[2] == b"/slow"
        assert await reader.read() == b""  # now it is idle

    talk(work, patience=1)


def test_what_is_no_request_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def work(app: App, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(get("/slow") + get("/other") + b"no request\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        assert app.gate is not None
        app.gate.set()
        await asyncio.sleep(0.05)

    talk(work)
    gc.collect()
    assert "never retrieved" not in caplog.text
