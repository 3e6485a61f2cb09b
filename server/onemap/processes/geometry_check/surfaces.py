"""Rules on the parcels as surfaces: G005, G006, G009, G014 (area), G020."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.crs import crs_from_srid, transform
from onemap.geo.validity import fault
from onemap.processes.geometry_check.finding import Check
from onemap.processes.geometry_check.outlines import RawParcel
from onemap.processes.geometry_check.vertices import holes_of
from onemap.processes.parcels.rings import CrossingRingsError, assemble

Surfaces = dict[int, Any]
_MOST_VERTICES = 20_000
_HECTARE = 10_000.0
_HOLE_OUTSIDE = "a hole lies outside its outline"


def check_surfaces(check: Check) -> Surfaces:
    """Report parcels whose rings make no polygon, fragments and narrow parts; return the sound ones in the plane."""
    found: Surfaces = {}
    holes = holes_of(check)
    for index in range(len(check.outlines.parcels)):
        if index not in check.broken | check.opaque:
            made = _made(check, index, holes)
            if made is not None:
                found[index] = made
    _areas(check, found)
    for index, surface in found.items():
        if shapely.get_num_coordinates(surface) <= _MOST_VERTICES:
            _narrow(check, index, surface)
    return found


def _made(check: Check, index: int, holes: list[bool | None]) -> Any:
    """Return the polygon that the rings of a parcel make, None after reporting why they make none."""
    table = check.table
    own = np.flatnonzero(table.owner == index)
    points = {int(at): check.xy[table.first[at] : table.first[at] + table.length[at]] for at in own}
    if all(table.rings[at].hole is None for at in own):
        try:
            made = assemble([[(float(x), float(y)) for x, y in xy] for xy in points.values()])
        except CrossingRingsError as error:
            place = shapely.Point(error.place) if error.place else None
            check.tell("G002", index, place)
            return None
    else:
        made = _by_roles(check, index, points)
    if made is None or shapely.is_valid(made):
        return made
    reason, spot = fault(made)
    if reason == _HOLE_OUTSIDE:
        ring = next((int(table.number[at]) for at in own if holes[at]), 0)
        check.tell("G009", index, shapely.Point(spot) if spot else None, ring=ring)
    else:
        check.tell("G020", index, shapely.Point(spot) if spot else None, reason=reason)
    return None


def _by_roles(check: Check, index: int, points: dict[int, NDArray[np.float64]]) -> Any:
    """Return the polygon of rings that are outlines and holes by their place in the format."""
    table = check.table
    parts: dict[int, list[int]] = {}
    for at in points:
        parts.setdefault(table.rings[at].part, []).append(at)
    polygons = []
    for shell, *inner in parts.values():
        outline = shapely.Polygon(points[shell])
        for hole in inner:
            if not shapely.covers(outline, shapely.Polygon(points[hole])):
                check.tell(
                    "G009", index, shapely.LineString([*points[hole], points[hole][0]]), ring=int(table.number[hole])
                )
                return None
        polygons.append(shapely.Polygon(points[shell], [points[hole] for hole in inner]))
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def measured(check: Check, surfaces: Surfaces) -> dict[int, float]:
    """Return the area of each surface on the ellipsoid, m2, as other processes measure it."""
    if not surfaces:
        return {}
    crs = check.outlines.crs
    stated = crs if crs.geographic or crs.cgcs2000_gk else crs_from_srid(4490)
    shapes = np.empty(len(surfaces), dtype=object)
    shapes[:] = [check.plane.back(surface) for surface in surfaces.values()]
    areas = measure_for(stated.srid).areas(transform(shapes, crs, stated))
    return dict(zip(surfaces, areas.tolist(), strict=True))


def _areas(check: Check, surfaces: Surfaces) -> None:
    limits = check.rules.thresholds
    for index, area in measured(check, surfaces).items():
        place = shapely.point_on_surface(surfaces[index])
        if area < limits.min_area:
            check.tell("G006", index, place, area=area, limit=limits.min_area)
        _stated(check, index, check.outlines.parcels[index], area)


def _stated(check: Check, index: int, parcel: RawParcel, area: float) -> None:
    """Compare the area that a file states in hectares."""
    if parcel.hectares is None:
        return
    found = area / _HECTARE
    if abs(parcel.hectares - found) > max(check.rules.thresholds.area_share * found, 0.0005):
        check.tell("G014", index, what="地块面积", stated=f"{parcel.hectares:g}", found=f"{found:.4f}")


def _narrow(check: Check, index: int, surface: Any) -> None:
    """Report the parts of a surface that vanish when it is shrunk by half of the least width."""
    width = check.rules.thresholds.min_width
    core = shapely.buffer(surface, -width / 2, join_style="mitre")
    if shapely.is_empty(core):
        check.tell("G005", index, shapely.point_on_surface(surface), width=width)
        return
    opened = shapely.buffer(core, width / 2 * 1.001, join_style="mitre", mitre_limit=2.0)
    rest = shapely.get_parts(shapely.difference(surface, opened))
    long = shapely.length(rest) / 2 > 10 * width  # corners that are only cut off are shorter
    for part in rest[long]:
        check.tell("G005", index, part, width=width)
