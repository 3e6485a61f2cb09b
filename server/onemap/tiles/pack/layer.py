"""Writing a layer of a vector tile from arrays: the messages of all features at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.commands import Encoded
from onemap.tiles.mvt import EXTENT
from onemap.tiles.varint import field, packed, padded, varint

Ints = NDArray[np.int64]
NONE = -1
_WIDEST = 8
_HEADER = varint(15 << 3) + varint(2)
_FOOTER = varint(5 << 3) + varint(EXTENT)


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometries of features: of each its kind, its first words (n, 3), and how many bytes follow in ``tails``.

    The words are -1 where they are among the bytes.
    """

    owners: Ints
    kinds: NDArray[np.uint8]
    lead: Ints
    sizes: Ints
    tails: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Group:
    """Columns (``keys``: their numbers) whose values are told together.

    ``values``: of each row and column the number of its value (-1: none). ``rows``: that of each feature.
    """

    keys: Ints
    values: Ints
    rows: Ints


@dataclass(frozen=True, slots=True)
class Table:
    """What is said of features. ``ids``: below 0 for none, as a tile cannot say them.

    Values are counted from the first in ``blob``, which holds ``count`` values as fields of a layer.
    """

    ids: Ints
    groups: Sequence[Group]
    blob: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Features that are ready to be written."""

    table: Table
    shapes: Sequence[Shape]


def shape_of(encoded: Encoded) -> Shape:
    """Return geometries that were encoded as a whole."""
    sizes = np.diff(encoded.starts)
    kinds, lead = np.full(len(sizes), encoded.kind, np.uint8), np.full((len(sizes), 3), NONE)
    return Shape(encoded.owners, kinds, lead, sizes, np.frombuffer(encoded.data, np.uint8))


def layer(name: str, columns: Sequence[str], drawn: Sequence[Drawn]) -> bytes:
    """Return a tile with one layer; empty when there are no features."""
    features, values, offset = [], [], 0
    for part in drawn:
        shapes = [shape for shape in part.shapes if len(shape.owners)]
        if shapes:
            features.append(_features(_together(shapes), part.table, offset))
            values.append(part.table.blob)
            offset += part.table.count
    if not features:
        return b""
    keys = _keys(tuple(columns))
    return field(3, b"".join([_HEADER, field(1, name.encode()), *features, keys, *values, _FOOTER]))


@lru_cache(maxsize=64)
def _keys(columns: tuple[str, ...]) -> bytes:
    return b"".join(field(3, column.encode()) for column in columns)


def _together(shapes: Sequence[Shape]) -> Shape:
    if len(shapes) == 1:
        return shapes[0]
    return Shape(*(np.concatenate([getattr(shape, name) for shape in shapes]) for name in Shape.__slots__))


def _features(shape: Shape, table: Table, offset: int) -> memoryview:
    """Return the messages of features."""
    ids = np.maximum(table.ids[shape.owners], NONE)
    tags = [_tags(group, offset).of(group.rows[shape.owners]) for group in table.groups]
    named = _row(0x08 if ids.min() >= 0 else np.where(ids < 0, NONE, 0x08), ids)
    lead = _row(*shape.lead.T)
    told, geometry = _total(tags), lead.sizes + shape.sizes
    parts = [named, _row(0x18, shape.kinds, 0x12, told), *tags, _row(0x22, geometry), lead]
    body = shape.sizes + _total(parts)
    return _woven(*_joined([_row(0x12, body), *parts]), shape)


def _woven(heads: NDArray[np.uint8], counts: Ints, shape: Shape) -> memoryview:
    """Return all up to the geometry of each feature, and what follows there."""
    sizes, of_head = np.empty((len(counts), 2), np.int64), np.empty((len(counts), 2), np.bool_)
    sizes[:, 0], sizes[:, 1], of_head[:] = counts, shape.sizes, (True, False)
    head = np.repeat(of_head.ravel(), sizes.ravel())
    woven = np.empty(len(head), np.uint8)
    woven[head], woven[~head] = heads, shape.tails
    return woven.data


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Rows of bytes (n, m), those of a row that count, and how many these are.

    To take them from the rows all at once costs a fraction of finding a place for each varint.
    """

    data: NDArray[np.uint8]
    used: NDArray[np.bool_]
    sizes: Ints

    def of(self, rows: Ints) -> _Bytes:
        """Return these rows."""
        return _Bytes(self.data.take(rows, axis=0), self.used.take(rows, axis=0), self.sizes.take(rows))


