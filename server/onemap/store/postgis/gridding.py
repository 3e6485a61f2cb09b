"""Shapes in whole units of a grid, as vector tiles have them."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import WEB_MERCATOR, Array, Crs, crs_from_srid, transform_xy
from onemap.store.tiling import Grid

Geometries = NDArray[np.object_]
_COLLECTION = 7
_SPHERE = 6378137.0


def twins(grid: Grid) -> tuple[Grid, ...]:
    """Return a grid, and after one of WebMercatorQuad that of longitudes and latitudes with units as long."""
    if grid.crs.srid != WEB_MERCATOR.srid:
        return (grid,)
    unit = math.degrees(grid.unit / _SPHERE)
    return grid, Grid(crs_from_srid(4490), (-180.0, 90.0), 360.0 / round(360.0 / unit))


def on_grid(geometries: Geometries, storage: Crs, grid: Grid) -> Geometries:
    """Return stored shapes in whole units of a grid, y downwards: valid, exterior rings with a positive area.

    A shape of which nothing is left, or that leaves the reach of the grid, is None. Source of the winding: Mapbox
    Vector Tile 2.1, 4.3.3.3.
    """
    origin, scale = np.array(grid.origin), np.array([1 / grid.unit, -1 / grid.unit])

    def to_grid(xy: Array) -> Array:
        return np.asarray((transform_xy(xy, storage, grid.crs) - origin) * scale)

    moved = shapely.transform(geometries, to_grid)
    moved[~np.isfinite(shapely.bounds(moved)).all(axis=1)] = None
    snapped = shapely.transform(moved, np.rint)
    surfaces = shapely.get_dimensions(snapped) == 2
    bad = np.flatnonzero(surfaces & ~shapely.is_valid(snapped))
    snapped[bad] = [_mended(shape) for shape in moved[bad]]
    snapped[surfaces] = shapely.orient_polygons(snapped[surfaces])
    snapped[shapely.is_empty(snapped)] = None
    return np.asarray(snapped)


def _mended(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a surface that is valid on the grid, from one that rounding makes invalid."""
    parts = shapely.get_parts(shapely.set_precision(shapely.make_valid(shape), 1.0))
    while (shapely.get_type_id(parts) == _COLLECTION).any():
        parts = shapely.get_parts(parts)
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
