"""Which tiles may lie in the file that processes share, without looking into it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from zlib import crc32

_BITS = 2**24
_BYTES = _BITS // 8
_CROWDED = _BITS // 2


class Presence:
    """A bit for each of 16 million checksums of names, in a file of its own that the processes map.

    A bit that is not set says that a name is not there. It errs where two processes wrote into the same byte at the
    same moment: then a tile is made again. A bit that is set says nothing: it may be that of another name, or of one
    that is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bits: mmap.mmap | None = None

    def lacks(self, name: bytes) -> bool:
        """Whether a name is not there; False as long as nothing is known."""
        if self._bits is None:
            return False
        at = crc32(name) % _BITS
        return not self._bits[at >> 3] & 1 << (at & 7)

    def add(self, names: Iterable[bytes], kept: Callable[[], Iterable[bytes]]) -> None:
        """Note names. ``kept``: gives all names there are, for a file that is new."""
        if self._bits is None:
            self._bits = self._opened(kept)
        if self._bits is not None:
            _note(self._bits, names)

    def renew(self, kept: Callable[[], Iterable[bytes]]) -> None:
        """Forget the names that are gone, once there are so many of them that little is said any more."""
        bits = self._bits
        if bits is not None and int.from_bytes(bits[:]).bit_count() > _CROWDED:
            bits[:] = bytes(_BYTES)
            _note(bits, kept())

    def close(self) -> None:
        """Know nothing."""
        self._bits = None

    def _opened(self, kept: Callable[[], Iterable[bytes]]) -> mmap.mmap | None:
        try:
            with self._path.open("a+b") as file:
                fresh = file.tell() != _BYTES
                # All of it is there from the start: a full disk must not be met by a write to memory.
                os.posix_fallocate(file.fileno(), 0, _BYTES)
                bits = mmap.mmap(file.fileno(), _BYTES)
        except OSError:
            return None
        if fresh:
            _note(bits, kept())
        return bits


def _note(bits: mmap.mmap, names: Iterable[bytes]) -> None:
    for name in names:
        at = crc32(name) % _BITS
        bits[at >> 3] |= 1 << (at & 7)
