"""Jobs and their results in PostgreSQL: any number of servers and workers, on any machines, share no disk."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import errors as pg

from onemap.config import JobSettings, PostgisSettings
from onemap.errors import NoRoom, Unavailable
from onemap.processes.jobs.model import Claim, Outcome
from onemap.processes.jobs.queue import Queue
from onemap.processes.jobs.records import JobRecords, Session
from onemap.processes.jobs.results import discard
from onemap.processes.jobs.statements import statements
from onemap.processes.jobs.workers import Worker
from onemap.processes.sql import for_postgres
from onemap.store.postgis.connect import connection_options, conninfo
from onemap.store.postgis.making import must_make

_PART = 1 << 20
_FETCHED_SECONDS = 3600.0
_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "search_path": "onemap",
        "lock_timeout": "10s",
        "statement_timeout": "60s",
        "idle_in_transaction_session_timeout": "60s",
        "client_min_messages": "error",
        "TimeZone": "UTC",
    }.items()
)
_THERE = "SELECT to_regclass('onemap.job_output') IS NOT NULL"
_WHOLE = "SELECT to_regclass('onemap.job_news') IS NOT NULL"
_EVIDENCE = "ALTER TABLE onemap.job ADD COLUMN IF NOT EXISTS evidence text"
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_ADD_PART = "INSERT INTO job_output (job, file, part, content) VALUES (:job, :file, :part, :content) RETURNING part"
_FILES = "SELECT file, max(part) FROM job_output WHERE job = :job GROUP BY file"
_ONE_PART = "SELECT content FROM job_output WHERE job = :job AND file = :file AND part = :part"
_log = logging.getLogger("onemap.jobs")


class PostgresJobs(JobRecords):
    """Jobs in the schema ``onemap`` of a database, made with the first job. ``folder``: for files under way."""

    def __init__(self, settings: JobSettings, zone: str, database: PostgisSettings, folder: Path) -> None:
        super().__init__(settings, zone)
        self.queue = Queue(zone)
        self._folder_here = folder
        self._address = conninfo(
            connection_options(database) | {"options": _OPTIONS, "application_name": "onemap jobs"}
        )
        self._idle: deque[psycopg.Connection[Any]] = deque()
        self._is_there = False
        weakref.finalize(self, _close, self._idle)

    def attend(self, workers: Sequence[Worker], stopping: threading.Event) -> None:
        """Let workers come when they are called; see ``CallingStore``."""
        self.queue.attend(self._address, workers, stopping)

    def make(self) -> None:
        """Make the tables where there are none, the queue's among them. Raises Unavailable."""
        if not self.there():
            with _translated(), self._connection() as connection, connection.transaction():
                if must_make(connection, "job_output"):
                    connection.execute(_schema("postgres.sql"))
                    connection.execute(_schema("postgres_news.sql"))
                    connection.execute(Queue.schema().encode())

    def there(self) -> bool:
        """Whether the tables are there; those of an older version are brought up to date. Raises Unavailable."""
        if not self._is_there:
            with _translated(), self._connection() as connection, connection.transaction():
                self._is_there = _yes(connection, _THERE)
                if self._is_there and not _yes(connection, _WHOLE) and must_make(connection, "job_news"):
                    connection.execute(_EVIDENCE)
                    connection.execute(_schema("postgres_news.sql"))
        return self._is_there

    def close(self) -> None:
        """Close the connections that are idle."""
        _close(self._idle)

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """End a job; see ``JobStore``."""
        try:
            return super().finish(claim, outcome)
        finally:
            discard(self.workspace(claim))

    def sweep(self) -> None:
        """Remove what is old, call workers for what waits, and tidy this machine's folder."""
        super().sweep()
        if not self.there():
            return
        with self._transaction() as session:
            assert isinstance(session, _Session)
            if session.rows("any_ready", self._with(session)):
                self.queue.call_once(session.connection)
        self._tidy(self._folder_here / "work")
        _forget(self._folder_here / "fetched")

    def workspace(self, claim: Claim) -> Path:
        """Return the folder in which an attempt makes its results."""
        return self._folder_here / "work" / claim.job / str(claim.attempt)

    def _waits(self, session: Session, count: int = 1) -> None:
        assert isinstance(session, _Session)
        self.queue.call(session.connection, count)

    def _keep(self, session: Session, claim: Claim, folder: Path) -> int:
        size = 0
        for path in folder.iterdir():
            with path.open("rb") as file:
                part = 0
                while (content := file.read(_PART)) or part == 0:
                    values = {"job": claim.job, "file": path.name, "part": part, "content": content}
                    session.rows(_ADD_PART, values)
                    part, size = part + 1, size + len(content)
        return size

    def _folder(self, session: Session, identifier: str, attempt: int) -> Path:
        fetched = self._folder_here / "fetched"
        folder = fetched / f"{identifier}-{attempt}"
        if folder.is_dir():
            folder.touch()
            return folder
        _forget(fetched)
        part = fetched / f"{folder.name}.{os.getpid()}-{threading.get_ident()}"
        part.mkdir(parents=True)
        for name, last in session.rows(_FILES, {"job": identifier}):
            with (part / Path(name).name).open("wb") as file:
                for at in range(last + 1):
                    file.write(session.rows(_ONE_PART, {"job": identifier, "file": name, "part": at})[0][0])
        try:
            part.rename(folder)
        except OSError:  # another request has fetched them too
            shutil.rmtree(part, ignore_errors=True)
        return folder

    def _drop(self, session: Session, identifiers: Sequence[str]) -> None:
        """Do nothing: the results go with their job."""

    @contextmanager
    def _transaction(self, write: bool = True) -> Iterator[Session]:
        with _translated(), self._connection() as connection, connection.transaction():
            found = connection.execute(_NOW).fetchone()
            assert found is not None
            yield _Session(connection, found[0])

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        connection = self._take()
        try:
            yield connection
        finally:
            if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.close()
            else:
                self._idle.append(connection)

    def _take(self) -> psycopg.Connection[Any]:
        """Return an idle connection that is alive, or a new one."""
        while self._idle:
            with suppress(IndexError, psycopg.Error):
                connection = self._idle.pop()
                connection.execute("")
                return connection
        return psycopg.connect(self._address, autocommit=True)


