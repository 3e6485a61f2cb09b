"""Connections to a GeoPackage: read-only, one per thread."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

from onemap.cql import register
from onemap.errors import ConfigError

_PRAGMAS = ("query_only = 1", "trusted_schema = 0", "mmap_size = 2147483648", "cache_size = -32000", "temp_store = 2")


class ClosingConnection(sqlite3.Connection):
    """A connection that closes itself with the thread that it belongs to."""

    def __del__(self) -> None:
        with contextlib.suppress(sqlite3.ProgrammingError):  # it was never open
            self.close()


class Connections:
    """Hand each thread its own read-only connection to one file."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ConfigError(f"There is no file {path}.", "Check the store's path, or run `onemap demo init`.")
        self.path = path
        self._local = threading.local()

    def get(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_readonly(self.path)
        return connection


def open_readonly(path: Path) -> sqlite3.Connection:
    """Return a read-only connection; a file in a read-only folder is opened as unchanging."""
    failed: sqlite3.Error | None = None
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        uri = path.resolve().as_uri() + "?" + mode
        try:
            connection = sqlite3.connect(uri, uri=True, check_same_thread=False, factory=ClosingConnection)
        except sqlite3.Error as error:  # the file may have gone a moment ago
            failed = error
            continue
        try:
            for pragma in _PRAGMAS:
                connection.execute("PRAGMA " + pragma)
            register(connection)
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            return connection
        except sqlite3.Error as error:
            connection.close()
            failed = error
    raise ConfigError(f"{path} cannot be read as a GeoPackage: {failed}.")


def use_wal(path: Path) -> None:
    """Turn on write-ahead logging, so that writers and readers of an instance's own file do not wait for each other."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
