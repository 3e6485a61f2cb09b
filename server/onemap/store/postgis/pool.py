"""Idle connections, kept for the next statement.

A connection is opened by the request that needs one: it is there as soon as the database is, whatever happened before,
and no thread of its own keeps trying. (A pool that reconnects in the background with growing pauses keeps requests
waiting although the database is back.) How many are open is bounded by who asks: see ``Admission``.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable

import psycopg

from onemap.block.caller import caller_gone
from onemap.errors import Busy, ClientGone, Unavailable
from onemap.store.postgis.connect import GuardedConnection, check

UNREACHABLE = "The database of this collection cannot be reached at the moment."
_PAUSE = 0.1
_HUNG = 1.0
_IDLE_SECONDS = 300.0
_IDLE = psycopg.pq.TransactionStatus.IDLE


class Pool:
    """Connections of one source, the last used first.

    ``patience``: for how long after the first failure requests go on trying, in seconds: a restart of the database
    goes unnoticed, in a longer outage every request fails at once.
    """

    def __init__(self, connect: Callable[[], GuardedConnection], patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._idle: deque[GuardedConnection] = deque()
        self._generic: deque[GuardedConnection] = deque()
        self._down_since: float | None = None
        self._hung_at: float | None = None
        self.close = weakref.finalize(self, _close, self._idle, self._generic)

    def take(self, fresh: bool = False, generic: bool = False) -> GuardedConnection:
        """Return a connection that was alive a moment ago, or a new one. Raises Unavailable.

        ``generic``: better one whose plans are for any values.
        """
        first, second = (self._generic, self._idle) if generic else (self._idle, self._generic)
        while (first or second) and not fresh:
            try:
                connection = (first or second).pop()
            except IndexError:
                continue
            if _alive(connection):
                return connection
            connection.close()
        return self._open()

    def at_hand(self, generic: bool = False) -> GuardedConnection:
        """Return an idle connection without blocking; the server may have closed it. Raises Busy when there is none."""
        try:
            return (self._generic if generic else self._idle).pop()
        except IndexError:
            raise Busy from None

    def give(self, connection: GuardedConnection) -> None:
        """Take a connection back; one that is broken, or in the middle of something, is closed."""
        if connection.pgconn.transaction_status != _IDLE:  # so it is not when it is closed
            connection.close()
            return
        now = connection.used_at = time.monotonic()
        (self._generic if connection.generic else self._idle).append(connection)
        for idle in (self._idle, self._generic):
            while idle and now - idle[0].used_at > _IDLE_SECONDS:
                idle.popleft().close()

    def _open(self) -> GuardedConnection:
        while True:
            if self._hung_at is not None and time.monotonic() < self._hung_at + _HUNG:
                raise Unavailable(UNREACHABLE)
            began = time.monotonic()
            try:
                connection = self._connect()
            except psycopg.Error:
                self._failed(began)
            else:
                self._down_since = self._hung_at = None
                return connection

    def _failed(self, began: float) -> None:
        """Wait a moment before the next attempt. Raises Unavailable when there is no point in another one."""
        now = time.monotonic()
        self._down_since = self._down_since or began
        if now - began > _HUNG:
            self._hung_at = now
        if now + _PAUSE > self._down_since + self._patience:
            raise Unavailable(UNREACHABLE)
        if caller_gone():
            raise ClientGone
        time.sleep(_PAUSE)


def _alive(connection: GuardedConnection) -> bool:
    try:
        check(connection)
    except psycopg.Error:
        return False
    return not connection.closed


def _close(*idle: deque[GuardedConnection]) -> None:
    for connections in idle:
        while connections:
            connections.pop().close()
