"""Reading the log of changes of a GeoPackage, whose numbers ascend in the order of the commits."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Collection as Several
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from onemap.store.changelog import Change, Changes, change
from onemap.store.geopackage.changes import has_log, last_change, logged

_ROWS = (
    "SELECT key, operation, old_minx, old_miny, old_maxx, old_maxy, new_minx, new_miny, new_maxx, new_maxy"
    " FROM onemap_change WHERE table_name = ? AND seq > ? LIMIT ?"
)
_OURS = "SELECT count(DISTINCT tx), count(*) FILTER (WHERE tx IS NULL) FROM onemap_change WHERE seq > ?"
_COUNTER = slice(16, 24)


@dataclass(frozen=True, slots=True)
class Place:
    """A position: the file, the number of its last change, and the state of the file as of a moment before.

    ``reader``: by which store object, which has the file open from its first position on. ``settled``: what tells the
    content of the file in every process, empty while something waits in its write-ahead log.
    """

    file: str
    number: int
    reader: str
    settled: str
    state: str

    @classmethod
    def read(cls, text: str) -> Place:
        """Return what ``str`` wrote; a text of another kind is a place in no file."""
        parts = text.split("~")
        if len(parts) != 5 or not parts[1].isdecimal():
            return cls("", 0, "", "", "")
        return cls(parts[0], int(parts[1]), *parts[2:])

    def __str__(self) -> str:
        return f"{self.file}~{self.number}~{self.reader}~{self.settled}~{self.state}"

    def commits(self) -> int | None:
        """Return the number of commits that the index to the write-ahead log has counted, modulo 2^32."""
        counter = self.state.rpartition("-")[2][_COUNTER]
        return int.from_bytes(bytes.fromhex(counter), sys.byteorder) if len(counter) == 8 else None


def position(connection: sqlite3.Connection, here: Place) -> Place:
    """Return the present position. ``here``: all of it but the number, read before, so that a commit since shows."""
    return replace(here, number=last_change(connection) if has_log(connection) else 0)


def changes(connection: sqlite3.Connection, then: Place, here: Place, tables: Several[str], most: int) -> Changes:
    """Return the changes of these tables since a position; see ``LoggedStore``. ``here``: all of now but the number."""
    with _one_state(connection):
        now = position(connection, here)
        if then.file != now.file or then.number > now.number:
            return Changes(str(now), unknown=frozenset(tables))
        told = {name for name in tables if logged(connection, name)}
        unknown = set() if _all_told(connection, then, now) else set(tables) - told
        unknown |= _lost(connection, told, then)
        found: list[Change] = []
        for name in told - unknown if then.number < now.number else ():
            rows = connection.execute(_ROWS, [name, then.number, most + 1]).fetchall()
            if len(rows) > most:
                unknown.add(name)
            else:
                found += [change(name, key, operation, tuple(box)) for key, operation, *box in rows]
    return Changes(str(now), tuple(found), frozenset(unknown))


def _all_told(connection: sqlite3.Connection, then: Place, now: Place) -> bool:
    """Whether tables without a log have not changed: no commit was made, or only such as edit here.

    Such a commit is one transaction in the log. Commits are counted anew when a file is opened, so the comparison is
    made for positions of one reader only.
    """
    if then.state == now.state or (then.settled and then.settled == now.settled):
        return True
    before, after = then.commits(), now.commits()
    if then.reader != now.reader or before is None or after is None or not has_log(connection):
        return False
    ours, others = connection.execute(_OURS, [then.number]).fetchone()
    return bool(others == 0 and after - before == ours)


def _lost(connection: sqlite3.Connection, tables: Several[str], then: Place) -> set[str]:
    """Return the tables whose log does not reach back: rows were removed, or logging began later."""
    if not has_log(connection, "onemap_log"):
        return set()
    upto = connection.execute("SELECT max(upto) FROM onemap_pruned").fetchone()[0] or 0
    if upto > then.number:
        return set(tables)
    later = connection.execute("SELECT table_name FROM onemap_log WHERE seq > ?", [then.number])
    return {row[0] for row in later} & set(tables)


@contextmanager
def _one_state(connection: sqlite3.Connection) -> Iterator[None]:
    """See one state of the file for the length of the block."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")
