"""From endpoints to routes: match, check the query, negotiate, call the handler, respond."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import anyio.to_thread
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from onemap.block import Block, Call, Endpoint, Format
from onemap.block.query import SHARED, parse_query, refuse_unknown
from onemap.errors import InvalidParameter, MethodNotAllowed, NotAcceptable, TooLarge, UnsupportedMediaType
from onemap.web.negotiate import choose_format, choose_language
from onemap.web.respond import Responder, send_response
from onemap.web.watch import Watch


class Paths:
    """Answer requests by the operations of their path; ``other`` answers for paths that no endpoint has.

    A path is compared only with those that have as many segments and the same first one.
    """

    def __init__(self, blocks: Sequence[Block], responder: Responder, body_limit: int, other: ASGIApp) -> None:
        endpoints = sorted((item for block in blocks for item in block.endpoints if item.routed), key=_path_of)
        self._alike: dict[tuple[str, int], list[tuple[re.Pattern[str], Operations]]] = {}
        for path, group in groupby(endpoints, _path_of):
            operations = Operations({item.method: item for item in group}, responder, body_limit)
            self._alike.setdefault(_kind(path), []).append((compile_path(path)[0], operations))
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["onemap.links"].here
        for pattern, operations in self._alike.get(_kind(path), ()):
            if found := pattern.match(path):
                scope["path_params"] = found.groupdict()
                await operations(scope, receive, send)
                return
        await self._other(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of one path, as an ASGI application."""

    by_method: Mapping[str, Endpoint]
    responder: Responder
    body_limit: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        endpoint = self.by_method.get(method)
        if endpoint is None:
            await self._other(await self._allowed(scope), scope, send)
            return
        scope["onemap.json_problems"] = endpoint.json_problems
        call = await self._call(endpoint, scope, receive)
        with Watch(receive) as caller:
            reply = await endpoint.handler(call)
            await self.responder.respond(reply, call, caller, scope, send)

    async def _allowed(self, scope: Scope) -> str:
        """Return the methods that the caller may use on this resource."""
        path, principal = _path_parameters(scope), scope["onemap.principal"]

        def allowed() -> list[str]:
            every = self.by_method.items()
            return [name for name, item in every if item.allowed is None or item.allowed(principal, path)]

        asks = any(item.allowed is not None for item in self.by_method.values())
        methods = await anyio.to_thread.run_sync(allowed) if asks else allowed()
        return ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])

    async def _other(self, allow: str, scope: Scope, send: Send) -> None:
        """Answer OPTIONS; refuse any other method."""
        if scope["method"] != "OPTIONS":
            raise MethodNotAllowed(f"{scope['method'][:20]} is not supported here.", f"Allowed: {allow}.", allow=allow)
        await send_response(send, 200, {"Allow": allow}, b"", scope)

    async def _call(self, endpoint: Endpoint, scope: Scope, receive: Receive) -> Call:
        headers = scope["onemap.headers"]
        if endpoint.method != "GET" and headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("A compressed body is not read here.", "Send it without Content-Encoding.")
        query = parse_query(scope["query_string"])
        shared = {name: query.pop(name) for name in SHARED if name in query}
        for name, values in shared.items():
            if len(values) > 1:
                raise InvalidParameter(f"The parameter '{name}' is given {len(values)} times.", "Give it once.")
        if query and not endpoint.open_query:
            refuse_unknown(query, [*SHARED, *(item.name for item in endpoint.parameters if item.place == "query")])
        wanted = {name: values[0] for name, values in shared.items()}
        return Call(
            principal=scope["onemap.principal"],
            links=scope["onemap.links"],
            format=_format(endpoint, wanted.get("f"), headers.get("accept", "")),
            path=_path_parameters(scope),
            query=query,
            headers=headers,
            body=await read_body(receive, self.body_limit) if endpoint.method != "GET" else b"",
            lang=choose_language(wanted.get("lang"), scope["onemap.language"], headers.get("accept-language", "")),
            request_id=scope["onemap.request_id"],
        )


def _path_of(endpoint: Endpoint) -> str:
    return endpoint.path


def _kind(path: str) -> tuple[str, int]:
    """Return the first segment of a path and how many there are; a parameter never reaches over a slash."""
    first, _, rest = path[1:].partition("/")
    return first, rest.count("/")


def _format(endpoint: Endpoint, wanted: str | None, accept: str) -> Format:
    try:
        return choose_format(endpoint.formats, wanted, accept)
    except NotAcceptable:
        if endpoint.any_accept:
            return endpoint.formats[0]
        raise


def _path_parameters(scope: Scope) -> dict[str, str]:
    return {name: value.replace("%2F", "/") for name, value in scope["path_params"].items()}


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return the request body. Raises TooLarge as soon as it exceeds ``limit`` bytes."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size, more = size + len(part), message.get("more_body", False)
        if size > limit:
            raise TooLarge(f"The request body is larger than {limit} bytes.", "Send less at a time.")
        parts.append(part)
    return b"".join(parts)
