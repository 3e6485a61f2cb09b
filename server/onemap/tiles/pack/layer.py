"""Writing a layer of a vector tile from arrays: the messages of all features at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.commands import Encoded
from onemap.tiles.generalise.faces import spread
from onemap.tiles.mvt import EXTENT
from onemap.tiles.varint import field, varint, varint_sizes, varints

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes = bytes | memoryview
NONE = -1
_HEADER = varint(15 << 3) + varint(2)
_FOOTER = varint(5 << 3) + varint(EXTENT)


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometries of features: of each its kind, its first words (n, 0 or 3), and the bytes that follow."""

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
    values: Ints
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
    return Shape(encoded.owners, kinds, np.empty((len(tails), 0), np.uint64), tails)


def layer(name: str, columns: Sequence[str], drawn: Sequence[Drawn]) -> bytes:
    """Return a tile with one layer; empty when there are no features."""
    pieces: list[Bytes] = [_HEADER, field(1, name.encode())]
    values, offset = [], 0
    for part in drawn:
        shapes = [shape for shape in part.shapes if len(shape.tails)]
        for shape in shapes:
            pieces += _features(shape, part.table, offset)
        if shapes:
            values.append(part.table.blob)
            offset += part.table.count
    if len(pieces) <= len((_HEADER, name)):
        return b""
    keys = [field(3, column.encode()) for column in columns]
    return field(3, b"".join([*pieces, *keys, *values, _FOOTER]))


def _features(shape: Shape, table: Table, offset: int) -> list[Bytes]:
    """Return the messages of features in pieces: all up to the geometry is varints, which are written in one go."""
    owners, count = shape.owners, len(shape.owners)
    tags, tagged = _tags(table.values[owners], offset)
    ids = table.ids[owners]
    named = (ids >= 0) * 2
    tag_bytes = _total(varint_sizes(tags), tagged)
    tails = np.fromiter(map(len, shape.tails), np.int64, count)
    geometry = tails + varint_sizes(shape.lead.ravel()).reshape(shape.lead.shape).sum(axis=1)
    id_bytes = np.where(named > 0, 1 + varint_sizes(np.maximum(ids, 0).astype(np.uint64)), 0)
    sizes = varint_sizes(np.concatenate([tag_bytes, geometry]).astype(np.uint64))
    body = id_bytes + tag_bytes + geometry + 4 + sizes[:count] + sizes[count:]
    lead = shape.lead.shape[1]
    size = 8 + lead + named + tagged
    ends = np.cumsum(size)
    begin = ends - size
    out = np.empty(int(ends[-1]), dtype=np.uint64)
    out[begin], out[begin + 1] = 0x12, body
    with_id = np.flatnonzero(named)
    out[begin[with_id] + 2], out[begin[with_id] + 3] = 0x08, ids[with_id]
    at = begin + 2 + named
    out[at], out[at + 1] = 0x12, tag_bytes
    out[spread(at + 2, tagged)] = tags
    at = at + 2 + tagged
    out[at], out[at + 1], out[at + 2], out[at + 3] = 0x18, shape.kinds, 0x22, geometry
    for place in range(lead):
        out[at + 4 + place] = shape.lead[:, place]
    data, until = varints(out)
    return _interleaved(data, until[ends - 1].tolist(), shape.tails)


def _interleaved(heads: bytes, until: list[int], tails: Sequence[Bytes]) -> list[Bytes]:
    pieces: list[Bytes] = []
    begin = 0
    for end, tail in zip(until, tails, strict=True):
        pieces.append(heads[begin:end])
        pieces.append(tail)
        begin = end
    return pieces


def _tags(values: Ints, offset: int) -> tuple[Words, Ints]:
    """Return the pairs of key and value of all features, and how many words each has."""
    given = values != NONE
    row_column = np.nonzero(given)
    pairs = np.empty((len(row_column[0]), 2), dtype=np.uint64)
    pairs[:, 0] = row_column[1]
    pairs[:, 1] = values[given] + offset
    return pairs.ravel(), given.sum(axis=1) * 2


def _total(sizes: Ints, counts: Ints) -> Ints:
    """Return the sum of each run of so many."""
    ends = np.concatenate([[0], np.cumsum(sizes)])
    at = np.concatenate([[0], np.cumsum(counts)])
    return np.asarray(ends[at[1:]] - ends[at[:-1]])
