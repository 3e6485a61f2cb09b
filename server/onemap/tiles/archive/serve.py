"""Seeded archives as files, read in parts: GET with Range (RFC 9110, 14)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import anyio.to_thread

from onemap.block.conditional import not_modified
from onemap.block.query import parse_query, refuse_unknown, shorten
from onemap.errors import ConfigError, MethodNotAllowed, NotFound
from onemap.security import Gate
from onemap.tiles.archive.facts import Facts, seed_path

MEDIA_TYPE = "application/vnd.pmtiles"
PATTERN = re.compile(r"/collections/([^/]+)/tiles/([^/]+)/archive\.pmtiles")
"""The address of the archive of a collection on a tile matrix set."""
METHODS = "GET, HEAD, OPTIONS"
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)
_PIECE = 512 * 1024

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class ArchiveApp:
    """The ASGI application of archives. ``folder``: where they are, None where there are none."""

    def __init__(self, gate: Gate, folder: Path | None, zone: str) -> None:
        self._gate = gate
        self._folder = folder
        self._zone = zone

    async def __call__(self, scope: Mapping[str, Any], receive: object, send: Send, match: re.Match[str]) -> None:
        """Answer one request. Raises what the problem middleware turns into an answer."""
        _ = receive
        if scope["method"] == "OPTIONS":
            await _start(send, 204, [(b"allow", METHODS.encode())], b"")
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{str(scope['method'])[:20]} is not supported here.", allow=METHODS)
        refuse_unknown(parse_query(scope["query_string"]), ())
        collection, matrix_set = match.groups()
        view = self._gate.view(scope["onemap.principal"], collection)
        found = await anyio.to_thread.run_sync(self._find, view.collection.id, matrix_set, view.digest)
        if found is None:
            raise NotFound(
                f"There is no archive of '{view.collection.id}' on '{shorten(matrix_set)}'.",
                "The operator of this server makes archives with: onemap tiles seed",
            )
        path, tag = found
        await _answer(path, f'"{tag}"', scope["onemap.headers"], send, head=scope["method"] == "HEAD")

    def _find(self, collection: str, matrix_set: str, view: str) -> tuple[Path, str] | None:
        """Return an archive that shows what this view shows, and its identifier. Blocks."""
        if self._folder is None or not re.fullmatch(r"[A-Za-z0-9_.-]+", matrix_set):
            return None
        path = seed_path(self._folder, self._zone, collection, matrix_set)
        try:
            facts = Facts.read(path) if path.is_file() else None
        except ConfigError:
            return None
        return None if facts is None or facts.view != view else (path, facts.archive)


async def _answer(path: Path, etag: str, asked: Mapping[str, str], send: Send, *, head: bool) -> None:
    common: Headers = [
        (b"etag", etag.encode()),
        (b"cache-control", b"no-cache"),
        (b"accept-ranges", b"bytes"),
    ]
    if not_modified(asked.get("if-none-match"), etag):
        await _start(send, 304, common, b"")
        return
    async with await anyio.open_file(path, "rb") as file:
        size = await file.seek(0, 2)
        common.append((b"content-type", MEDIA_TYPE.encode()))
        part = None
        if asked.get("if-range", etag) == etag and "range" in asked:
            part = parse_range(asked["range"], size)
            if part == ():
                unsatisfied = (b"content-range", f"bytes */{size}".encode())
                await _start(send, 416, [*common, unsatisfied, (b"content-length", b"0")], b"")
                return
        first, last = part or (0, size - 1)
        length = (b"content-length", str(last - first + 1).encode())
        shown = [(b"content-range", f"bytes {first}-{last}/{size}".encode())] if part else []
        start = {"type": "http.response.start", "status": 206 if part else 200, "headers": [*common, length, *shown]}
        await send(start)
        await file.seek(first)
        left = 0 if head else last - first + 1
        while left > 0:
            piece = await file.read(min(left, _PIECE))
            if not piece:
                raise OSError(f"{path} has become shorter")
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def parse_range(text: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """Return the first and last byte that a Range header asks for.

    An empty tuple: there are none such bytes; None: the header is not understood or asks for several parts, and the
    whole is given (RFC 9110, 14.2).
    """
    found = _RANGE.fullmatch(text)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        count = min(int(last), size)
        return (size - count, size - 1) if count else ()
    begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    if last and int(last) < begin:
        return None
    return (begin, end) if begin < size else ()


async def _start(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
