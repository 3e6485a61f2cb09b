"""Pieces of huge features (red lines with tens of thousands of vertices), cut once and remembered by their content.

A process remembers them itself; where there is a folder for it, all processes of an instance share them, and a new one
need not cut again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np
import shapely

from onemap.geo.crs import Bounds
from onemap.geo.piecefiles import PieceFiles
from onemap.geo.subdivide import Boxes, Geometries, Mask, subdivide

VERTICES = 128
FILE_VERTICES = 4096
"""Smaller features are cut in some milliseconds: they are not worth a file."""
NEAR_SHARE = 1 / 64
"""A project whose box is a smaller part of the feature's box than this is cut out of the feature first."""
_MOST_VERTICES = 8_000_000
_METHOD = 1
"""Another number for another way of cutting: what was kept by the last one must not be taken for it."""
_PERSON = f"{_METHOD} {VERTICES} {shapely.geos_version_string}".encode()[:16]


class PieceMemory:
    """Pieces and their boxes by the content of the feature: an edit makes another one. The oldest are forgotten.

    ``most``: vertices that are held; ``files``: where pieces are kept beyond the process. Pieces from a file are those
    that cutting gives, to the last bit.
    """

    def __init__(self, most: int = _MOST_VERTICES, files: PieceFiles | None = None) -> None:
        self._most = most
        self._files = files
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[Geometries, Boxes, int]] = OrderedDict()

    def pieces(self, feature: shapely.Geometry) -> tuple[Geometries, Boxes]:
        """Return the pieces of a feature, valid polygons, and their boxes. Raises GEOSException for an invalid one."""
        key = _key(feature)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key][:2]
        made = self._kept(key, feature)
        boxes = shapely.bounds(made).reshape(-1, 4)
        with self._lock:
            self._known[key] = (made, boxes, int(shapely.get_num_coordinates(made).sum()))
            while len(self._known) > 1 and sum(entry[2] for entry in self._known.values()) > self._most:
                self._known.popitem(last=False)
        return made, boxes

    def _kept(self, key: str, feature: shapely.Geometry) -> Geometries:
        """Return the pieces from the feature's file; cut it where there is none, and keep them there."""
        if self._files is None or shapely.get_num_coordinates(feature) < FILE_VERTICES:
            return _cut(feature)
        made = self._files.get(key)
        if made is None:
            made = _cut(feature)
            self._files.put(key, made)
        return made


def _key(feature: shapely.Geometry) -> str:
    """Return a digest of the feature and of all that decides how it is cut."""
    return hashlib.blake2b(shapely.to_wkb(feature), digest_size=16, person=_PERSON).hexdigest()


def _cut(feature: shapely.Geometry) -> Geometries:
    if not shapely.is_valid(feature):  # cutting may hide it
        raise shapely.GEOSException(f"invalid geometry: {shapely.is_valid_reason(feature)}")
    return subdivide(feature, VERTICES)


MEMORY = PieceMemory()
"""For layers that belong to no instance."""


def pieces_near(
    feature: shapely.Geometry,
    bounds: Bounds,
    meets: Callable[[Boxes], Mask],
    vertices: int,
    memory: PieceMemory = MEMORY,
) -> Geometries:
    """Return the pieces of a huge feature whose boxes ``meets``; which pieces depends on feature and bounds alone.

    For a project that is small beside the feature, only what is within the bounds is cut, into pieces of ``vertices``.
    Raises GEOSException for a feature that is not valid.
    """
    if _area(bounds) < NEAR_SHARE * _area(feature.bounds):
        return subdivide(feature, vertices, bounds, meets)
    pieces, boxes = memory.pieces(feature)
    near = np.flatnonzero((boxes[:, :2] <= bounds[2:]).all(axis=1) & (boxes[:, 2:] >= bounds[:2]).all(axis=1))
    return np.asarray(pieces[near[meets(boxes[near])]])


def _area(bounds: Bounds) -> float:
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
