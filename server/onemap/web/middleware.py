"""Middleware: pure ASGI, each with one job. From the outside in: Context, Cors, Boundary, Limits, Identity."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

import orjson
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onemap.block import HTML, Call, Format, Links, Principal
from onemap.block.query import parse_query
from onemap.errors import (
    BadRequest,
    ClientError,
    ClientGone,
    MethodNotAllowed,
    NotFound,
    TooManyJobs,
    Unavailable,
    UriTooLong,
)
from onemap.security import identify
from onemap.web import problem
from onemap.web.html import SECURITY_HEADERS, Pages
from onemap.web.negotiate import LANGUAGES, choose_format, choose_language
from onemap.web.respond import VARY, send_response

_HOST = re.compile(r"([A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?", re.ASCII)
_PROBLEM = Format("json", problem.MEDIA_TYPE)
CORS = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Content-Crs, Content-Disposition, Link, Location, ETag, Content-Range, OGC-NumberMatched, Preference-Applied",
    ),
)
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Content-Type, Content-Crs, Accept, Accept-Language, Prefer, If-Match, If-None-Match, Authorization",
    ),
    (b"access-control-max-age", b"86400"),
)


@dataclass(frozen=True, slots=True)
class Context:
    """Put what every later part needs into the scope: request id, headers, address, language of the cookie."""

    app: ASGIApp
    public_url: str | None = None
    trusted_proxies: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its context."""
        if scope["type"] == "http":
            headers = _headers(scope)
            path = _path(scope).rstrip("/") or "/"
            scope["path"] = path
            scope["onemap.request_id"] = os.urandom(8).hex()
            scope["onemap.headers"] = headers
            scope["onemap.language"] = _language_cookie(headers)
            here = path.removeprefix(scope.get("root_path", "")) or "/"
            scope["onemap.links"] = Links(self.public_url or self._address(scope, headers), here)
        await self.app(scope, receive, send)

    def _address(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """Return the address asked for; X-Forwarded headers count only from a trusted proxy."""
        scheme, host, prefix = scope["scheme"], headers.get("host", "localhost"), scope.get("root_path", "")
        client = scope.get("client")
        if client and client[0] in self.trusted_proxies:
            scheme = headers.get("x-forwarded-proto", scheme).split(",")[0].strip()
            said = headers.get("x-forwarded-host", host).split(",")[0].strip()
            host = said if _is_host(said) else host
            prefix = headers.get("x-forwarded-prefix", prefix).split(",")[0].strip().rstrip("/")
        return f"{scheme}://{host}{prefix}"


@dataclass(frozen=True, slots=True)
class Cors:
    """Let pages of other origins read the answers (no credentials), and answer preflight requests."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the CORS headers to the response."""
        preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in scope["onemap.headers"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *CORS, *(_PREFLIGHT if preflight else ())]
            await send(message)

        await self.app(scope, receive, with_headers)


@dataclass(frozen=True, slots=True)
class Boundary:
    """Turn every exception into a problem; one in the middle of a body ends as a broken transfer."""

    app: ASGIApp
    pages: Pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, whatever happens."""
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except ClientGone:
            return  # nobody is there to answer
        except Exception as error:
            if started:
                raise
            await self._answer(_ours(error, scope), scope, send)

    async def _answer(self, error: Exception, scope: Scope, send: Send) -> None:
        document = problem.problem(error, scope["path"], scope["onemap.request_id"])
        accept = scope["onemap.headers"].get("accept", "")
        media_type = problem.media_type(scope.get("onemap.json_problems", False), accept)
        headers = {"Content-Type": media_type, "Vary": VARY}
        if allow := document.pop("allow", None):
            headers["Allow"] = str(allow)
        if isinstance(error, Unavailable | TooManyJobs):
            headers["Retry-After"] = str(error.retry_after)
        body = orjson.dumps(document)
        if _wants_page(scope):
            headers |= {"Content-Type": "text/html; charset=utf-8", **SECURITY_HEADERS}
            body = self.pages.render("problem.html", document, _call(scope), {})
        await send_response(send, document["status"], headers, body, scope)


@dataclass(frozen=True, slots=True)
class Limits:
    """Refuse requests whose target or Host header cannot be right."""

    app: ASGIApp
    uri_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request line, then pass on."""
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        if size > self.uri_bytes:
            raise UriTooLong(f"The request target has {size} bytes; at most {self.uri_bytes} are accepted.")
        unnamed = "localhost" if scope.get("http_version") == "1.0" else ""
        if not _is_host(scope["onemap.headers"].get("host", unnamed)):
            raise BadRequest("The Host header must be there once, and be a host name (RFC 9112, 3.2).")
        if "\x00" in scope["path"]:
            raise BadRequest("The path contains a NUL character.")
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Identity:
    """Say who is asking."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the principal into the scope."""
        scope["onemap.principal"] = identify()
        await self.app(scope, receive, send)


def _ours(error: Exception, scope: Scope) -> Exception:
    """Return an exception of the framework as one of ours."""
    if not isinstance(error, HTTPException):
        return error
    if error.status_code == 405:
        return MethodNotAllowed(f"{scope['method'][:20]} is not supported here.", allow="GET, HEAD")
    return NotFound(f"There is nothing at '{scope['path'][:200]}'.", "GET / lists what there is.")


@lru_cache(256)
def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and 0 < int((found[2] or ":80")[1:]) < 65536


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; lines of the same name are one list (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _path(scope: Scope) -> str:
    """Return the path, decoded; a slash that was percent-encoded belongs to its segment and stays ``%2F``."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        return str(scope["path"])
    segments = raw.split(b"?")[0].decode("latin-1").split("/")
    return str(scope.get("root_path", "")) + "/".join(unquote(segment).replace("/", "%2F") for segment in segments)


def _language_cookie(headers: Mapping[str, str]) -> str | None:
    if "cookie" not in headers:
        return None
    try:
        morsel = SimpleCookie(headers["cookie"]).get("lang")
    except CookieError:
        return None
    return morsel.value if morsel and morsel.value in LANGUAGES else None


def _wants_page(scope: Scope) -> bool:
    """Whether a problem is shown as a page: asked for as any other document, and as JSON when that fails."""
    try:
        wanted = parse_query(scope["query_string"]).get("f", [None])[0]
        return choose_format((_PROBLEM, HTML), wanted, scope["onemap.headers"].get("accept", "")) is HTML
    except ClientError:
        return False


def _call(scope: Scope) -> Call:
    """Return a call good enough to render a problem page, whatever was wrong with the request."""
    headers = scope["onemap.headers"]
    lang = choose_language(None, scope["onemap.language"], headers.get("accept-language", ""))
    return Call(Principal(), scope["onemap.links"], HTML, lang=lang, request_id=scope["onemap.request_id"])
