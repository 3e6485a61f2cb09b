"""Jobs in a SQLite file, their results in files beside it: for an instance on one machine."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

from onemap.config import JobSettings
from onemap.errors import NoRoom, Unavailable
from onemap.processes.jobs.model import Claim
from onemap.processes.jobs.records import JobRecords, Session
from onemap.processes.jobs.statements import statements

_VERSION = 2
_EVIDENCE = "ALTER TABLE job ADD COLUMN evidence TEXT"
_BUSY_SECONDS = 15.0
# Every commit is on the disk before it is told: an accepted job outlives a power failure.
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "journal_size_limit = 16777216", "secure_delete = OFF")


class SqliteJobs(JobRecords):
    """Jobs in ``folder/jobs.sqlite``, results in ``folder/results/<job>/<attempt>``. Made when first used."""

    def __init__(self, settings: JobSettings, zone: str, folder: Path) -> None:
        super().__init__(settings, zone)
        self.path = folder / "jobs.sqlite"
        self._results = folder / "results"
        self._idle: deque[sqlite3.Connection] = deque()
        self._opening = Lock()

    def there(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def make(self) -> None:
        """Do nothing: the file is made when it is opened."""

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    def workspace(self, claim: Claim) -> Path:
        """Return the folder in which an attempt makes its results: already where they will be kept."""
        return self._results / claim.job / str(claim.attempt)

    def sweep(self) -> None:
        """Remove what is old, and files of no job; see ``JobStore``."""
        super().sweep()
        if self.there():
            self._tidy(self._results)

    def _waits(self, session: Session, count: int = 1) -> None:
        """Do nothing: the workers look into the table."""

    def _keep(self, session: Session, claim: Claim, folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.iterdir())

    def _folder(self, session: Session, identifier: str, attempt: int) -> Path:
        return self._results / identifier / str(attempt)

    def _drop(self, session: Session, identifiers: Sequence[str]) -> None:
        assert isinstance(session, _Session)
        session.dropped.extend(identifiers)

    @contextmanager
    def _transaction(self, write: bool = True) -> Iterator[Session]:
        with _translated():
            connection = self._take()
            try:
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                session = _Session(connection, time.time_ns() // 1000)
                yield session
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            finally:
                if connection.in_transaction:
                    connection.close()
                else:
                    self._idle.append(connection)
            for identifier in session.dropped:
                shutil.rmtree(self._results / identifier, ignore_errors=True)

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            with self._opening:
                return _opened(self.path)


@dataclass(frozen=True, slots=True)
class _Session:
    """A transaction. ``dropped``: jobs whose results are removed once it is kept."""

    connection: sqlite3.Connection
    now: int
    dropped: list[str] = field(default_factory=list)

    def rows(self, name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        statement = statements().get(name, name).replace("{lock}", "").replace("{hold}", "")
        return self.connection.execute(statement, dict(values)).fetchall()


class _Closing(sqlite3.Connection):
    """A connection that closes itself with its last owner."""

    def __del__(self) -> None:
        self.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise errors of this server for those of SQLite: without room new jobs are refused, running ones fail."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise NoRoom("There is no room on the disk for jobs.") from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        ):
            raise Unavailable("The file of jobs cannot be used at the moment.") from error
        raise
    except OSError as error:
        raise Unavailable("The folder of jobs cannot be used at the moment.") from error


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=_Closing
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute("PRAGMA " + pragma).fetchall()
        _make(connection)
    except sqlite3.Error:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def _make(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
        return
    news = _schema("sqlite_news.sql")
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    made = {0: [*_schema("sqlite.sql"), *news], 1: [_EVIDENCE, *news]}
    for statement in made.get(found, ()):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _schema(name: str) -> list[str]:
    """Return the statements of a file that comes with the package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8").split(";\n")
