"""Which store an instance keeps its jobs in."""

from __future__ import annotations

from onemap.config import PostgisSettings, Settings
from onemap.errors import ConfigError, did_you_mean
from onemap.processes.jobs.model import JobStore
from onemap.processes.jobs.sqlite import SqliteJobs

EMBEDDED = "embedded"


def open_jobs(settings: Settings) -> JobStore | None:
    """Return the store of an instance's jobs; None where there is no place for one: then there are no jobs.

    Nothing is opened or made before the first use. Raises ConfigError when the store that is named is none.
    """
    if settings.jobs.folder is None:
        return None
    folder = settings.jobs.folder / settings.zone
    database = _database(settings)
    if database is None:
        return SqliteJobs(settings.jobs, settings.zone, folder)
    from onemap.processes.jobs.postgres import PostgresJobs  # the queue is needed only here

    return PostgresJobs(settings.jobs, settings.zone, database, folder)


def _database(settings: Settings) -> PostgisSettings | None:
    """Return the database that keeps the jobs; None: a file does."""
    named = settings.jobs.store
    databases = {name: store for name, store in settings.stores.items() if isinstance(store, PostgisSettings)}
    if named is None:
        return next(iter(databases.values())) if len(databases) == 1 else None
    if named == EMBEDDED:
        return None
    if named not in databases:
        hint = did_you_mean(named, [*databases, EMBEDDED])
        raise ConfigError(f"jobs.store: there is no PostGIS store '{named}'.", hint)
    return databases[named]
