"""Header and directories of PMTiles, version 3."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

HEADER_BYTES = 127
ROOT_END = 16_384
"""The root directory must lie within so many bytes of the beginning."""
MAGIC = b"PMTiles\x03"
GZIP, MVT = 2, 1
_HEADER = struct.Struct("<11Q6B4iB2i")
_SCALE = 1e7


class DirectoryEntry(NamedTuple):
    """``run`` tiles from ``first`` on with the same content of ``length`` bytes; a run of 0 is a leaf directory."""

    first: int
    offset: int
    length: int
    run: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header, in the order of its fields; positions are in ten millionths of a degree."""

    root_offset: int
    root_length: int
    metadata_offset: int
    metadata_length: int
    leaves_offset: int
    leaves_length: int
    tiles_offset: int
    tiles_length: int
    addressed: int
    entries: int
    contents: int
    clustered: int
    internal_compression: int
    tile_compression: int
    tile_type: int
    min_zoom: int
    max_zoom: int
    west: int
    south: int
    east: int
    north: int
    center_zoom: int
    center_lon: int
    center_lat: int

    def write(self) -> bytes:
        """Return the header as it is stored."""
        return MAGIC + _HEADER.pack(*astuple(self))

    @classmethod
    def read(cls, content: bytes) -> Header:
        """Return the header that a file begins with. Raises ValueError for another kind of file."""
        if len(content) < HEADER_BYTES or not content.startswith(MAGIC):
            raise ValueError("it is no PMTiles file of version 3")
        return cls(*_HEADER.unpack_from(content, len(MAGIC)))


def e7(degrees: float) -> int:
    """Return an angle in ten millionths of a degree."""
    return round(degrees * _SCALE)


def degrees(value: int) -> float:
    """Return an angle in degrees."""
    return value / _SCALE


def write_directory(entries: Sequence[DirectoryEntry]) -> bytes:
    """Return a directory, compressed with gzip: numbers, runs, lengths, offsets, each as a column of varints."""
    made = bytearray()
    _varint(made, len(entries))
    last = 0
    for entry in entries:
        _varint(made, entry.first - last)
        last = entry.first
    for entry in entries:
        _varint(made, entry.run)
    for entry in entries:
        _varint(made, entry.length)
    follows = -1
    for entry in entries:
        _varint(made, 0 if entry.offset == follows else entry.offset + 1)
        follows = entry.offset + entry.length
    return gzip.compress(bytes(made), 9, mtime=0)


def unpacked(content: bytes) -> bytes:
    """Return what was compressed with gzip. Raises ValueError where it is broken."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError("a part of it cannot be unpacked") from error


def read_directory(content: bytes) -> list[DirectoryEntry]:
    """Return the entries of a directory. Raises ValueError where it is none."""
    try:
        numbers = _varints(unpacked(content))
    except IndexError as error:
        raise ValueError("a directory cannot be read") from error
    count = numbers[0] if numbers else 0
    if len(numbers) != 1 + 4 * count:
        raise ValueError("a directory has another length than it says")
    columns = [numbers[1 + at * count : 1 + (at + 1) * count] for at in range(4)]
    entries: list[DirectoryEntry] = []
    first = follows = 0
    for step, run, length, offset in zip(*columns, strict=True):
        first += step
        at = follows if offset == 0 else offset - 1
        entries.append(DirectoryEntry(first, at, length, run))
        follows = at + length
    return entries


def find(entries: Sequence[DirectoryEntry], number: int) -> DirectoryEntry | None:
    """Return the entry that has a tile, or the leaf directory in which it may be."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle].first <= number:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return None
    entry = entries[low - 1]
    return entry if entry.run == 0 or number < entry.first + entry.run else None


def _varint(made: bytearray, value: int) -> None:
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)


def _varints(content: bytes) -> list[int]:
    numbers: list[int] = []
    value = shift = 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    if shift:
        raise IndexError
    return numbers
