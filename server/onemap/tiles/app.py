"""The raw route that answers tiles below the framework."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

from isal import isal_zlib

from onemap.block import Answer, Principal
from onemap.block.conditional import accepts_gzip, not_modified
from onemap.config import Settings
from onemap.security import ANONYMOUS, Gate
from onemap.tiles.cache import Entry, TileCache
from onemap.tiles.cache.entry import GZIP
from onemap.tiles.course import Course, Courses, Found
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.pack.source import Packs
from onemap.tiles.params import METHODS
from onemap.tiles.resolve import Resolver
from onemap.tiles.tilesets import TileSets

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_LONGEST_ADDRESS = 1000
_MOST_REMEMBERED = 1000
_VARY = (b"vary", b"Accept, Accept-Encoding")


class TileApp:
    """The ASGI application of tiles: authorise, compare the entity tag, send the stored body."""

    def __init__(self, gate: Gate, tilesets: TileSets, settings: Settings, packs: Packs) -> None:
        self._resolver = Resolver(gate, tilesets, packs)
        self._most = settings.limits.tile_features
        keep = settings.tiles
        self.cache = TileCache(
            tilesets.matrix_sets,
            keep.memory_bytes,
            2 * max(2, os.cpu_count() or 2),
            keep.folder,
            settings.zone,
            keep.shared_bytes,
        )
        tilesets.state = self.cache.followers.state
        self._validation: Headers = [(b"cache-control", keep.cache_control.encode()), _VARY]
        self._courses = Courses()
        self._seen: set[tuple[bytes, bytes | None]] = set()

    async def __call__(self, scope: Scope, receive: object, send: Send, match: re.Match[str]) -> None:
        """Answer one request. Raises what the problem middleware turns into an answer."""
        if scope["method"] == "OPTIONS":
            await _send(send, (204, [(b"allow", METHODS.encode())], b""))
            return
        era = self.cache.memory.era
        wanted = await self._resolver.resolve(scope, match)
        request = wanted.request
        course = Course(wanted.tile, tuple(zip(wanted.layers, wanted.tiles, strict=True)), wanted.limits, self._most)
        entry = await self.cache.get(course.asked(request.row, request.col), course.stores)
        self._remember(scope, entry, era, course if request.collection is not None else None)
        await _send(send, self._answer(entry, scope["method"], request.gzip, request.if_none_match))

    def ready(self, scope: Mapping[str, Any], principal: Principal) -> Answer | Awaitable[Answer] | None:
        """Return the answer to a request that was asked before in the same way, while the tile is in memory.

        A tile whose neighbour was asked for is found or made without finding out anew what its address means.
        """
        if principal is not ANONYMOUS and principal != ANONYMOUS:
            return None
        memory, (path, address) = self.cache.memory, _address(scope)
        entry = memory.at(address)
        era = memory.era
        found = self._courses.find(path, scope["query_string"], era) if entry is None else None
        if (entry is None and found is None) or scope["method"] not in ("GET", "HEAD"):
            return None
        headers = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or _manner(scope, headers) not in self._seen:
            return None
        if not _gzip(headers.get(b"accept-encoding", b"")):
            return None
        given = headers.get(b"if-none-match")
        etag = None if given is None else given.decode("latin-1")
        if found is not None:
            return self._made(found, address, era, scope["method"], etag)
        assert entry is not None
        self.cache.counters.memory += 1
        return self._answer(entry, scope["method"], True, etag)

    async def _made(self, found: Found, address: bytes, era: int, method: str, if_none_match: str | None) -> Answer:
        """Return the answer with a tile of a course, which was found in this era."""
        course, row, col = found
        entry = await self.cache.get(course.asked(row, col), course.stores)
        if len(address) <= _LONGEST_ADDRESS:
            self.cache.memory.remember(address, entry, era)
        return self._answer(entry, method, True, if_none_match)

    def _answer(self, entry: Entry, method: str, gzip: bool, if_none_match: str | None) -> Answer:
        """Return the answer for an entry, without any work where the caller has it already."""
        body = entry.body.packed
        if not body:
            return 204, self._validation, b""
        etag = f'"{entry.body.tag}-gz"' if gzip else f'"{entry.body.tag}"'
        if if_none_match is not None and (if_none_match == etag or not_modified(if_none_match, etag)):
            self.cache.counters.unchanged += 1
            return 304, [(b"etag", etag.encode()), *self._validation], b""
        if gzip:
            headers = entry.headers or self._headers(entry, etag, len(body))
            entry.headers = headers
        else:
            body = isal_zlib.decompress(body, wbits=GZIP)
            headers = self._headers(None, etag, len(body))
        return 200, headers, b"" if method == "HEAD" else body

    def _headers(self, entry: Entry | None, etag: str, length: int) -> Headers:
        encoding = [(b"content-encoding", b"gzip")] if entry is not None else []
        kind = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(length).encode())]
        return [(b"etag", etag.encode()), *self._validation, *encoding, *kind]

    def _remember(self, scope: Scope, entry: Entry, era: int, course: Course | None) -> None:
        """Have this request answered from memory from now on, when it is asked again in the same way.

        ``course``: that of its neighbours.
        """
        path, address = _address(scope)
        if scope["onemap.principal"] != ANONYMOUS or not address or len(address) > _LONGEST_ADDRESS:
            return
        if len(self._seen) > _MOST_REMEMBERED:
            self._seen.clear()
        self._seen.add(_manner(scope, dict(scope["headers"])))
        self.cache.memory.remember(address, entry, era)
        if course is not None:
            self._courses.remember(path, scope["query_string"], course, era)


def _address(scope: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return the path, and path and query, as they were sent; empty where the server does not tell."""
    path: bytes = scope.get("raw_path") or b""
    query: bytes = scope["query_string"]
    return path, path + b"?" + query if query else path


def _manner(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> tuple[bytes, bytes | None]:
    """Return what a request that was found good has shown to be good: its Host, and its Accept where that counts."""
    return headers.get(b"host", b""), None if scope["query_string"] == b"f=mvt" else headers.get(b"accept")


@lru_cache(maxsize=256)
def _gzip(accept_encoding: bytes) -> bool:
    return accepts_gzip(accept_encoding.decode("latin-1"))


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
