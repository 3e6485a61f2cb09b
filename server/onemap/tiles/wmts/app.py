"""The raw route of WMTS: capabilities are written here, tiles are answered by the application of tiles."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

import anyio.to_thread

from onemap.block import Principal
from onemap.block.links import Links
from onemap.block.query import shorten
from onemap.config import Settings
from onemap.errors import ClientError, ClientGone, MethodNotAllowed, NotFound, Unavailable
from onemap.security import Gate
from onemap.tiles.origin import Origin, dataset, origin_of
from onemap.tiles.params import METHODS
from onemap.tiles.params import PATTERN as TILE
from onemap.tiles.tilesets import Source, TileSet, TileSets
from onemap.tiles.wmts.capabilities import LANGUAGE_TAGS, WmtsLayer, capabilities
from onemap.tiles.wmts.faults import Fault, report
from onemap.tiles.wmts.names import DATASET, find_set, is_dataset
from onemap.tiles.wmts.params import GetTile, parse_kvp, parse_rest
from onemap.tiles.wmts.time import interval_of, years_of

PATTERN = re.compile(r"/wmts(?:/1\.0\.0/(.+))?")
XML = "application/xml"
_LANGUAGES = {"en": "en"}

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, object, Send, re.Match[str]], Awaitable[None]]


class WmtsApp:
    """The ASGI application of WMTS. ``tiles`` answers for a tile at its address in the API."""

    def __init__(self, gate: Gate, tilesets: TileSets, settings: Settings, tiles: App) -> None:
        self._gate = gate
        self._tilesets = tilesets
        self._service = settings.service
        self._tiles = tiles

    async def __call__(self, scope: Scope, receive: object, send: Send, match: re.Match[str]) -> None:
        """Answer one request; what is wrong is said in XML."""
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", METHODS.encode())]})
            await send({"type": "http.response.body", "body": b""})
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{scope['method'][:20]} is not supported here.", allow=METHODS)
        try:
            wanted = parse_rest(match[1]) if match[1] else parse_kvp(scope["query_string"])
            if wanted is None:
                body = await anyio.to_thread.run_sync(partial(self._capabilities, scope))
                await _send(scope, send, 200, body, _language(scope))
            else:
                await self._tile(wanted, scope, receive, send)
        except Fault as fault:
            await _send(scope, send, fault.status, fault.report())
        except ClientGone:
            raise
        except (ClientError, Unavailable) as error:
            await _send(scope, send, error.status, report("NoApplicableCode", error.detail))

    def _capabilities(self, scope: Scope) -> bytes:
        """Return the capabilities of what the principal may see: the dataset, then each collection. Blocks."""
        principal: Principal = scope["onemap.principal"]
        links: Links = scope["onemap.links"]
        lang = _language(scope)
        sources = [(view, self._gate.store(view)) for view in self._gate.views(principal)]
        layers = [self._layer(DATASET, dataset(self._service, sources, lang), sources)]
        for source in sources:
            collection = source[0].collection
            layers = [item for item in layers if item.identifier != collection.id]
            layers.append(self._layer(collection.id, origin_of(collection, lang), [source], years_of(*source)))
        return capabilities([item for item in layers if item.tilesets], self._service, links, lang)

    def _layer(self, identifier: str, origin: Origin, sources: list[Source], years: tuple[int, ...] = ()) -> WmtsLayer:
        every: list[TileSet] = self._tilesets.every(sources, whole=origin.whole)
        return WmtsLayer(identifier, origin, [item for item in every if item.limits], years)

    async def _tile(self, wanted: GetTile, scope: Scope, receive: object, send: Send) -> None:
        """Hand a tile request on to the address that the tile has in the API. Raises Fault."""
        path, timed = self._address(wanted, scope["onemap.principal"])
        interval = interval_of(wanted.time) if timed else None
        query = b"f=mvt" if interval is None else f"f=mvt&datetime={interval}".encode()
        match = TILE.fullmatch(path)
        assert match is not None
        try:
            own = {"path": path, "raw_path": path.encode(), "query_string": query}
            await self._tiles({**scope, **own}, receive, send, match)
        except NotFound as error:
            raise Fault("TileOutOfRange", "TILEROW", error.detail) from None

    def _address(self, wanted: GetTile, principal: Principal) -> tuple[str, bool]:
        """Return the path of a tile in the API, and whether its layer has times."""
        collections = {view.collection.id: view.collection for view in self._gate.views(principal)}
        whole = is_dataset(wanted.layer, collections)
        if not whole and wanted.layer not in collections:
            raise Fault("InvalidParameterValue", "LAYER", f"There is no layer '{shorten(wanted.layer)}'.")
        matrix_set = find_set(wanted.matrix_set, self._tilesets)
        if matrix_set is None:
            text = f"There is no tile matrix set '{shorten(wanted.matrix_set)}'."
            raise Fault("InvalidParameterValue", "TILEMATRIXSET", text)
        if wanted.matrix not in matrix_set.levels:
            text = f"There is no tile matrix '{shorten(wanted.matrix)}'."
            raise Fault("InvalidParameterValue", "TILEMATRIX", text)
        base = "" if whole else f"/collections/{wanted.layer}"
        timed = not whole and bool(collections[wanted.layer].temporal)
        return f"{base}/tiles/{matrix_set.id}/{wanted.matrix}/{wanted.row}/{wanted.col}", timed


def _language(scope: Scope) -> str:
    return _LANGUAGES.get(scope["onemap.headers"].get("accept-language", "")[:2], "zh")


async def _send(scope: Scope, send: Send, status: int, body: bytes, lang: str = "en") -> None:
    headers = [
        (b"content-type", XML.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-cache"),
        (b"vary", b"Accept-Language"),
        (b"content-language", LANGUAGE_TAGS[lang].encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
