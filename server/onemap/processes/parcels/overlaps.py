"""Parcels of one request that overlap each other: told, and not counted twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import UnusableParcel
from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, transform
from onemap.geo.union import union_of
from onemap.processes.parcels.model import Note, Shape

Geometries = NDArray[np.object_]
_NAMED = 20
_PAIRS = 2_000
_TOLERANCE_M2 = 0.01
_CHUNK = 1_000
_CROSSINGS = 2_000_000


def overlaps(
    geometries: Geometries, areas: NDArray[np.float64], crs: Crs, stated: Crs, shapes: Sequence[Shape]
) -> tuple[list[Note], float]:
    """Return a note for each pair of parcels that overlap, and the area of the union (m2, in ``stated``).

    Overlaps below 0.01 m2 are the noise of common borders.
    """
    total = float(areas.sum())
    first, second = _touching(geometries)
    if not len(first):
        return [], total
    _refuse_tangle(geometries)
    moved = transform(geometries, crs, stated)
    measure = measure_for(stated.srid)
    union = measure.area(union_of(moved))
    if total - union < _TOLERANCE_M2:
        return [], total
    shared = measure.areas(shapely.intersection(moved[first[:_PAIRS]], moved[second[:_PAIRS]]))
    notes = []
    for at in np.flatnonzero(shared >= _TOLERANCE_M2)[:_NAMED].tolist():
        one, other = (_name(shapes, int(index)) for index in (first[at], second[at]))
        message = f"The parcels {one} and {other} overlap by {shared[at]:.2f} m2; totals count the overlap once."
        notes.append(Note("parcels-overlap", message, one))
    return notes or [Note("parcels-overlap", "Parcels overlap; totals count the overlap once.")], union


def _name(shapes: Sequence[Shape], index: int) -> str:
    return shapes[index].id or str(index + 1)


def _touching(geometries: Geometries) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs (i < j) of geometries whose boxes meet, at most a few more than are looked at."""
    tree = shapely.STRtree(geometries)
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(geometries), _CHUNK):
        pairs = tree.query(geometries[start : start + _CHUNK], predicate="intersects")
        pairs = pairs + np.array([[start], [0]])
        found.append(pairs[:, pairs[0] < pairs[1]])
        if sum(part.shape[1] for part in found) > _PAIRS:
            break
    both = np.concatenate(found, axis=1)
    return both[0], both[1]


def _refuse_tangle(geometries: Geometries) -> None:
    """Refuse outlines that cross each other so often that their union would exhaust the machine.

    The number of crossings can grow with the square of the vertices; it is estimated by the boxes of the edges.
    """
    xy, owner = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(geometries)), return_index=True)
    if len(xy) < 4 * _CHUNK:
        return
    joined = owner[1:] == owner[:-1]
    low, high = np.minimum(xy[1:], xy[:-1])[joined], np.maximum(xy[1:], xy[:-1])[joined]
    boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    tree, met = shapely.STRtree(boxes), 0
    for start in range(0, len(boxes), _CHUNK):
        met += tree.query(boxes[start : start + _CHUNK]).shape[1]
        if met > _CROSSINGS + 20 * len(boxes):
            raise UnusableParcel("The outlines of the parcels cross each other too often.", "Dissolve them first.")
