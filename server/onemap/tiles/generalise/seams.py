"""Where the parts of a layer meet: borders there stay vertex by vertex as they are, so both sides keep matching."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.generalise.borders import Borders
from onemap.tiles.generalise.faces import Ints, Polygons

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
Keys = NDArray[np.uint64]


def open_segments(polygons: Polygons, found: Borders) -> tuple[Keys, Ints]:
    """Return a number for each segment of the faces with borders that no other shares, and the faces."""
    faces = np.flatnonzero(found.open)
    rings, of_face = shapely.get_rings(polygons[faces], return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    points = _mixed(np.rint(xy).astype(np.int64))
    within = of_ring[1:] == of_ring[:-1]
    # The sum is the same in both directions; two segments of one number would only keep a border as it is.
    return (points[1:] + points[:-1])[within], faces[of_face[of_ring[:-1][within]]]


def shared(parts: Iterable[Keys]) -> Keys:
    """Return, ascending, the segments that several parts of a layer have."""
    every = np.sort(np.concatenate([np.unique(part) for part in parts]))
    return np.unique(every[1:][every[1:] == every[:-1]])


def at_seam(polygons: Polygons, found: Borders, seams: Keys) -> NDArray[np.bool_]:
    """Return which faces have a border with a face of another part."""
    met = np.zeros(len(polygons), dtype=bool)
    if len(seams):
        keys, faces = open_segments(polygons, found)
        place = np.minimum(np.searchsorted(seams, keys), len(seams) - 1)
        met[faces[seams[place] == keys]] = True
    return met


def connected(count: int, a: Ints, b: Ints) -> Ints:
    """Return for each of ``count`` faces the lowest number of those that it hangs together with."""
    label = np.arange(count)
    while True:
        low = np.minimum(label[a], label[b])
        np.minimum.at(label, label[a], low)
        np.minimum.at(label, label[b], low)
        jumped = label[label]
        while not np.array_equal(jumped, label):
            label, jumped = jumped, jumped[jumped]
        if np.array_equal(label[a], label[b]):
            return label


def _mixed(xy: Ints) -> Keys:
    """Return a well mixed 64-bit number for each point (splitmix64)."""
    z = ((xy[:, 0] << 32) + (xy[:, 1] & 0xFFFFFFFF)).astype(np.uint64) + _FACTOR
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
