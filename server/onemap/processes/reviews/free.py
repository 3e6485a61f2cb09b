"""The free part of an area searched: what is left when everything prohibited and everything unknown is taken away."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import UnusableParcel
from onemap.geo.area import measure_for
from onemap.geo.crs import CRS84, Crs, crs_from_srid, transform
from onemap.geo.overlay import repair
from onemap.geo.survey import survey_zone
from onemap.processes.analysis import PieceLayer
from onemap.processes.control_lines import Checked
from onemap.processes.control_lines.verdicts import verdicts
from onemap.processes.layers import Layer
from onemap.processes.parcels import Parcel, ParcelSet
from onemap.processes.tables import rounded

_UNKNOWN = ("no-coverage", "timeout", "error")
_SEGMENTS = 8
_STEP_DEGREES = 0.001


def free_areas(checked: Checked, size: float, clearance: float, most: int) -> dict[str, Any]:
    """Return free areas of at least ``size`` m2 that keep ``clearance`` metres from what is prohibited.

    ``areas``: GeoJSON geometries in longitude and latitude with area and verdict, the largest first. Where a layer is
    valid for a part only, the rest is not free; where one is missing, nothing is free of doubt and the verdict of each
    area says so. ``taken``: m2 that each layer takes away beside those before it.
    """
    crs = _zone(checked.parcels)
    shapes = repair(transform(checked.parcels.geometries, checked.parcels.crs, crs))
    left = shapely.union_all(shapes)
    taken = []
    for title, role, blocked in _blocked(checked, crs):
        before = measure_for(crs.srid).area(left)
        left = shapely.difference(left, _around(blocked, clearance))
        area = before - measure_for(crs.srid).area(left)
        taken.append({"role": role, "title": title, "area": area, **rounded(area)})
    parts = _large(left, size, crs)
    return {"count": len(parts), "taken": taken, "areas": _described(checked, parts[:most], crs)}


def _around(blocked: shapely.Geometry, clearance: float) -> shapely.Geometry:
    """Return what is within a distance in metres and a little more: an arc's chords must not come nearer."""
    return shapely.buffer(blocked, clearance / math.cos(math.pi / (4 * _SEGMENTS)), quad_segs=_SEGMENTS)


def _zone(parcels: ParcelSet) -> Crs:
    """Return the 3-degree zone in the middle of the parcels, in which a metre is a metre. Raises UnusableParcel."""
    if parcels.crs.cgcs2000_gk:
        return parcels.crs
    west, _, east, _ = shapely.total_bounds(transform(parcels.geometries, parcels.crs, CRS84)).tolist()
    zone = survey_zone((west + east) / 2)
    if zone is None:
        raise UnusableParcel("The parcels lie in none of the survey's zones: no free areas are sought there.")
    return zone


def _blocked(checked: Checked, crs: Crs) -> list[tuple[str, str, shapely.Geometry]]:
    """Return title, role and extent of what each layer prohibits or says nothing of."""
    pieces = {layer.name: layer for layer in checked.pieces()}
    made = []
    for found in checked.found:
        if found.layer is None or found.status in ("not-relevant", "timeout", "error"):
            continue
        cut = pieces.get(found.layer.collection.id)
        parts = [*_prohibited(cut, crs), *_uncovered(checked, found.layer, found.entry["coverage"], crs)]
        outside = checked.catalogue.outside(found.rule, checked.purpose)
        if outside and outside.status == "involved-prohibited":
            parts += _beyond(checked, cut, crs)
        if parts:
            made.append((found.entry["title"], found.rule.role, shapely.union_all(parts)))
    return made


def _prohibited(cut: PieceLayer | None, crs: Crs) -> list[shapely.Geometry]:
    if cut is None:
        return []
    chosen = np.array([status == "involved-prohibited" for status in cut.columns["status"]], dtype=bool)
    return _moved(cut.geometries[chosen], cut.crs, crs)


def _uncovered(checked: Checked, layer: Layer, coverage: float, crs: Crs) -> list[shapely.Geometry]:
    """Return the part of the area searched outside the extent of validity that a layer declares."""
    declared = layer.collection.coverage
    extent = layer.store.coverage(declared) if declared else None
    if extent is None or coverage >= 1:
        return []
    shape, srid = extent
    plane = checked.project.plane(crs_from_srid(srid))
    if plane is None:
        return []
    rest = shapely.difference(plane.geometry, shape)
    return _moved(np.array([rest], dtype=object), plane.crs, crs)


def _beyond(checked: Checked, cut: PieceLayer | None, crs: Crs) -> list[shapely.Geometry]:
    """Return the part of the area searched outside all features of a layer."""
    whole = shapely.union_all(_moved(checked.parcels.geometries, checked.parcels.crs, crs))
    inside = shapely.union_all(_moved(cut.geometries, cut.crs, crs)) if cut else shapely.Polygon()
    return [shapely.difference(whole, inside)]


def _moved(geometries: NDArray[np.object_], source: Crs, target: Crs) -> list[shapely.Geometry]:
    """Return geometries in another plane; long edges of degrees are divided first, to bend as they should."""
    if source.geographic:
        geometries = shapely.segmentize(geometries, _STEP_DEGREES)
    moved = transform(geometries, source, target)
    return [one for one in repair(moved) if one is not None and not one.is_empty]


def _large(left: shapely.Geometry, size: float, crs: Crs) -> list[tuple[float, shapely.Geometry]]:
    """Return the polygons that are large enough, the largest first, then from west to east."""
    parts = shapely.get_parts(left)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    areas = measure_for(crs.srid).areas(parts).tolist()
    found = [(area, part) for area, part in zip(areas, parts, strict=True) if area >= size]
    return sorted(found, key=lambda one: (-one[0], *one[1].bounds))


def _described(checked: Checked, parts: Sequence[tuple[float, shapely.Geometry]], crs: Crs) -> list[dict[str, Any]]:
    """Return the areas with geometry, the widest circle that fits, and what conditions they meet."""
    if not parts:
        return []
    shapes = [Parcel(index, None, None, part) for index, (_, part) in enumerate(parts)]
    areas = tuple(area for area, _ in parts)
    free = ParcelSet(tuple(shapes), crs, crs, areas, float(sum(areas)))
    rows = verdicts(checked.catalogue, checked.purpose, free, checked.found)
    return [_area(row, area, part, crs) for row, (area, part) in zip(rows, parts, strict=True)]


def _area(row: dict[str, Any], area: float, part: shapely.Geometry, crs: Crs) -> dict[str, Any]:
    circle = shapely.maximum_inscribed_circle(part, tolerance=1.0)
    degrees = transform(np.array([shapely.normalize(part)], dtype=object), crs, CRS84)[0]
    rounded_off = shapely.transform(degrees, lambda xy: np.round(xy, CRS84.decimals))
    return {
        "area": area,
        **rounded(area),
        "widest": round(2 * float(shapely.length(circle)), 1),
        "verdict": row["verdict"],
        "conditional": [item["role"] for item in row["layers"] if item["status"] == "involved-conditional"],
        "unknown": [item["role"] for item in row["layers"] if item["status"] in _UNKNOWN],
        "geometry": json.loads(shapely.to_geojson(rounded_off)),
    }
