"""Tiles on their way into an archive: kept block by block, so that work that was broken off goes on."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from onemap.errors import ConfigError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS done (zoom INTEGER, row INTEGER, col INTEGER, PRIMARY KEY (zoom, row, col)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS body (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tile (
  number INTEGER PRIMARY KEY, zoom INTEGER NOT NULL, row INTEGER NOT NULL, col INTEGER NOT NULL,
  body INTEGER NOT NULL);
"""

Block = tuple[int, int, int]
"""Zoom, row and column of a square of tiles."""
StagedTile = tuple[int, int, int, int, bytes]
"""Number, zoom, row, column and content of a tile."""


class Staging:
    """The tiles made so far. ``plan`` stands for what is being made: work of another plan is begun anew."""

    def __init__(self, path: Path, plan: str, *, restart: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._opened(restart)
            if self.noted("plan") not in (None, plan):
                self._connection.close()
                self._connection = self._opened(True)
            self.note("plan", plan)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"{path} cannot be used: {error}.", "Another process may be making this archive."
            ) from None

    def noted(self, name: str) -> str | None:
        """Return something noted."""
        row = self._connection.execute("SELECT value FROM about WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note something."""
        self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", [name, value])

    def done(self) -> set[Block]:
        """Return the blocks that are complete."""
        return set(self._connection.execute("SELECT zoom, row, col FROM done"))

    def put(self, block: Block, tiles: Iterable[StagedTile], within: tuple[int, int, int, int]) -> int:
        """Keep the tiles of a block instead of those kept before, in one transaction; return their bytes.

        ``within``: first and last row, first and last column of the block.
        """
        run, size = self._connection.execute, 0
        run("BEGIN IMMEDIATE")
        run("DELETE FROM tile WHERE zoom = ? AND row BETWEEN ? AND ? AND col BETWEEN ? AND ?", [block[0], *within])
        for number, zoom, row, col, content in tiles:
            digest = hashlib.blake2b(content, digest_size=16).digest()
            run("INSERT OR IGNORE INTO body (digest, content) VALUES (?, ?)", [digest, content])
            body = run("SELECT id FROM body WHERE digest = ?", [digest]).fetchone()[0]
            run("INSERT INTO tile VALUES (?, ?, ?, ?, ?)", [number, zoom, row, col, body])
            size += len(content)
        run("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", block)
        run("COMMIT")
        return size

    def tiles(self) -> Iterator[StagedTile]:
        """Yield the tiles in the order of their numbers."""
        yield from self._connection.execute(
            "SELECT number, zoom, row, col, content FROM tile JOIN body ON body.id = body ORDER BY number"
        )

    def close(self, *, remove: bool = False) -> None:
        """Close the file; ``remove``: it has done its work."""
        self._connection.close()
        if remove:
            self._remove()

    def _opened(self, restart: bool) -> sqlite3.Connection:
        if restart:
            self._remove()
        connection = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
        # Two that make the same archive would undo each other's work.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        return connection

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