@dataclass(frozen=True, slots=True)
class _Session:
    connection: psycopg.Connection[Any]
    now: int

    def rows(self, name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return self.connection.execute(_statement(name), values).fetchall()


@cache
def _statement(name: str) -> bytes:
    """Return a statement with values named as psycopg wants them."""
    text = statements().get(name, name)
    text = text.replace("{lock}", "FOR UPDATE SKIP LOCKED").replace("{hold}", "FOR UPDATE")
    return for_postgres(text)


def _schema(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


def _yes(connection: psycopg.Connection[Any], question: LiteralString) -> bool:
    found = connection.execute(question).fetchone()
    return bool(found and found[0])


def _close(connections: deque[psycopg.Connection[Any]]) -> None:
    while connections:
        connections.pop().close()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise errors of this server for those of the database, whose own words go to the log."""
    try:
        yield
    except pg.DiskFull as error:
        raise NoRoom("There is no room in the database for jobs.") from error
    except pg.InsufficientPrivilege as error:
        _log.error("The user of the server may not use the schema onemap: %s", error.diag.message_primary)
        raise Unavailable("The database does not let this server keep jobs.") from error
    except psycopg.Error as error:
        _log.warning("jobs: SQLSTATE %s: %s", error.sqlstate, error.diag.message_primary or type(error).__name__)
        raise Unavailable("The database of the jobs cannot be reached at the moment.") from error


def _forget(folder: Path) -> None:
    """Remove results that were fetched a while ago."""
    for fetched in list(folder.iterdir()) if folder.is_dir() else []:
        with suppress(OSError):
            if time.time() - fetched.stat().st_mtime > _FETCHED_SECONDS:
                shutil.rmtree(fetched, ignore_errors=True)
