"""The handlers: parse, ask, encode, respond."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import anyio
import anyio.to_thread

from onemap.block import HTML, JSON, Call, Document, Reply, link
from onemap.block.query import integer
from onemap.catalog import CodeList
from onemap.config import Settings
from onemap.processes.describe import description, summary
from onemap.processes.execute import parse_execution, run
from onemap.processes.model import Context
from onemap.processes.registry import Processes
from onemap.security import Gate

MAX_LIMIT = 1000
AT_ONCE = 8
"""Executions of one process at the same time; more wait, so that maps, features and other processes go on."""


@dataclass(frozen=True)
class Handlers:
    """The operations of the block over one registry."""

    processes: Processes
    gate: Gate
    settings: Settings
    codes: Mapping[str, CodeList] = field(default_factory=dict)

    async def list(self, call: Call) -> Reply:
        """List the processes (/req/core/process-list)."""
        limit = integer(call, "limit", MAX_LIMIT, 1, MAX_LIMIT)
        shown = [summary(process, call.links, call.lang) for process in self.processes][:limit]
        links = [
            link(call.links.self(call.query, f="json"), "self", JSON.media_type),
            link(call.links.self(call.query, f="html"), "alternate", HTML.media_type),
        ]
        return Document({"processes": shown, "links": links}, template="processes/list.html")

    async def process(self, call: Call) -> Reply:
        """Describe a process (/req/core/process)."""
        process = self.processes.get(call.path["processID"])
        roles = process.roles()
        views = [view for view in self.gate.views(call.principal) if view.collection.role in roles]
        return Document(description(process, call.links, call.lang, views), template="processes/process.html")

    async def execute(self, call: Call) -> Reply:
        """Execute a process and answer with its outputs (/req/core/job-creation-op); always synchronous."""
        process = self.processes.get(call.path["processID"])
        context = Context(self.gate, call.principal, self.settings, self.codes, call.lang, call.request_id)

        def work() -> Reply:
            return run(parse_execution(process, call.body, call.headers.get("content-type", "")), context)

        return await anyio.to_thread.run_sync(work, limiter=self._limiters[process.id])

    @cached_property
    def _limiters(self) -> dict[str, anyio.CapacityLimiter]:
        return defaultdict(lambda: anyio.CapacityLimiter(AT_ONCE))
