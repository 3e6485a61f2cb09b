"""MBTiles 1.3: an SQLite file of tiles of the web Mercator grid, their rows counted from the south."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from onemap.errors import ConfigError
from onemap.tiles.archive.writer import About

_SCHEMA = """
CREATE TABLE metadata (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_id TEXT,
  PRIMARY KEY (zoom_level, tile_column, tile_row)) WITHOUT ROWID;
CREATE TABLE images (tile_id TEXT PRIMARY KEY, tile_data BLOB) WITHOUT ROWID;
CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map JOIN images USING (tile_id);
PRAGMA application_id = 0x4d504258;
"""
_IN_JSON = ("vector_layers", "onemap")


def write_mbtiles(path: Path, tiles: Iterable[tuple[int, int, int, bytes]], about: About) -> int:
    """Write tiles (zoom, column, row from the north, content compressed with gzip); return how many there are.

    The file takes its place when it is complete. Raises ConfigError where it cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.executescript(_SCHEMA)
            connection.executemany("INSERT INTO metadata VALUES (?, ?)", sorted(_metadata(about).items()))
            connection.execute("BEGIN")
            count = _insert(connection, tiles)
            connection.execute("COMMIT")
        fresh.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{path} cannot be written: {error}.") from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
    return count


def read_mbtiles(path: Path) -> tuple[dict[str, Any], dict[int, int]]:
    """Return the metadata of a file, and the number of tiles by zoom. Raises ConfigError."""
    uri = path.resolve().as_uri() + "?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            metadata: dict[str, Any] = dict(connection.execute("SELECT name, value FROM metadata").fetchall())
            counts = connection.execute("SELECT zoom_level, count(*) FROM tiles GROUP BY 1 ORDER BY 1").fetchall()
    except sqlite3.Error as error:
        raise ConfigError(f"{path} is no MBTiles file: {error}.") from None
    return metadata, dict(counts)


def _insert(connection: sqlite3.Connection, tiles: Iterable[tuple[int, int, int, bytes]]) -> int:
    count = 0
    for zoom, col, row, content in tiles:
        digest = hashlib.blake2b(content, digest_size=12).hexdigest()
        connection.execute("INSERT OR IGNORE INTO images VALUES (?, ?)", [digest, content])
        connection.execute("INSERT INTO map VALUES (?, ?, ?, ?)", [zoom, col, (1 << zoom) - 1 - row, digest])
        count += 1
    return count


def _metadata(about: About) -> Mapping[str, str]:
    known = about.metadata
    made = {name: str(value) for name, value in known.items() if name not in _IN_JSON and isinstance(value, str)}
    return made | {
        "format": "pbf",
        "minzoom": str(about.min_zoom),
        "maxzoom": str(about.max_zoom),
        "bounds": ",".join(f"{value:.7f}" for value in about.bounds),
        "center": f"{about.center[0]:.7f},{about.center[1]:.7f},{about.center_zoom}",
        "json": orjson.dumps({name: known[name] for name in _IN_JSON if name in known}).decode(),
    }
