"""Another server on this machine: it gives documents, and remembers what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Listener:
    """``requests``: method, path and body of each request; ``answers``: what to do on a path, by default 200."""

    address: str
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    answers: dict[str, Answering] = field(default_factory=dict)

    def wait(self, count: int, seconds: float = 10.0) -> list[tuple[str, str, bytes]]:
        """Return the requests as soon as there are so many."""
        end = time.monotonic() + seconds
        while len(self.requests) < count and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.requests) >= count, self.requests
        return self.requests


def giving(body: bytes, media_type: str, status: int = 200, **headers: str) -> Answering:
    """Return what answers with a body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", media_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def listening_on(host: str = "127.0.0.1") -> Iterator[Listener]:
    """Run the server for the length of the block."""
    found = Listener("")

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.requests.append((self.command, self.path, body))
            found.answers.get(self.path, giving(b"", "text/plain"))(self)

        do_GET = do_POST = _any

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    found.address = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
