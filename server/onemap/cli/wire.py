"""How answers go out: those that lie ready, or are made at once, by the shortest way; head and body in one packet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from onemap.block import Answer
from onemap.block.caller import Caller, set_caller
from onemap.web.middleware import CORS
from onemap.web.ready import FAILURE

_WITH_BODY = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})
_ALWAYS = b"".join(b"%s: %s\r\n" % header for header in CORS)
_CLOSE = b"connection: close\r\n\r\n"


class Exchange(Caller):
    """A request that is answered without the ASGI protocol, in the place of a cycle of uvicorn, and who has made it.

    It has what uvicorn sets and asks of the last cycle of a connection.
    """

    keep_alive = True
    more_body = False
    response_complete = False

    @property
    def message_event(self) -> Exchange:
        """What is told by ``set``."""
        return self

    def set(self) -> None:
        """Hear that the request is complete, which it was from the start, or that the connection is gone."""

    @property
    def disconnected(self) -> bool:
        """Whether the connection is gone."""
        return self._gone

    @disconnected.setter
    def disconnected(self, disconnected: bool) -> None:
        self._gone = disconnected


class Http(HttpToolsProtocol):
    """HTTP/1.1 of uvicorn over a transport that joins the head of an answer with what follows at once.

    What the application finds ready for a plain GET is sent right here; a tile that it makes, once it is made. Such an
    answer has no part in the ASGI protocol, which costs more than to find a tile in memory.
    """

    _fresh = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(Joining(transport, self.loop))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """Take what has come; only the first request of it may begin before the event loop comes round to it."""
        self._fresh = True
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Answer the request here, or let the application do so."""
        if self.timeout_keep_alive_task is not None:  # set by the answer to the request before it in this data
            self._unset_keepalive_if_required()
        found = self._found()
        if found is None:
            super().on_headers_complete()
            return
        exchange = Exchange()
        self.cycle = exchange  # type: ignore[assignment]
        if isinstance(found, tuple):
            self._send(exchange, found)
            return
        task = asyncio.Task(self._answer(exchange, found, self.scope), loop=self.loop, eager_start=self._fresh)
        self._fresh = False
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _found(self) -> Answer | Awaitable[Answer] | None:
        """Return what the application has for a GET that nothing is to be waited for."""
        parser, scope = self.parser, self.scope
        plain = parser.get_method() == b"GET" and parser.get_http_version() == "1.1" and parser.should_keep_alive()
        busy = self.cycle is not None and not self.cycle.response_complete
        if not plain or busy or self.flow.write_paused or self.transport.is_closing():
            return None
        if not _WITH_BODY.isdisjoint([name for name, _ in self.headers]):
            return None
        path, _, query = self.url.partition(b"?")
        if not path.startswith(b"/") or b"#" in self.url:
            return None
        scope["method"], scope["raw_path"], scope["query_string"] = "GET", path, query
        try:
            found: Answer | Awaitable[Answer] | None = self.app.ready.find(scope)
        except Exception:
            return None  # it is raised again where it becomes a problem
        return found

    async def _answer(self, exchange: Exchange, making: Awaitable[Answer], scope: Any) -> None:
        set_caller(exchange)
        try:
            answer = await making
        except Exception as error:
            await self._pass_on(exchange, scope, error)
        except BaseException:
            self.transport.close()
            raise
        else:
            self._send(exchange, answer)

    def _send(self, exchange: Exchange, answer: Answer) -> None:
        exchange.response_complete = True
        if exchange.disconnected or self.transport.is_closing():
            return
        status, headers, body = answer
        head = [STATUS_LINE[status], _ALWAYS]
        for some in (self.server_state.default_headers, headers):
            for name, value in some:
                head += (name, b": ", value, b"\r\n")
        head.append(b"\r\n" if exchange.keep_alive else _CLOSE)
        self.transport.writelines([b"".join(head), body] if body else head)
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    async def _pass_on(self, exchange: Exchange, scope: Any, error: Exception) -> None:
        """Let the application say what went wrong."""
        scope[FAILURE] = error
        scope["path"] = unquote(scope["raw_path"].decode("ascii"))
        cycle = RequestResponseCycle(
            scope, self.transport, self.flow, self.logger, self.access_logger, self.access_log,
            self.server_state.default_headers, asyncio.Event(), expect_100_continue=False,
            keep_alive=exchange.keep_alive, on_response=self.on_response_complete,
        )  # fmt: skip
        cycle.disconnected, cycle.more_body = exchange.disconnected, False
        cycle.message_event.set()
        if cast(Any, self.cycle) is exchange:
            self.cycle = cycle
        await cycle.run_asgi(self.app)


class Joining:
    """A transport whose first write waits for a second one, at most until the event loop has done what it is at.

    A system call and a packet less for each answer, which both ends would wake for. Nothing is held back for longer,
    and never more than one write.
    """

    __slots__ = ("_held", "_loop", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = None
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data, after what is held back; the first data is held back."""
        if self._held is None:
            self._held = data
            self._loop.call_soon(self._release)
        else:
            held, self._held = self._held, None
            self._transport.writelines([held, data])

    def writelines(self, data: list[bytes]) -> None:
        """Send all of this at once, after what is held back."""
        self._release()
        self._transport.writelines(data)

    def close(self) -> None:
        """Send what is held back, and close."""
        self._release()
        self._transport.close()

    def _release(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._transport.write(held)
