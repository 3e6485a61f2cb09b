"""Label points: where the name of a feature stands, once in all tiles of a level."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from onemap.geo.crs import Array, Crs, transform_bounds, transform_xy
from onemap.store import Batch
from onemap.store.tiling import Frame
from onemap.tiles.commands import POINT, Shapes
from onemap.tiles.layer import Layer
from onemap.tiles.mvt import Attributes, encode_tile
from onemap.tiles.shapes import Geometries

# What is smaller than 1/64 of a tile in both directions has no room for a name.
_SMALLEST = 64.0
# Within a degree (about 100 km) the scale of a map projection hardly changes.
_NARROW, _METRES = 1.0, 100_000.0
_STEPS = 256


def label_frame(shapes: Frame) -> Frame:
    """Return how the label points of a tile are drawn whose features are drawn by ``shapes``."""
    return shapes._replace(tolerance=0.0, smallest=_SMALLEST if shapes.smallest else 0.0, few=0, labels=True)


def smallest_size(frame: Frame, storage: Crs) -> float:
    """Return how large features are, in units of the storage CRS, that have a label point in a tile.

    It is measured about the middle of the tile; for wide tiles, of the part of it that the storage CRS reaches.
    """
    if not frame.smallest:
        return 0.0
    grid = frame.grid
    left, bottom, right, top = frame.bounds
    if right - left < (_NARROW if grid.crs.geographic else _NARROW * _METRES):
        length = _lengths((left + right) / 2, (bottom + top) / 2, frame.smallest * grid.unit, grid.crs, storage)
        return length[0] if length else 0.0
    part = transform_bounds(frame.bounds, grid.crs, storage)
    if part is None:
        return 0.0
    step = max(part[2] - part[0], part[3] - part[1]) / _STEPS
    length = _lengths((part[0] + part[2]) / 2, (part[1] + part[3]) / 2, step, storage, grid.crs)
    return frame.smallest * grid.unit * step / length[1] if length and length[1] else 0.0


def _lengths(x: float, y: float, step: float, source: Crs, target: Crs) -> tuple[float, float] | None:
    """Return how long a step in x or in y is in another CRS, the shorter first; None beyond its reach."""
    moved = transform_xy(np.array([[x, y], [x + step, y], [x, y + step]]), source, target)
    lengths = np.hypot(*(moved[1:] - moved[0]).T)
    return (float(lengths.min()), float(lengths.max())) if np.isfinite(lengths).all() else None


def encode_labels(layer: Layer, frame: Frame, batch: Batch, smallest: float) -> bytes:
    """Return the layer with the label points that lie in a tile, of the features whose box meets it.

    ``smallest``: the size of features in units of the storage CRS below which they have none; indexes of stores know
    sizes less exactly, to some metres where coordinates are large.
    """
    large = np.flatnonzero(sizes_of(batch.geometries) >= smallest)
    there, points = label_points(batch.geometries[large])
    if not len(there):
        return b""
    owners = large[there]
    within, steps = placed(shapely.get_coordinates(points), layer.view.collection.storage, frame)
    attributes = Attributes(batch.keys, layer.columns, batch.columns)
    shapes = Shapes(POINT, shapely.points(steps), owners[within])
    return encode_tile(layer.view.collection.label_layer, [shapes], attributes)


def label_points(geometries: Geometries) -> tuple[NDArray[np.int64], Geometries]:
    """Return which geometries there are, and a point on each of these, as ST_PointOnSurface finds it."""
    there = np.flatnonzero(~(shapely.is_missing(geometries) | shapely.is_empty(geometries)))
    try:
        return there, np.asarray(shapely.point_on_surface(geometries[there]))
    except GEOSException:
        return there, np.asarray(shapely.point_on_surface(shapely.make_valid(geometries[there])))


def sizes_of(geometries: Geometries) -> NDArray[np.float64]:
    """Return the longer side of the box of each geometry, in units of its CRS; NaN where there is none."""
    boxes = shapely.bounds(geometries)
    return np.asarray(np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]))


def placed(points: Array, storage: Crs, frame: Frame) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which points (storage x, y, shape (n, 2)) a tile has, and the whole tile units at which these are."""
    xy = transform_xy(points, storage, frame.grid.crs)
    left, bottom, right, top = frame.bounds
    with np.errstate(invalid="ignore"):
        within = (xy[:, 0] >= left) & (xy[:, 0] < right) & (xy[:, 1] > bottom) & (xy[:, 1] <= top)
    unit = frame.grid.unit
    steps = np.floor((xy[within] - [left, top]) * [1 / unit, -1 / unit]).astype(np.int64)
    return within, np.minimum(steps, frame.extent - 1)
