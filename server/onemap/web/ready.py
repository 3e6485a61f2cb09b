"""Answers that lie ready are sent before anything else looks at the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from onemap.block import Answer, Principal
from onemap.security import identify
from onemap.web.middleware import CORS
from onemap.web.watch import Watch

FAILURE = "onemap.failure"
"""In the scope of a request: what went wrong while its answer was made, to be raised where it becomes a problem."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Send what one of the raw routes has ready for the request, or makes at once; pass on all others, and failures."""

    app: ASGIApp
    routes: Sequence[Callable[[Mapping[str, Any], Principal], Answer | Awaitable[Answer] | None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        for ready in self.routes:
            found = ready(scope, identify())
            if found is None:
                continue
            try:
                status, headers, body = found if isinstance(found, tuple) else await _made(found, receive)
            except Exception as error:
                scope[FAILURE] = error
                break
            await send({"type": "http.response.start", "status": status, "headers": [*headers, *CORS]})
            await send({"type": "http.response.body", "body": body})
            return
        await self.app(scope, receive, send)


async def _made(making: Awaitable[Answer], receive: Receive) -> Answer:
    with Watch(receive):
        return await making
