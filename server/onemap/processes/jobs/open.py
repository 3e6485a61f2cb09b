"""Which store an instance keeps its jobs in."""

from __future__ import annotations

from onemap.config import Settings
from onemap.processes.database import database_of
from onemap.processes.jobs.model import JobStore
from onemap.processes.jobs.sqlite import SqliteJobs


def open_jobs(settings: Settings) -> JobStore | None:
    """Return the store of an instance's jobs; None where there is no place for one: then there are no jobs.

    Nothing is opened or made before the first use. Raises ConfigError when the store that is named is none.
    """
    if settings.jobs.folder is None:
        return None
    folder = settings.jobs.folder / settings.zone
    database = database_of(settings, settings.jobs.store, "jobs.store")
    if database is None:
        return SqliteJobs(settings.jobs, settings.zone, folder)
    from onemap.processes.jobs.postgres import PostgresJobs  # the queue is needed only here

    return PostgresJobs(settings.jobs, settings.zone, database, folder)
