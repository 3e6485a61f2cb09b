"""Geometries as arrays: rows of one kind, rings of rows, points of rings; whole steps, y downwards.

A ring of a surface begins with no vertex twice: it closes by itself. Exterior rings have positive area by the
surveyor's formula, holes negative. A row of points has one "ring" with all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.commands import LINE, POINT, POLYGON
from onemap.tiles.generalise.clean import simple_polygons, whole
from onemap.tiles.shapes import explode

Ints = NDArray[np.int64]
_LINES = (1, 2)
_FEW_VERTICES = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of geometries. ``owner``: the feature of each, ascending within a kind.

    ``rings`` and ``points``: how many each has; ``ring_points`` and ``exterior`` of each ring; ``xy`` shape (n, 2).
    ``clearance``: how far vertices of a surface are from each other and from other edges, in steps.
    """

    owner: Ints
    kind: NDArray[np.uint8]
    box: NDArray[np.int32]
    clearance: NDArray[np.float32]
    rings: NDArray[np.int32]
    points: NDArray[np.int32]
    ring_points: NDArray[np.int32]
    exterior: NDArray[np.bool_]
    xy: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.owner)


FIELDS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "owner": (np.int64, ()), "kind": (np.uint8, ()), "box": (np.int32, (4,)), "clearance": (np.float32, ()),
    "rings": (np.int32, ()), "points": (np.int32, ()), "ring_points": (np.int32, ()), "exterior": (np.bool_, ()),
    "xy": (np.int32, (2,)),
}  # fmt: skip


def rows_of(geometries: NDArray[np.object_]) -> Rows:
    """Return the rows of geometries whose coordinates are in steps; owners are their positions."""
    parts, owners = explode(geometries)
    types = shapely.get_type_id(parts)
    made = []
    for kind, chosen in ((POLYGON, types == 3), (LINE, np.isin(types, _LINES)), (POINT, types == 0)):
        if chosen.any():
            made.append(_MAKERS[kind](parts[chosen], owners[chosen]))
    return join(made)


def polygon_rows(polygons: NDArray[np.object_], owners: Ints) -> Rows:
    """Return the rows of simple polygons; those of one owner follow each other and make one row."""
    polygons, owners = whole(polygons, owners)
    turned = shapely.orient_polygons(polygons)
    rings, of_polygon = shapely.get_rings(turned, return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    closing = np.append(np.diff(of_ring) != 0, True) if len(of_ring) else np.empty(0, bool)
    exterior = np.append(True, np.diff(of_polygon) != 0) if len(of_polygon) else np.empty(0, bool)
    clearance = _clearance(polygons, owners)
    return _grouped(POLYGON, xy[~closing], of_ring[~closing], owners[of_polygon], exterior, clearance[of_polygon])


def _clearance(polygons: NDArray[np.object_], owners: Ints) -> NDArray[np.float64]:
    """Return for each polygon how far the vertices of its feature are from each other and from other edges."""
    clearance = np.minimum(shapely.minimum_clearance(polygons), 1e30)
    several = np.isin(owners, owners[1:][np.diff(owners) == 0])
    if several.any():
        _whose, group = np.unique(owners[several], return_inverse=True)
        together = shapely.minimum_clearance(shapely.multipolygons(polygons[several], indices=group))
        clearance[several] = together[group]
    return np.asarray(clearance)


def line_rows(lines: NDArray[np.object_], owners: Ints) -> Rows:
    """Return the rows of lines."""
    xy, of_line = shapely.get_coordinates(lines, return_index=True)
    again = np.append(False, (np.diff(of_line) == 0) & (np.diff(np.rint(xy), axis=0) == 0).all(axis=1))
    xy, of_line = xy[~again], of_line[~again]
    long = np.bincount(of_line, minlength=len(lines)) >= _FEW_VERTICES
    kept = long[of_line]
    number = np.cumsum(long) - 1
    return _grouped(LINE, xy[kept], number[of_line[kept]], owners[long])


def _point_rows(points: NDArray[np.object_], owners: Ints) -> Rows:
    xy = shapely.get_coordinates(points)
    kept, number = np.unique(owners, return_inverse=True)
    return _grouped(POINT, xy, number, kept)


def _surface_rows(parts: NDArray[np.object_], owners: Ints) -> Rows:
    polygons, index = simple_polygons(parts)
    return polygon_rows(polygons, owners[index])


_MAKERS = {POLYGON: _surface_rows, LINE: line_rows, POINT: _point_rows}


def _grouped(
    kind: int,
    xy: NDArray[np.float64],
    of_ring: Ints,
    ring_owner: Ints,
    exterior: NDArray[np.bool_] | None = None,
    clearance: NDArray[np.float64] | None = None,
) -> Rows:
    """Return rows of rings, one for each run of an owner."""
    whole_xy = np.rint(xy).astype(np.int32)
    ring_points = np.bincount(of_ring, minlength=len(ring_owner)).astype(np.int32)
    first_ring = np.flatnonzero(np.diff(ring_owner, prepend=-1))
    rings = np.diff(np.append(first_ring, len(ring_owner))).astype(np.int32)
    count = len(first_ring)
    starts = (np.cumsum(ring_points) - ring_points)[first_ring] if count else first_ring
    points = np.add.reduceat(ring_points, first_ring) if count else np.empty(0)
    low = np.minimum.reduceat(whole_xy, starts) if count else np.empty((0, 2), np.int32)
    high = np.maximum.reduceat(whole_xy, starts) if count else np.empty((0, 2), np.int32)
    least = np.minimum.reduceat(clearance, first_ring) if clearance is not None and count else np.zeros(count)
    return Rows(
        owner=ring_owner[first_ring],
        kind=np.full(count, kind, dtype=np.uint8),
        box=np.hstack([low, high]),
        clearance=least.astype(np.float32),
        rings=rings,
        points=points.astype(np.int32),
        ring_points=ring_points,
        exterior=np.ones(len(ring_points), bool) if exterior is None else exterior,
        xy=whole_xy,
    )


def join(parts: Sequence[Rows]) -> Rows:
    """Return rows one after the other."""
    made = {
        name: np.concatenate([getattr(part, name) for part in parts]) if parts else np.empty((0, *tail), dtype)
        for name, (dtype, tail) in FIELDS.items()
    }
    return Rows(**made)
