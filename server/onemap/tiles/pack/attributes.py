"""Reading the attributes of a pack for the features of a tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import spread
from onemap.tiles.pack.format import PackFile
from onemap.tiles.pack.layer import NONE, Ints, Table
from onemap.tiles.varint import varint

# With this many values to each number asked for, sorting the numbers is quicker than marking the values.
_OFTEN = 16
_REMEMBERED = 20_000


Reader = Callable[[int], list[tuple[bytes, bytes]]]


class Columns:
    """The columns of a pack."""

    def __init__(self, file: PackFile) -> None:
        self._values: NDArray[np.uint8] = file.array("values")
        self._starts: Ints = file.array("values.starts")
        self._known: dict[int, bytes] = {}
        self._numbered = {}
        self._plain = {}
        for name, plain in file.meta["columns"].items():
            array = file.array(f"column/{name}")
            if plain:
                self._plain[name] = (array, file.array(f"column/{name}.starts"))
            else:
                self._numbered[name] = array

    def table(self, rows: Ints, ids: Ints, names: Sequence[str]) -> Table:
        """Return the values of rows in these columns."""
        values = np.full((len(rows), len(names)), NONE, dtype=np.int64)
        numbered = [at for at, name in enumerate(names) if name in self._numbered]
        blobs, count = [], 0
        if numbered:
            numbers = np.empty((len(rows), len(numbered)), dtype=np.int64)
            for place, at in enumerate(numbered):
                numbers[:, place] = self._numbered[names[at]][rows]
            values[:, numbered], used = self._renumbered(numbers)
            begin = self._starts[used]
            blobs.append(self._values[spread(begin, self._starts[used + 1] - begin)].tobytes())
            count = len(used)
        for at, name in enumerate(names):
            if name in self._plain:
                blob, starts = self._plain[name]
                begin = starts[rows]
                sizes = starts[rows + 1] - begin
                given = sizes > 0
                values[:, at] = np.where(given, np.cumsum(given) - 1 + count, NONE)
                blobs.append(blob[spread(begin, sizes)].tobytes())
                count += int(given.sum())
        return Table(ids, values, b"".join(blobs), count)

    def reader(self, names: Sequence[str]) -> Reader:
        """Return what reads a row: each column that has a value there, as its number is written, and the value."""
        columns = [(varint(at), self._one(name)) for at, name in enumerate(names)]
        return lambda row: [(key, found) for key, value in columns if (found := value(row))]

    def _one(self, name: str) -> Callable[[int], bytes]:
        if name in self._plain:
            blob, starts = self._plain[name]
            return lambda row: blob[starts.item(row) : starts.item(row + 1)].tobytes()
        number, known = self._numbered[name].item, self._known

        def value(row: int) -> bytes:
            found = number(row)
            return known.get(found) or self._value(found) if found else b""

        return value

    def _value(self, number: int) -> bytes:
        """Return a value of the dictionary, and remember it: most values of a tile are those of the one before."""
        begin, end = self._starts.item(number), self._starts.item(number + 1)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        found = self._known[number] = self._values[begin:end].tobytes()
        return found

    def _renumbered(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Return numbers counted anew among those that occur (0, no value, becomes -1), and which these are."""
        size = len(self._starts) - 1
        if size <= numbers.size * _OFTEN:
            seen = np.zeros(size, dtype=bool)
            seen[numbers.ravel()] = True
            seen[0] = False
            used = np.flatnonzero(seen)
            renumber = np.full(size, NONE, dtype=np.int64)
            renumber[used] = np.arange(len(used))
            return renumber[numbers], used
        used, inverse = np.unique(numbers, return_inverse=True)
        none = int(len(used) > 0 and used[0] == 0)
        return inverse.reshape(numbers.shape) - none, used[none:]
