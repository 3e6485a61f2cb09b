"""The attributes of a pack: values that recur are numbered in one dictionary, others are kept row by row.

Values are kept as they are written into a tile: as fields of a layer of Mapbox Vector Tile 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onemap.catalog import Field
from onemap.tiles.generalise.faces import extend, spread, starts
from onemap.tiles.mvt import encode_value
from onemap.tiles.pack.format import PackWriter
from onemap.tiles.varint import field

Ints = NDArray[np.int64]
_OFTEN = 50_000
_SHARE = 0.3
_BLOCK = 200_000


class Dictionary:
    """Values by number, from 1 on; 0 is no value."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {b"": 0}

    def number(self, value: object, of: Field) -> int:
        """Return the number of a value of a field."""
        return self.numbers.setdefault(written(value, of), len(self.numbers))


def written(value: object, of: Field) -> bytes:
    """Return a value as a field of a layer; nothing for what a tile cannot say."""
    encoded = None if value is None else encode_value(value, of)
    return b"" if encoded is None else field(4, encoded)


class ColumnFile:
    """One column while a pack is built: numbered as long as values recur."""

    def __init__(self, path: Path, item: Field, dictionary: Dictionary) -> None:
        self.item = item
        self.plain = False
        self._numbers, self._blob, self._dictionary = (
            path.with_suffix(".numbers"),
            path.with_suffix(".blob"),
            dictionary,
        )
        self._known: dict[object, int] = {}
        self._numbers.write_bytes(b"")
        self._seen = 0

    def append(self, values: Sequence[object]) -> None:
        """Write the values of further rows."""
        self._seen += len(values)
        if self.plain:
            self._append_plain([written(value, self.item) for value in values])
            return
        known = self._known
        for value in dict.fromkeys(values):
            if value not in known:
                known[value] = self._dictionary.number(value, self.item)
        extend(self._numbers, np.fromiter(map(known.__getitem__, values), np.int32, len(values)))
        if len(known) > _OFTEN and len(known) > _SHARE * self._seen:
            self._make_plain()

    def store(self, writer: PackWriter, name: str, order: Ints) -> None:
        """Write the column into a pack, in the order given."""
        numbers = np.fromfile(self._numbers, np.int32)
        if not self.plain:
            size = np.min_scalar_type(max(len(self._dictionary.numbers) - 1, 0))
            writer.write(name, numbers[order].astype(size))
            return
        at = starts(numbers)
        blob = np.memmap(self._blob, np.uint8, mode="r") if at[-1] else np.empty(0, np.uint8)
        writer.extend(name, _gathered(blob, at, numbers, order), np.uint8)
        writer.write(name + ".starts", starts(numbers[order]))

    def _append_plain(self, values: Sequence[bytes]) -> None:
        extend(self._numbers, np.fromiter(map(len, values), np.int32, len(values)))
        extend(self._blob, np.frombuffer(b"".join(values), np.uint8))

    def _make_plain(self) -> None:
        """Write again what was numbered."""
        numbers = np.fromfile(self._numbers, np.int32)
        values = {number: value for value, number in self._dictionary.numbers.items()}
        self.plain, self._known = True, {}
        self._numbers.write_bytes(b"")
        for start in range(0, len(numbers), _BLOCK):
            self._append_plain([values[number] for number in numbers[start : start + _BLOCK].tolist()])


def _gathered(blob: NDArray[np.uint8], at: Ints, sizes: NDArray[np.int32], order: Ints) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(order), _BLOCK):
        some = order[start : start + _BLOCK]
        yield blob[spread(at[some], sizes[some])]
