"""The handlers: parse, ask, encode, respond."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import anyio
import anyio.to_thread

from onemap.block import HTML, JSON, Call, Document, Reply, link
from onemap.block.caller import caller_gone
from onemap.block.query import integer
from onemap.catalog import CodeList
from onemap.config import Settings
from onemap.errors import ClientGone, InvalidBody
from onemap.processes.describe import description, summary
from onemap.processes.desk import Desk
from onemap.processes.execute import Execution, parse_execution, run
from onemap.processes.jobs import JobStore
from onemap.processes.model import Context
from onemap.processes.ordering import ordered
from onemap.processes.preferences import read_preferences
from onemap.processes.registry import Processes
from onemap.security import Gate

MAX_LIMIT = 1000
AT_ONCE = 8
"""Executions of one process at the same time; more wait, so that maps, features and other processes go on."""


@dataclass(frozen=True)
class Handlers:
    """The operations on processes over one registry. ``jobs``: None where every execution is answered at once."""

    processes: Processes
    gate: Gate
    settings: Settings
    codes: Mapping[str, CodeList] = field(default_factory=dict)
    jobs: JobStore | None = None
    desk: Desk = field(default_factory=Desk)

    async def list(self, call: Call) -> Reply:
        """List the processes (/req/core/process-list)."""
        limit = integer(call, "limit", MAX_LIMIT, 1, MAX_LIMIT)
        shown = [summary(process, call.links, call.lang, self.jobs is not None) for process in self.processes][:limit]
        links = [
            link(call.links.self(call.query, f="json"), "self", JSON.media_type),
            link(call.links.self(call.query, f="html"), "alternate", HTML.media_type),
        ]
        page = {"jobs": self.jobs is not None}
        return Document({"processes": shown, "links": links}, template="processes/list.html", page=page)

    async def process(self, call: Call) -> Reply:
        """Describe a process (/req/core/process)."""
        process = self.processes.get(call.path["processID"])
        desk = await anyio.to_thread.run_sync(self.desk.now)
        roles = process.roles(desk.rules)
        views = [view for view in self.gate.views(call.principal) if view.collection.role in roles]
        data = description(process, call.links, call.lang, views, self.jobs is not None)
        return Document(data, "processes/process.html", {"titles": self.processes.titles(call.lang)})

    async def execute(self, call: Call) -> Reply:
        """Execute a process (/req/core/job-creation-op): at once, or as a job where that is preferred or needed."""
        process = self.processes.get(call.path["processID"])
        wanted = read_preferences(call.headers.get("prefer", ""))
        limiter = self._limiters[process.id]

        def read() -> Execution:
            media_type = call.headers.get("content-type", "")
            return parse_execution(process, call.body, media_type, self.settings.processes)

        execution = await anyio.to_thread.run_sync(read, limiter=limiter)
        if self.jobs is None:
            _check_at_once(execution)
        elif wanted.job or execution.by_reference or execution.subscriber:
            return await ordered(self.jobs, execution, call, wanted)
        return await anyio.to_thread.run_sync(lambda: run(execution, self._context(call), call.links), limiter=limiter)

    def _context(self, call: Call) -> Context:
        given = (self.gate, call.principal, self.settings, self.codes, call.lang, call.request_id)
        return Context(*given, progress=_heard, desk=self.desk.now())

    @cached_property
    def _limiters(self) -> dict[str, anyio.CapacityLimiter]:
        return defaultdict(lambda: anyio.CapacityLimiter(AT_ONCE))


def _heard(done: float, message: str) -> None:
    """End an execution whose caller has left."""
    if caller_gone():
        raise ClientGone


def _check_at_once(execution: Execution) -> None:
    """Refuse what needs a job: outputs by reference, as nothing is kept that could be referred to, and callbacks."""
    if execution.subscriber:
        raise InvalidBody("Callbacks are not offered here.", "Leave 'subscriber' out.", pointer="/subscriber")
    for output in execution.outputs:
        if output.by_reference:
            pointer = f"/outputs/{output.id}/transmissionMode"
            raise InvalidBody("Outputs are transmitted by value here.", '"transmissionMode": "value"', pointer=pointer)
