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
# Runs are taken as rows of the longest one unless these have so many times the room.
_ROOMY = 4


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
        values = np.full((len(names), len(rows)), NONE, dtype=np.int32)
        numbered = [at for at, name in enumerate(names) if name in self._numbered]
        blobs, count = [], 0
        if numbered:
            numbers = np.stack([self._numbered[names[at]].take(rows) for at in numbered])
            values[numbered], used = self._renumbered(numbers)
            begin = self._starts[used]
            blobs.append(self._values[spread(begin, self._starts[used + 1] - begin)].tobytes())
            count = len(used)
        for at, name in enumerate(names):
            if name in self._plain:
                blob, starts = self._plain[name]
                begin = starts.take(rows)
                sizes = starts.take(rows + 1) - begin
                given = sizes > 0
                values[at] = np.where(given, np.cumsum(given) - 1 + count, NONE)
                blobs.append(_runs(blob, begin, sizes))
                count += int(np.count_nonzero(given))
        return Table(ids, np.ascontiguousarray(values.T), b"".join(blobs), count)

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

    def _renumbered(self, numbers: Ints) -> tuple[NDArray[np.integer], Ints]:
        """Return numbers counted anew among those that occur (0, no value, becomes -1), and which these are."""
        size = len(self._starts) - 1
        if size <= numbers.size * _OFTEN:
            seen = np.zeros(size, dtype=bool)
            seen[numbers] = True
            seen[0] = False
            used = np.flatnonzero(seen)
            renumber = np.full(size, NONE, dtype=np.int32)
            renumber[used] = np.arange(len(used))
            return renumber.take(numbers), used
        used, inverse = np.unique(numbers, return_inverse=True)
        none = int(len(used) > 0 and used[0] == 0)
        return inverse.reshape(numbers.shape) - none, used[none:]


def _runs(blob: NDArray[np.uint8], begin: Ints, sizes: Ints) -> bytes:
    """Return so many bytes from each place on, one run after the other."""
    longest, total = int(sizes.max(initial=0)), int(sizes.sum())
    if not total or longest * len(begin) > _ROOMY * total or int(begin.max()) + longest > len(blob):
        return blob[spread(begin, sizes)].tobytes()
    runs = np.lib.stride_tricks.sliding_window_view(blob, longest)[begin]
    if int(sizes.min()) == longest:
        return runs.tobytes()
    return np.compress((np.arange(longest) < sizes[:, None]).ravel(), runs.ravel()).tobytes()
