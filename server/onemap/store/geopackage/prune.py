"""Drop old changes from the log of a GeoPackage, so many at a time that writers need not wait for long.

A change is dropped when it is older than what is to be kept, and when every reader (``onemap_reader``) that came back
within its own time has read it. The last change of each table stays: the version of its data goes by it. What was
dropped moves the beginning of the log of its table.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from onemap.errors import ConfigError
from onemap.store.sql import Sql, compose
from onemap.store.writing import Pruned

_BUSY_SECONDS = 10.0
_AT_ONCE = 10_000
_PARTS = {
    "old": Sql("c.at < :before AND c.seq < (SELECT max(seq) FROM onemap_change l WHERE l.table_name = c.table_name)"),
    "live": Sql("(SELECT name, seq FROM onemap_reader WHERE julianday('now') - julianday(at) <= days)"),
}
_HELD = (
    "SELECT count(DISTINCT c.seq), group_concat(DISTINCT r.name) FROM onemap_change c JOIN {live} r ON r.seq < c.seq"
    " WHERE {old}"
)
_CHOSEN = (
    "CREATE TEMP TABLE chosen AS SELECT seq, table_name, at FROM onemap_change c WHERE {old}"
    " AND NOT EXISTS (SELECT 1 FROM {live} r WHERE r.seq < c.seq) ORDER BY seq LIMIT :most"
)
_BEGUN = (
    "UPDATE onemap_log AS l SET since = max(since, (SELECT max(at) FROM chosen c WHERE c.table_name = l.table_name))"
    " WHERE table_name IN (SELECT table_name FROM chosen)"
)


def prune(path: Path, keep: timedelta) -> Pruned:
    """Drop changes older than ``keep`` that no reader still needs. Raises ConfigError."""
    before = (datetime.now(UTC) - keep).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    given = {"before": before, "most": _AT_ONCE}
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            if not _logs(connection):
                return Pruned()
            dropped = 0
            while some := _drop(connection, given):
                dropped += some
            held, names = connection.execute(compose(_HELD, **_PARTS), given).fetchone()
    except sqlite3.Error as error:
        raise ConfigError(f"{path}: the log of changes cannot be pruned: {error}.") from None
    return Pruned(dropped, held, tuple(sorted(names.split(","))) if names else ())


def _drop(connection: sqlite3.Connection, given: dict[str, object]) -> int:
    """Drop some of the changes in a transaction of their own and return how many those were."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(compose(_CHOSEN, **_PARTS), given)
    connection.execute(_BEGUN)
    count = connection.execute("DELETE FROM onemap_change WHERE seq IN (SELECT seq FROM chosen)").rowcount
    connection.execute("DROP TABLE chosen")
    connection.execute("COMMIT")
    return count


def _logs(connection: sqlite3.Connection) -> bool:
    names = ("onemap_change", "onemap_log", "onemap_reader")
    found = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN (?, ?, ?)", names)
    return bool(found.fetchone()[0] == len(names))
