"""Groups of polygons that lie near each other: a project of very many parts is worked on group by group.

The groups depend on the polygons alone, never on the machine, so that results are the same to the last bit whoever
works on which group, and in whatever order.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

GROUP_VERTICES = 16_384
"""Most vertices of a group of several polygons, each polygon counted as ``_EACH`` more."""
_EACH = 64

Places = NDArray[np.intp]


def near(polygons: NDArray[np.object_]) -> list[Places]:
    """Return the places of polygons, x and y in any system, in groups of those near each other; places ascend.

    What is small enough is one group. More is halved across the longer side of its box until every group is.
    """
    boxes = shapely.bounds(polygons).reshape(-1, 4)
    weights = shapely.get_num_coordinates(polygons) + _EACH
    return _halved(np.arange(len(polygons)), (boxes[:, :2] + boxes[:, 2:]) / 2, weights)


def _halved(places: Places, centres: NDArray[np.float64], weights: NDArray[np.int64]) -> list[Places]:
    if len(places) < 2 or weights[places].sum() <= GROUP_VERTICES:
        return [places]
    width, height = np.ptp(centres[places], axis=0)
    along = centres[places, int(height > width)]
    order = places[np.argsort(along, kind="stable")]
    before = np.cumsum(weights[order])
    middle = int(np.clip(np.searchsorted(before, before[-1] / 2), 1, len(order) - 1))
    halves = np.sort(order[:middle]), np.sort(order[middle:])
    return [group for half in halves for group in _halved(half, centres, weights)]
