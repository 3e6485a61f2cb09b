"""How far the nearest feature of a layer is from a project, in metres on the ellipsoid."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import CRS84, Bounds, transform, transform_bounds
from onemap.geo.overlay import repair
from onemap.geo.subdivide import subdivide
from onemap.processes.layers import Layer
from onemap.processes.project import Plane
from onemap.store import FeatureQuery

_DEGREE_M = 111_320.0
_STEPS = (100.0, 1_000.0, 10_000.0, 100_000.0)
_MOST = 20_000
_REFINED = 8
_PIECE_VERTICES = 64


@cache
def _geod() -> pyproj.Geod:
    return pyproj.Geod(a=6378137.0, rf=298.257222101)


def nearest_distance(layer: Layer, plane: Plane, reach: float) -> float | None:
    """Return the distance in metres to the nearest feature within ``reach``, or None.

    Boxes around the project are searched outward; the nearest points are found in a local plane around the project
    and their distance is geodesic on the CGCS2000 ellipsoid.
    """
    project = transform(np.array([plane.geometry], dtype=object), plane.crs, CRS84)[0]
    if project is None:
        return None
    if not project.is_valid:  # by a rounding, where parts touch
        project = repair(np.array([project], dtype=object))[0]
    for step in [*(step for step in _STEPS if step < reach), reach]:
        found = _features(layer, project, step)
        distance = _least(project, found) if len(found) else None
        if distance is not None and distance <= step:
            return distance
    return None


def _features(layer: Layer, project: shapely.Geometry, step: float) -> NDArray[np.object_]:
    """Return the features, longitude and latitude, whose boxes come within ``step`` metres of the project's box."""
    west, south, east, north = shapely.bounds(project).tolist()
    high = math.cos(math.radians(min(89.0, max(abs(south), abs(north)) + step / _DEGREE_M)))
    dx, dy = 1.01 * step / (_DEGREE_M * high), 1.01 * step / 110_500.0
    box: Bounds = (west - dx, south - dy, east + dx, north + dy)
    bounds = transform_bounds(box, CRS84, layer.collection.storage)
    if bounds is None:
        return np.empty(0, dtype=object)
    geometries = layer.store.within(layer.view, bounds, 0.0, FeatureQuery(limit=_MOST, columns=())).geometries
    moved = transform(geometries, layer.collection.storage, CRS84)
    kept: NDArray[np.object_] = moved[[geometry is not None and not geometry.is_empty for geometry in moved]]
    return kept


def _least(project: shapely.Geometry, features: NDArray[np.object_]) -> float:
    """Return the geodesic distance to the nearest of the features."""
    _, south, _, north = shapely.bounds(project).tolist()
    scale = math.cos(math.radians((south + north) / 2))
    # Small pieces in a tree: the distance between two large outlines takes the product of their vertices.
    pieces = subdivide(project, _PIECE_VERTICES)
    tree = shapely.STRtree(_flat(pieces, scale))
    (feature, piece), rough = tree.query_nearest(_flat(features, scale), all_matches=False, return_distance=True)
    candidates = np.argsort(rough, kind="stable")[:_REFINED].tolist()
    return min(_geodesic(pieces[piece[at]], features[feature[at]], scale) for at in candidates)


def _flat(geometries: Any, scale: float) -> Any:
    """Return geometries with degrees of longitude shortened to the length of degrees of latitude."""
    return shapely.transform(geometries, lambda xy: xy * (scale, 1.0))


def _geodesic(project: shapely.Geometry, feature: shapely.Geometry, scale: float) -> float:
    """Return the geodesic distance between the nearest points, found again in a plane that is true where they are."""
    for _ in range(2):
        line = shapely.shortest_line(_flat(project, scale), _flat(feature, scale))
        (x1, y1), (x2, y2) = shapely.get_coordinates(line).tolist()
        start, end = (x1 / scale, y1), (x2 / scale, y2)
        scale = math.cos(math.radians((y1 + y2) / 2))
    return float(_geod().inv(*start, *end)[2])
