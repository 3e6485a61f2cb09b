"""The parcels as one project in the plane of a layer: each vertex transformed, edges straight between them there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, crs_from_srid, transform
from onemap.geo.overlay import repair
from onemap.geo.union import union_of
from onemap.processes.groups import near
from onemap.processes.layers import Layer
from onemap.processes.parcels import ParcelSet

_PREPARED = Lock()
"""Held while an extent of validity is asked: stores share it among threads, and GEOS prepares it in use."""
FULL = 1 - 1e-9
"""A share above this is the whole: the two planes' straight edges differ by less."""


@dataclass(frozen=True)
class Plane:
    """The union of the parcels in x, y of ``crs``, and its area in m2."""

    crs: Crs
    geometry: shapely.Geometry
    area: float

    @cached_property
    def groups(self) -> list[Plane]:
        """The union in groups of parts near each other; the plane itself where it has few."""
        parts = shapely.get_parts(self.geometry)
        places = near(parts)
        if len(places) == 1:
            return [self]
        shapes = [shapely.multipolygons(parts[group]) for group in places]
        areas = measure_for(self.crs.srid).areas(np.array(shapes, dtype=object))
        return [Plane(self.crs, shape, area) for shape, area in zip(shapes, areas.tolist(), strict=True)]


class Project:
    """The parcels of a request; planes are made once for each CRS."""

    def __init__(self, parcels: ParcelSet) -> None:
        self.parcels = parcels
        self._planes: dict[int, Plane | None] = {}
        self._lock = Lock()

    def apart(self) -> Project:
        """Return the same project for another thread: geometries are prepared in use, so each thread needs its own."""
        return _Apart(self)

    def plane(self, crs: Crs) -> Plane | None:
        """Return the project in the plane of a layer; None when it lies out of the system's reach.

        Raises ConfigError for a system in which no area is defined.
        """
        with self._lock:
            if crs.srid not in self._planes:
                self._planes[crs.srid] = self._make(crs)
            return self._planes[crs.srid]

    def _make(self, crs: Crs) -> Plane | None:
        measure = measure_for(crs.srid)
        moved: NDArray[np.object_] = transform(self.parcels.geometries, self.parcels.crs, crs)
        if any(geometry is None for geometry in moved.tolist()):
            return None
        valid = shapely.is_valid(moved)
        if not valid.all():  # touching edges may cross by a rounding in another plane
            moved = moved.copy()
            moved[~valid] = repair(moved[~valid])
        union = union_of(moved)
        area = measure.area(union)
        return Plane(crs, union, area) if np.isfinite(area) and area > 0 else None

    def coverage(self, layer: Layer) -> float | None:
        """Return the share of the project inside the layer's declared extent of validity; None: none is declared."""
        extent = _extent(layer)
        if extent is None:
            return None
        area, total = self._inside(*extent)
        return 1.0 if area >= total * FULL else area / total

    def coverages(self, layer: Layer) -> NDArray[np.float64]:
        """Return the share of each parcel inside the layer's declared extent; 0 where none is declared or in reach."""
        shares = np.zeros(len(self.parcels))
        extent = _extent(layer)
        if extent is None:
            return shares
        geometry, srid = extent
        moved = repair(transform(self.parcels.geometries, self.parcels.crs, crs_from_srid(srid)))
        areas = measure_for(srid).areas(moved)
        known = np.flatnonzero(np.isfinite(areas) & (areas > 0))
        shapes, total = moved[known], areas[known]
        beyond = ~_covered(geometry, shapes)
        part = total.copy()
        part[beyond] = np.minimum(measure_for(srid).areas(_parts(geometry, shapes[beyond])), total[beyond])
        shares[known] = np.where(part >= total * FULL, 1.0, part / total)
        return shares

    def covered_area(self, layer: Layer) -> float:
        """Return the area of the project inside the layer's declared extent of validity, m2."""
        extent = _extent(layer)
        return self._inside(*extent)[0] if extent else 0.0

    def _inside(self, extent: shapely.Geometry, srid: int) -> tuple[float, float]:
        """Return the area of the project inside an extent and its whole area, m2."""
        plane = self.plane(crs_from_srid(srid))
        if plane is None:
            return 0.0, 1.0
        parts = shapely.get_parts(plane.geometry)
        covered = _covered(extent, parts)
        if covered.all():
            return plane.area, plane.area
        inside = np.concatenate([parts[covered], _parts(extent, parts[~covered])])
        return min(float(measure_for(srid).areas(inside).sum()), plane.area), plane.area


def _covered(extent: shapely.Geometry, parts: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Tell which polygons an extent of validity holds; far from its border their boxes tell."""
    with _PREPARED:
        shapely.prepare(extent)
        covered = shapely.covers(extent, shapely.box(*shapely.bounds(parts).reshape(-1, 4).T))
        covered[~covered] = shapely.covers(extent, parts[~covered])
    return np.asarray(covered)


def _parts(extent: shapely.Geometry, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return what of polygons lies inside an extent of validity, None of those that it does not meet."""
    parts = np.full(len(shapes), None, dtype=object)
    with _PREPARED:
        met = shapely.intersects(extent, shapes)
    parts[met] = shapely.intersection(extent, shapes[met])
    return parts


class _Apart(Project):
    """A project with geometries of its own."""

    def __init__(self, project: Project) -> None:
        super().__init__(project.parcels)
        self._project = project

    def _make(self, crs: Crs) -> Plane | None:
        plane = self._project.plane(crs)
        return plane and replace(plane, geometry=shapely.from_wkb(shapely.to_wkb(plane.geometry)))


def _extent(layer: Layer) -> tuple[shapely.Geometry, int] | None:
    """Return the polygons that a layer declares to cover, and their EPSG code."""
    declared = layer.collection.coverage
    return layer.store.coverage(declared) if declared else None
