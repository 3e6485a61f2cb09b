"""Polygons from rings of which nothing is known but their coordinates: holes by containment (even-odd)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.validation import explain_validity

Ring = Sequence[tuple[float, float]]
_CHUNK = 500
_PAIRS = 500_000


class CrossingRingsError(Exception):
    """Rings that cross, or one that crosses itself; ``place`` in x, y."""

    def __init__(self, reason: str, place: tuple[float, float] | None) -> None:
        self.reason = reason
        self.place = place
        super().__init__(reason)


def assemble(rings: Sequence[Ring]) -> shapely.Geometry:
    """Return the polygon or multipolygon of rings in any order and orientation.

    A ring inside an odd number of others is a hole of the smallest of them. Raises CrossingRingsError.
    """
    faces = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    _check_simple(faces)
    order = np.argsort(-shapely.area(faces), kind="stable")
    faces = faces[order]
    parents = _parents(faces)
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    shells = [at for at, level in enumerate(depth) if level % 2 == 0]
    holes: dict[int, list[int]] = {at: [] for at in shells}
    for at, level in enumerate(depth):
        if level % 2:
            holes[parents[at]].append(at)
    parts = [shapely.Polygon(faces[at].exterior, [faces[hole].exterior for hole in holes[at]]) for at in sorted(shells)]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _meeting(faces: NDArray[np.object_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of rings that meet, the later one first: only an earlier, larger ring can contain a later one.

    Raises CrossingRingsError when there are so many that only a file made to exhaust the machine has them.
    """
    tree = shapely.STRtree(faces)
    found: list[NDArray[np.intp]] = []
    count = 0
    for start in range(0, len(faces), _CHUNK):
        pairs = tree.query(faces[start : start + _CHUNK])
        pairs = pairs + np.array([[start], [0]])
        found.append(pairs[:, pairs[1] < pairs[0]])
        count += found[-1].shape[1]
        if count > _PAIRS:
            raise CrossingRingsError("has rings inside rings beyond reason", None)
    both = np.concatenate(found, axis=1)
    meet = shapely.intersects(faces[both[0]], faces[both[1]])
    return both[0][meet], both[1][meet]


def _check_simple(faces: NDArray[np.object_]) -> None:
    for face in faces[~shapely.is_valid(faces)].tolist():
        reason = explain_validity(face)
        inside = reason[reason.find("[") + 1 : reason.rfind("]")].split()
        place = (float(inside[0]), float(inside[1])) if len(inside) == 2 else None
        raise CrossingRingsError("a ring crosses itself or has no area", place)


def _parents(faces: NDArray[np.object_]) -> list[int]:
    """Return for each ring, largest first, the smallest ring that contains it, or -1. Raises CrossingRingsError."""
    inner, outer = _meeting(faces)
    parents = [-1] * len(faces)
    contained = shapely.covers(faces[outer], faces[inner])
    touching = shapely.touches(faces[outer], faces[inner])
    for at in np.flatnonzero(~contained & ~touching).tolist():
        shared = shapely.intersection(faces[outer[at]].exterior, faces[inner[at]].exterior)
        spot = shared.representative_point() if not shared.is_empty else None
        raise CrossingRingsError("two rings cross each other", (spot.x, spot.y) if spot else None)
    for at in np.flatnonzero(contained).tolist():
        parents[int(inner[at])] = max(parents[int(inner[at])], int(outer[at]))
    return parents
