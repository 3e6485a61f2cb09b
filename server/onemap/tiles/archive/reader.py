"""Reading PMTiles: a file, never as a whole."""

from __future__ import annotations

import os
import weakref
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from onemap.errors import ConfigError
from onemap.tiles.archive.directory import (
    GZIP,
    HEADER_BYTES,
    MVT,
    DirectoryEntry,
    Header,
    find,
    read_directory,
    unpacked,
)

_LEAVES = 64
_DEEPEST = 4


class Archive:
    """A PMTiles file of vector tiles compressed with gzip; safe to use from several threads. Raises ConfigError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._leaves: OrderedDict[int, list[DirectoryEntry]] = OrderedDict()
        self._lock = Lock()
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
        self.close = weakref.finalize(self, os.close, self._file)
        try:
            self.header = Header.read(self._read(0, HEADER_BYTES))
            if self.header.internal_compression != GZIP or (self.header.tile_compression, self.header.tile_type) != (
                GZIP, MVT,
            ):  # fmt: skip
                raise ValueError("only vector tiles compressed with gzip are read here")
            self._root = read_directory(self._read(self.header.root_offset, self.header.root_length))
            packed = self._read(self.header.metadata_offset, self.header.metadata_length)
            self.metadata: dict[str, Any] = orjson.loads(unpacked(packed))
        except (ValueError, OSError) as error:
            self.close()
            raise ConfigError(f"{path} is no archive of tiles: {error}.") from None

    def tile(self, number: int) -> bytes | None:
        """Return a tile as it is stored; None where there is none. Raises ConfigError for a broken file. Blocks."""
        try:
            entries = self._root
            for _ in range(_DEEPEST):
                entry = find(entries, number)
                if entry is None:
                    return None
                if entry.run:
                    return self._read(self.header.tiles_offset + entry.offset, entry.length)
                entries = self._leaf(entry)
        except (ValueError, OSError) as error:
            raise ConfigError(f"{self.path} is broken: {error}.") from None
        raise ConfigError(f"{self.path} is broken: its directories are nested too deeply.")

    def _leaf(self, entry: DirectoryEntry) -> list[DirectoryEntry]:
        with self._lock:
            if entry.offset in self._leaves:
                self._leaves.move_to_end(entry.offset)
                return self._leaves[entry.offset]
        found = read_directory(self._read(self.header.leaves_offset + entry.offset, entry.length))
        with self._lock:
            self._leaves[entry.offset] = found
            while len(self._leaves) > _LEAVES:
                self._leaves.popitem(last=False)
        return found

    def _read(self, offset: int, length: int) -> bytes:
        content = os.pread(self._file, length, offset)
        if len(content) != length:
            raise ValueError("it ends too early")
        return content
