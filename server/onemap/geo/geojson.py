"""GeoJSON geometries from arrays of geometries, ready for orjson (numpy arrays inside)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Crs, same_plane, transform

Geometry = dict[str, Any] | None
_NAMES = {0: "Point", 1: "LineString", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString"}
_NAMES |= {6: "MultiPolygon", 7: "GeometryCollection"}
_FAMILIES = ((0, 4), (1, 2, 5), (3, 6))


def geojson(geometries: NDArray[np.object_], storage: Crs, target: Crs) -> list[Geometry]:
    """Return GeoJSON geometries with coordinates in the axis order of ``target``; None for missing ones.

    Coordinates that need no transformation stay as they are stored; others are rounded to 0.1 mm.
    """
    moved = transform(geometries, storage, target)
    decimals = None if same_plane(storage, target) else target.decimals
    made: list[Geometry] = [None] * len(moved)
    kinds = shapely.get_type_id(moved)
    empty = shapely.is_empty(moved)
    present = set(kinds.tolist())
    for family in _FAMILIES:
        found = [kind for kind in family if kind in present]
        if not found:
            continue
        of_family = np.logical_or.reduce([kinds == kind for kind in found])
        at = np.flatnonzero(of_family & ~empty)
        for place, geometry in zip(at.tolist(), _family(moved[at], kinds[at], decimals, target.swapped), strict=True):
            made[place] = geometry
    for place in np.flatnonzero((kinds == 7) & ~empty).tolist() if 7 in present else ():
        parts = np.asarray(shapely.get_parts(moved[place]), dtype=object)
        inner = (
            geojson(parts, target, target) if decimals is None else geojson(_rounded(parts, decimals), target, target)
        )
        made[place] = {"type": "GeometryCollection", "geometries": inner}
    return made


def geojson_texts(geometries: NDArray[np.object_], storage: Crs, target: Crs) -> list[str | None]:
    """Return the same as texts: for a few geometries at a time this takes a tenth of the time."""
    moved = shapely.force_2d(transform(geometries, storage, target))
    decimals = None if same_plane(storage, target) else target.decimals
    if decimals is not None or target.swapped:
        moved = shapely.transform(moved, lambda xy: _written(xy, decimals, target.swapped))
    texts = shapely.to_geojson(moved)
    known = ~(shapely.is_missing(moved) | shapely.is_empty(moved))
    return [str(text) if there else None for text, there in zip(texts, known.tolist(), strict=True)]


def _written(xy: NDArray[np.float64], decimals: int | None, swapped: bool) -> NDArray[np.float64]:
    """Return coordinates as they are written."""
    rounded = xy if decimals is None else np.round(xy, decimals)
    return rounded[:, ::-1] if swapped else rounded


def _rounded(geometries: NDArray[np.object_], decimals: int) -> NDArray[np.object_]:
    return np.asarray(shapely.transform(geometries, lambda xy: np.round(xy, decimals)), dtype=object)


def _family(
    geometries: NDArray[np.object_], kinds: NDArray[np.int32], decimals: int | None, swapped: bool
) -> list[Geometry]:
    """Return the geometries of one family (points, lines or polygons, single and multiple)."""
    if not len(geometries):
        return []
    kind, xy, offsets = shapely.to_ragged_array(geometries, include_z=False)
    coordinates = np.ascontiguousarray(_written(xy, decimals, swapped))
    nested = _nest(coordinates, [part.tolist() for part in offsets])
    multiple = kind.value >= 4
    return [
        {"type": _NAMES[single], "coordinates": item[0] if multiple and single < 4 else item}
        for single, item in zip(kinds.tolist(), nested, strict=True)
    ]


def _nest(coordinates: NDArray[np.float64], offsets: Sequence[list[int]]) -> Sequence[Any]:
    """Return the coordinates in lists of lists, one level for each array of offsets, innermost first."""
    level: Any = coordinates
    for ends in offsets:
        level = [level[first:last] for first, last in pairwise(ends)]
    return list(level)
