"""Health endpoints: alive, and ready to answer."""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread
from starlette.responses import PlainTextResponse
from starlette.routing import Route


def health_routes(ready: Callable[[], bool]) -> list[Route]:
    """Return /livez and /readyz; neither says why."""

    async def livez(_: object) -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    async def readyz(_: object) -> PlainTextResponse:
        fine = await anyio.to_thread.run_sync(ready)
        return PlainTextResponse("ok\n" if fine else "not ready\n", status_code=200 if fine else 503)

    return [Route("/livez", livez), Route("/readyz", readyz)]
