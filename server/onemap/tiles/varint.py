"""Protocol Buffers varints, whole arrays at a time."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Numbers = NDArray[np.uint32] | NDArray[np.uint64]
_LONGEST = 10
_BITS, _MORE = np.uint8(0x7F), np.uint8(7)


def _by_steps(values: Ints | NDArray[np.uint8]) -> tuple[Numbers, Numbers]:
    """Return the varints of values below 2^56 as ``packed`` does."""
    written, used = np.zeros(values.shape, np.uint64), np.zeros(values.shape, np.uint64)
    rest, there = values.astype(np.uint64), (values >= 0).astype(np.uint64)
    for place in range(0, 64, 8):
        low, rest = rest & np.uint64(0x7F), rest >> np.uint64(7)
        more = (rest > 0).astype(np.uint64) * there
        written |= (low | more << np.uint64(7)) << np.uint64(place)
        used |= there << np.uint64(place)
        if not more.any():
            break
        there = more
    return written, used


_SHORT = 1 << 16
# The last one is that of -1.
_WORDS, _USED = (part.astype(np.uint32) for part in _by_steps(np.append(np.arange(_SHORT), -1)))


def varints(values: NDArray[np.uint64]) -> tuple[bytes, NDArray[np.int64]]:
    """Return the varints of the values one after the other, and where each one ends (shape of ``values``)."""
    sizes = varint_sizes(values)
    ends = np.cumsum(sizes)
    written = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    starts = ends - sizes
    # A value's low byte, whose high bit says whether more follow.
    written[starts] = values.astype(np.uint8) & _BITS | (sizes > 1).view(np.uint8) << _MORE
    for place in range(1, int(sizes.max(initial=1))):
        longer = np.flatnonzero(sizes > place)
        rest = (values[longer] >> np.uint64(7 * place)).astype(np.uint8)
        written[starts[longer] + place] = rest & _BITS | (sizes[longer] > place + 1).view(np.uint8) << _MORE
    return written.tobytes(), ends


def packed(values: Ints | NDArray[np.uint8], largest: int) -> tuple[Numbers, Numbers]:
    """Return the varints of values from -1 to ``largest``, below 2^56, each in one number, its first byte the lowest.

    The second numbers have a 1 in each byte that is part of a varint. -1 has none.
    """
    if largest < _SHORT:
        return _WORDS.take(values), _USED.take(values)
    return _by_steps(values)


def padded(values: NDArray[np.uint64]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the varints of rows of values (n, m) as rows of bytes, and which of the bytes are part of a varint.

    Each varint has the room of the longest one.
    """
    longest = max(1, -(-int(values.max(initial=0)).bit_length() // 7))
    written = np.empty((*values.shape, longest), dtype=np.uint8)
    used = np.ones(written.shape, dtype=bool)
    for place in range(longest):
        more = values > _BITS
        written[..., place] = values.astype(np.uint8) & _BITS | more.view(np.uint8) << _MORE
        values = values >> np.uint64(_MORE)
        used[..., place + 1 :] = more[..., None]
    return written.reshape(len(values), -1), used.reshape(len(values), -1)


def varint_sizes(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many bytes the varint of each value takes."""
    sizes = np.ones(len(values), dtype=np.int64)
    largest = int(values.max(initial=0))
    for size in range(1, _LONGEST):
        if largest >> (7 * size) == 0:
            break
        sizes += values >= np.uint64(1 << (7 * size))
    return sizes


def zigzag(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return signed values as the unsigned ones that keep small magnitudes small."""
    return ((values << 1) ^ (values >> 63)).astype(np.uint64)


@functools.lru_cache(maxsize=16_384)
def varint(value: int) -> bytes:
    """Return one varint of a value from 0 to 2^64 - 1."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field of a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content
