"""Heights of stored geometries under changes by clients that know two dimensions only.

GeoJSON of this server has no heights. What a client sends back without them must not lose them: positions that stay
where they are keep the height that is stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import InvalidFeature

_POINTER = "/geometry"


def with_heights(given: shapely.Geometry | None, stored: shapely.Geometry | None, tolerance: float) -> Any:
    """Return the geometry to store for one in two dimensions, with the heights that its positions have already.

    ``stored`` itself when no position was changed, measures included. ``tolerance``: in units of the CRS, for what is
    rounded on the way to a client and back. Raises InvalidFeature, with the place, for a position without a height.
    """
    if given is None:
        return None
    if stored is None:
        raise InvalidFeature("The table keeps heights, and a new geometry would have none.", pointer=_POINTER)
    if not (shapely.has_z(stored) or shapely.has_m(stored)):
        return given
    if shapely.equals_exact(given, shapely.force_2d(stored), tolerance=tolerance):
        return stored
    if shapely.has_m(stored):
        raise InvalidFeature("The geometry has measures, which the changed one would not have.", pointer=_POINTER)
    known = shapely.get_coordinates(stored, include_z=True)
    places = shapely.get_coordinates(given)
    return _raised(given, known[_nearest(places, known, tolerance)])


def _nearest(places: NDArray[np.float64], known: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """Return for each place the row of the known position there. Raises InvalidFeature where there is none, or two."""
    tree = shapely.STRtree(shapely.points(known[:, :2]))
    at, rows = tree.query(shapely.points(places), predicate="dwithin", distance=tolerance)
    found = np.full(len(places), -1, dtype=np.int64)
    found[at] = rows
    if (found < 0).any():
        raise _unknown("is new and has no height", places[int(np.argmax(found < 0))])
    differing = known[rows, 2] != known[found[at], 2]
    if differing.any():
        raise _unknown("has several heights, of which the change names none", places[at[int(np.argmax(differing))]])
    return found


def _raised(given: shapely.Geometry, positions: NDArray[np.float64]) -> shapely.Geometry:
    return shapely.set_coordinates(shapely.force_3d(given), positions)


def _unknown(what: str, place: NDArray[np.float64]) -> InvalidFeature:
    x, y = (float(number) for number in place)
    return InvalidFeature(
        f"The table keeps heights, and the position {x:.10g}, {y:.10g} (x, y of the storage CRS) {what}.",
        "Positions that stay keep their heights; others cannot be sent with a height yet.",
        pointer=_POINTER,
    )
