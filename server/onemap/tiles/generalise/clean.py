"""Polygons as they come, made fit for a coverage: whole coordinates, valid rings, no small gaps and overlaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.errors import GEOSException

from onemap.tiles.generalise.borders import Borders, borders
from onemap.tiles.generalise.faces import Faces, Floats, Ints, Polygons

_POLYGON, _MANY = 3, (4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Grid:
    """The integer grid that faces lie on: ``origin`` in x, y of the plane, ``step`` in its units."""

    origin: tuple[float, float]
    step: float

    def onto(self, xy: Floats) -> Floats:
        """Return whole numbers of steps, shape (n, 2)."""
        return np.asarray(np.rint((xy - self.origin) / self.step))

    def off(self, xy: Floats) -> Floats:
        """Return x, y of the plane."""
        return np.asarray(xy * self.step + self.origin)


def simple_polygons(geometries: Polygons) -> tuple[Polygons, Ints]:
    """Return the polygons in geometries and collections of any depth, and where each comes from."""
    owners = np.flatnonzero(~(shapely.is_missing(geometries) | shapely.is_empty(geometries)))
    parts = geometries[owners]
    while np.isin(shapely.get_type_id(parts), _MANY).any():
        parts, index = shapely.get_parts(parts, return_index=True)
        owners = owners[index]
    kept = (shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)
    return parts[kept], owners[kept]


def onto_grid(geometries: Polygons, grid: Grid) -> tuple[Polygons, Ints]:
    """Return valid polygons on the grid, and where each comes from; what has no extent there is left out."""
    polygons, owners = simple_polygons(geometries)
    return whole(shapely.transform(polygons, grid.onto), owners)


def whole(polygons: Polygons, owners: Ints) -> tuple[Polygons, Ints]:
    """Return valid polygons with whole coordinates, in parts where that takes it, and the owners of the parts."""
    snapped = shapely.transform(polygons, np.rint)
    good = shapely.is_valid(snapped)
    if good.all():
        kept = ~shapely.is_empty(snapped)
        return snapped[kept], owners[kept]
    fixed = shapely.make_valid(snapped[~good])
    fixed = shapely.set_precision(fixed, 1.0)
    parts, index = simple_polygons(fixed)
    every = np.concatenate([snapped[good], parts])
    whose = np.concatenate([owners[good], owners[~good][index]])
    order = np.argsort(whose, kind="stable")
    kept = shapely.area(every[order]) > 0
    return every[order][kept], whose[order][kept]


def clean(faces: Faces, gap: float) -> tuple[Faces, Borders, int]:
    """Return faces of a coverage with their borders, and how many were at fault: overlaps, gaps up to ``gap`` wide.

    Borders that match are not touched unless a fault is found among the faces of this part of the layer.
    """
    found = borders(faces.polygons)
    suspects = np.flatnonzero(found.open | found.faulty)
    wrong = int(found.faulty.sum())
    if len(suspects) > 1:
        edges = shapely.coverage_invalid_edges(faces.polygons[suspects], gap_width=gap)
        wrong = max(wrong, int((~shapely.is_empty(edges)).sum()))
    if not wrong:
        return faces, found, 0
    polygons, owners = whole(*simple_polygons(_cleaned(faces.polygons, gap)))
    cleaned = faces.take(owners)
    cleaned = Faces(polygons, cleaned.source, cleaned.klass, cleaned.largest)
    return cleaned, borders(polygons), wrong


def _cleaned(polygons: Polygons, gap: float) -> Polygons:
    try:
        return np.asarray(shapely.coverage_clean(polygons, gap_width=gap, snapping_distance=0.5), dtype=object)
    except GEOSException:
        return np.asarray(shapely.coverage_clean(polygons, gap_width=gap), dtype=object)
