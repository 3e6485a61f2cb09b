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

    def find(self, scope: Mapping[str, Any]) -> Answer | Awaitable[Answer] | None:
        """Return the answer of the first route that has one, or what makes it, but for the headers of every answer."""
        for route in self.routes:
            found = route(scope, identify())
            if found is not None:
                return found
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        found = None if FAILURE in scope else self.find(scope)
        if found is None:
            await self.app(scope, receive, send)
            return
        try:
            status, headers, body = found if isinstance(found, tuple) else await _made(found, receive)
        except Exception as error:
            scope[FAILURE] = error
            await self.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *CORS]})
        await send({"type": "http.response.body", "body": body})


async def _made(making: Awaitable[Answer], receive: Receive) -> Answer:
    with Watch(receive):
        return await making
