"""Reading the attributes of a pack for the features of a tile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import spread
from onemap.tiles.pack.columns import NUMBERED, PLAIN, RECORDS
from onemap.tiles.pack.format import PackFile
from onemap.tiles.pack.layer import NONE, Group, Ints, Table
from onemap.tiles.varint import varint

# Of more values than these, to look numbers up is quicker than memory with a place for each value.
_LISTED = 500_000
_REMEMBERED = 20_000
_REMEMBERED_SETS = 16
_REMEMBERED_RECORDS = 1000
# Runs are taken as rows of the longest one unless these have so many times the room.
_ROOMY = 4


Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a row: the pairs of what it shares with all rows of its record, and those of its own.

    A pair is the number of a column and the value, both as they are written; columns without a value are left out.
    """

    record: Callable[[int], int]
    shared: Callable[[int], Pairs]
    own: Callable[[int], Pairs]


@dataclass(frozen=True, slots=True)
class _Places:
    """Columns of a tile by number, and where each is among those that are kept in the same way."""

    keys: Ints
    at: Ints

    @classmethod
    def of(cls, names: Sequence[str], kept: Sequence[str]) -> _Places:
        """Return those of the columns that are kept in this way, in the order in which they are."""
        found = sorted((kept.index(name), key) for key, name in enumerate(names) if name in kept)
        at, keys = np.array(found, np.int64).reshape(-1, 2).T
        return cls(keys, at)

    def pairs(self) -> list[tuple[bytes, int]]:
        """Return the number of each column as it is written, and its place."""
        return [(varint(key), at) for key, at in zip(self.keys.tolist(), self.at.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Some columns by how they are kept; of each the number in the tile, and the place where it is kept.

    ``told``: what was said of records.
    """

    shared: _Places
    numbered: _Places
    plain: _Places
    told: dict[int, Pairs]

    @classmethod
    def of(cls, names: Sequence[str], kinds: Mapping[str, str]) -> _Asked:
        """Return columns of a pack by their names."""
        kept = [[name for name, its in kinds.items() if its == kind] for kind in (RECORDS, NUMBERED, PLAIN)]
        shared, numbered, plain = (_Places.of(names, there) for there in kept)
        return cls(shared, numbered, plain, {})


class Columns:
    """The columns of a pack, and the ids in tiles. ``of``: what the names of the arrays of its rows begin with."""

    def __init__(self, file: PackFile, of: str = "") -> None:
        self._values: NDArray[np.uint8] = file.array("values")
        self._starts: Ints = file.array("values.starts")
        self._known: dict[int, bytes] = {}
        self._records: NDArray[np.integer] = file.array("records")
        self._kinds: Mapping[str, str] = file.meta["columns"]
        self._asked: dict[tuple[str, ...], _Asked] = {}
        self._ids: Ints | None = file.array(f"{of}ids") if f"{of}ids" in file else None
        self._record: NDArray[np.integer] = file.array(f"{of}record")
        self._numbered = [file.array(f"{of}column/{name}") for name, kind in self._kinds.items() if kind == NUMBERED]
        self._plain: NDArray[np.uint8] = file.array(f"{of}plain")
        self._cells: Ints = file.array(f"{of}plain.starts")
        self._width = list(self._kinds.values()).count(PLAIN)

    def identity(self, row: int) -> int:
        """Return the id of a row in a tile, -1 for none."""
        return int(self._ids[row]) if self._ids is not None else NONE

    def table(self, rows: Ints, names: Sequence[str]) -> Table:
        """Return the values of rows in these columns, and their ids."""
        asked = self._of(names)
        of, record = _renumbered(self._record.take(rows), len(self._records))
        records = self._records.take(record, axis=0).take(asked.shared.at, axis=1)
        numbers = np.empty((len(rows), len(asked.numbered.at)), dtype=np.int64)
        for place, at in enumerate(asked.numbered.at.tolist()):
            numbers[:, place] = self._numbered[at].take(rows)
        # Values of records first: of what has few values, the numbers are short.
        first, used = _renumbered(records.ravel(), len(self._starts) - 1)
        then, further = _renumbered(numbers.ravel(), len(self._starts) - 1)
        every = np.concatenate([used, further])
        own = np.where(then == NONE, NONE, then + len(used)).reshape(numbers.shape)
        plain, blob, many = self._written(rows, asked.plain.at, len(every))
        groups = (
            Group(asked.shared.keys, first.reshape(records.shape), of),
            Group(
                np.concatenate([asked.numbered.keys, asked.plain.keys]),
                np.concatenate([own, plain], axis=1),
                np.arange(len(rows)),
            ),
        )
        ids = np.full(len(rows), NONE) if self._ids is None else self._ids.take(rows)
        return Table(ids, groups, self._blob(every) + blob, len(every) + many)

    def reader(self, names: Sequence[str]) -> Reader:
        """Return what reads rows in these columns."""
        asked = self._of(names)
        shared, told = asked.shared.pairs(), asked.told
        numbered = [(key, self._numbered[at].item) for key, at in asked.numbered.pairs()]
        plain, width, cells = asked.plain.pairs(), self._width, self._cells

        def of_record(record: int) -> Pairs:
            pairs = told.get(record)
            if pairs is None:
                if len(told) >= _REMEMBERED_RECORDS:
                    told.clear()
                numbers = self._records[record].tolist()
                pairs = told[record] = [(key, self._value(numbers[at])) for key, at in shared if numbers[at]]
            return pairs

        def own(row: int) -> Pairs:
            pairs = [(key, self._value(found)) for key, number in numbered if (found := number(row))]
            ends = cells[row * width : row * width + width + 1].tolist()
            written = [(key, ends[at], ends[at + 1]) for key, at in plain]
            return pairs + [(key, self._plain[begin:end].tobytes()) for key, begin, end in written if end > begin]

        return Reader(self._record.item, of_record, own)

    def _of(self, names: Sequence[str]) -> _Asked:
        """Return the columns of these names, and remember them: most tiles have those of the one before."""
        chosen = tuple(names)
        found = self._asked.get(chosen)
        if found is None:
            if len(self._asked) >= _REMEMBERED_SETS:
                self._asked.clear()
            found = self._asked[chosen] = _Asked.of(chosen, self._kinds)
        return found

    def _value(self, number: int) -> bytes:
        """Return a value of the dictionary, and remember it: most values of a tile are those of the one before."""
        found = self._known.get(number)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            begin, end = self._starts.item(number), self._starts.item(number + 1)
            found = self._known[number] = self._values[begin:end].tobytes()
        return found

    def _blob(self, numbers: Ints) -> bytes:
        """Return values of the dictionary."""
        begin = self._starts.take(numbers)
        return self._values[spread(begin, self._starts.take(numbers + 1) - begin)].tobytes()

    def _written(self, rows: Ints, columns: Ints, first: int) -> tuple[Ints, bytes, int]:
        """Return plain columns of rows: the number of each value, from ``first`` on, the values, and how many."""
        if not len(columns):
            return np.empty((len(rows), 0), np.int64), b"", 0
        cells = self._cells.take((rows * self._width)[:, None] + np.arange(self._width + 1))
        sizes = np.diff(cells, axis=1).take(columns, axis=1)
        if len(columns) == self._width:
            blob = _runs(self._plain, cells[:, 0], cells[:, -1] - cells[:, 0])
        else:
            blob = _runs(self._plain, cells.take(columns, axis=1).ravel(), sizes.ravel())
        if sizes.all():
            return np.arange(first, first + sizes.size).reshape(sizes.shape), blob, sizes.size
        given = sizes > 0
        numbers = np.cumsum(given).reshape(sizes.shape) + (first - 1)
        return np.where(given, numbers, NONE), blob, int(np.count_nonzero(given))


def _renumbered(numbers: NDArray[np.integer], size: int) -> tuple[Ints, Ints]:
    """Return numbers below ``size`` counted anew among those that occur (0, no value, becomes -1), and which these are.

    ``numbers``: shape (n,).
    """
    if not len(numbers):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ordered = np.sort(numbers)
    used = ordered[np.append(ordered[0] > 0, ordered[1:] > ordered[:-1])].astype(np.int64)
    if size > _LISTED:
        return np.where(numbers > 0, np.searchsorted(used, numbers), NONE), used
    renumber = np.empty(size, dtype=np.int64)
    renumber[used] = np.arange(len(used))
    renumber[0] = NONE
    return renumber.take(numbers), used


def _runs(blob: NDArray[np.uint8], begin: Ints, sizes: Ints) -> bytes:
    """Return so many bytes from each place on, one run after the other."""
    longest, total = int(sizes.max(initial=0)), int(sizes.sum())
    if not total or longest * len(begin) > _ROOMY * total or int(begin.max()) + longest > len(blob):
        return blob[spread(begin, sizes)].tobytes()
    # Every run of that length, as sliding_window_view gives them at many times the price.
    every = np.ndarray((len(blob) - longest + 1, longest), np.uint8, blob, strides=(1, 1))
    runs = every[begin]
    if int(sizes.min()) == longest:
        return runs.tobytes()
    return np.compress((np.arange(longest) < sizes[:, None]).ravel(), runs.ravel()).tobytes()
