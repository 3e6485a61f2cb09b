"""A client that asks for many addresses over one or more kept connections, and how long each answer took."""

from __future__ import annotations

import asyncio
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.measure import Server

_GZIP = {"Accept-Encoding": "gzip"}
_AFTERWARDS_SECONDS = 0.6


@dataclass(frozen=True)
class Load:
    """What a run of requests cost: milliseconds of CPU of the server for each, their answers' time, and bytes."""

    cpu_ms: float
    p50_ms: float
    p99_ms: float
    size: float
    asked: int

    def times(self) -> str:
        """The median and the 99th percentile of the answers' times in words."""
        return f"p50 {self.p50_ms:.1f}, p99 {self.p99_ms:.1f} ms"


@dataclass(frozen=True)
class Answer:
    """Status, bytes of the body as sent, seconds, and the entity tag."""

    status: int
    size: int
    seconds: float
    etag: str


def load(
    server: Server, paths: Sequence[str], connections: int = 1, headers: Mapping[str, str] = _GZIP, seconds: float = 0.0
) -> Load:
    """Ask for each path once, or again and again until so many seconds of CPU are used; refuse answers but 2xx, 304.

    What a server does after its answers, as keeping tiles in a file, counts to what was asked for; what it does in as
    long a time again, when nothing is asked, does not.
    """
    start, answers = server.cpu(), []
    while True:
        answers += asyncio.run(_all(server.url, paths, connections, headers))
        if server.cpu() - start >= seconds or not seconds:
            break
    time.sleep(_AFTERWARDS_SECONDS)
    end = server.cpu()
    time.sleep(_AFTERWARDS_SECONDS)
    used = end - start - (server.cpu() - end)
    times = np.array([answer.seconds for answer in answers]) * 1000
    p50, p99 = np.percentile(times, [50, 99])
    size = float(np.mean([answer.size for answer in answers]))
    return Load(used / len(answers) * 1000, float(p50), float(p99), size, len(answers))


def tags(server: Server, paths: Sequence[str]) -> list[str]:
    """Return the entity tag of each path to a client that takes gzip."""
    return [answer.etag for answer in asyncio.run(_all(server.url, paths, 1, _GZIP))]


def conditional(server: Server, path: str, tag: str, times: int, connections: int = 1, seconds: float = 0.0) -> Load:
    """Ask for a path as a client that has this state of it."""
    return load(server, [path] * times, connections, {**_GZIP, "If-None-Match": tag}, seconds)


async def _all(url: str, paths: Sequence[str], connections: int, headers: Mapping[str, str]) -> list[Answer]:
    left, answers = iter(paths), []

    async def ask_some() -> None:
        answers.extend(await _ask(url, left, headers))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(connections, len(paths))):
            group.create_task(ask_some())
    return answers


async def _ask(url: str, paths: Iterator[str], headers: Mapping[str, str]) -> list[Answer]:
    parts, answers = urllib.parse.urlsplit(url), []
    given = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        for path in paths:
            began = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{given}\r\n".encode())
            status, size, got = await _answer(reader)
            answers.append(Answer(status, size, time.perf_counter() - began, got.get("etag", "")))
            if status not in (200, 204, 304):
                raise RuntimeError(f"{url}{path}: {status}")
            if got.get("connection", "").lower() == "close":
                writer.close()
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    finally:
        writer.close()
    return answers


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int, dict[str, str]]:
    """Return status, bytes of the body and headers of an answer (RFC 9112, section 6)."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split()[1])
    if status in (204, 304):
        return status, 0, headers
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return status, await _chunks(reader), headers
    size = int(headers["content-length"])
    await reader.readexactly(size)
    return status, size, headers


async def _chunks(reader: asyncio.StreamReader) -> int:
    total = 0
    while size := int((await reader.readline()).partition(b";")[0], 16):
        await reader.readexactly(size + 2)
        total += size
    while (await reader.readline()).strip():
        continue
    return total
