"""Cut large polygons into pieces of few vertices, so that many small features can be intersected with them fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Bounds

Boxes = NDArray[np.float64]
Geometries = NDArray[Any]
Mask = NDArray[np.bool_]
Clip = Callable[[Geometries, Boxes], Geometries]

_DEEPEST = 32
# Of the area of the box that is split: far above rounding (1e-13), far below what a wrong clip loses.
_TOLERANCE = 1e-11


def subdivide(
    geometry: shapely.Geometry,
    most: int = 64,
    within: Bounds | None = None,
    meets: Callable[[Boxes], Mask] | None = None,
) -> Geometries:
    """Cut a valid polygon or multipolygon into valid polygons of at most ``most`` vertices (more after 32 halvings).

    The pieces share no interior point and their union is the geometry, or its part within the bounds (x, y) given,
    less pieces whose boxes ``meets`` denies. Boxes are halved across their longer side. Raises GEOSException when a
    piece is invalid because the geometry is.
    """
    pieces = _split(geometry, most, within, meets, _clip_fast)
    if shapely.is_valid(pieces).all():
        return pieces
    if not shapely.is_valid(geometry):
        raise shapely.GEOSException(f"invalid geometry: {shapely.is_valid_reason(geometry)}")
    return _split(geometry, most, within, meets, _clip_exactly)


def _split(
    geometry: shapely.Geometry,
    most: int,
    within: Bounds | None,
    meets: Callable[[Boxes], Mask] | None,
    clip: Clip,
) -> Geometries:
    parts = _polygons(np.array([geometry]))
    if within is not None and not shapely.covers(shapely.box(*within), shapely.box(*geometry.bounds)):
        parts = _polygons(clip(parts, np.tile(np.array(within), (len(parts), 1))))
    done: list[Geometries] = []
    for _ in range(_DEEPEST):
        parts = parts if meets is None else parts[meets(shapely.bounds(parts).reshape(-1, 4))]
        large = shapely.get_num_coordinates(parts) > most
        done.append(parts[~large])
        parts = parts[large]
        if not len(parts):
            break
        parts = _polygons(_halves(parts, clip))
    return np.concatenate([*done, parts])


def _halves(parts: Geometries, clip: Clip) -> Geometries:
    """Halve polygons across the longer sides of their boxes; exactly where the given clip loses area."""
    boxes = shapely.bounds(parts).reshape(-1, 4)
    first, second = boxes.copy(), boxes.copy()
    size = boxes[:, 2:] - boxes[:, :2]
    side = (size[:, 1] > size[:, 0]).astype(np.intp)
    row = np.arange(len(parts))
    middle = boxes[row, side] + size[row, side] / 2
    first[row, side + 2] = middle
    second[row, side] = middle
    low, high = clip(parts, first), clip(parts, second)
    lost = np.abs(shapely.area(parts) - shapely.area(low) - shapely.area(high))
    wrong = lost > _TOLERANCE * size.prod(axis=1)
    if wrong.any():
        low[wrong] = _clip_exactly(parts[wrong], first[wrong])
        high[wrong] = _clip_exactly(parts[wrong], second[wrong])
    return np.concatenate([low, high])


def _clip_fast(parts: Geometries, boxes: Boxes) -> Geometries:
    """Clip each polygon to its box; the result may be invalid, or lack parts that touch the box's edge."""
    clipped = np.empty(len(parts), dtype=object)
    clipped[:] = [shapely.clip_by_rect(part, *box) for part, box in zip(parts, boxes.tolist(), strict=True)]
    return clipped


def _clip_exactly(parts: Geometries, boxes: Boxes) -> Geometries:
    return np.asarray(shapely.intersection(parts, shapely.box(*boxes.T)), dtype=object)


def _polygons(geometries: Geometries) -> Geometries:
    parts = shapely.get_parts(shapely.get_parts(geometries))  # twice: multipolygons inside collections
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    return np.asarray(parts[kept])
