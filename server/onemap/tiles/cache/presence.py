"""Which tiles may lie in the file that processes share, without looking into it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from zlib import crc32

_BITS = 2**24
_BYTES = _BITS // 8
_CROWDED = _BITS // 2
Kept = Callable[[int], Sequence[tuple[int, bytes]] | None]
"""Gives the next names in the file after a number, each with its own; empty after the last, None when it fails."""


class Presence:
    """A bit for each of 16 million checksums of names, in a file of its own that the processes map.

    A bit that is not set says that a name is not there. It errs where two processes wrote into the same byte at the
    same moment: then a tile is made again. A bit that is set says nothing: it may be that of another name, or of one
    that is gone. One more byte tells that all names are noted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bits: mmap.mmap | None = None
        self._crowded = _CROWDED

    def lacks(self, name: bytes) -> bool:
        """Whether a name is not there; False as long as nothing is known."""
        bits = self._bits
        if bits is None or not bits[_BYTES]:
            return False
        at = crc32(name) % _BITS
        return not bits[at >> 3] & 1 << (at & 7)

    def add(self, names: Iterable[bytes], kept: Kept) -> None:
        """Note names, and those that were kept before if nobody has."""
        self._bits = self._bits or self._opened()
        if self._bits is not None:
            _note(self._bits, names)
            if not self._bits[_BYTES]:
                self._bits[_BYTES] = _filled(self._bits, kept)

    def renew(self, kept: Kept) -> None:
        """Forget the names that are gone, once there are so many of them that little is said any more."""
        bits = self._bits
        if bits is None or _count(bits) <= self._crowded:
            return
        built = bytearray(_BYTES + 1)
        if _filled(built, kept):
            self._crowded = max(_CROWDED, 2 * _count(built))
            built[_BYTES] = True
            bits[:] = bytes(built)

    def close(self) -> None:
        """Know nothing."""
        self._bits = None

    def _opened(self) -> mmap.mmap | None:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                # Where the file system keeps such promises, a full disk is never met by a write to memory.
                os.posix_fallocate(file, 0, _BYTES + 1)
                return mmap.mmap(file, _BYTES + 1)
            finally:
                os.close(file)
        except OSError:
            return None


def _filled(bits: mmap.mmap | bytearray, kept: Kept) -> bool:
    """Note all names; False when they cannot be read."""
    last = 0
    while found := kept(last):
        _note(bits, (name for _, name in found))
        last = found[-1][0]
    return found is not None


def _note(bits: mmap.mmap | bytearray, names: Iterable[bytes]) -> None:
    for name in names:
        at = crc32(name) % _BITS
        bits[at >> 3] |= 1 << (at & 7)


def _count(bits: mmap.mmap | bytearray) -> int:
    return int.from_bytes(bits[:_BYTES]).bit_count()
