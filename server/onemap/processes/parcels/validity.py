"""The checks that every parcel passes before it is used, whatever file it came from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import UnusableParcel
from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, crs_from_srid, to_lonlat, transform
from onemap.geo.validity import fault
from onemap.processes.parcels.model import Limits, Note, Parcel, ParcelSet, Shape, unusable
from onemap.processes.parcels.overlaps import overlaps

Geometries = NDArray[np.object_]
RESOLUTION_M2 = 1e-4
"""Areas below this are zero: a strip of 1 m as wide as the survey's resolution of 0.1 mm."""
MAX_NOTES = 200
SLIVER_M2 = 10.0
"""Polygons below this are reported as slivers (碎片)."""
TANGLE_VERTICES = 5_000
MAX_TANGLE = 1e7


def checked(shapes: Sequence[Shape], crs: Crs, limits: Limits, notes: Sequence[Note] = ()) -> ParcelSet:
    """Return the shapes as parcels.

    Raises UnusableParcel naming parcel and place: no polygon, outside the domain of the system, not finite, invalid,
    without area. Raises TooLarge beyond the limits.
    """
    if not shapes:
        raise UnusableParcel("The input holds no parcel.", "Send at least one polygon.")
    limits.check_parcels(len(shapes))
    geometries = _polygons(shapes)
    limits.check_vertices(int(shapely.get_num_coordinates(geometries).sum()))
    _check_finite(geometries, shapes)
    _check_domain(geometries, shapes, crs)
    _check_tangle(geometries)
    _check_valid(geometries, shapes)
    stated = crs if crs.geographic or crs.cgcs2000_gk else crs_from_srid(4490)
    areas = measure_for(stated.srid).areas(transform(geometries, crs, stated))
    _check_area(areas, shapes)
    limits.check_area(float(areas.sum()))
    found, total = overlaps(geometries, areas, crs, stated, shapes)
    parcels = tuple(
        Parcel(index, shape.id, shape.name, geometry, shape.properties)
        for index, (shape, geometry) in enumerate(zip(shapes, geometries.tolist(), strict=True))
    )
    more = [*_slivers(areas, shapes), *_twins(shapes), *found]
    return ParcelSet(parcels, crs, stated, tuple(areas.tolist()), total, tuple([*notes, *more][:MAX_NOTES]))


def _polygons(shapes: Sequence[Shape]) -> Geometries:
    """Return the geometries, two-dimensional; each must be a polygon or multipolygon with vertices."""
    made = np.empty(len(shapes), dtype=object)
    for index, shape in enumerate(shapes):
        if shape.geometry is None or shape.geometry.is_empty:
            raise unusable("has no geometry", index, shape.id)
        if shape.geometry.geom_type not in ("Polygon", "MultiPolygon"):
            raise unusable(f"is a {shape.geometry.geom_type}, not a polygon", index, shape.id)
        made[index] = shape.geometry
    return np.asarray(shapely.force_2d(made), dtype=object)


def _check_finite(geometries: Geometries, shapes: Sequence[Shape]) -> None:
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    bad = np.flatnonzero(~np.isfinite(xy).all(axis=1))
    if len(bad):
        at = int(owner[bad[0]])
        raise unusable("has a coordinate that is not a finite number", at, shapes[at].id)


def _check_domain(geometries: Geometries, shapes: Sequence[Shape], crs: Crs) -> None:
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    lonlat = to_lonlat(xy, crs)
    west, south, east, north = crs.domain
    inside = (
        np.isfinite(lonlat).all(axis=1)
        & (lonlat[:, 0] >= west)
        & (lonlat[:, 0] <= east)
        & (lonlat[:, 1] >= south)
        & (lonlat[:, 1] <= north)
    )
    if not inside.all():
        bad = int(np.flatnonzero(~inside)[0])
        at = int(owner[bad])
        raise unusable(f"lies outside the domain of {crs.uri}", at, shapes[at].id, xy[bad].tolist())


def _check_valid(geometries: Geometries, shapes: Sequence[Shape]) -> None:
    valid = shapely.is_valid(geometries)
    if not valid.all():
        at = int(np.flatnonzero(~valid)[0])
        reason, place = fault(geometries[at])
        raise unusable(reason, at, shapes[at].id, place)


def _check_tangle(geometries: Geometries) -> None:
    """Refuse outlines so long for their area that cutting with them would exhaust the machine.

    The measure is perimeter squared by area: 16 for a square, some 1e4 for a road of 80 km, 1e5 for a river network.
    """
    if shapely.get_num_coordinates(geometries).sum() < TANGLE_VERTICES:
        return
    area = float(shapely.area(geometries).sum())
    if float(shapely.length(geometries).sum()) ** 2 > MAX_TANGLE * area:
        raise UnusableParcel("The outlines of the parcels are too intricate for their area.", "Simplify them first.")


def _check_area(areas: NDArray[np.float64], shapes: Sequence[Shape]) -> None:
    bad = np.flatnonzero(~(areas >= RESOLUTION_M2))
    if len(bad):
        at = int(bad[0])
        raise unusable("has no area", at, shapes[at].id)


def _slivers(areas: NDArray[np.float64], shapes: Sequence[Shape]) -> list[Note]:
    small = np.flatnonzero(areas < SLIVER_M2).tolist()
    return [
        Note("sliver", f"The parcel has {areas[at]:.2f} m2, less than {SLIVER_M2:g} m2.", shapes[at].id or str(at + 1))
        for at in small[:20]
    ]


def _twins(shapes: Sequence[Shape]) -> list[Note]:
    seen: set[str] = set()
    notes = []
    for shape in shapes:
        if shape.id and shape.id in seen:
            notes.append(Note("same-id", "Two parcels have the same id.", shape.id))
        if shape.id:
            seen.add(shape.id)
    return notes[:20]
