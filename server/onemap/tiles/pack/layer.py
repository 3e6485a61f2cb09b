"""Writing a layer of a vector tile from arrays: the messages of all features at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import spread
from onemap.tiles.mvt import EXTENT
from onemap.tiles.varint import field, varint, varint_sizes, varints

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
NONE = -1
_HEADER = varint(15 << 3) + varint(2)
_FOOTER = varint(5 << 3) + varint(EXTENT)


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometries of one kind: command words, and for each word the feature that it belongs to, ascending."""

    kind: int
    words: Words
    owners: Ints


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


def layer(name: str, columns: Sequence[str], drawn: Sequence[Drawn]) -> bytes:
    """Return a tile with one layer; empty when there are no features."""
    features, values, offset = [], [], 0
    for part in drawn:
        shapes = [shape for shape in part.shapes if len(shape.words)]
        features += [_features(shape, part.table, offset) for shape in shapes]
        if shapes:
            values.append(part.table.blob)
            offset += part.table.count
    if not features:
        return b""
    keys = [field(3, column.encode()) for column in columns]
    return field(3, b"".join([_HEADER, field(1, name.encode()), *features, *keys, *values, _FOOTER]))


def _features(shape: Shape, table: Table, offset: int) -> bytes:
    """Return the messages of features. A message is nothing but varints, so that all are written in one go."""
    first = np.flatnonzero(np.diff(shape.owners, prepend=-1))
    owners = shape.owners[first]
    geometry = np.diff(np.append(first, len(shape.words)))
    tags, tagged = _tags(table.values[owners], offset)
    ids = table.ids[owners]
    named = (ids >= 0).astype(np.int64) * 2
    tag_bytes, geometry_bytes = _total(varint_sizes(tags), tagged), _total(varint_sizes(shape.words), geometry)
    id_bytes = np.where(named > 0, 1 + varint_sizes(np.maximum(ids, 0).astype(np.uint64)), 0)
    body = (
        id_bytes + tag_bytes + geometry_bytes + 4
        + varint_sizes(tag_bytes.astype(np.uint64)) + varint_sizes(geometry_bytes.astype(np.uint64))
    )  # fmt: skip
    size = 8 + named + tagged + geometry
    begin = np.cumsum(size) - size
    out = np.empty(int(size.sum()), dtype=np.uint64)
    out[begin], out[begin + 1] = 0x12, body
    with_id = np.flatnonzero(named)
    out[begin[with_id] + 2], out[begin[with_id] + 3] = 0x08, ids[with_id]
    at = begin + 2 + named
    out[at], out[at + 1] = 0x12, tag_bytes
    out[spread(at + 2, tagged)] = tags
    at = at + 2 + tagged
    out[at], out[at + 1], out[at + 2], out[at + 3] = 0x18, shape.kind, 0x22, geometry_bytes
    out[spread(at + 4, geometry)] = shape.words
    return varints(out)[0]


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
