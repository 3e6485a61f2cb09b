"""Reading the log of changes of a database: by snapshots, since numbers and times lose what commits late."""

from __future__ import annotations

import hashlib
import select
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from collections.abc import Collection as Several
from dataclasses import dataclass
from typing import Any

import psycopg

from onemap.config import PostgisSettings
from onemap.store.changelog import Change, Changes, change
from onemap.store.postgis.connect import GuardedConnection, connection_options, conninfo
from onemap.store.postgis.discover import read_sql
from onemap.store.postgis.relation import INTEGERS, Relation
from onemap.store.postgis.sessions import Sessions, run

_REMEMBERED = 64
_COMPLETE = 3
_RETRY_SECONDS = 10.0
# A backend that stays connected may report what it counted up to ten seconds late.
_SETTLED_SECONDS = 12.0
# It reports once a second at most: to ask more often tells nothing.
_COUNTED_SECONDS = 1.0
_SNAPSHOT = b"SELECT pg_current_snapshot()::text"
_ANYTHING = (
    b"SELECT EXISTS (SELECT FROM onemap.change WHERE xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)"
    b" AND NOT pg_visible_in_snapshot(xid, %(since)s::pg_snapshot))"
)
Counters = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """A position: of which database, its snapshot, and digests of the counters of unlogged and of all tables."""

    identity: str
    snapshot: str
    plain: str
    whole: str

    @classmethod
    def read(cls, text: str) -> _Place:
        """Return what ``str`` wrote; a text of another kind is a place of no database."""
        parts = text.split("~")
        return cls(*parts) if len(parts) == 4 else cls("", "", "", "")

    def __str__(self) -> str:
        return "~".join((self.identity, self.snapshot, self.plain, self.whole))


@dataclass(frozen=True, slots=True)
class _Now:
    """The state of the log in one transaction."""

    place: _Place
    counters: Counters
    logged: frozenset[int]
    complete: bool


class ChangeLog:
    """The log of one database. Tables without it are judged by the counters of the database, which may come late."""

    def __init__(self, sessions: Sessions, relations: Callable[[], Mapping[str, Relation]]) -> None:
        self._sessions = sessions
        self._relations = relations
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Counters] = OrderedDict()
        self._snapshot = ""
        self._moved = time.monotonic()
        self._counted = "", float("-inf")

    def position(self) -> str:
        """Return the present position. Raises Unavailable."""
        with self._sessions.snapshot() as connection:
            return str(self._now(connection).place)

    def changes(self, since: str, tables: Several[str], most: int) -> Changes:
        """Return the changes of these tables since a position; see ``LoggedStore``. Raises Unavailable."""
        then, relations = _Place.read(since), self._relations()
        if self._still(then):
            return Changes(since)
        known = {name: relations[name] for name in tables if name in relations}
        with self._sessions.snapshot() as connection:
            now = self._now(connection)
            unknown = set(tables) - known.keys()
            if not _reaches(then, now.place):
                return Changes(str(now.place), unknown=frozenset(tables))
            stored = {name: relations[item.beneath.name] if item.beneath else item for name, item in known.items()}
            logged = {name: item for name, item in stored.items() if item.oid in now.logged}
            others = {name: stored[name] for name in stored.keys() - logged.keys()}
            unknown |= self._uncounted(others, then, now) | _views(connection, others, then, now)
            unknown |= self._beside(connection, known, then, now)
            lost = _out_of_reach(connection, logged, then) if now.complete else set()
            found, more = _logged(connection, {n: logged[n] for n in logged.keys() - lost}, then, most)
        return Changes(str(now.place), tuple(found), frozenset(unknown | lost | more))

    def _still(self, then: _Place) -> bool:
        """Whether no transaction has written since a position, and what was counted before is told by now.

        That is so of a look after a while; until then it is taken to be so for a second after each look.
        """
        snapshot, now = str(self._sessions.row(_SNAPSHOT)[0]), time.monotonic()
        with self._lock:
            if snapshot != self._snapshot:
                self._snapshot, self._moved = snapshot, now
            counted, when = self._counted
            told = now - when < _COUNTED_SECONDS or when - self._moved > _SETTLED_SECONDS
            return told and snapshot == then.snapshot and counted == then.whole

    def _now(self, connection: GuardedConnection) -> _Now:
        identity, snapshot, tables, triggers = run(connection, read_sql("log_state"))[0]
        counters: Counters = dict(run(connection, read_sql("counters")))
        logged = frozenset(triggers if tables else ())
        plain = _digest({oid: count for oid, count in counters.items() if oid not in logged})
        place = _Place(identity, snapshot, plain, _digest(counters))
        with self._lock:
            self._counted = place.whole, time.monotonic()
            self._known[place.whole] = counters
            self._known.move_to_end(place.whole)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return _Now(place, counters, logged, complete=tables == _COMPLETE)

    def _uncounted(self, relations: Mapping[str, Relation], then: _Place, now: _Now) -> set[str]:
        """Return which of these relations, which have no log, may have changed."""
        before = self._known.get(then.whole)
        changed: set[str] = set()
        for name, relation in relations.items():
            if relation.kind not in ("r", "m"):
                same = then.whole == now.place.whole
            elif before is None:
                same = then.plain == now.place.plain
            else:
                same = _same(relation.oid, before, now.counters)
            if not same:
                changed.add(name)
        return changed

    def _beside(
        self, connection: GuardedConnection, relations: Mapping[str, Relation], then: _Place, now: _Now
    ) -> set[str]:
        """Return which views may show something else because of a table that theirs is chosen by or joined to."""
        views = {name: item.beneath.others for name, item in relations.items() if item.beneath and item.beneath.others}
        anything = bool(views) and _anything(connection, then, now)
        if not anything and then.whole == now.place.whole:
            return set()
        before = self._known.get(then.whole, {})

        def still(oid: int) -> bool:
            return not anything if oid in now.logged else _same(oid, before, now.counters)

        return {name for name, others in views.items() if not all(map(still, others))}


