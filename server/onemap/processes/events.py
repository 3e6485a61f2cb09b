"""The status of a job as it changes, as server-sent events: ``GET /jobs/{jobID}/events``."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
import orjson
from anyio.abc import TaskGroup

from onemap.block import Links, Principal
from onemap.block.query import parse_query, refuse_unknown
from onemap.errors import Crowded, MethodNotAllowed, NoSuchJob
from onemap.processes.jobs import Job, JobStore
from onemap.processes.jobs.model import FINAL
from onemap.processes.status import EVENT_STREAM, status_info

PATTERN = re.compile(r"/jobs/(?P<job>[^/]+)/events")
MOST = 200
"""Streams at the same time; more are answered with 503, and the pages look at the status now and then instead."""
_LOOK_SECONDS = 0.4
_HEARTBEAT_SECONDS = 10.0
# A stream is short, and clients come back by themselves: nobody who stops the server waits long for it.
_LIFE_SECONDS = 25.0
_HEADERS = [
    (b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass
class EventApp:
    """The streams of one server process."""

    jobs: JobStore
    _streams: int = field(default=0, init=False)

    async def __call__(self, scope: Any, receive: Any, send: Any, match: re.Match[str]) -> None:
        """Answer with the status of a job whenever it changes, until it has ended or the client leaves."""
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed("Events are read with GET.", "Allowed: GET, HEAD.", allow="GET, HEAD")
        refuse_unknown(parse_query(scope["query_string"]), ())
        job = await self._job(match["job"], scope["onemap.principal"])
        if self._streams >= MOST:
            raise Crowded("As many streams of events as this server keeps are open.", "Ask for the status instead.")
        self._streams += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if scope["method"] == "GET":
                await self._until_left(job, scope["onemap.links"], receive, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._streams -= 1

    async def _job(self, identifier: str, principal: Principal) -> Job:
        return await anyio.to_thread.run_sync(self.jobs.get, identifier, principal.name)

    async def _until_left(self, job: Job, links: Links, receive: Any, send: Any) -> None:
        """Send the events of a job; stop as soon as the client leaves."""
        async with anyio.create_task_group() as group:
            group.start_soon(_left, receive, group)
            async for piece in self._pieces(job, links):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            group.cancel_scope.cancel()

    async def _pieces(self, job: Job, links: Links) -> AsyncIterator[bytes]:
        """Yield an event for each change, comments in between, nothing after the final status."""
        yield b"retry: 1000\n\n" + _event(job, links)
        end = time.monotonic() + _LIFE_SECONDS
        spoken = time.monotonic()
        while job.status not in FINAL and time.monotonic() < end:
            await anyio.sleep(_LOOK_SECONDS)
            now = await self._again(job)
            if now is None:
                return
            if _told(now) != _told(job):
                spoken = time.monotonic()
                yield _event(now, links)
            elif time.monotonic() - spoken > _HEARTBEAT_SECONDS:
                spoken = time.monotonic()
                yield b": still there\n\n"
            job = now

    async def _again(self, job: Job) -> Job | None:
        """Return the job as it is now; None when it was removed."""
        try:
            return await anyio.to_thread.run_sync(self.jobs.get, job.id, job.owner)
        except NoSuchJob:
            return None


async def _left(receive: Any, group: TaskGroup) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    group.cancel_scope.cancel()


def _told(job: Job) -> tuple[str, int, str]:
    return job.status, job.progress, job.message


def _event(job: Job, links: Links) -> bytes:
    return b"event: status\ndata: " + orjson.dumps(status_info(job, links)) + b"\n\n"
