"""Jobs: every execution is synchronous, so that no job exists (OGC 18-062r2, clauses 7.12 and 7.13)."""

from __future__ import annotations

from onemap.block import Call, Reply
from onemap.block.query import shorten
from onemap.errors import NoSuchJob


async def job(call: Call) -> Reply:
    """Answer for a job's status or results. Raises NoSuchJob (/req/core/job-exception-no-such-job)."""
    raise NoSuchJob(f"There is no job '{shorten(call.path['jobID'])}'.", "Processes are executed synchronously here.")
