"""Mapbox Vector Tile 2.1 encoder: features with typed attributes into one layer of a tile."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.catalog import Field
from onemap.tiles.commands import Encoded, Shapes, encode_shapes
from onemap.tiles.varint import field, varint, varints

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
EXTENT = 4096
_VERSION = 2
_NULL = -1
_UINT64 = 1 << 64


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is said of each feature: its key, and column by column its values (``None``: no value)."""

    keys: Sequence[int | str]
    fields: Sequence[Field]
    columns: Mapping[str, Sequence[object]]


def encode_tile(name: str, shapes: Sequence[Shapes], attributes: Attributes) -> bytes:
    """Return a tile with one layer; empty when there are no shapes.

    Owners of the shapes are positions in ``attributes``. Integer keys become feature ids. 64-bit
    integers stay exact; a number that is not finite is left out, as a missing value is.
    """
    encoded = [encode_shapes(item) for item in shapes if len(item.parts)]
    if not encoded:
        return b""
    kept = np.unique(np.concatenate([item.owners for item in encoded]))
    values, tags = dictionary(attributes, kept)
    packed, starts = _pack_tags(tags)
    ids = [_identity(attributes.keys[owner]) for owner in kept.tolist()]
    layer = [
        varint(15 << 3) + varint(_VERSION),
        field(1, name.encode()),
        *(part for item in encoded for part in _features(item, kept, ids, packed, starts)),
        *(field(3, item.name.encode()) for item in attributes.fields),
        *(field(4, value) for value in values),
        varint(5 << 3) + varint(EXTENT),
    ]
    return field(3, b"".join(layer))


def _features(
    encoded: Encoded, kept: NDArray[np.int64], ids: Sequence[bytes], packed: bytes, starts: Sequence[int]
) -> Iterator[bytes]:
    """Yield the feature messages of one kind of geometry."""
    kind = bytes((3 << 3, encoded.kind))
    ends = encoded.starts.tolist()
    for place, at in enumerate(np.searchsorted(kept, encoded.owners).tolist()):
        tags = packed[starts[at] : starts[at + 1]]
        geometry = encoded.data[ends[place] : ends[place + 1]]
        body = b"".join((ids[at], b"\x12", varint(len(tags)), tags, kind, b"\x22", varint(len(geometry)), geometry))
        yield b"\x12"
        yield varint(len(body))
        yield body


def _identity(key: int | str) -> bytes:
    """Return the id field of a feature; only integers from 0 to 2^64 - 1 can be one."""
    if isinstance(key, int) and 0 <= key < _UINT64:
        return b"\x08" + varint(key)
    return b""


def dictionary(attributes: Attributes, kept: NDArray[np.int64]) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return the distinct values, encoded, and for each kept feature and field the place of its value."""
    places: dict[bytes, int] = {}
    tags = np.full((len(kept), len(attributes.fields)), _NULL, dtype=np.int64)
    rows = kept.tolist()
    for column, item in enumerate(attributes.fields):
        given = attributes.columns[item.name]
        values = [given[row] for row in rows]
        numbered: dict[object, int] = {}
        for value in dict.fromkeys(values):
            encoded = encode_value(value, item)
            numbered[value] = _NULL if encoded is None else places.setdefault(encoded, len(places))
        tags[:, column] = np.fromiter(map(numbered.__getitem__, values), np.int64, len(values))
    return list(places), tags


def encode_value(value: object, item: Field) -> bytes | None:
    """Return a Value message, or None for what a tile cannot say (nothing, not a number, bytes)."""
    if isinstance(value, bool) or (item.type == "boolean" and isinstance(value, int)):
        return bytes((7 << 3, bool(value)))
    if isinstance(value, int) and item.type != "number":
        return _integer(value)
    if isinstance(value, (int, float)):
        number = float(value)
        return b"\x19" + struct.pack("<d", number) if math.isfinite(number) else None
    return field(1, value.encode()) if isinstance(value, str) else None


def _integer(value: int) -> bytes:
    if value >= 0:
        return varint(5 << 3) + varint(value)
    return varint(6 << 3) + varint((-value << 1) - 1)


def _pack_tags(tags: NDArray[np.int64]) -> tuple[bytes, list[int]]:
    """Return the packed key and value numbers of all features, and where each feature's begin and end."""
    given = tags != _NULL
    pairs = np.empty((int(given.sum()), 2), dtype=np.uint64)
    pairs[:, 0] = np.nonzero(given)[1]
    pairs[:, 1] = tags[given]
    packed, ends = varints(pairs.ravel())
    until = np.cumsum(given.sum(axis=1)) * 2
    return packed, np.concatenate([[0], np.concatenate([[0], ends])[until]]).tolist()
