"""Writing a layer of a vector tile from arrays: the messages of all features at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.commands import Encoded
from onemap.tiles.mvt import EXTENT
from onemap.tiles.varint import field, padded, varint

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = bytes | memoryview
NONE = -1
_HEADER = varint(15 << 3) + varint(2)
_FOOTER = varint(5 << 3) + varint(EXTENT)


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometries of features: of each its kind, its first words (n, 3), and the bytes that follow.

    The words are 0 where they are among the bytes.
    """

    owners: Ints
    kinds: NDArray[np.uint8]
    lead: Words
    tails: Sequence[Bytes]


@dataclass(frozen=True, slots=True)
class Table:
    """What is said of features. ``ids``: -1 for none. ``values``: for each feature and column the number of its value

    (-1: none), counted from the first in ``blob``, which holds ``count`` values as fields of a layer.
    """

    ids: Ints
    values: NDArray[np.int32]
    blob: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Features that are ready to be written."""

    table: Table
    shapes: Sequence[Shape]


def shape_of(encoded: Encoded) -> Shape:
    """Return geometries that were encoded as a whole."""
    data, at = encoded.data, encoded.starts.tolist()
    tails = [data[begin:end] for begin, end in itertools.pairwise(at)]
    kinds = np.full(len(tails), encoded.kind, dtype=np.uint8)
    return Shape(encoded.owners, kinds, np.zeros((len(tails), 3), np.uint64), tails)


def layer(name: str, columns: Sequence[str], drawn: Sequence[Drawn]) -> bytes:
    """Return a tile with one layer; empty when there are no features."""
    pieces: list[Bytes] = [_HEADER, field(1, name.encode())]
    values, offset = [], 0
    for part in drawn:
        shapes = [shape for shape in part.shapes if len(shape.tails)]
        if shapes:
            pieces += _features(_together(shapes), part.table, offset)
            values.append(part.table.blob)
            offset += part.table.count
    if len(pieces) <= len((_HEADER, name)):
        return b""
    keys = [field(3, column.encode()) for column in columns]
    return field(3, b"".join([*pieces, *keys, *values, _FOOTER]))


def _together(shapes: Sequence[Shape]) -> Shape:
    owners, kinds, lead = (
        np.concatenate([getattr(shape, name) for shape in shapes]) for name in ("owners", "kinds", "lead")
    )
    return Shape(owners, kinds, lead, list(itertools.chain.from_iterable(shape.tails for shape in shapes)))


def _features(shape: Shape, table: Table, offset: int) -> list[Bytes]:
    """Return the messages of features in pieces: of each all up to the geometry, and what follows there."""
    owners, count = shape.owners, len(shape.owners)
    tags, lead = _tags(table.values[owners], offset), _words(shape.lead).without(shape.lead[:, 0] == 0)
    named = _columns(0x08, np.maximum(table.ids[owners], 0)).without(table.ids[owners] < 0)
    geometry = np.fromiter(map(len, shape.tails), np.int64, count) + lead.sizes
    before = (named, _columns(0x12, tags.sizes), tags, _columns(0x18, shape.kinds, 0x22, geometry))
    body = geometry + sum(part.sizes for part in before)
    heads, ends = _joined((_columns(0x12, body), *before, lead))
    pieces: list[Bytes] = [b""] * (2 * count)
    pieces[::2] = [heads[begin:end] for begin, end in itertools.pairwise([0, *ends])]
    pieces[1::2] = shape.tails
    return pieces


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Rows of bytes (n, m), those of a row that count, and how many these are.

    To take them from the rows all at once costs a fraction of finding a place for each varint.
    """

    data: NDArray[np.uint8]
    used: NDArray[np.bool_]
    sizes: Ints

    def without(self, rows: NDArray[np.bool_]) -> _Bytes:
        """Return the same with nothing in some rows."""
        self.used[rows], self.sizes[rows] = False, 0
        return self


def _words(rows: Words) -> _Bytes:
    """Return rows of numbers as varints."""
    data, used = padded(rows)
    return _Bytes(data, used, np.count_nonzero(used, axis=1))


def _columns(*columns: int | Ints | NDArray[np.uint8]) -> _Bytes:
    """Return columns of numbers as rows of varints, none of them negative."""
    return _words(np.stack(np.broadcast_arrays(*columns), axis=1).astype(np.uint64))


def _tags(values: NDArray[np.int32], offset: int) -> _Bytes:
    """Return the pairs of key and value of all features (n, columns), without those of no value.

    A pair is put together in one number, its first byte the lowest one.
    """
    keys = np.flatnonzero((values != NONE).any(axis=0))
    values = values[:, keys]
    room = len(varint(int(keys.max(initial=0)))), len(varint(int(values.max(initial=0)) + offset))
    kind: Any = np.uint32 if sum(room) <= np.dtype(np.uint32).itemsize else np.uint64
    written, used = np.zeros(values.shape, kind), np.zeros(values.shape, kind)
    for part, size, at in ((keys.astype(kind), room[0], 0), ((values + offset).astype(kind), room[1], room[0])):
        rest, there = part, np.ones_like(part)
        for place in range(at, at + size):
            low, rest = rest & kind(0x7F), rest >> kind(7)
            more = (rest > 0).astype(kind)
            written |= (low | more << kind(7)) << kind(8 * place)
            used |= there << kind(8 * place)
            there = more
    used *= values != NONE
    sizes = np.bitwise_count(used).sum(axis=1, dtype=np.int64)
    count = len(values)
    return _Bytes(written.view(np.uint8).reshape(count, -1), used.view(np.bool_).reshape(count, -1), sizes)


def _joined(parts: Sequence[_Bytes]) -> tuple[bytes, list[int]]:
    """Return the bytes of all rows, those of the parts one after the other in each, and where each row ends."""
    data = np.concatenate([part.data for part in parts], axis=1)
    used = np.concatenate([part.used for part in parts], axis=1)
    return np.compress(used.ravel(), data.ravel()).tobytes(), np.cumsum(sum(part.sizes for part in parts)).tolist()
