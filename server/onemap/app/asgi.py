"""The application: from settings and data folders to an ASGI app. Nothing is built at import."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import Mount, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from onemap import common, features, processes, styles, tiles
from onemap.app.desk import desk_of
from onemap.app.instance import Instance
from onemap.app.revival import Revival
from onemap.block import Block, Metric, RawRoute
from onemap.processes import evidence
from onemap.processes.jobs import open_jobs
from onemap.web.health import health_routes
from onemap.web.html import STATIC, Pages
from onemap.web.middleware import Boundary, Context, Cors, Identity, Limits
from onemap.web.openapi import definition
from onemap.web.ready import FAILURE, Ready
from onemap.web.respond import Responder
from onemap.web.routing import Paths
from onemap.web.watch import Watch


def create_app(instance: Instance, secret: bytes | None = None) -> HttpOnly:
    """Return the ASGI application of an instance.

    ``secret`` protects paging tokens; workers that share a port must share it.
    """
    pages = Pages(instance.settings.service)
    blocks = build_blocks(instance, secret or os.urandom(32))
    revival = Revival(instance.missing, instance.gate)
    other = Router(
        [
            *health_routes(lambda: not revival.away and all(store.ready() for store in instance.stores.values())),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        redirect_slashes=False,
        default=_not_found,
    )
    paths = Paths(blocks, Responder(pages), instance.settings.limits.body_bytes, other)
    raw = tuple(route for block in blocks for route in block.raw)
    limits = Limits(Identity(Dispatch(raw, paths)), instance.settings.limits.uri_bytes)
    context = Context(
        Cors(Boundary(limits, pages)),
        instance.settings.service.public_url,
        frozenset(instance.settings.trusted_proxies),
    )
    ready = Ready(context, tuple(route.ready for route in raw if route.ready))
    beside = (revival.watch, *(block.beside for block in blocks if block.beside))
    return HttpOnly(ready, beside, lambda: [metric for block in blocks for metric in block.metrics()])


def build_blocks(instance: Instance, secret: bytes) -> tuple[Block, ...]:
    """Return the building blocks, Common first."""
    gate, settings, desk = instance.gate, instance.settings, desk_of(instance)
    others = (
        features.block(gate, settings, secret),
        tiles.block(gate, settings),
        styles.block(gate, instance.styles, STATIC / "vendor" / "fonts"),
        processes.block(gate, settings, jobs=open_jobs(settings), desk=desk),
        *([evidence.block(gate, desk.notary)] if desk.notary else []),
    )
    blocks: list[Block] = []
    first = common.block(gate, settings, others, lambda call: definition(blocks, settings.service, call))
    blocks.extend((first, *others))
    return tuple(blocks)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Try the raw routes first: they answer the hot paths below the framework. Their requests have no body."""

    raw: Sequence[RawRoute]
    paths: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request by the first route that matches. Raises what went wrong before."""
        if FAILURE in scope:
            raise scope[FAILURE]
        for route in self.raw:
            match = route.pattern.fullmatch(scope["path"])
            if match:
                with Watch(receive):
                    await route.app(scope, receive, send, match)
                return
        await self.paths(scope, receive, send)


@dataclass(frozen=True, slots=True)
class HttpOnly:
    """Answer lifespan events here, and refuse WebSockets; everything inside sees HTTP requests only.

    ``ready``: the application; a server may ask it for answers without any of the ASGI protocol. ``beside`` run from
    the start of the server to its end, or as long as they have something to do. ``metrics``: what is counted.
    """

    ready: Ready
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]]
    metrics: Callable[[], list[Metric]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HTTP on."""
        if scope["type"] == "http":
            scope["app"] = self  # routes of the framework then raise what is wrong instead of answering it themselves
            await self.ready(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        tasks = [asyncio.create_task(beside()) for beside in self.beside]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await send({"type": "lifespan.shutdown.complete"})


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)
