"""The raw route that answers tiles below the framework."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import anyio.to_thread
from isal import igzip, isal_zlib

from onemap import __version__
from onemap.block.conditional import not_modified
from onemap.config import Settings
from onemap.security import Gate
from onemap.tiles.cache import Made, TileCache
from onemap.tiles.engine import Tile, render
from onemap.tiles.layer import Layer
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.params import METHODS, TileRequest, parse_tile
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

    def __init__(self, gate: Gate, tilesets: TileSets, settings: Settings) -> None:
        self._gate = gate
        self._tilesets = tilesets
        self._most = settings.limits.tile_features
        self._cache = TileCache(CACHE_BYTES, max(2, os.cpu_count() or 2))

    async def __call__(self, scope: Scope, receive: object, send: Send, match: re.Match[str]) -> None:
        """Answer one request. Raises what the problem middleware turns into an answer."""
        if scope["method"] == "OPTIONS":
            await _send(send, 204, [(b"allow", METHODS.encode())])
            return
        request = parse_tile(scope, match)
        view = self._gate.view(scope["onemap.principal"], request.collection)
        layer = Layer(view, self._gate.store(view))
        state = layer.store.state()
        tile = await self._tile(request, layer, state)
        tag = self._tag(layer, state, tile)
        headers = [(b"etag", _etag(tag, request.gzip).encode()), *_VALIDATION]
        if not_modified(request.if_none_match, _etag(tag, request.gzip)):
            await _send(send, 304, headers)
            return
        body = await self._cache.get(tag, partial(self._make, layer, state, tile))
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

    async def _tile(self, request: TileRequest, layer: Layer, state: str) -> Tile:
        """Return the tile asked for. Raises NotFound for an unknown set and outside the limits."""
        matrix_set = self._tilesets.matrix_set(request.matrix_set)
        tileset = self._tilesets.known(layer.view, state, matrix_set)
        if tileset is None:
            tileset = await anyio.to_thread.run_sync(self._tilesets.get, layer.view, layer.store, matrix_set)
        return tileset.tile(request.level, request.row, request.col)

    def _tag(self, layer: Layer, state: str, tile: Tile) -> str:
        """Return what stands for the tile's content: all that it is made from, so no tile is made to compare tags."""
        place = (tile.matrix_set.id, tile.level.id, tile.row, tile.col)
        made_from = (__version__, self._most, layer.digest, state, *place)
        return hashlib.blake2b(repr(made_from).encode(), digest_size=12).hexdigest()

    def _make(self, layer: Layer, state: str, tile: Tile) -> Made:
        """Return the compressed tile; one made while the data changed is given once and not kept."""
        body = render(layer, tile, self._most)
        packed = igzip.compress(body, _GZIP_LEVEL, mtime=0) if body else b""
        return Made(packed, keep=layer.store.state() == state)


def _etag(tag: str, gzip: bool) -> str:
    return f'"{tag}-gz"' if gzip else f'"{tag}"'


async def _send(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
