"""Rules between parcels: G007 overlaps, G008 gaps, G015 vertices without a counterpart."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.processes.geometry_check.crossings import Edges
from onemap.processes.geometry_check.finding import Check
from onemap.processes.geometry_check.surfaces import Surfaces

_MOST_PAIRS = 20_000
_CHUNK = 2_000


def check_neighbours(check: Check, edges: Edges, surfaces: Surfaces) -> None:
    """Report what is wrong between sound parcels; nothing is examined when the outlines are too intricate."""
    if len(surfaces) < 2 or edges.exhausted:
        return
    indices = np.array(list(surfaces))
    shapes = np.empty(len(indices), dtype=object)
    shapes[:] = list(surfaces.values())
    _overlaps(check, indices, shapes)
    _gaps(check, indices, shapes)
    _unmatched(check, edges, set(indices.tolist()))


def _overlaps(check: Check, indices: NDArray[np.int64], shapes: NDArray[np.object_]) -> None:
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = first < second
    first, second = first[pairs][:_MOST_PAIRS], second[pairs][:_MOST_PAIRS]
    sharing = shapely.relate_pattern(shapes[first], shapes[second], "T********")
    for start in range(0, int(sharing.sum()), _CHUNK):
        one, other = first[sharing][start : start + _CHUNK], second[sharing][start : start + _CHUNK]
        shared = shapely.intersection(shapes[one], shapes[other])
        areas = shapely.area(shared)
        for at in np.flatnonzero(areas >= check.rules.thresholds.overlap_area).tolist():
            name = _name(check, int(indices[other[at]]))
            check.tell("G007", int(indices[one[at]]), shared[at], other=name, area=float(areas[at]))


def _name(check: Check, index: int) -> str:
    return check.outlines.parcels[index].id or str(index + 1)


def _gaps(check: Check, indices: NDArray[np.int64], shapes: NDArray[np.object_]) -> None:
    """Report small or narrow holes that neighbours leave between them."""
    limits = check.rules.thresholds
    union = shapely.get_parts(shapely.union_all(shapes))
    rings = np.concatenate([np.empty(0, dtype=object), *[shapely.get_rings(part)[1:] for part in union]])
    if not len(rings):
        return
    holes = shapely.polygons(rings)
    width = 2 * shapely.area(holes) / shapely.length(holes)
    suspect = holes[(shapely.area(holes) <= limits.gap_area) | (width <= limits.gap_width)]
    around = shapely.STRtree(shapes).query(suspect, predicate="intersects")
    for at, hole in enumerate(suspect.tolist()):
        beside = around[1][around[0] == at]
        if len(beside) > 1:
            check.tell("G008", int(indices[beside].min()), hole, area=float(hole.area))


def _unmatched(check: Check, edges: Edges, sound: set[int]) -> None:
    """Report vertices on or near a neighbour's border where the neighbour has none."""
    limits = check.rules.thresholds
    used = np.isin(edges.parcel, list(sound))
    vertices = edges.start[used]
    points = shapely.points(check.xy[vertices])
    point, edge = edges.tree.query(points, predicate="dwithin", distance=limits.snap)
    other = edges.parcel[edge] != check.table.parcel[vertices[point]]
    other &= used[edge]
    point, edge = point[other], edge[other]
    place = check.xy[vertices[point]]
    ends = [np.hypot(*(check.xy[end[edge]] - place).T) for end in (edges.start, edges.end)]
    nearest = _least(point, edges.parcel[edge], np.minimum(*ends))
    distance = shapely.distance(points[point], edges.lines[edge])
    told: set[tuple[int, int]] = set()
    for at in np.flatnonzero(nearest > limits.tolerance).tolist():
        key = int(point[at]), int(edges.parcel[edge[at]])
        if key not in told:
            told.add(key)
            name = _name(check, key[1])
            parcel = int(check.table.parcel[vertices[key[0]]])
            check.tell("G015", parcel, points[key[0]], other=name, distance=float(distance[at]))


def _least(point: Any, parcel: Any, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each pair the least distance among the pairs of the same point and parcel."""
    if not len(point):
        return distance
    _, group = np.unique(np.column_stack([point, parcel]), axis=0, return_inverse=True)
    group = group.ravel()
    least = np.full(group.max() + 1, np.inf)
    np.minimum.at(least, group, distance)
    return np.asarray(least[group])
