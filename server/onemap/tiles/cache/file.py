"""The file that processes share: opened when it is needed, begun anew when it is broken, done without when it fails."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from threading import Lock

_VERSION = 3
_PAGE = 8192
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "journal_size_limit = 16777216",
    "cache_size = -8000",
    "recursive_triggers = ON",  # what is replaced is deleted, with all that comes of it
)
_RETRY_SECONDS = 30.0
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_log = logging.getLogger("onemap.tiles")


class CacheFile:
    """Two connections to one SQLite file, for reading and for writing, each used by one thread at a time.

    ``wait``: for how many seconds a writer waits for another one. ``era``: another one after the file was given up.
    """

    def __init__(self, path: Path, wait: float) -> None:
        self.path = path
        self._ways = {"read": _Way(), "write": _Way()}
        self._wait = wait
        self.era = 0
        self._rest_until = float("-inf")

    def read[T](self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what ``work`` finds; None where the file cannot be read."""
        return self._run(self._ways["read"], work)

    def glance[T, *A](self, work: Callable[[sqlite3.Connection, *A], T], *given: *A) -> T | None:
        """Return the same without waiting for anybody: None, too, where the file is not open or is being read."""
        way = self._ways["read"]
        if not way.lock.acquire(blocking=False):
            return None
        try:
            return None if way.connection is None or way.era != self.era else work(way.connection, *given)
        except (sqlite3.Error, OSError) as error:
            self._failed(way, error)
            return None
        finally:
            way.lock.release()

    def write[T](self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what ``work`` does in one transaction; None where it could not be done."""

        def whole(connection: sqlite3.Connection) -> T:
            with _transaction(connection):
                return work(connection)

        return self._run(self._ways["write"], whole)

    def close(self) -> None:
        """Close the file."""
        for way in self._ways.values():
            with way.lock:
                way.close()

    def _run[T](self, way: _Way, work: Callable[[sqlite3.Connection], T]) -> T | None:
        with way.lock:
            return self._done(way, work)

    def _done[T](self, way: _Way, work: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            connection = self._connection(way)
            return None if connection is None else work(connection)
        except (sqlite3.Error, OSError) as error:
            self._failed(way, error)
            return None

    def _connection(self, way: _Way) -> sqlite3.Connection | None:
        if way.connection is not None and way.era != self.era:
            way.close()
        if way.connection is None:
            if time.monotonic() < self._rest_until:
                return None
            way.era, way.connection = self.era, _opened(self.path, self._wait)
        return way.connection

    def _failed(self, way: _Way, error: sqlite3.Error | OSError) -> None:
        """Go on without the file for a while; a broken one is removed, and made anew by who comes next."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _BUSY:
            return
        way.close()
        self.era += 1
        broken = code in _BROKEN
        if broken:
            _remove(self.path)
        else:
            self._rest_until = time.monotonic() + _RETRY_SECONDS
        word = "is broken and begun anew" if broken else f"is not used for {_RETRY_SECONDS:.0f} s"
        _log.warning("The tile cache %s %s: %s", self.path, word, error)


@dataclass(slots=True)
class _Way:
    """A connection, whose turn it is, and the era of the file that it was opened in."""

    lock: Lock = field(default_factory=Lock)
    connection: sqlite3.Connection | None = None
    era: int = 0

    def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
            self.connection = None


class _Closing(sqlite3.Connection):
    """A connection that closes itself with its last owner."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # it was never open
            self.close()


def _opened(path: Path, wait: float) -> sqlite3.Connection:
    """Return a connection to the file, which is made where there is none or one of another version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(path, wait)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            connection.close()
            _remove(path)
            connection = _connect(path, wait)
        _make(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect(path: Path, wait: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False, factory=_Closing)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        for pragma in _PRAGMAS:
            connection.execute("PRAGMA " + pragma).fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
        return
    schema = files(__package__).joinpath("shared.sql").read_text(encoding="utf-8")
    with _transaction(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in schema.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            path.with_name(path.name + ending).unlink()
