"""Answers that lie ready are sent before anything else looks at the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from onemap.block import Answer, Principal
from onemap.security import identify
from onemap.web.middleware import CORS


@dataclass(frozen=True, slots=True)
class Ready:
    """Send what one of the raw routes has ready for the request; pass on all others."""

    app: ASGIApp
    routes: Sequence[Callable[[Mapping[str, Any], Principal], Answer | None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        for ready in self.routes:
            answer = ready(scope, identify())
            if answer is not None:
                status, headers, body = answer
                await send({"type": "http.response.start", "status": status, "headers": [*headers, *CORS]})
                await send({"type": "http.response.body", "body": body})
                return
        await self.app(scope, receive, send)
