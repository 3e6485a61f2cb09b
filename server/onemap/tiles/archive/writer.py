"""Writing PMTiles: clustered, in one pass over tiles that come in order, complete or not at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from onemap.errors import ConfigError
from onemap.geo.crs import Bounds
from onemap.tiles.archive.directory import (
    GZIP,
    HEADER_BYTES,
    MVT,
    ROOT_END,
    DirectoryEntry,
    Header,
    e7,
    write_directory,
)

_ROOM = ROOT_END - HEADER_BYTES
_SMALLEST_LEAF = 4096


@dataclass(frozen=True, slots=True)
class About:
    """What is said of an archive: ``bounds`` and ``center`` in degrees of longitude and latitude."""

    metadata: Mapping[str, Any]
    min_zoom: int
    max_zoom: int
    bounds: Bounds
    center: tuple[float, float]
    center_zoom: int


@dataclass(slots=True)
class _Made:
    entries: list[DirectoryEntry] = field(default_factory=list)
    places: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    length: int = 0
    addressed: int = 0


def write_pmtiles(path: Path, tiles: Iterable[tuple[int, bytes]], about: About) -> int:
    """Write tiles (number, content compressed with gzip) that come in ascending order; return how many there are.

    The file takes its place when it is complete. Raises ConfigError where it cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            addressed = _write(file, tiles, about)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()
    return addressed


def _write(file: IO[bytes], tiles: Iterable[tuple[int, bytes]], about: About) -> int:
    """Write header and root into the room left for them at the beginning, when the tiles have been written."""
    file.seek(ROOT_END)
    made = _Made()
    for number, content in tiles:
        _add(file, made, number, content)
    root, leaves = _directories(made.entries)
    file.write(leaves)
    metadata = gzip.compress(orjson.dumps(dict(about.metadata)), 9, mtime=0)
    file.write(metadata)
    tiles_end = ROOT_END + made.length
    header = Header(
        root_offset=HEADER_BYTES, root_length=len(root),
        metadata_offset=tiles_end + len(leaves), metadata_length=len(metadata),
        leaves_offset=tiles_end, leaves_length=len(leaves),
        tiles_offset=ROOT_END, tiles_length=made.length,
        addressed=made.addressed, entries=len(made.entries), contents=len(made.places),
        clustered=1, internal_compression=GZIP, tile_compression=GZIP, tile_type=MVT,
        min_zoom=about.min_zoom, max_zoom=about.max_zoom,
        west=e7(about.bounds[0]), south=e7(about.bounds[1]), east=e7(about.bounds[2]), north=e7(about.bounds[3]),
        center_zoom=about.center_zoom, center_lon=e7(about.center[0]), center_lat=e7(about.center[1]),
    )  # fmt: skip
    file.seek(0)
    file.write(header.write() + root)
    return made.addressed


def _add(file: IO[bytes], made: _Made, number: int, content: bytes) -> None:
    """Write a tile; the same content is stored once, and a row of tiles with the same content is one entry."""
    digest = hashlib.blake2b(content, digest_size=16).digest()
    place = made.places.get(digest)
    if place is None:
        place = made.places[digest] = (made.length, len(content))
        file.write(content)
        made.length += len(content)
    made.addressed += 1
    last = made.entries[-1] if made.entries else None
    if last is not None and (last.offset, last.length) == place and number == last.first + last.run:
        made.entries[-1] = last._replace(run=last.run + 1)
    else:
        made.entries.append(DirectoryEntry(number, *place, 1))


def _directories(entries: Sequence[DirectoryEntry]) -> tuple[bytes, bytes]:
    """Return the root directory, small enough for its room, and the leaf directories."""
    root = write_directory(entries) if len(entries) <= ROOT_END else b""
    if root and len(root) <= _ROOM:
        return root, b""
    size = _SMALLEST_LEAF
    while True:
        leaves, places = bytearray(), []
        for start in range(0, len(entries), size):
            leaf = write_directory(entries[start : start + size])
            places.append(DirectoryEntry(entries[start].first, len(leaves), len(leaf), 0))
            leaves += leaf
        root = write_directory(places)
        if len(root) <= _ROOM:
            return root, bytes(leaves)
        size *= 2
