"""Fonts: signed distance fields of glyphs, 256 to a file, as MapLibre reads them; made by scripts/glyphs.mjs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

FONT = "Noto Sans SC Regular"
"""The font of all texts: Latin, Greek, Cyrillic and the Chinese of GB 18030 in the basic plane."""
EM = 24
"""Pixels to an em in the files."""
BUFFER = 3
"""Pixels around each glyph."""
BASELINE = 27
"""Pixels from the line that ``top`` counts from down to the baseline."""
_EDGE = 0.75
_REACH = 8
_GZIP = 31


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph: distances in pixels from its outline, positive inside, and where to put it."""

    distances: NDArray[np.float64]
    left: int
    top: int
    advance: int


@dataclass(frozen=True)
class Fonts:
    """The fonts in a folder: ``<font>/<first>-<last>.pbf.gz``."""

    folder: Path

    def names(self) -> list[str]:
        """Return the names of the fonts that are there."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def packed(self, stack: str, first: int) -> bytes | None:
        """Return the compressed file of 256 code points, of the first font of a stack that is here; None for none.

        A font without glyphs in the range gives an empty file, as MapLibre expects.
        """
        known = self.names()
        font = next((name for part in stack.split(",") if (name := part.strip()) in known), None)
        if font is None:
            return None
        path = self.folder / font / f"{first}-{first + 255}.pbf.gz"
        return path.read_bytes() if path.exists() else igzip.compress(b"", mtime=0)

    def glyph(self, char: str) -> Glyph | None:
        """Return a glyph; None when the font has none for the character."""
        return _glyph(self.folder / FONT, ord(char))


def unpack(packed: bytes) -> bytes:
    """Return the content of a compressed file."""
    return isal_zlib.decompress(packed, wbits=_GZIP)


@lru_cache(maxsize=4096)
def _glyph(folder: Path, code: int) -> Glyph | None:
    message = _messages(folder, code & ~0xFF).get(code)
    return _read(dict(_fields(message))) if message else None


@lru_cache(maxsize=32)
def _messages(folder: Path, first: int) -> Mapping[int, bytes]:
    """Return the glyphs of a file by code point, not yet decoded; their first field is the code point."""
    path = folder / f"{first}-{first + 255}.pbf.gz"
    if not path.exists():
        return {}
    stacks = [_bytes(stack) for _, stack in _fields(unpack(path.read_bytes()))]
    messages = [_bytes(body) for stack in stacks for number, body in _fields(stack) if number == 3]
    return {_varint(message, 1)[0]: message for message in messages}


def _read(values: Mapping[int, bytes | int]) -> Glyph:
    width, height, left, top, advance = (_number(values.get(field, 0)) for field in (3, 4, 5, 6, 7))
    shape = (height + 2 * BUFFER, width + 2 * BUFFER)
    bitmap = np.frombuffer(_bytes(values.get(2, b"")), np.uint8)
    raw = bitmap.reshape(shape) if bitmap.size == shape[0] * shape[1] else np.zeros(shape, np.uint8)
    return Glyph((raw / 255 - _EDGE) * _REACH, _zigzag(left), _zigzag(top), advance)


def _zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _bytes(value: bytes | int) -> bytes:
    return value if isinstance(value, bytes) else b""


def _number(value: bytes | int) -> int:
    return value if isinstance(value, int) else 0


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield number and value of the fields of a protocol buffer of varints and byte strings."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == 2:
            yield key >> 3, data[at : at + value]
            at += value
        else:
            yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
