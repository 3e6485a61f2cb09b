"""Executions as jobs: order them, and wait for their outcome where the caller does."""

from __future__ import annotations

import time
from collections.abc import Mapping

import anyio
import anyio.to_thread

from onemap.block import Call, Document, Reply
from onemap.block.caller import caller_gone
from onemap.errors import ClientGone
from onemap.processes.execute import Execution
from onemap.processes.jobs import Job, JobStore, Order, read_results
from onemap.processes.jobs.model import FINAL
from onemap.processes.preferences import Preferences
from onemap.processes.results import all_results
from onemap.processes.status import status_info

_FIRST_LOOK = 0.05
_LONGEST_PAUSE = 0.5


async def ordered(store: JobStore, execution: Execution, call: Call, wanted: Preferences) -> Reply:
    """Make a job of an execution and answer with its status (201), or with its outcome when that is waited for.

    Raises what the store does for a job too many, and what a job failed with (JobFailed).
    """
    order = Order(
        process=execution.process.id,
        body=execution.body,
        owner=call.principal.name,
        roles=tuple(sorted(call.principal.roles)),
        lang=call.lang,
        address=call.links.base,
        request_id=call.request_id,
        subscriber=execution.subscriber or {},
    )
    job = await anyio.to_thread.run_sync(lambda: store.add(order))
    job = await _waited(store, job, _patience(wanted))
    if job.status not in FINAL or not _waits(wanted):
        return _created(job, call, wanted.applied(finished=False))
    headers = {**wanted.applied(finished=True), **_monitor(job, call)}

    def results() -> Reply:
        return all_results(job.id, read_results(store.results(job.id, job.owner)), call.links, headers)

    return await anyio.to_thread.run_sync(results)


def _waits(wanted: Preferences) -> bool:
    """Whether the outcome is wanted in the answer."""
    return wanted.wait is not None or not wanted.asynchronous


def _patience(wanted: Preferences) -> float:
    """Return the seconds to wait: none for a job alone, without end for an execution that is to be synchronous."""
    if wanted.wait is not None:
        return wanted.wait
    return 0.0 if wanted.asynchronous else float("inf")


async def _waited(store: JobStore, job: Job, seconds: float) -> Job:
    """Return a job when it has ended, or as it stands after these seconds. Raises ClientGone when nobody waits."""
    end, pause = time.monotonic() + seconds, _FIRST_LOOK
    while job.status not in FINAL and (left := end - time.monotonic()) > 0:
        await anyio.sleep(min(pause, left))
        if caller_gone():
            raise ClientGone
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        job = await anyio.to_thread.run_sync(store.get, job.id, job.owner)
    return job


def _created(job: Job, call: Call, headers: Mapping[str, str]) -> Document:
    """Return the answer that a job was made (/req/core/process-execute-success-async)."""
    location = {"Location": call.links.to("jobs", job.id)}
    return Document(status_info(job, call.links), status=201, headers={**headers, **location})


def _monitor(job: Job, call: Call) -> dict[str, str]:
    """Return the header that names the job of an answer with results (/req/core/job-results-success-sync)."""
    return {"Link": f"<{call.links.to('jobs', job.id)}>; rel=monitor"}
