"""Columns whose values recur together, kept as records.

Neighbours share most of what is said of them: the class with its name, the village with its name, the codes of the
survey. A tile writes that once for all features of a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Read = Callable[[Ints], Ints]
"""Reads the numbers of the values of a column at some rows."""
# So many neighbours, at so many places, tell which columns recur together; they do so when there are at most so many
# different records to a row.
_NEIGHBOURS, _PLACES = 1024, 32
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Records:
    """``numbers``: the record of each row, from 1 on. ``values``: of each record (0: of none) and column its number."""

    names: tuple[str, ...]
    numbers: Ints
    values: Ints


def records_of(columns: Mapping[str, Read], count: int) -> Records:
    """Return the records of so many rows, of the columns that recur together."""
    names = tuple(_recurring(columns, _neighbours(count)))
    code = np.zeros(count, np.int64)
    every = np.arange(count)
    for name in names:
        _, code = _joined(code, columns[name](every))
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    # Numbered along the rows, so that the records of a tile lie near each other.
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(1, len(first) + 1)
    first = np.sort(first)
    values = np.zeros((len(first) + 1, len(names)), np.int64)
    for at, name in enumerate(names):
        values[1:, at] = columns[name](first)
    return Records(names, rank[code], values)


def _neighbours(count: int) -> list[Ints]:
    """Return groups of rows that are neighbours."""
    first = np.unique(np.linspace(0, max(count - _NEIGHBOURS, 0), _PLACES).astype(np.int64))
    return [np.arange(start, min(start + _NEIGHBOURS, count)) for start in first.tolist()]


def _recurring(columns: Mapping[str, Read], groups: Sequence[Ints]) -> Iterator[str]:
    """Yield the columns that have, within groups of rows, far fewer different values together than there are rows."""
    rows = np.concatenate(groups)
    code = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    left = {name: read(rows) for name, read in columns.items()}
    while left:
        tried = {name: _joined(code, values) for name, values in left.items()}
        name = min(tried, key=lambda name: tried[name][0])
        many, code = tried[name]
        if many > _SHARE * len(rows):
            return
        del left[name]
        yield name


def _joined(code: Ints, values: Ints) -> tuple[int, Ints]:
    """Return how many different pairs there are, and the number of each pair."""
    found, numbers = np.unique(code * (int(values.max(initial=0)) + 1) + values, return_inverse=True)
    return len(found), numbers
