"""Sessions with the database: admission, a pool of connections, and errors in the words of this server."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.abc import Query
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from onemap.block.caller import caller_gone
from onemap.config import PostgisSettings
from onemap.errors import ClientGone, InvalidParameter, OneMapError, TooSlow, Unavailable
from onemap.store.postgis.admission import Admission
from onemap.store.postgis.connect import GuardedConnection, check, connection_options, conninfo, prepare

Row = tuple[Any, ...]
Values = Mapping[str, Any]
_log = logging.getLogger("onemap.postgis")
_RECONNECT_SECONDS = 3.0
_UNAVAILABLE = "The database of this collection cannot be reached at the moment."
_CHANGED = (pg.UndefinedTable, pg.UndefinedColumn, pg.UndefinedFunction, pg.InsufficientPrivilege, pg.DatatypeMismatch)


class Sessions:
    """Run read-only statements in one database.

    Every failure comes out as an error of this server: Busy, TooSlow or Unavailable (503 with Retry-After),
    InvalidParameter for a value that the database cannot take, ClientGone.
    """

    def __init__(self, settings: PostgisSettings) -> None:
        self.timeouts = settings.timeouts
        self._admission = Admission(settings.connections, settings.queue, settings.timeouts.connect)
        # max_waiting stays 0: a bounded queue of psycopg_pool 3.3 never recovers from an outage that is longer than
        # reconnect_timeout. Admission bounds the queue in front of the pool instead.
        self._pool = ConnectionPool(
            conninfo(connection_options(settings)),
            connection_class=GuardedConnection,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=settings.connections,
            open=True,
            configure=prepare,
            check=check,
            name="postgis",
            timeout=settings.timeouts.connect,
            reconnect_timeout=_RECONNECT_SECONDS,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def rows(self, statement: Query, values: Values | None = None, seconds: float | None = None) -> list[Row]:
        """Return the rows of one statement, binary; tried again once when the server had closed the connection."""
        try:
            return self._rows(statement, values, seconds)
        except _Lost:
            try:
                return self._rows(statement, values, seconds)
            except _Lost:
                raise Unavailable(_UNAVAILABLE) from None

    def row(self, statement: Query, values: Values | None = None, seconds: float | None = None) -> Row:
        """Return the single row of a statement."""
        return self.rows(statement, values, seconds)[0]

    @contextmanager
    def snapshot(self) -> Iterator[GuardedConnection]:
        """Give a connection in a transaction that sees one state of the database."""
        try:
            with self._session(self.timeouts.items) as connection, connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield connection
        except _Lost:
            raise Unavailable(_UNAVAILABLE) from None

    def _rows(self, statement: Query, values: Values | None, seconds: float | None) -> list[Row]:
        with self._session(seconds or self.timeouts.items) as connection:
            return run(connection, statement, values)

    @contextmanager
    def _session(self, seconds: float) -> Iterator[GuardedConnection]:
        with self._admission.place():
            connection = self._connection()
            try:
                connection.begin(seconds)
                yield connection
            except psycopg.Error as error:
                raise _translated(error, connection) from None
            finally:
                self._pool.putconn(connection)

    def _connection(self) -> GuardedConnection:
        try:
            return self._pool.getconn()
        except (PoolTimeout, TooManyRequests, psycopg.Error):
            raise Unavailable(_UNAVAILABLE) from None


class _Lost(Exception):
    """The connection was closed under the statement."""


def run(connection: GuardedConnection, statement: Query, values: Values | None = None) -> list[Row]:
    """Return the rows of a statement on a connection that is held."""
    with connection.cursor(binary=True) as cursor:
        return cursor.execute(statement, values).fetchall()


def _translated(error: psycopg.Error, connection: GuardedConnection) -> Exception:
    """Return the error to raise instead; the database's own words go to the log, without any connection string."""
    if caller_gone():
        return ClientGone()
    if isinstance(error, pg.QueryCanceled) or time.monotonic() > connection.deadline:
        return TooSlow()
    if isinstance(error, psycopg.DataError):
        return InvalidParameter("A value of the request does not fit the type of its property.")
    if connection.closed or isinstance(error, pg.AdminShutdown | pg.CrashShutdown):
        return _Lost()
    _log.error("SQLSTATE %s: %s", error.sqlstate, error.diag.message_primary or type(error).__name__)
    return _ours(error)


def _ours(error: psycopg.Error) -> OneMapError:
    if isinstance(error, _CHANGED):
        return Unavailable("The table of this collection has changed; the server must be started again.")
    return Unavailable(_UNAVAILABLE)
