"""The administrator's port: what all processes of the instance count, for Prometheus."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from onemap.block import Metric
from onemap.config import AdminSettings
from onemap.errors import ConfigError
from onemap.web.metrics import MEDIA_TYPE, packed, rendered, together, unpacked

FOLDER = "ONEMAP_METRICS"
_SECONDS = 1.0
_ENDING = ".json"


@contextmanager
def administered(settings: AdminSettings) -> Iterator[None]:
    """Answer /metrics on the port of the administrator, if there is one, for the length of the block.

    Each process writes what it counts to a folder that this one makes. Raises ConfigError for a port that is taken.
    """
    if settings.port is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="onemap-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        try:
            server = ThreadingHTTPServer((settings.host, settings.port), _handler(Path(folder)))
        except OSError as error:
            raise ConfigError(f"admin.port: {settings.host}:{settings.port} cannot be used: {error}.") from None
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, name="onemap-admin", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def report(metrics: Callable[[], list[Metric]]) -> None:
    """Write what this process counts once a second from now on, where somebody reads it."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        threading.Thread(target=_report, args=(Path(folder), metrics), name="onemap-metrics", daemon=True).start()


def _report(folder: Path, metrics: Callable[[], list[Metric]]) -> None:
    path, pause = folder / f"{os.getpid()}{_ENDING}", threading.Event()
    while folder.is_dir():
        fresh = path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_bytes(packed(metrics()))
            fresh.replace(path)
        pause.wait(_SECONDS)


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers GET /metrics."""

        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = _text(folder) if found else b"Not found\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", MEDIA_TYPE if found else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no log: a scraper asks all the time."""

    return Handler


def _text(folder: Path) -> bytes:
    processes = []
    for path in sorted(folder.glob("*" + _ENDING)):
        with contextlib.suppress(OSError, ValueError):
            processes.append(unpacked(path.read_bytes()))
    return rendered(together(processes)).encode()
