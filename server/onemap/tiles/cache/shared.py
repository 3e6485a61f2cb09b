"""Tiles that the processes of a zone share in one file.

Whoever follows a store purges the shared tiles before its own: what a process takes from here is never older than the
changes that it has seen. A tile that was made while its data changed is refused: it is compared with what was purged
since its making began. Every failure of the file means that the cache does without it, never that a tile is missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.cover import Cover
from onemap.tiles.cache.entry import Asked, Body, Place, Source
from onemap.tiles.cache.file import CacheFile
from onemap.tiles.cache.presence import Presence

_WAIT_SECONDS = 0.5
_KEPT_PURGES = 20_000
_PART = 20
_LOOK_EVERY = 64
_MOST_TICKETS = 1000
_TICKET_SECONDS = 1.0
_SOURCE = "SELECT id FROM source WHERE store = ? AND name = ? AND srid = ?"
_GRID = "SELECT id FROM grid WHERE matrix_set = ? AND level = ?"
_NOW = "SELECT s.id, g.id, (SELECT max(seq) FROM purge)"
_USED = " FROM source s JOIN used u ON u.source = s.id JOIN grid g ON g.id = u.grid"
_BY = " WHERE s.store = ? AND s.name = ? AND s.srid = ? AND g.matrix_set = ? AND g.level = ?"
_STATE = _NOW + _USED + _BY
_TILE = "SELECT (SELECT max(seq) FROM purge), t.sources, t.body, t.tag FROM (SELECT 1) LEFT JOIN tile t ON t.name = ?"
_NAMES = "SELECT id, name FROM tile WHERE id > ? ORDER BY id LIMIT 10000"
_RACED = (
    "SELECT 1 FROM purge WHERE seq > ? AND source = ? AND grid = ? AND ? BETWEEN row0 AND row1"
    " AND ? BETWEEN col0 AND col1 LIMIT 1"
)
_PURGES = "SELECT (SELECT min(seq) FROM purge), (SELECT max(seq) FROM purge)"
_LAST = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'tile'"
# What had the name before is deleted, and by its trigger where it lay.
_TILES = "INSERT OR REPLACE INTO tile (id, name, sources, tag, body) VALUES "
_COVERS = "INSERT INTO cover VALUES "
_FIVE, _VALUES = "(?, ?, ?, ?, ?)", 5000
_WITHIN = "source = ? AND grid = ? AND row BETWEEN ? AND ? AND col BETWEEN ? AND ?"
_PURGE = "DELETE FROM tile WHERE id IN (SELECT tile FROM cover WHERE " + _WITHIN + ")"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Ticket:
    """The state of the file when the making of a tile began: numbers of sources and grid, and of the last purge."""

    sources: tuple[int, ...]
    grid: int
    seq: int


Made = tuple[Asked, Ticket, Body]
"""A tile that was made: as it was asked for, the ticket of its making, and what came of it."""


class SharedTiles:
    """Tiles by name. ``capacity``: the size of the file in bytes beyond which the oldest tiles go."""

    def __init__(self, path: Path, capacity: int, counters: Counters) -> None:
        self._file = CacheFile(path, _WAIT_SECONDS)
        self._capacity = capacity
        self._counters = counters
        self._behind: set[str] = set()
        self._puts = 0
        self._era = 0  # of the file that the tickets are from
        self._tickets: dict[tuple[tuple[Source, ...], str, str], tuple[Ticket, float]] = {}
        self._presence = Presence(path.with_suffix(".names"))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._presence.close()

    def get(self, asked: Asked) -> Body | None:
        """Return a tile."""
        if not self._trusted(asked):
            return None
        found = self._file.read(lambda connection: _get(connection, asked))
        return None if found is None else self._checked(found)

    def glance(self, asked: Asked) -> tuple[Body | None, Ticket | None]:
        """Return what ``get`` and ``ticket`` do; neither where somebody would have to be waited for.

        It takes about as long as to hand the question to another thread, and next to nothing where the tile cannot be
        there: then the ticket may be one of a moment ago, by which a tile that was purged since then is not kept.
        """
        if self._behind and not self._trusted(asked):
            return None, None
        if self._era != self._file.era:
            self._era, self._tickets = self._file.era, {}
        known = self._tickets.get((asked.sources, asked.place.matrix_set, asked.place.level))
        if known is not None and self._presence.lacks(asked.name()) and monotonic() < known[1]:
            return None, known[0]
        ticket, found = self._file.glance(self._both, asked) or (None, None)
        return None if found is None else self._checked(found), ticket

    def _both(self, connection: sqlite3.Connection, asked: Asked) -> tuple[Ticket | None, tuple[bytes, str] | None]:
        """Return what ``_ticket`` and ``_get`` do.

        Nothing that a ticket says has changed while the last purge is the same: what is dropped counts as purged.
        """
        seq, sources, body, tag = connection.execute(_TILE, [asked.name()]).fetchone()
        kind = asked.sources, asked.place.matrix_set, asked.place.level
        ticket, _ = self._tickets.get(kind, (None, 0.0))
        if ticket is None or ticket.seq != (seq or 0):
            ticket = _ticket(connection, asked)
            if ticket is None:
                return None, None
            if len(self._tickets) >= _MOST_TICKETS:
                self._tickets.clear()
        self._tickets[kind] = ticket, monotonic() + _TICKET_SECONDS
        return ticket, (body, tag) if body is not None and sources == _text(ticket.sources) else None

    def _checked(self, found: tuple[bytes, str]) -> Body | None:
        body = Body.of(found[0])
        if body.tag != found[1]:  # the file lies
            self._counters.faults += 1
            return None
        return body

    def ticket(self, asked: Asked) -> Ticket | None:
        """Return what is to be shown when the tile is made; to be asked for before its data is read."""
        if not self._trusted(asked):
            return None
        found = self._file.read(lambda connection: _ticket(connection, asked))
        return found or self._file.write(lambda connection: _register(connection, asked))

    def put(self, asked: Asked, ticket: Ticket, body: Body) -> bool:
        """Keep a tile unless its data changed since the ticket; return whether it is kept."""
        return self.put_all([(asked, ticket, body)])[0]

    def put_all(self, made: Sequence[Made]) -> list[bool]:
        """Do the same for several tiles in one transaction."""
        trusted = [item for item in made if self._trusted(item[0])]
        kept = self._file.write(lambda connection: _put_all(connection, trusted)) if trusted else []
        if kept is None:
            self._counters.faults += 1
        self._presence.add((item[0].name() for item in trusted), self._names)
        before, self._puts = self._puts, self._puts + len(trusted)
        if before // _LOOK_EVERY != self._puts // _LOOK_EVERY:
            self.shrink()
        good = iter(kept or [False] * len(trusted))
        return [self._trusted(item[0]) and next(good, False) for item in made]

    def _names(self, after: int) -> list[tuple[int, bytes]] | None:
        """Return the next names after a tile; None where the file cannot be read."""
        return self._file.read(lambda connection: connection.execute(_NAMES, [after]).fetchall())

    def shrink(self) -> None:
        """Remove the oldest tiles until the file uses no more than its capacity."""
        while (used := self._file.read(_used_bytes) or 0) > self._capacity:
            gone = self._file.write(_evict)
            if not gone:
                return
            self._counters.evicted += gone
            self._presence.renew(self._names)
            if (self._file.read(_used_bytes) or 0) >= used:
                return

    def size(self) -> int:
        """Return how many bytes of the file are in use."""
        return self._file.read(_used_bytes) or 0 if self._file.path.exists() else 0

    def sources(self, store: str) -> set[Source]:
        """Return the sources of which there may be tiles."""
        statement = "SELECT name, srid FROM source WHERE store = ?"
        rows = self._file.read(lambda connection: connection.execute(statement, [store]).fetchall())
        return {Source(store, name, srid) for name, srid in rows or ()}

    def adopt(self, store: str, position: str) -> str | None:
        """Return up to which position the tiles of a store are purged; a file that does not know begins with this one.

        None: the file cannot be used.
        """
        found = self._file.write(lambda connection: _adopt(connection, store, position))
        self._trust(store, found is not None)
        return found

    def purge(self, store: str, position: str, covers: Mapping[Source, Cover | None], sources: Several[Source]) -> bool:
        """Purge what changes cover (None: all of a source) and note the position; False: it could not be done.

        ``sources``: of which the changes are known; that must be all of this store. Until a purge is done the tiles of
        the store are not used.
        """
        done = self._file.write(lambda connection: _apply(connection, store, position, covers, sources))
        self._tickets = {}
        self._trust(store, bool(done))
        return bool(done)

    def trusts(self, store: str) -> bool:
        """Whether the tiles of a store are used."""
        return store not in self._behind

    def _trust(self, store: str, trusted: bool) -> None:
        if trusted:
            self._behind.discard(store)
        else:
            self._behind.add(store)
            self._counters.faults += 1

    def _trusted(self, asked: Asked) -> bool:
        return not any(source.store in self._behind for source in asked.sources)


def _numbers(connection: sqlite3.Connection, sources: Iterable[Source]) -> tuple[int, ...] | None:
    found = [connection.execute(_SOURCE, [item.store, item.table, item.srid]).fetchone() for item in sources]
    return None if None in found else tuple(row[0] for row in found)


def _text(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _get(connection: sqlite3.Connection, asked: Asked) -> tuple[bytes, str] | None:
    numbers = _numbers(connection, asked.sources)
    if numbers is None:
        return None
    statement = "SELECT body, tag FROM tile WHERE name = ? AND sources = ?"
    found: tuple[bytes, str] | None = connection.execute(statement, [asked.name(), _text(numbers)]).fetchone()
    return found


def _ticket(connection: sqlite3.Connection, asked: Asked) -> Ticket | None:
    """Return the state of the file; None where a source is not known to have tiles on this grid."""
    place = asked.place
    found = [
        connection.execute(_STATE, [item.store, item.table, item.srid, place.matrix_set, place.level]).fetchone()
        for item in asked.sources
    ]
    if not found or None in found:
        return None
    # The number of the last purge as the first statement saw it: what is purged after that is purged after the ticket.
    _, grid, seq = found[0]
    return Ticket(tuple(row[0] for row in found), grid, seq or 0)


def _register(connection: sqlite3.Connection, asked: Asked) -> Ticket | None:
    """Write down which sources have tiles on which grids, so that changes are looked for there."""
    place = asked.place
    connection.execute("INSERT OR IGNORE INTO grid (matrix_set, level) VALUES (?, ?)", [place.matrix_set, place.level])
    for source in asked.sources:
        values = [source.store, source.table, source.srid]
        connection.execute("INSERT OR IGNORE INTO source (store, name, srid) VALUES (?, ?, ?)", values)
    grid = connection.execute(_GRID, [place.matrix_set, place.level]).fetchone()[0]
    rows = [(number, grid) for number in _numbers(connection, asked.sources) or ()]
    connection.executemany("INSERT OR IGNORE INTO used (source, grid) VALUES (?, ?)", rows)
    return _ticket(connection, asked)


def _put_all(connection: sqlite3.Connection, made: Sequence[Made]) -> list[bool]:
    """Keep the tiles whose data is as it was when their making began; return which those are."""
    first, last = connection.execute(_PURGES).fetchone()
    numbers = {sources: _numbers(connection, sources) for sources in {asked.sources for asked, _, _ in made}}
    kept = [
        numbers[asked.sources] == ticket.sources
        and not _raced(connection, asked.place, ticket, (first or 0, last or 0))
        for asked, ticket, _ in made
    ]
    # The last one of those with the same name.
    _insert(connection, {item[0].name(): item for item, good in zip(made, kept, strict=True) if good})
    return kept


def _raced(connection: sqlite3.Connection, place: Place, ticket: Ticket, known: tuple[int, int]) -> bool:
    """Whether a tile was purged while it was made, or may have been: ``known`` are the first and the last purge."""
    first, last = known
    if ticket.seq >= last:
        return False
    if ticket.seq < first - 1:
        return True
    where = ([ticket.seq, number, ticket.grid, place.row, place.col] for number in ticket.sources)
    return any(connection.execute(_RACED, values).fetchone() for values in where)


def _insert(connection: sqlite3.Connection, made: Mapping[bytes, Made]) -> None:
    """Write tiles by name, and where they lie, in two statements: each one costs two turns of the interpreter's lock.

    The numbers are given here: nobody else writes now.
    """
    tiles, covers = list[object](), list[object]()
    last = connection.execute(_LAST).fetchone()[0]
    for number, (name, (asked, ticket, body)) in enumerate(made.items(), last + 1):
        tiles += (number, name, _text(ticket.sources), body.tag, body.packed)
        for source in ticket.sources:
            covers += (source, ticket.grid, asked.place.row, asked.place.col, number)
    for statement, values in ((_TILES, tiles), (_COVERS, covers)):
        for at in range(0, len(values), _VALUES):
            part = values[at : at + _VALUES]
            connection.execute(statement + ", ".join([_FIVE] * (len(part) // 5)), part)


def _adopt(connection: sqlite3.Connection, store: str, position: str) -> str:
    row = connection.execute("SELECT position FROM store WHERE name = ?", [store]).fetchone()
    if row is not None:
        return str(row[0])
    if connection.execute("DELETE FROM source WHERE store = ?", [store]).rowcount:
        connection.execute("INSERT INTO purge DEFAULT VALUES")
    connection.execute("INSERT INTO store VALUES (?, ?)", [store, position])
    return position


def _apply(
    connection: sqlite3.Connection,
    store: str,
    position: str,
    covers: Mapping[Source, Cover | None],
    sources: Several[Source],
) -> bool:
    known = connection.execute("SELECT store, name, srid FROM source WHERE store = ?", [store])
    if not {Source(*row) for row in known} <= set(sources):
        return False
    for source, cover in covers.items():
        number = connection.execute(_SOURCE, [source.store, source.table, source.srid]).fetchone()
        if number is None:
            continue
        if cover is None:  # its tiles name a generation that is no more, and go when they are the oldest
            connection.execute("DELETE FROM source WHERE id = ?", number)
            connection.execute("DELETE FROM used WHERE source = ?", number)
            connection.execute("INSERT INTO purge (source) VALUES (?)", number)
        else:
            _purge(connection, number[0], cover)
    connection.execute("INSERT OR REPLACE INTO store VALUES (?, ?)", [store, position])
    connection.execute("DELETE FROM purge WHERE seq <= (SELECT max(seq) FROM purge) - ?", [_KEPT_PURGES])
    return True


def _purge(connection: sqlite3.Connection, source: int, cover: Cover) -> None:
    grids = connection.execute(
        "SELECT g.id, matrix_set, level FROM used JOIN grid g ON g.id = grid WHERE source = ?", [source]
    ).fetchall()
    for grid, matrix_set, level in grids:
        ranges = cover.ranges(matrix_set, level)
        blocks = [[0, 2**62, 0, 2**62]] if ranges is None else ranges.tolist()
        rows = [(source, grid, *block) for block in blocks]
        connection.executemany(_PURGE, rows)
        connection.executemany(
            "INSERT INTO purge (source, grid, row0, row1, col0, col1) VALUES (?, ?, ?, ?, ?, ?)", rows
        )


def _used_bytes(connection: sqlite3.Connection) -> int:
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute("PRAGMA " + name).fetchone()[0] for name in names)
    return int((pages - free) * size)


def _evict(connection: sqlite3.Connection) -> int:
    """Remove the oldest twentieth of the tiles."""
    count = connection.execute("SELECT count(*) FROM tile").fetchone()[0]
    if not count:
        return 0
    many = max(1, count // _PART)
    last = connection.execute("SELECT id FROM tile ORDER BY id LIMIT 1 OFFSET ?", [many - 1]).fetchone()[0]
    return connection.execute("DELETE FROM tile WHERE id <= ?", [last]).rowcount