class Bell:
    """A connection that hears when changes are logged."""

    def __init__(self, settings: PostgisSettings) -> None:
        self._settings = settings
        self._held: list[psycopg.Connection[Any]] = []
        self._failed = float("-inf")
        self.close = weakref.finalize(self, _close, self._held)

    def wait(self, seconds: float) -> None:
        """Wait until changes are logged, or for so many seconds; without a connection always so long."""
        began = time.monotonic()
        try:
            connection = self._connection()
            if connection is not None:
                if _readable(connection, seconds):
                    connection.execute("")
                    list(connection.notifies(timeout=0))
                return
        except (psycopg.Error, OSError, ValueError):
            self._failed = time.monotonic()
            _close(self._held)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))

    def _connection(self) -> psycopg.Connection[Any] | None:
        if not self._held and time.monotonic() - self._failed > _RETRY_SECONDS:
            options = connection_options(self._settings) | {"application_name": "onemap changes"}
            self._held.append(psycopg.connect(conninfo(options), autocommit=True))
            self._held[0].execute("LISTEN onemap_change")
        return self._held[0] if self._held else None


def _readable(connection: psycopg.Connection[Any], seconds: float) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _close(connections: list[psycopg.Connection[Any]]) -> None:
    while connections:
        connections.pop().close()


def _reaches(then: _Place, now: _Place) -> bool:
    """Whether a position is one of this database, and not of a future that was taken back by a restore."""
    return then.identity == now.identity and int(then.snapshot.split(":")[1]) <= int(now.snapshot.split(":")[1])


def _views(connection: GuardedConnection, relations: Mapping[str, Relation], then: _Place, now: _Now) -> set[str]:
    """Return the views among relations when anything was logged: what is behind them may be what was changed."""
    views = {name for name, relation in relations.items() if relation.kind not in ("r", "m")}
    return views if views and _anything(connection, then, now) else set()


def _anything(connection: GuardedConnection, then: _Place, now: _Now) -> bool:
    """Whether anything was logged since a position."""
    return bool(now.logged) and bool(run(connection, _ANYTHING, {"since": then.snapshot})[0][0])


def _same(oid: int, before: Counters, after: Counters) -> bool:
    return oid in before and before[oid] == after.get(oid)


def _out_of_reach(connection: GuardedConnection, relations: Mapping[str, Relation], then: _Place) -> set[str]:
    rows = run(connection, read_sql("log_reach"), {"since": then.snapshot})
    lost = {(str(schema), str(name)) for schema, name in rows}
    return {name for name, relation in relations.items() if (relation.schema, relation.name) in lost}


def _logged(
    connection: GuardedConnection, relations: Mapping[str, Relation], then: _Place, most: int
) -> tuple[list[Change], set[str]]:
    """Return the logged changes, and the tables of which there are more or that were truncated."""
    if not relations:
        return [], set()
    names = list(relations)
    values = {
        "schemas": [relations[name].schema for name in names],
        "names": [relations[name].name for name in names],
        "since": then.snapshot,
        "most": most + 1,
    }
    rows = run(connection, read_sql("log_changes"), values)
    counts = dict.fromkeys(names, 0)
    whole = set()
    for place, operation, *_ in rows:
        counts[names[place - 1]] += 1
        if operation == "truncate":
            whole.add(names[place - 1])
    whole |= {name for name, count in counts.items() if count > most}
    kept = (row for row in rows if names[row[0] - 1] not in whole)
    return [_change(names[row[0] - 1], relations[names[row[0] - 1]], row) for row in kept], whole


def _change(name: str, relation: Relation, row: tuple[Any, ...]) -> Change:
    _, operation, key, hashed, *box = row
    number = int(key) if relation.columns[relation.key].type in INTEGERS else hashed
    return change(name, number, operation, tuple(box))


def _digest(counters: Counters) -> str:
    return hashlib.blake2b(repr(sorted(counters.items())).encode(), digest_size=8).hexdigest()
