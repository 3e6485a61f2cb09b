"""Reading the attributes of a pack for the features of a tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import spread
from onemap.tiles.pack.format import PackFile
from onemap.tiles.pack.layer import NONE, Ints, Table

# With this many values to each number asked for, sorting the numbers is quicker than marking the values.
_OFTEN = 16


class Columns:
    """The columns of a pack."""

    def __init__(self, file: PackFile) -> None:
        self._values: NDArray[np.uint8] = file.array("values")
        self._starts: Ints = file.array("values.starts")
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
