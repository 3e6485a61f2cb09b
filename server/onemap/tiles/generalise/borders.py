"""The borders that faces share, found from their segments: in a coverage both faces have them vertex by vertex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import Floats, Ints, Polygons


@dataclass(frozen=True, slots=True)
class Borders:
    """Which faces touch along which length: ``a[i] < b[i]``. ``open``: faces with borders that no other shares.

    ``faulty``: faces with a segment that more than one other has, or another has in the same direction.
    """

    a: Ints
    b: Ints
    length: Floats
    open: NDArray[np.bool_]
    faulty: NDArray[np.bool_]


def borders(polygons: Polygons) -> Borders:
    """Return the shared borders of polygons whose coordinates are whole numbers of 32 bits."""
    face, start, end, length = _segments(polygons)
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    same = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
    first = np.flatnonzero(np.concatenate([[True], ~same])) if len(order) else np.empty(0, np.int64)
    count = np.diff(np.append(first, len(order)))
    open_, faulty = np.zeros(len(polygons), dtype=bool), np.zeros(len(polygons), dtype=bool)
    open_[face[order[first[count == 1]]]] = True
    pairs = first[count == 2]
    one, other = order[pairs], order[pairs + 1]
    opposite = start[one] == end[other]
    faulty[face[one[~opposite]]] = faulty[face[other[~opposite]]] = True
    for at, times in zip(first[count > 2].tolist(), count[count > 2].tolist(), strict=True):
        faulty[face[order[at : at + times]]] = True
    one, other = one[opposite], other[opposite]
    apart = face[one] != face[other]
    a, b, total = add_up(face[one[apart]], face[other[apart]], length[one[apart]])
    return Borders(a, b, total, open_, faulty)


def add_up(one: Ints, other: Ints, length: Floats) -> tuple[Ints, Ints, Floats]:
    """Return each pair of faces once, the lower number first, with the sum of its lengths."""
    pairs = np.minimum(one, other) << 32 | np.maximum(one, other)
    order = np.argsort(pairs, kind="stable")
    pairs = pairs[order]
    first = np.flatnonzero(np.diff(pairs, prepend=-1))
    total = np.add.reduceat(length[order], first) if len(first) else np.empty(0)
    return pairs[first] >> 32, pairs[first] & 0xFFFFFFFF, total


def _segments(polygons: Polygons) -> tuple[Ints, Ints, Ints, Floats]:
    """Return face, both ends (as numbers) and length of each segment; holes turn against exterior rings."""
    turned = shapely.orient_polygons(polygons)
    rings, of_face = shapely.get_rings(turned, return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    whole = np.rint(xy).astype(np.int64)
    number = (whole[:, 0] << 32) + (whole[:, 1] & 0xFFFFFFFF)
    within = of_ring[1:] == of_ring[:-1]
    length = np.hypot(*np.diff(xy, axis=0).T)
    return of_face[of_ring[:-1][within]], number[:-1][within], number[1:][within], length[within]
