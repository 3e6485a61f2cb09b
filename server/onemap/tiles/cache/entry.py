"""What the cache holds: tiles with the sources they are made from and the place where they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from isal import isal_zlib

_OVERHEAD = 1000
# Levels 0 to 3 of ISA-L: 2 is as small as 3 and as fast as 1 on tiles.
_GZIP_LEVEL = 2
GZIP = 31
"""The window bits by which zlib reads and writes gzip."""


class Source(NamedTuple):
    """A table that tiles are made from: the name of its store, its name there, and the EPSG code of its coordinates."""

    store: str
    table: str
    srid: int


class Place(NamedTuple):
    """Where a tile lies: tile matrix set, tile matrix, row and column."""

    matrix_set: str
    level: str
    row: int
    col: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a tile must be made with to be found in an archive: all features of a collection, by code of a family."""

    collection: str
    family: Callable[[], str]
    overview: bool


class Asked(NamedTuple):
    """A tile that is asked for. ``wish``: None where no archive can have it.

    ``key`` and what ``name`` returns stand for all that it is made from but the data itself: ``key`` in this process,
    the name wherever it is kept. ``make`` makes the tile, not compressed, and returns what is made of it by what it is
    given, in the thread that has made it.
    """

    key: Hashable
    name: Callable[[], bytes]
    sources: tuple[Source, ...]
    place: Place
    make: Callable[[Callable[[bytes], Body]], Awaitable[Body]]
    wish: Wish | None = None


class Body(NamedTuple):
    """A tile as it is stored: compressed with gzip, empty where nothing is drawn; ``tag``: a digest of it."""

    packed: bytes
    tag: str

    @classmethod
    def of(cls, packed: bytes) -> Body:
        """Return a body with its digest."""
        return cls(packed, hashlib.blake2b(packed, digest_size=12).hexdigest())

    @classmethod
    def of_tile(cls, tile: bytes) -> Body:
        """Return a tile, compressed."""
        packed = isal_zlib.compress(tile, _GZIP_LEVEL, GZIP) if tile else b""
        return cls(packed, hashlib.blake2b(packed, digest_size=12).hexdigest())


@dataclass(slots=True, eq=False)
class Entry:
    """A tile in memory. ``headers``: what is sent with it, worked out once by whoever sends it."""

    key: Hashable
    sources: tuple[Source, ...]
    place: Place
    body: Body
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """About how many bytes of memory the tile takes."""
        return len(self.body.packed) + _OVERHEAD


@dataclass(slots=True, eq=False)
class Fill:
    """A tile in the making. ``spoiled``: its data changed meanwhile, so that it must not be kept."""

    sources: tuple[Source, ...]
    place: Place
    spoiled: bool = False
