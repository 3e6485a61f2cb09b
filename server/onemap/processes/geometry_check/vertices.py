"""Rules on vertices and single rings: G001, G003, G004, G010 to G014, G016, G018, G019, G021."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import to_lonlat
from onemap.processes.geometry_check.finding import Check

Floats = NDArray[np.float64]
_COUNTER_CLOCKWISE = {"application/geo+json": True, "application/geopackage+sqlite3": True}
"""The direction of outer rings by format; the others have it the other way round."""
_MOST_RINGS = 2_000
_LISTED = 1_000


def check_vertices(check: Check) -> None:
    """Report what is wrong with vertices and with rings on their own."""
    _parcels(check)
    _rings(check)
    _domain(check)
    _edges(check)
    _directions(check)


def _parcels(check: Check) -> None:
    seen: Counter[str] = Counter(parcel.id for parcel in check.outlines.parcels if parcel.id)
    for index, parcel in enumerate(check.outlines.parcels):
        if parcel.kind is not None:
            check.tell("G021", index, kind=parcel.kind)
            check.broken.add(index)
        if parcel.id and seen[parcel.id] > 1:
            check.tell("G019", index, other=parcel.id)
        if parcel.points and parcel.points[0] != parcel.points[1]:
            check.tell("G014", index, what="界址点数", stated=str(parcel.points[0]), found=str(parcel.points[1]))
    if check.outlines.swapped:
        check.tell("G011", 0)


def _rings(check: Check) -> None:
    table = check.table
    areas = ring_areas(check)
    for at, ring in enumerate(table.rings):
        parcel, own = int(table.owner[at]), slice(table.first[at], table.first[at] + table.length[at])
        number = int(table.number[at])
        points = check.xy[own]
        if not check.finite[own].all():
            check.tell("G018", parcel, ring=number)
            check.broken.add(parcel)
            continue
        if not ring.closed and len(points):
            check.tell("G001", parcel, shapely.Point(points[-1]), ring=number)
        resolution = check.rules.thresholds.resolution
        if len(points) < 3 or (abs(areas[at]) < resolution and _flat(points, resolution)):
            place = shapely.MultiPoint(points[:_LISTED]) if len(points) else None
            check.tell("G016", parcel, place, ring=number)
            check.broken.add(parcel)


def _flat(points: Floats, resolution: float) -> bool:
    """Whether points lie on one line, or in one place."""
    spread = points - points.mean(axis=0)
    return bool(np.linalg.eigvalsh(spread.T @ spread / len(points))[0] < resolution**2)


def _closed_line(points: Floats) -> Any:
    return shapely.LineString(np.vstack([points, points[:1]]))


def ring_areas(check: Check) -> Floats:
    """Return the signed area of each ring in the plane, m2; positive for counter-clockwise ones."""
    table = check.table
    if not len(table.rings):
        return np.empty(0)
    origin = np.zeros((len(table.rings), 2))
    there = table.length > 0
    origin[there] = check.xy[table.first[there]]
    xy = check.xy - origin[table.ring]
    following = table.following()
    cross = xy[:, 0] * xy[following, 1] - xy[following, 0] * xy[:, 1]
    return np.bincount(table.ring, weights=np.nan_to_num(cross), minlength=len(table.rings)) / 2


def _domain(check: Check) -> None:
    crs, table = check.outlines.crs, check.table
    lonlat = to_lonlat(table.xy, crs) if len(table.xy) else np.empty((0, 2))
    west, south, east, north = crs.domain
    inside = np.isfinite(lonlat).all(axis=1) & (lonlat >= (west, south)).all(axis=1) & (lonlat <= (east, north)).all(1)
    outside = check.finite & ~inside
    counts = np.bincount(table.parcel[outside], minlength=len(check.outlines.parcels))
    for parcel in np.flatnonzero(counts).tolist():
        first = int(np.flatnonzero(outside & (table.parcel == parcel))[0])
        check.tell("G010", parcel, shapely.Point(check.xy[first]), count=int(counts[parcel]))
        check.broken.add(parcel)


def _edges(check: Check) -> None:
    """Report points that are there twice, edges too short, and corners too sharp."""
    table, limits = check.table, check.rules.thresholds
    following = table.following()
    length = np.hypot(*(check.xy[following] - check.xy).T)
    same = check.finite & (length <= limits.resolution) & (table.length[table.ring] > 1)
    short = check.finite & (length > limits.resolution) & (length < limits.tolerance)
    for at in _few(check, "G003", same):
        place = shapely.Point(check.xy[at])
        check.tell("G003", table.parcel[at], place, ring=_number(check, at), point=_point(check, at))
    for at in _few(check, "G012", short):
        place = shapely.LineString([check.xy[at], check.xy[following[at]]])
        check.tell("G012", table.parcel[at], place, length=float(length[at]))
    _spikes(check, np.flatnonzero(check.finite & ~same))


def _spikes(check: Check, kept: NDArray[np.intp]) -> None:
    """Report corners at which a ring nearly turns back on itself; repeated points are passed over."""
    if not len(kept):
        return
    ring = check.table.ring[kept]
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    ends = np.append(starts[1:], len(kept)) - 1
    before, after = np.arange(len(kept)) - 1, np.arange(len(kept)) + 1
    before[starts], after[ends] = ends, starts
    xy = check.xy[kept]
    one, other = xy[before] - xy, xy[after] - xy
    cross = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
    angle = np.degrees(np.arctan2(cross, (one * other).sum(axis=1)))
    sharp = (angle < check.rules.thresholds.min_angle) & (before != after)
    for at in _few(check, "G004", sharp):
        place = shapely.LineString([xy[before[at]], xy[at], xy[after[at]]])
        check.tell("G004", check.table.parcel[kept[at]], place, angle=float(angle[at]))
    for at in _few(check, "G002", sharp & (angle < 1e-7)):
        check.tell("G002", check.table.parcel[kept[at]], shapely.LineString([xy[at], xy[before[at]]]))
    check.broken.update(check.table.parcel[kept[sharp & (angle < 1e-7)]].tolist())


def _few(check: Check, rule: str, mask: Any) -> list[int]:
    """Return the places of the first faults; the others are only counted."""
    places = np.flatnonzero(mask)
    check.more(rule, max(0, len(places) - check.rules.limit))
    return [int(at) for at in places[: check.rules.limit]]


def _number(check: Check, vertex: int) -> int:
    return int(check.table.number[check.table.ring[vertex]])


def _point(check: Check, vertex: int) -> int:
    return int(vertex - check.table.first[check.table.ring[vertex]]) + 1


def _directions(check: Check) -> None:
    """Report rings that run the wrong way: outer ones and holes have opposite directions."""
    table, areas = check.table, ring_areas(check)
    outer = _COUNTER_CLOCKWISE.get(check.outlines.media_type, False)
    holes = holes_of(check)
    for at in range(len(table.rings)):
        hole = holes[at]
        if hole is None or areas[at] == 0 or int(table.owner[at]) in check.broken:
            continue
        if (areas[at] > 0) != (outer != hole):
            own = check.xy[table.first[at] : table.first[at] + table.length[at]]
            place = _closed_line(own) if len(own) <= _LISTED else shapely.Point(own[0])
            check.tell("G013", table.owner[at], place, ring=int(table.number[at]))


def holes_of(check: Check) -> list[bool | None]:
    """Return for each ring whether it is a hole: as its format says, else by the rings around its first vertex."""
    table = check.table
    made: list[bool | None] = [ring.hole for ring in table.rings]
    for parcel in range(len(check.outlines.parcels)):
        own = np.flatnonzero(table.owner == parcel)
        open_ones = [int(at) for at in own if made[at] is None and table.length[at] >= 3]
        if not open_ones or len(own) > _MOST_RINGS or parcel in check.broken:
            continue
        faces = [shapely.Polygon(check.xy[table.first[at] : table.first[at] + table.length[at]]) for at in open_ones]
        points = shapely.points([check.xy[table.first[at]] for at in open_ones])
        point, face = shapely.STRtree(faces).query(points, predicate="within")
        depth = np.bincount(point[point != face], minlength=len(open_ones))
        for at, level in zip(open_ones, depth.tolist(), strict=True):
            made[at] = bool(level % 2)
    return made
