"""Outlines as they were sent: rings of vertices, whatever is wrong with them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import Crs
from onemap.processes.parcels import Note

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RawRing:
    """A ring: vertices (n, 2) in x, y without the closing one; ``hole``: None where the format does not say.

    ``part``: which polygon of the parcel it belongs to, as far as the format says.
    """

    xy: Floats
    closed: bool
    part: int = 0
    hole: bool | None = None


@dataclass(frozen=True, slots=True)
class RawParcel:
    """A parcel as it was sent. ``stated``: what the file says of it: (what in two languages, stated, found).

    ``kind``: the geometry's type where it is no polygon; such a parcel has no rings.
    """

    rings: tuple[RawRing, ...]
    id: str | None = None
    name: str | None = None
    kind: str | None = None
    points: tuple[int, int] | None = None
    hectares: float | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outlines:
    """The parcels of a request. ``swapped``: their axes were exchanged to bring them to x, y of ``crs``."""

    parcels: Sequence[RawParcel]
    crs: Crs
    media_type: str
    swapped: bool = False
    notes: tuple[Note, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the system and of every vertex in its order."""
        total = hashlib.sha256(self.crs.uri.encode())
        for parcel in self.parcels:
            total.update(struct.pack("<Q", len(parcel.rings)))
            for ring in parcel.rings:
                total.update(struct.pack("<QB", len(ring.xy), ring.closed))
                total.update(np.ascontiguousarray(ring.xy, dtype="<f8").tobytes())
        return "sha256:" + total.hexdigest()

    @cached_property
    def table(self) -> Table:
        """All vertices of all rings in one table."""
        return Table.of(self.parcels)


@dataclass(frozen=True, slots=True)
class Table:
    """All vertices: ``xy`` (n, 2), and for each the ring and the parcel; for each ring its first vertex and length."""

    xy: Floats
    ring: Integers
    parcel: Integers
    first: Integers
    length: Integers
    number: Integers
    rings: tuple[RawRing, ...]
    owner: Integers

    @classmethod
    def of(cls, parcels: Sequence[RawParcel]) -> Table:
        """Return the table of some parcels."""
        rings = [ring for parcel in parcels for ring in parcel.rings]
        counts = [len(parcel.rings) for parcel in parcels]
        owner = np.repeat(np.arange(len(parcels)), counts)
        number = np.concatenate([np.arange(count) for count in counts]) if counts else np.empty(0, np.int64)
        length = np.array([len(ring.xy) for ring in rings], dtype=np.int64)
        xy = np.concatenate([ring.xy for ring in rings]) if rings else np.empty((0, 2))
        ring = np.repeat(np.arange(len(rings)), length)
        first = np.cumsum(length) - length
        return cls(xy, ring, owner[ring], first, length, number.astype(np.int64) + 1, tuple(rings), owner)

    def following(self) -> Integers:
        """Return for each vertex the next one of its ring."""
        following = np.arange(1, len(self.xy) + 1)
        there = self.length > 0
        following[(self.first + self.length - 1)[there]] = self.first[there]
        return following


def ring_of(positions: Floats, part: int = 0, hole: bool | None = None, same: float = 0.0) -> RawRing:
    """Return a ring from its positions as they stand; a last one that repeats the first closes it."""
    closed = len(positions) > 1 and bool((np.abs(positions[0] - positions[-1]) <= same).all())
    return RawRing(positions[:-1] if closed else positions, closed, part, hole)
