"""Label points: where the name of a feature stands, once in all tiles of a level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely.errors import GEOSException

from onemap.geo.crs import transform_xy
from onemap.store import Batch
from onemap.store.tiling import Frame
from onemap.tiles.commands import POINT, Shapes
from onemap.tiles.layer import Layer
from onemap.tiles.mvt import Attributes, encode_tile
from onemap.tiles.shapes import Geometries

# What is smaller than 1/64 of a tile in both directions has no room for a name.
_SMALLEST = 64.0


def label_frame(shapes: Frame) -> Frame:
    """Return how the label points of a tile are drawn whose features are drawn by ``shapes``."""
    return replace(shapes, tolerance=0.0, smallest=_SMALLEST if shapes.smallest else 0.0, few=0, labels=True)


def encode_labels(layer: Layer, frame: Frame, batch: Batch) -> bytes:
    """Return the layer with the label points that lie in a tile, of the features whose box meets it."""
    collection, grid = layer.view.collection, frame.grid
    owners = np.flatnonzero(~(shapely.is_missing(batch.geometries) | shapely.is_empty(batch.geometries)))
    if not len(owners):
        return b""
    xy = transform_xy(shapely.get_coordinates(_points_on(batch.geometries[owners])), collection.storage, grid.crs)
    left, bottom, right, top = frame.bounds
    with np.errstate(invalid="ignore"):
        within = (xy[:, 0] >= left) & (xy[:, 0] < right) & (xy[:, 1] > bottom) & (xy[:, 1] <= top)
    steps = np.floor((xy[within] - [left, top]) * [1 / grid.unit, -1 / grid.unit])
    points = shapely.points(np.minimum(steps, frame.extent - 1))
    attributes = Attributes(batch.keys, layer.columns, batch.columns)
    return encode_tile(collection.label_layer, [Shapes(POINT, points, owners[within])], attributes)


def _points_on(geometries: Geometries) -> Geometries:
    """Return a point on each geometry, as ST_PointOnSurface does; none of them is empty."""
    try:
        return np.asarray(shapely.point_on_surface(geometries))
    except GEOSException:
        return np.asarray(shapely.point_on_surface(shapely.make_valid(geometries)))
