"""Measure a server by the CPU time of its process per request, never by wall time alone."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
# What clock_getcpuclockid(3) makes of the number of a process: its bits inverted, three to the left, and this.
_WHOLE_PROCESS = 2
_ENOUGH_SECONDS = 0.6


@dataclass(frozen=True)
class Server:
    """A running server: its address, the process whose CPU time counts, and that of its database if it has one."""

    url: str
    pid: int
    database: int | None = None

    def cpu(self) -> float:
        """Return the CPU seconds of the processes and their children so far, those that have ended included."""
        roots = [self.pid, *([self.database] if self.database else [])]
        return sum(_cpu(pid) for root in roots for pid in _family(root))

    def rss_mib(self) -> float:
        """Return the resident memory of the process in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(relative for child in children for relative in _family(int(child)))]


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process and of its children that have ended, as parallel workers of a query do.

    The clock of the process counts nanoseconds; what is read in /proc counts hundredths of a second, which is as long
    as several tiles take, and is used for ended children only.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        own = time.clock_gettime(~pid << 3 | _WHOLE_PROCESS)
    except OSError:
        return 0.0
    return own + sum(int(field) for field in fields[13:15]) / _TICK


@contextmanager
def serving(command: list[str], url: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a server until the block ends; ``url`` must answer before the block begins."""
    log = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(env or {})})
    try:
        _await(url, process)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"{url}: the server ended with status {process.returncode}")
        try:
            if get(url)[0] < 500:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url}: the server did not answer within a minute")


def get(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body of one request."""
    with connected(url) as connection:
        return _ask(connection, url, headers)


@contextmanager
def connected(url: str) -> Iterator[http.client.HTTPConnection]:
    """Give a connection to the server of an address."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    try:
        yield connection
    finally:
        connection.close()


def _ask(
    connection: http.client.HTTPConnection, url: str, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    parts = urllib.parse.urlsplit(url)
    connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""), headers=dict(headers or {}))
    response = connection.getresponse()
    return response.status, response.read()


def cpu_per_request(server: Server, paths: list[str]) -> tuple[float, int]:
    """Return milliseconds of CPU per request and the bytes of the last body, over different requests in turn.

    Warms up with every path once, then repeats until the process has used enough CPU time to tell.
    """
    size = _ask_all(server, paths)
    done, start, began = 0, server.cpu(), time.monotonic()
    while server.cpu() - start < _ENOUGH_SECONDS and time.monotonic() - began < 20:
        _ask_all(server, paths)
        done += len(paths)
    return (server.cpu() - start) / done * 1000, size


def cpu_of_first_requests(server: Server, paths: list[str]) -> tuple[float, int]:
    """Return the same for requests that are made once only, so that no cache can answer them."""
    _ask_all(server, paths[:2])
    start = server.cpu()
    size = _ask_all(server, paths[2:])
    return (server.cpu() - start) / len(paths[2:]) * 1000, size


def _ask_all(server: Server, paths: list[str]) -> int:
    """Request each path over one connection, as clients do; return the bytes of all bodies on average."""
    sizes = []
    with connected(server.url) as connection:
        for path in paths:
            status, body = _ask(connection, server.url + path)
            if status not in (200, 204):
                raise RuntimeError(f"{path}: {status} {body[:300]!r}")
            sizes.append(len(body))
    return sum(sizes) // len(sizes)
