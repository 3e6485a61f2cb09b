"""Cutting a layer into parts of about equal work, each made of near faces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import Ints

_SHARES = (0.5, 0.38, 0.62)


def partition(centres: NDArray[np.int32], weights: Ints, most: int, turn: int = 0) -> Iterator[Ints]:
    """Yield the numbers (ascending) of the faces of each part, whose weights are at most ``most`` together.

    Faces are divided by their centres (n, 2), across the longer side. ``turn`` moves the seams: what lay at one in
    one turn lies within a part in another.
    """
    waiting = [np.arange(len(centres))]
    while waiting:
        rows = waiting.pop()
        if len(rows) <= 1 or int(weights[rows].sum()) <= most:
            if len(rows):
                yield np.sort(rows)
            continue
        near = centres[rows]
        sides = near.max(axis=0).astype(np.int64) - near.min(axis=0)
        rows = rows[np.argsort(near[:, int(sides[1] > sides[0])], kind="stable")]
        share = _SHARES[(turn + len(waiting)) % 3] if turn else _SHARES[0]
        total = np.cumsum(weights[rows])
        at = int(np.searchsorted(total, share * total[-1]))
        at = min(max(at, 1), len(rows) - 1)
        waiting += [rows[at:], rows[:at]]
