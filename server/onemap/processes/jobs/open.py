"""Which store an instance keeps its jobs in."""

from __future__ import annotations

from onemap.config import Settings
from onemap.processes.jobs.model import JobStore
from onemap.processes.jobs.sqlite import SqliteJobs


def open_jobs(settings: Settings) -> JobStore | None:
    """Return the store of an instance's jobs; None where there is no place for one: then there are no jobs.

    Nothing is opened or made before the first use.
    """
    if settings.jobs.folder is None:
        return None
    return SqliteJobs(settings.jobs, settings.zone, settings.jobs.folder / settings.zone)