def _row(*columns: int | Ints | NDArray[np.uint8]) -> _Bytes:
    """Return numbers from -1 (nothing) on, and constants, as varints: those of all columns one after the other.

    They are put together in one number for each row, its first byte the lowest one, where they have room in it.
    """
    largest = [column if isinstance(column, int) else int(column.max()) for column in columns]
    rooms = [len(varint(max(number, 0))) for number in largest]
    if sum(rooms) > _WIDEST:
        return _wide(*columns)
    kind, at = _unsigned(sum(rooms)), 0
    written = used = kind(0)
    for column, most, room in zip(columns, largest, rooms, strict=True):
        word, of_word = _constant(column, kind) if isinstance(column, int) else packed(column, most)
        written = written | word.astype(kind) << kind(8 * at)
        used = used | of_word.astype(kind) << kind(8 * at)
        at += room
    return _Bytes(*_seen(written, used), np.bitwise_count(used).astype(np.int64))


@lru_cache(maxsize=64)
def _constant(number: int, kind: Any) -> tuple[Any, Any]:
    """Return what ``packed`` does of one number from 0 on, as numbers of this type."""
    written = varint(number)
    return kind(int.from_bytes(written, "little")), kind(int.from_bytes(b"\1" * len(written), "little"))


def _wide(*columns: int | Ints | NDArray[np.uint8]) -> _Bytes:
    """Return the same of numbers of any size."""
    numbers = np.stack(np.broadcast_arrays(*columns), axis=1)
    data, used = padded(np.maximum(numbers, 0).astype(np.uint64))
    used &= np.repeat(numbers >= 0, used.shape[1] // len(columns), axis=1)
    return _Bytes(data, used, _across(used))


def _tags(group: Group, offset: int) -> _Bytes:
    """Return the pairs of key and value of all rows, without those of no value.

    A pair is put together in one number, its first byte the lowest one.
    """
    given = np.flatnonzero((group.values != NONE).any(axis=0))
    keys, values = group.keys[given], group.values[:, given]
    if offset:
        values = np.where(values == NONE, NONE, values + offset)
    last, most = int(keys.max(initial=0)), int(values.max(initial=0))
    room = len(varint(last))
    kind = _unsigned(room + len(varint(most)))
    (key, of_key), (value, of_value) = packed(keys, last), packed(values, most)
    written = value.astype(kind) << kind(8 * room) | key.astype(kind)
    used = of_value.astype(kind) << kind(8 * room) | of_key.astype(kind)
    used[values == NONE] = 0
    return _Bytes(*_seen(written, used), _across(np.bitwise_count(used)))


def _unsigned(size: int) -> Any:
    """Return the type of the shortest numbers of at least so many bytes."""
    return next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if np.dtype(kind).itemsize >= size)


def _seen(written: NDArray[Any], used: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the bytes of the numbers of each row, and which of them are used."""
    count = len(written)
    return written.view(np.uint8).reshape(count, -1), used.view(np.bool_).reshape(count, -1)


def _total(parts: Sequence[_Bytes]) -> Ints:
    """Return how many bytes the parts have together in each row."""
    first, *others = (part.sizes for part in parts)
    return sum(others, first)


def _across(counts: NDArray[Any]) -> Ints:
    """Return the sum of each row. There are few columns, and numpy takes longer to go from row to row."""
    sums = np.zeros(len(counts), np.int64)
    for column in counts.T:
        sums += column
    return sums


def _joined(parts: Sequence[_Bytes]) -> tuple[NDArray[np.uint8], Ints]:
    """Return the bytes of all rows, those of the parts one after the other in each, and how many each row has."""
    data = np.concatenate([part.data for part in parts], axis=1)
    used = np.concatenate([part.used for part in parts], axis=1)
    return np.compress(used.ravel(), data.ravel()), _total(parts)
