"""Levels of detail of layers that are no coverage: what is too small to be seen is left out, the rest is simplified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.commands import LINE, POINT, POLYGON
from onemap.tiles.generalise import PIXELS
from onemap.tiles.generalise.clean import simple_polygons
from onemap.tiles.generalise.faces import Ints, spread, starts
from onemap.tiles.pack.frame import WORLD, Frame
from onemap.tiles.pack.ragged import Rows, join, line_rows, polygon_rows
from onemap.tiles.pack.rowfile import RowFile

LARGEST_SCALE = 12
"""The highest zoom at which shapes are simplified."""
_QUARTER = 0.25
_AT_ONCE = 20_000


def size_levels(finer: RowFile, zooms: Iterable[int], frame: Frame, work: Path) -> Iterator[tuple[int, float, RowFile]]:
    """Yield zoom, pixel in steps and rows of each level, the finest first: what is half a pixel large, and points.

    Ends where a level would hold all that the one before has of points and nothing else.
    """
    for zoom in zooms:
        pixel = WORLD / 2**zoom / PIXELS / frame.step
        kind = np.asarray(finer.column("kind"))
        chosen = np.flatnonzero((sizes(np.asarray(finer.column("box"))) >= pixel / 2) | (kind == POINT))
        if not len(chosen) or (kind == POINT).all():
            return
        file = RowFile(work / f"size{zoom}")
        for start in range(0, len(chosen), _AT_ONCE):
            file.append(simplified(finer.rows(chosen[start : start + _AT_ONCE]), pixel * _QUARTER))
        file.finish()
        yield zoom, pixel, file


def sizes(box: NDArray[np.int32]) -> Ints:
    """Return the longer side of each box."""
    whole = box.astype(np.int64)
    return np.asarray(np.maximum(whole[:, 2] - whole[:, 0], whole[:, 3] - whole[:, 1]))


def simplified(rows: Rows, tolerance: float) -> Rows:
    """Return rows simplified by a tolerance in steps, owners kept; the size of each stays what it was."""
    made = []
    for kind in (POLYGON, LINE):
        which = np.flatnonzero(rows.kind == kind)
        if len(which):
            shapes, owners = shapes_of(rows, which)
            if kind == LINE:
                made.append(line_rows(shapely.simplify(shapes, tolerance, preserve_topology=True), owners))
                continue
            # All parts of a feature at once: on their own they would come to overlap.
            whose, group = np.unique(owners, return_inverse=True)
            simple = shapely.simplify(shapely.multipolygons(shapes, indices=group), tolerance, preserve_topology=True)
            made.append(polygon_rows(*_polygons(simple, whose)))
    points = np.flatnonzero(rows.kind == POINT)
    if len(points):
        made.append(taken(rows, points))
    return join(made)


def shapes_of(rows: Rows, which: Ints) -> tuple[NDArray[np.object_], Ints]:
    """Return the polygons or lines of rows of one kind in steps, and the owner of each."""
    ring_begin, point_begin = starts(rows.rings), starts(rows.ring_points)
    rings = rows.rings[which].astype(np.int64)
    ring = spread(ring_begin[which], rings)
    counts = rows.ring_points[ring].astype(np.int64)
    xy = rows.xy[spread(point_begin[ring], counts)]
    of_ring = np.repeat(rows.owner[which], rings)
    if rows.kind[which[0]] == LINE:
        return to_lines(xy, counts), of_ring
    exterior = rows.exterior[ring]
    return to_polygons(xy, counts, exterior), of_ring[exterior]


def to_lines(xy: NDArray[np.generic], counts: Ints) -> NDArray[np.object_]:
    """Return lines of so many points each."""
    return np.asarray(
        shapely.from_ragged_array(shapely.GeometryType.LINESTRING, xy.astype(np.float64), (starts(counts),)), object
    )


def to_polygons(xy: NDArray[np.generic], counts: Ints, exterior: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Return the polygons of open rings of so many points each; an exterior ring begins each polygon."""
    begin = np.cumsum(counts) - counts
    closed = counts + 1
    at = spread(begin, closed)
    at[np.cumsum(closed) - 1] = begin
    ends = np.append(np.flatnonzero(exterior), len(counts))
    parts = shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy[at].astype(np.float64), (starts(closed), ends))
    return np.asarray(parts, dtype=object)


def _polygons(shapes: NDArray[np.object_], owners: Ints) -> tuple[NDArray[np.object_], Ints]:
    parts, index = simple_polygons(shapes)
    return parts, owners[index]


def taken(rows: Rows, which: Ints) -> Rows:
    """Return some of the rows, in this order."""
    ring_begin, point_begin = starts(rows.rings), starts(rows.ring_points)
    ring = spread(ring_begin[which], rows.rings[which].astype(np.int64))
    point = spread(point_begin[ring], rows.ring_points[ring].astype(np.int64))
    per_row = {name: getattr(rows, name)[which] for name in ("owner", "kind", "box", "clearance", "rings", "points")}
    return replace(rows, **per_row, ring_points=rows.ring_points[ring], exterior=rows.exterior[ring], xy=rows.xy[point])
