"""Connections to the database: read-only, and given up when time is up or nobody waits for the answer any more."""

from __future__ import annotations

import asyncio
import select
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio.to_thread
import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

from onemap.block.caller import caller_gone
from onemap.config import PostgisSettings
from onemap.errors import ConfigError
from onemap.store.postgis.prepared import Prepared

_LOOK_SECONDS = 0.1
_MOMENT_MILLISECONDS = 1
_GRACE_SECONDS = 1.5
_PREPARE_SECONDS = 2.0
_SESSION = {
    "default_transaction_read_only": "on",
    "jit": "off",
    # PostGIS prices ST_Intersects at 10,000 operators; with the usual price of one the planner sorts a whole box
    # where it could walk along the key to the end of the page.
    "cpu_operator_cost": "0.0001",
    "max_parallel_workers_per_gather": "0",
    # A plan made once for any box is made for a tiny one.
    "plan_cache_mode": "force_custom_plan",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "client_min_messages": "error",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
}
_GENERIC, _CUSTOM = b"SET plan_cache_mode = force_generic_plan", b"SET plan_cache_mode = force_custom_plan"
_WATCHED = b"SET client_connection_check_interval = '1s'"
# Names of PostGIS are found wherever the extension is; everything else is written with its schema.
SEARCH_PATH = """
SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(n.nspname)),
                  false)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis'
"""


class GuardedConnection(psycopg.Connection[TupleRow]):
    """A connection that looks up from waiting: past ``deadline``, or for a caller who left, it cancels its query."""

    deadline: float = float("inf")
    cancelled_at: float | None = None
    used_at: float = 0.0
    generic: bool = False

    @cached_property
    def prepared(self) -> Prepared:
        """The statements that it has prepared."""
        return Prepared(self)

    @cached_property
    def incoming(self) -> select.poll:
        """What says whether the server has sent something."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return poll

    def wait[T](self, gen: PQGen[T], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> T:
        """Run a step of the protocol and look up every ``interval`` seconds."""
        return super().wait(self._guarded(gen), interval, timeout)

    async def wait_soon[T](self, gen: PQGen[T], alone: bool = False) -> T:
        """Run a step of the protocol on the event loop; one that takes long goes on in a worker thread.

        ``alone``: nothing else is under way. Then the answer is awaited right here for a millisecond, which costs less
        than to have the event loop look for it.
        """
        try:
            wanted = next(gen)
            if alone and wanted == Wait.R and self.incoming.poll(_MOMENT_MILLISECONDS):
                wanted = gen.send(Ready.R)
            while ready := await _ready(self.fileno(), wanted):
                wanted = gen.send(ready)
                while not quiet(self):  # a long answer comes in many pieces, one soon after the other
                    wanted = gen.send(Ready.R)
        except StopIteration as done:
            result: T = done.value
            return result
        return await anyio.to_thread.run_sync(self.wait, _resumed(gen, wanted))

    def begin(self, seconds: float) -> None:
        """Start the clock of one statement or transaction."""
        self.deadline, self.cancelled_at = time.monotonic() + seconds, None

    def plan(self, generic: bool) -> None:
        """Choose between plans for any values and plans for the values of a statement; asks only when they change."""
        if generic is not self.generic:
            self.execute(_GENERIC if generic else _CUSTOM)
            self.generic = generic

    def _guarded[T](self, gen: PQGen[T]) -> PQGen[T]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready:
                    self._look()
                wanted = gen.send(ready)
        except StopIteration as done:
            result: T = done.value
            return result

    def _look(self) -> None:
        now = time.monotonic()
        if self.cancelled_at is None and (now > self.deadline or caller_gone()):
            self.cancelled_at = now
            self._ask_to_cancel()
        elif self.cancelled_at is not None and now > self.cancelled_at + _GRACE_SECONDS:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer")

    def _ask_to_cancel(self) -> None:
        try:
            self.cancel_safe(timeout=1.0)
        except psycopg.Error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from None


async def _ready(fileno: int, wanted: Wait) -> int:
    """Wait on the event loop until a socket can be read or written; 0 when it takes long."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[int] = loop.create_future()

    def settle(ready: int) -> None:
        if not found.done():
            found.set_result(ready)

    if wanted & Wait.R:
        loop.add_reader(fileno, settle, Ready.R)
    if wanted & Wait.W:
        loop.add_writer(fileno, settle, Ready.W)
    timer = loop.call_later(_LOOK_SECONDS, settle, 0)
    try:
        return await found
    finally:
        timer.cancel()
        loop.remove_reader(fileno)
        loop.remove_writer(fileno)


def _resumed[T](gen: PQGen[T], wanted: Wait) -> PQGen[T]:
    """Run the rest of a step, which waits for something."""
    try:
        while True:
            wanted = gen.send((yield wanted))
    except StopIteration as done:
        result: T = done.value
        return result


def connection_options(settings: PostgisSettings) -> dict[str, Any]:
    """Return the libpq parameters of a source. Raises ConfigError, which never repeats the connection string."""
    try:
        given = conninfo_to_dict(settings.dsn.get_secret_value())
    except psycopg.Error:
        raise ConfigError(
            "The connection string of a PostGIS store is not understood.",
            "It looks like postgresql://user@host:5432/database, or host=... user=... dbname=...",
        ) from None
    session = {**_SESSION, "statement_timeout": f"{int(settings.timeouts.items * 1000)}ms"}
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    given["options"] = f"{given.get('options') or ''} {options}".strip()
    given.setdefault("application_name", "onemap")
    given["connect_timeout"] = max(2, round(settings.timeouts.connect))
    if settings.password_file is not None:
        given["password"] = _password(settings.password_file)
    return dict(given)


def database_name(settings: PostgisSettings) -> str:
    """Return the name of the database, for titles."""
    return str(connection_options(settings).get("dbname") or "PostGIS")


def conninfo(options: dict[str, Any]) -> str:
    """Return libpq parameters as one string."""
    return make_conninfo("", **options)


def opened(options: str) -> GuardedConnection:
    """Return a new connection. Raises OperationalError, also where the database has no PostGIS."""
    connection = GuardedConnection.connect(options, autocommit=True)
    try:
        connection.begin(_PREPARE_SECONDS)
        if connection.execute(SEARCH_PATH).fetchone() is None:
            raise psycopg.OperationalError("the database has no extension postgis")
    except psycopg.Error:
        connection.close()
        raise
    return connection


def opened_watched(options: str) -> GuardedConnection:
    """Return a new connection whose statements end, too, when this process was killed (PostgreSQL 14 or later)."""
    connection = opened(options)
    if connection.info.server_version >= 140_000:
        connection.execute(_WATCHED)
    return connection


def quiet(connection: GuardedConnection) -> bool:
    """Whether the server has said nothing on an idle connection: it says something when it closes it."""
    return not connection.incoming.poll(0)


def check(connection: GuardedConnection) -> None:
    """Raise OperationalError when an idle connection was closed by the server; costs no round trip when it was not."""
    if not quiet(connection):
        connection.begin(_PREPARE_SECONDS)
        connection.execute("")


def _password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"The password file {path} cannot be read.") from None
