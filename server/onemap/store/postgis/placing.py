"""How stored x, y come to lie on the grid of a tile: as they are, through an affine map, or transformed."""

from __future__ import annotations

from math import asinh, atan, degrees, isfinite, radians, sinh, tan
from typing import Literal, NamedTuple

import numpy as np

from onemap.geo.crs import WEB_MERCATOR, Array, Bounds, Crs, same_plane, transform_bounds, transform_xy
from onemap.store.tiling import Frame

# Tile units by which an affine map may be off: under a half, which is what rounding to the grid does.
TOLERATED = 0.2
_SPHERE = 6378137.0
_STEPS = 5


class Place(NamedTuple):
    """How a tile lies on the stored plane.

    ``kind``: how features are brought to the tile. ``box``: the tile fills the stored bounds ``ends``; ``affine``:
    ``ends`` are the factors a, b, d, e, x, y of ST_Affine to the tile with y upwards; ``transform``: ``ends`` are the
    bounds of the tile in its own CRS. ``around`` holds the tile with its buffer in stored x, y; ``unit`` is the length
    of a tile unit there, in the direction in which it is shortest.
    """

    kind: Literal["box", "affine", "transform"]
    ends: tuple[float, ...]
    around: Bounds
    unit: float


def place(frame: Frame, storage: Crs) -> Place | None:
    """Return how a tile lies on the plane of a storage CRS; None where it is outside the reach of that CRS.

    Features are transformed point by point only where no affine map is within 0.2 tile units.
    """
    if same_plane(frame.grid.crs, storage):
        return Place("box", frame.bounds, frame.around, frame.grid.unit)
    if storage.geographic and frame.grid.crs.srid == WEB_MERCATOR.srid:
        return _mercator(frame)
    around = transform_bounds(frame.around, frame.grid.crs, storage)
    return None if around is None else _fitted(frame, storage, around)


def _mercator(frame: Frame) -> Place:
    """Place a tile of spherical Mercator on longitudes and latitudes.

    Latitudes are nearly even within a small tile: they deviate most half-way, always to the same side, so that moving
    the bounds by half of it halves the deviation, and neighbours still agree.
    """
    left, bottom, right, top = frame.bounds
    margin = frame.buffer * frame.grid.unit
    eastings, northings = (left, right, left - margin, right + margin), (bottom, top, bottom - margin, top + margin)
    west, east, *far = [degrees(x / _SPHERE) for x in eastings]
    south, north, *high = [degrees(atan(sinh(y / _SPHERE))) for y in northings]
    around = far[0], high[0], far[1], high[1]
    unit = (north - south) / frame.extent
    middle = asinh(tan(radians((south + north) / 2))) * _SPHERE
    off = (0.5 - (middle - bottom) / (top - bottom)) * frame.extent / 2
    if abs(off) > TOLERATED:
        return Place("transform", frame.bounds, around, unit)
    return Place("box", (west, south + off * unit, east, north + off * unit), around, unit)


def _fitted(frame: Frame, storage: Crs, around: Bounds) -> Place:
    """Place a tile by the affine map that fits its points best."""
    left, bottom = frame.bounds[:2]
    steps = np.linspace(-frame.buffer, frame.extent + frame.buffer, _STEPS)
    u, v = (values.ravel() for values in np.meshgrid(steps, steps))
    unit = frame.grid.unit
    xy = transform_xy(np.column_stack([left + u * unit, bottom + v * unit]), frame.grid.crs, storage)
    shortest = _shortest(frame, storage, around)
    if not np.isfinite(xy).all():
        return Place("transform", frame.bounds, around, shortest)
    centre = xy.mean(axis=0)
    known = np.column_stack([xy - centre, np.ones(len(xy))])
    wanted = np.column_stack([u, v])
    factors = np.linalg.lstsq(known, wanted, rcond=None)[0]
    rest = wanted - known @ factors
    shift = (rest.max(axis=0) + rest.min(axis=0)) / 2
    if float(np.abs(rest - shift).max()) > TOLERATED:
        return Place("transform", frame.bounds, around, shortest)
    (a, d), (b, e), moved = factors[0], factors[1], factors[2] + shift
    x, y = moved - centre @ factors[:2]
    return Place("affine", tuple(map(float, (a, b, d, e, x, y))), around, shortest)


def _shortest(frame: Frame, storage: Crs, around: Bounds) -> float:
    """Return the length of a tile unit in the middle of the stored bounds, in the direction in which it is shortest."""
    x, y = (around[0] + around[2]) / 2, (around[1] + around[3]) / 2
    step = max(around[2] - around[0], around[3] - around[1]) / 256
    points: Array = np.array([[x, y], [x + step, y], [x, y + step]])
    moved = transform_xy(points, storage, frame.grid.crs) / frame.grid.unit
    longest = float(np.hypot(*(moved[1:] - moved[0]).T).max())
    return step / longest if longest > 0 and isfinite(longest) else 0.0
