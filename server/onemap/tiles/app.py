"""The raw route that answers tiles below the framework."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import partial
from typing import Any

from isal import igzip, isal_zlib

from onemap import __version__
from onemap.block.conditional import not_modified
from onemap.config import Settings
from onemap.security import Gate
from onemap.tiles.cache import Made, TileCache
from onemap.tiles.engine import render
from onemap.tiles.layer import Layer
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.pack.source import Packs
from onemap.tiles.params import METHODS
from onemap.tiles.resolve import Resolver, Wanted
from onemap.tiles.tilesets import TileSets

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CACHE_BYTES = 128 * 1024 * 1024
# Levels 0 to 3 of ISA-L: 2 is as small as 3 and as fast as 1 on tiles.
_GZIP_LEVEL = 2
_GZIP = 31
# Caches may keep a tile but must ask whether it still holds: the answer is a 304 made without any work.
_VALIDATION: Headers = [(b"cache-control", b"no-cache"), (b"vary", b"Accept, Accept-Encoding")]


class TileApp:
    """The ASGI application of tiles: authorise, compare the entity tag, send the stored body."""

    def __init__(self, gate: Gate, tilesets: TileSets, settings: Settings, packs: Packs) -> None:
        self._resolver = Resolver(gate, tilesets, packs)
        self._most = settings.limits.tile_features
        self._cache = TileCache(CACHE_BYTES, max(2, os.cpu_count() or 2))

    async def __call__(self, scope: Scope, receive: object, send: Send, match: re.Match[str]) -> None:
        """Answer one request. Raises what the problem middleware turns into an answer."""
        if scope["method"] == "OPTIONS":
            await _send(send, 204, [(b"allow", METHODS.encode())])
            return
        wanted = await self._resolver.resolve(scope, match)
        request = wanted.request
        state = _state(wanted.layers)
        tag = self._tag(wanted, state)
        headers = [(b"etag", _etag(tag, request.gzip).encode()), *_VALIDATION]
        if not_modified(request.if_none_match, _etag(tag, request.gzip)):
            await _send(send, 304, headers)
            return
        body = await self._cache.get(tag, partial(self._make, wanted, state))
        if not body:
            await _send(send, 204, _VALIDATION)
            return
        headers.append((b"content-type", MEDIA_TYPE.encode()))
        if request.gzip:
            headers.append((b"content-encoding", b"gzip"))
        else:
            body = isal_zlib.decompress(body, wbits=_GZIP)
        headers.append((b"content-length", str(len(body)).encode()))
        await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)

    def _tag(self, wanted: Wanted, state: str) -> str:
        """Return what stands for the tile's content: all that it is made from, so no tile is made to compare tags."""
        tile, digests = wanted.tile, [layer.digest for layer in wanted.layers]
        place = (tile.matrix_set.id, tile.level.id, tile.row, tile.col)
        made_from = (__version__, self._most, digests, state, *place)
        return hashlib.blake2b(repr(made_from).encode(), digest_size=12).hexdigest()

    def _make(self, wanted: Wanted, state: str) -> Made:
        """Return the compressed tile; one made while the data changed is given once and not kept."""
        body = b"".join(render(layer, wanted.tile, self._most) for layer in wanted.layers)
        packed = igzip.compress(body, _GZIP_LEVEL, mtime=0) if body else b""
        return Made(packed, keep=_state(wanted.layers) == state)


def _state(layers: Sequence[Layer]) -> str:
    return "|".join(layer.store.state() for layer in layers)


def _etag(tag: str, gzip: bool) -> str:
    return f'"{tag}-gz"' if gzip else f'"{tag}"'


async def _send(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
