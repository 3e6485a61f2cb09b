"""Pieces of huge features (red lines with tens of thousands of vertices), cut once and remembered by their content."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np
import shapely

from onemap.geo.crs import Bounds
from onemap.geo.subdivide import Boxes, Geometries, Mask, subdivide

VERTICES = 128
NEAR_SHARE = 1 / 64
"""A project whose box is a smaller part of the feature's box than this is cut out of the feature first."""
_MOST_VERTICES = 8_000_000


class PieceMemory:
    """Pieces and their boxes by the content of the feature: an edit makes another one. The oldest are forgotten."""

    def __init__(self, most: int = _MOST_VERTICES) -> None:
        self._most = most
        self._lock = Lock()
        self._known: OrderedDict[bytes, tuple[Geometries, Boxes, int]] = OrderedDict()

    def pieces(self, feature: shapely.Geometry) -> tuple[Geometries, Boxes]:
        """Return the pieces of a feature, valid polygons, and their boxes. Raises GEOSException for an invalid one."""
        key = hashlib.blake2b(shapely.to_wkb(feature), digest_size=16).digest()
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key][:2]
        made = subdivide(feature, VERTICES)
        boxes = shapely.bounds(made).reshape(-1, 4)
        with self._lock:
            self._known[key] = (made, boxes, int(shapely.get_num_coordinates(made).sum()))
            while len(self._known) > 1 and sum(entry[2] for entry in self._known.values()) > self._most:
                self._known.popitem(last=False)
        return made, boxes


MEMORY = PieceMemory()


def pieces_near(feature: shapely.Geometry, bounds: Bounds, meets: Callable[[Boxes], Mask], vertices: int) -> Geometries:
    """Return the pieces of a huge feature whose boxes ``meets``; which pieces depends on feature and bounds alone.

    For a project that is small beside the feature, only what is within the bounds is cut, into pieces of ``vertices``.
    Raises GEOSException for a feature that is not valid.
    """
    if _area(bounds) < NEAR_SHARE * _area(feature.bounds):
        return subdivide(feature, vertices, bounds, meets)
    pieces, boxes = MEMORY.pieces(feature)
    near = np.flatnonzero((boxes[:, :2] <= bounds[2:]).all(axis=1) & (boxes[:, 2:] >= bounds[:2]).all(axis=1))
    return np.asarray(pieces[near[meets(boxes[near])]])


def _area(bounds: Bounds) -> float:
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
