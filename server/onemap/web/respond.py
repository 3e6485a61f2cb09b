"""Turn replies into ASGI responses: bodies with an ETag, compression once, streams that fail visibly."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import anyio
import anyio.to_thread
import orjson
from isal import igzip, isal_zlib
from starlette.types import Scope, Send

from onemap.block import HTML, Call, Content, Document, Pieces, Reply, Stream
from onemap.block.caller import Caller
from onemap.block.conditional import accepts_gzip, entity_tag, not_modified, not_modified_since
from onemap.errors import ClientGone
from onemap.web.html import SECURITY_HEADERS, Pages

VARY = "Accept, Accept-Encoding, Accept-Language, Cookie"
_WORTH_COMPRESSING = 1024
_SOON_COMPRESSED = 32_768
_GZIP = 31
_SAFE = ("GET", "HEAD")
_ON_304 = ("ETag", "Last-Modified", "Vary", "Cache-Control")
_TEXT = ("json", "html", "text/", "yaml", "javascript")
Headers = dict[str, str]


class Responder:
    """Write replies."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def respond(self, reply: Reply, call: Call, caller: Caller, scope: Scope, send: Send) -> None:
        """Send a reply."""
        if isinstance(reply, Stream):
            try:
                await _stream(reply, call, caller, scope, send)
            finally:
                await _close(reply.chunks)
            return
        body, media_type = self._body(reply, call)
        headers = {**_common(media_type, call), **reply.headers}
        if reply.status == 204:
            del headers["Content-Type"]
        if reply.status == 200:
            compressed = _gzip_taken(call) and len(body) > _WORTH_COMPRESSING and _is_text(media_type)
            headers["ETag"] = entity_tag(body, getattr(reply, "state", ""), compressed)
            if scope["method"] in _SAFE and _unchanged(call, headers):
                kept = {name: headers[name] for name in _ON_304 if name in headers}
                await send_response(send, 304, kept, b"", scope)
                return
            if compressed:
                body = await _compressed(body)
                headers["Content-Encoding"] = "gzip"
        await send_response(send, reply.status, headers, body, scope)

    def _body(self, reply: Document | Content, call: Call) -> tuple[bytes, str]:
        if isinstance(reply, Content):
            return reply.body, reply.media_type
        if call.format is HTML and reply.template:
            return self._pages.render(reply.template, reply.data, call, reply.page), "text/html; charset=utf-8"
        return orjson.dumps(reply.data), reply.media_type or call.format.media_type


def _unchanged(call: Call, headers: Headers) -> bool:
    """Whether the client has this answer already; a date counts only where it names no tags (RFC 9110, 13.2.2)."""
    if (tags := call.headers.get("if-none-match")) is not None:
        return not_modified(tags, headers["ETag"])
    return not_modified_since(call.headers.get("if-modified-since"), headers.get("Last-Modified"))


def _common(media_type: str, call: Call) -> Headers:
    """Return what every answer says: what it varies with, its language, and that a copy is to be asked for again."""
    language = "zh-Hans" if call.lang == "zh" else "en"
    common = {"Content-Type": media_type, "Vary": VARY, "Content-Language": language, "Cache-Control": "no-cache"}
    return common | (SECURITY_HEADERS if media_type.startswith("text/html") else {})


async def _stream(reply: Stream, call: Call, caller: Caller, scope: Scope, send: Send) -> None:
    """Send a body as it is made. The first bytes are made before the status is sent, so that they can still fail."""
    headers = {**_common(reply.media_type, call), **reply.headers}
    compressed = _gzip_taken(call) and _is_text(reply.media_type)
    compressor = isal_zlib.compressobj(1, wbits=_GZIP) if compressed else None
    if compressor:
        headers["Content-Encoding"] = "gzip"
    first = await _first(reply.chunks, compressor, caller, scope)
    length = reply.chunks.length if isinstance(reply.chunks, Pieces) and not compressor else None
    if length is not None:
        headers["Content-Length"] = str(length)
    second = await _next(reply.chunks, compressor) if first is not None else None
    if second is None:
        rest = compressor.flush() if compressor else b""
        await send_response(send, 200, headers, (first or b"") + rest, scope)
        return
    await send({"type": "http.response.start", "status": 200, "headers": encode(headers)})
    if scope["method"] == "HEAD":
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.body", "body": first, "more_body": True})
    await _rest(second, reply.chunks, compressor, caller, send)


async def _first(chunks: Iterator[bytes], compressor: Any, caller: Caller, scope: Scope) -> bytes | None:
    """Return the first piece that is not empty; of a HEAD request the first one, as nobody waits for the body."""
    piece = await _next(chunks, compressor)
    while piece == b"" and scope["method"] != "HEAD" and not caller.gone:
        piece = await _next(chunks, compressor)
    if caller.gone:
        raise ClientGone
    return piece


async def _close(chunks: Iterator[bytes]) -> None:
    """Close a stream in a worker thread, also when the request was cancelled: it may have files to remove."""
    if isinstance(chunks, Generator | Pieces):
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(chunks.close)


async def _rest(piece: bytes | None, chunks: Iterator[bytes], compressor: Any, caller: Caller, send: Send) -> None:
    """Send the pieces until they end or nobody takes them any more."""
    while piece is not None and not caller.gone:
        if piece:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        piece = await _next(chunks, compressor)
    if caller.gone:
        raise ClientGone
    await send({"type": "http.response.body", "body": compressor.flush() if compressor else b""})


async def _next(chunks: Iterator[bytes], compressor: Any) -> bytes | None:
    """Return the next piece of a stream, compressed where asked for, made in a worker thread."""

    def make() -> bytes | None:
        piece = next(chunks, None)
        return compressor.compress(piece) if compressor and piece is not None else piece

    return await anyio.to_thread.run_sync(make)


async def send_response(send: Send, status: int, headers: Headers, body: bytes, scope: Scope) -> None:
    """Send a finished response; the body of a HEAD request is left out, its length is not."""
    if status not in (204, 304):
        headers = {**headers, "Content-Length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": encode(headers)})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def encode(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI wants them."""
    return [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def _compressed(body: bytes) -> bytes:
    """Return a body compressed: in a worker thread, unless starting one takes longer than that."""
    if len(body) < _SOON_COMPRESSED:
        return igzip.compress(body, 1, mtime=0)
    return await anyio.to_thread.run_sync(lambda: igzip.compress(body, 1, mtime=0))


def _gzip_taken(call: Call) -> bool:
    return accepts_gzip(call.headers.get("accept-encoding", ""))


def _is_text(media_type: str) -> bool:
    return any(part in media_type for part in _TEXT)
