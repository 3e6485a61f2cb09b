"""The attributes of a pack: values that recur are numbered in one dictionary, others are kept row by row.

Numbered columns whose values recur together are kept as records (``records``).

Values are kept as they are written into a tile: as fields of a layer of Mapbox Vector Tile 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onemap.catalog import Field
from onemap.tiles.generalise.faces import extend, spread, starts
from onemap.tiles.mvt import encode_value
from onemap.tiles.pack.format import PackWriter
from onemap.tiles.pack.records import Read, records_of
from onemap.tiles.varint import field

Ints = NDArray[np.int64]
PLAIN, NUMBERED, RECORDS = "plain", "numbered", "records"
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
        self._at: Ints | None = None
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

    def numbers(self, rows: Ints) -> Ints:
        """Return the numbers of the values of rows."""
        every = np.memmap(self._numbers, np.int32, mode="r") if self._seen else np.empty(0, np.int32)
        return every[rows].astype(np.int64)

    def values(self, rows: Ints) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return the values of rows of a plain column one after the other, and the size of each."""
        sizes = np.memmap(self._numbers, np.int32, mode="r") if self._seen else np.empty(0, np.int32)
        if self._at is None:
            self._at = starts(sizes)
        blob = np.memmap(self._blob, np.uint8, mode="r") if self._at[-1] else np.empty(0, np.uint8)
        return blob[spread(self._at[rows], sizes[rows])], np.asarray(sizes[rows])

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


class ColumnWriter:
    """Writes attributes into a pack: the values and records that there are, and then those of rows, as often as asked.

    ``order``: the rows of the columns in the order of the pack; ``ids``: reads the ids in tiles of rows of the columns,
    None where they are no numbers. ``kinds``: how each column is kept.
    """

    def __init__(
        self,
        writer: PackWriter,
        columns: Mapping[str, ColumnFile],
        dictionary: Dictionary,
        order: Ints,
        ids: Read | None = None,
    ) -> None:
        numbered = {name: column for name, column in columns.items() if not column.plain}
        records = records_of({name: _in_order(column, order) for name, column in numbered.items()}, len(order))
        # In the order in which each kind is kept: records have their columns in that of ``records``.
        self.kinds = dict.fromkeys(records.names, RECORDS)
        self.kinds |= {name: PLAIN if columns[name].plain else NUMBERED for name in columns if name not in self.kinds}
        self._writer, self._columns, self._order, self._ids = writer, columns, order, ids
        self._record = _small(records.numbers, len(records.values))
        values = list(dictionary.numbers)
        self._count = len(values)
        writer.write("records", _small(records.values, self._count))
        writer.write("values", np.frombuffer(b"".join(values), np.uint8))
        writer.write("values.starts", np.concatenate([[0], np.cumsum([len(value) for value in values])]))

    def write(self, rows: Ints | slice, of: str = "") -> None:
        """Write the attributes of rows of the pack, as arrays whose names begin with ``of``."""
        writer, order = self._writer, self._order[rows]
        if self._ids is not None:
            writer.write(f"{of}ids", self._ids(order))
        writer.write(f"{of}record", self._record[rows])
        for name in self._kept(NUMBERED):
            writer.write(f"{of}column/{name}", _small(self._columns[name].numbers(order), self._count))
        sizes = [np.zeros(1, np.int32)]
        plain = [self._columns[name] for name in self._kept(PLAIN)]
        writer.extend(f"{of}plain", _row_by_row(plain, order, sizes), np.uint8)
        writer.extend(f"{of}plain.starts", _ends(sizes), np.int64)

    def _kept(self, kind: str) -> list[str]:
        return [name for name, its in self.kinds.items() if its == kind]


def _in_order(column: ColumnFile, order: Ints) -> Callable[[Ints], Ints]:
    return lambda rows: column.numbers(order[rows])


def _small(numbers: Ints, count: int) -> NDArray[np.unsignedinteger]:
    """Return numbers below a count in as little room as they take."""
    return numbers.astype(np.min_scalar_type(max(count - 1, 0)))


def _row_by_row(
    columns: Sequence[ColumnFile], order: Ints, sizes: list[NDArray[np.int32]]
) -> Iterator[NDArray[np.uint8]]:
    """Yield the values of plain columns, those of a row side by side, and note the size of each in ``sizes``."""
    for start in range(0, len(order) if columns else 0, _BLOCK):
        parts = [column.values(order[start : start + _BLOCK]) for column in columns]
        size = np.stack([its_sizes for _, its_sizes in parts])
        begin = starts(size.ravel())[:-1].reshape(size.shape)
        yield np.concatenate([data for data, _ in parts])[spread(begin.T.ravel(), size.T.ravel())]
        sizes.append(size.T.ravel())


def _ends(sizes: Sequence[NDArray[np.int32]]) -> Iterator[Ints]:
    """Yield where each of the values ends, for sizes that begin with a 0."""
    at = 0
    for some in sizes:
        ends = np.cumsum(some, dtype=np.int64) + at
        yield ends
        at = int(ends[-1])
