"""Sessions with the database: admission, a pool of connections, and errors in the words of this server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio.to_thread
import psycopg
from psycopg import errors as pg
from psycopg import sql

from onemap.block.caller import caller_gone
from onemap.config import PostgisSettings
from onemap.errors import Busy, ClientGone, InvalidParameter, OneMapError, TooSlow, Unavailable
from onemap.store.postgis.admission import Admission
from onemap.store.postgis.connect import GuardedConnection, connection_options, conninfo, opened, opened_watched
from onemap.store.postgis.pool import UNREACHABLE, Pool

Row = tuple[Any, ...]
Values = Mapping[str, Any]
Statement = bytes | sql.Composed
_log = logging.getLogger("onemap.postgis")
_CHANGED = (pg.UndefinedTable, pg.UndefinedColumn, pg.UndefinedFunction, pg.InsufficientPrivilege, pg.DatatypeMismatch)
_UNDRAWABLE = (pg.InternalError_, pg.UndefinedTable, pg.UndefinedColumn, pg.InsufficientPrivilege)
# A table has other columns than when the statement was prepared, or someone has dropped what was.
_OUTDATED = (pg.FeatureNotSupported, pg.InvalidSqlStatementName)


class Sessions:
    """Run statements in one database: they only read, but in ``writing``.

    Every failure comes out as an error of this server: Busy, TooSlow or Unavailable (503 with Retry-After),
    InvalidParameter for a value that the database cannot take, ClientGone.
    """

    def __init__(self, settings: PostgisSettings) -> None:
        self.timeouts = settings.timeouts
        self._admission = Admission(settings.connections, settings.queue, settings.timeouts.connect)
        self._settings = settings
        self._pool = self._opened_pool(opened)
        self._under_way = 0  # statements of the event loop

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def patient(self, seconds: float) -> None:
        """Let statements take so long from now on, as those of jobs may, but not outlive this process.

        To be said before any is under way.
        """
        self.timeouts = self.timeouts.model_copy(update={"items": max(seconds, self.timeouts.items)})
        self._settings = self._settings.model_copy(update={"timeouts": self.timeouts})
        self._pool.close()
        self._pool = self._opened_pool(opened_watched)

    def _opened_pool(self, connect: Callable[[str], GuardedConnection]) -> Pool:
        return Pool(partial(connect, conninfo(connection_options(self._settings))), self.timeouts.connect)

    def rows(
        self, statement: Statement, values: Values | None = None, seconds: float | None = None, *, generic: bool = False
    ) -> list[Row]:
        """Return the rows of one statement, binary; tried again once, on a new connection, when one was lost.

        ``generic``: it is prepared, and planned once for whatever values.
        """
        try:
            return self._rows(statement, values, seconds, generic=generic)
        except _Lost:
            try:
                return self._rows(statement, values, seconds, fresh=True, generic=generic)
            except _Lost:
                raise Unavailable(UNREACHABLE) from None

    def row(self, statement: Statement, values: Values | None = None, seconds: float | None = None) -> Row:
        """Return the single row of a statement."""
        return self.rows(statement, values, seconds)[0]

    async def rows_soon(self, statement: bytes, values: Values | None = None) -> list[Row]:
        """Return the same as ``rows``: on the event loop where a place and a connection are free, else in a thread.

        For statements that are answered sooner than a worker thread would start with them, whatever their values: they
        are planned once.
        """
        try:
            return await self._soon(self.timeouts.items, statement, values or {})
        except (Busy, _Lost):
            return await anyio.to_thread.run_sync(partial(self.rows, statement, values, generic=True))

    def drawn(self, statement: bytes, values: Values) -> Row | None:
        """Return the row of a statement that makes a tile; None where PostGIS cannot work with a shape or a table.

        The statement is prepared, and planned once for whatever values.
        """
        try:
            return self._drawn(statement, values)
        except _Lost:
            try:
                return self._drawn(statement, values, fresh=True)
            except _Lost:
                raise Unavailable(UNREACHABLE) from None

    async def drawn_soon(self, statement: bytes, values: Values) -> Row | None:
        """Return the same as ``drawn``: on the event loop where a place and a connection are free, else in a thread."""
        try:
            return (await self._soon(self.timeouts.tiles, statement, values, _UNDRAWABLE))[0]
        except _UNDRAWABLE as error:
            _undrawn(error)
            return None
        except (Busy, _Lost):
            return await anyio.to_thread.run_sync(self.drawn, statement, values)

    @contextmanager
    def snapshot(self) -> Iterator[GuardedConnection]:
        """Give a connection in a transaction that sees one state of the database."""
        try:
            with self._session(self.timeouts.items) as connection, connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield connection
        except _Lost:
            raise Unavailable(UNREACHABLE) from None

    @contextmanager
    def writing(self) -> Iterator[GuardedConnection]:
        """Give a connection in a transaction that writes; it is kept when the block ends well."""
        try:
            with self._session(self.timeouts.items) as connection, connection.transaction():
                connection.execute("SET TRANSACTION READ WRITE")
                yield connection
        except _Lost:
            raise Unavailable(
                "The connection to the database was lost; whether the change was made is not known."
            ) from None

    def _rows(
        self, statement: Statement, values: Values | None, seconds: float | None, *, fresh: bool = False, generic: bool
    ) -> list[Row]:
        with self._session(seconds or self.timeouts.items, fresh, generic=generic) as connection:
            return run(connection, statement, values, prepare=generic or None)

    async def _soon(
        self, seconds: float, statement: bytes, values: Values, untold: tuple[type[psycopg.Error], ...] = ()
    ) -> list[Row]:
        """Return the rows of a statement on a connection that is at hand. Raises Busy when there is none, _Lost.

        What ``_session`` does is written out: this is the way of a small tile. ``untold``: errors that are raised as
        they are.
        """
        self._admission.enter(wait=False)
        try:
            connection = self._pool.at_hand(generic=True)
            self._under_way += 1
            try:
                connection.begin(seconds)
                if not connection.generic:
                    connection.plan(generic=True)
                alone = self._under_way == 1
                return await connection.wait_soon(connection.prepared.rows(statement, values), alone)
            except untold:
                raise
            except psycopg.Error as error:
                raise _translated(error, connection) from None
            finally:
                self._under_way -= 1
                self._pool.give(connection)
        finally:
            self._admission.leave()

    def _drawn(self, statement: bytes, values: Values, fresh: bool = False) -> Row | None:
        with self._session(self.timeouts.tiles, fresh, generic=True) as connection:
            try:
                return run(connection, statement, values, prepare=True)[0]
            except _UNDRAWABLE as error:
                _undrawn(error)
                return None

    @contextmanager
    def _session(self, seconds: float, fresh: bool = False, *, generic: bool = False) -> Iterator[GuardedConnection]:
        self._admission.enter()
        try:
            connection = self._pool.take(fresh, generic)
            try:
                connection.begin(seconds)
                connection.plan(generic)
                yield connection
            except psycopg.Error as error:
                raise _translated(error, connection) from None
            finally:
                self._pool.give(connection)
        finally:
            self._admission.leave()


class _Lost(Exception):
    """The connection was closed under the statement."""


def run(
    connection: GuardedConnection, statement: Statement, values: Values | None = None, *, prepare: bool | None = None
) -> list[Row]:
    """Return the rows of a statement on a connection that is held."""
    with connection.cursor(binary=True) as cursor:
        return cursor.execute(statement, values or {}, prepare=prepare).fetchall()


def _undrawn(error: psycopg.Error) -> None:
    """Pass over what PostGIS says of shapes that it cannot transform or cut, and of tables that are gone."""
    _log.warning("SQLSTATE %s: %s", error.sqlstate, error.diag.message_primary)


def _translated(error: psycopg.Error, connection: GuardedConnection) -> Exception:
    """Return the error to raise instead; the database's own words go to the log, without any connection string."""
    if caller_gone():
        return ClientGone()
    if isinstance(error, pg.QueryCanceled) or time.monotonic() > connection.deadline:
        return TooSlow()
    if isinstance(error, psycopg.DataError):
        return InvalidParameter("A value of the request does not fit the type of its property.")
    if isinstance(error, _OUTDATED):
        connection.close()
    if connection.closed or isinstance(error, pg.AdminShutdown | pg.CrashShutdown):
        return _Lost()
    _log.error("SQLSTATE %s: %s", error.sqlstate, error.diag.message_primary or type(error).__name__)
    return _ours(error)


def _ours(error: psycopg.Error) -> OneMapError:
    if isinstance(error, _CHANGED):
        return Unavailable("The table of this collection has changed; the server must be started again.")
    return Unavailable(UNREACHABLE)
