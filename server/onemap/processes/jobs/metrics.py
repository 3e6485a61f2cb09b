"""The jobs that are kept, by status, for those who run the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from onemap.block import Metric
from onemap.errors import OneMapError
from onemap.processes.jobs.model import JobStore

_EVERY_SECONDS = 5.0


def job_metrics(store: JobStore | None) -> Callable[[], list[Metric]]:
    """Return what counts the jobs of a store, at most every five seconds; without one, or while it is away, nothing."""
    known: list[Metric] = []
    counted_at = float("-inf")

    def metrics() -> list[Metric]:
        nonlocal known, counted_at
        if store is not None and time.monotonic() > counted_at + _EVERY_SECONDS:
            counted_at, known = time.monotonic(), []
            with suppress(OneMapError):
                known = [
                    Metric("onemap_jobs", "Jobs that are kept", number, "gauge", (("status", status),), common=True)
                    for status, number in store.counts().items()
                ]
        return known

    return metrics
