"""How wide the cut parts of features are: thin ones along a border are the noise of drawing."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Crs
from onemap.geo.overlay import Floats, Ids
from onemap.processes.layers import Layer
from onemap.processes.overlaid import overlaid
from onemap.processes.project import Plane

_LONGITUDE_M = 111_319.5
_LATITUDE_M = 110_950.0


def widths(layer: Layer, plane: Plane, ids: Ids, areas: Floats, least: float) -> Floats:
    """Return the widths in metres of the parts of features inside the project, NaN where they are no slivers.

    Only parts that may be thinner than ``least`` are cut: no longer than the border of the project, a part with
    more than that length times ``least`` is wider somewhere.
    """
    found = np.full(len(ids), np.nan)
    doubtful = areas < least * float(_lengths(plane.geometry, plane.crs))
    if not doubtful.any():
        return found
    cut = overlaid(layer, plane, pieces=True, among=np.sort(ids[doubtful]))
    width = width_of(cut.pieces, cut.areas, plane.crs)
    known = dict(zip(cut.ids.tolist(), width.tolist(), strict=True))
    found[doubtful] = [known.get(key, np.nan) for key in ids[doubtful].tolist()]
    return found


def width_of(geometries: Any, areas: Floats, crs: Crs) -> Floats:
    """Return the width in metres of the rectangle that has the area (m2) and the perimeter of each polygon.

    That is the width of a strip, however bent; a shape more compact than a square counts as a square.
    """
    half = _lengths(geometries, crs) / 2
    root = np.sqrt(np.maximum(half * half - 4 * areas, 0.0))
    # The stable form of the smaller root of w * (half - w) = area.
    return np.where(root > 0, 2 * areas / (half + root), np.sqrt(areas))


def _lengths(geometries: Any, crs: Crs) -> NDArray[np.float64]:
    """Return perimeters in metres, true to some parts in a thousand: they are compared with thresholds only."""
    if not crs.geographic:
        return np.asarray(shapely.length(geometries))
    south, north = shapely.total_bounds(geometries)[[1, 3]]
    scale = np.array([_LONGITUDE_M * np.cos(np.radians((south + north) / 2)), _LATITUDE_M])
    return np.asarray(shapely.length(shapely.transform(geometries, lambda xy: xy * scale)))
