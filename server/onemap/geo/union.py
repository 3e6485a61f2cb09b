"""The union of many polygons of which few meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray


def union_of(polygons: NDArray[Any]) -> shapely.Geometry:
    """Return the union of valid polygons; those that no other one meets, most of a long list, stay as they are."""
    if len(polygons) == 1:
        return polygons[0]
    one, other = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    meeting = np.zeros(len(polygons), dtype=bool)
    meeting[one[one != other]] = True
    if not meeting.any():
        return shapely.multipolygons(shapely.get_parts(polygons))
    merged = shapely.union_all(polygons[meeting])
    parts = np.concatenate([shapely.get_parts(polygons[~meeting]), shapely.get_parts(merged)])
    return shapely.multipolygons(parts) if len(parts) > 1 else merged
