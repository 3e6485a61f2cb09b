"""Areas as the survey computes them for its records (国土调查办发〔2008〕32号), rounded at every step.

Not additive: for the additive definition that analyses use see ``onemap.geo.area``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import zone_area
from onemap.geo.crs import Crs, crs_from_srid, to_lonlat
from onemap.geo.rounding import round_half_up

Floats = NDArray[np.float64]

SURVEY_DEFINITION = "cgcs2000-ellipsoidal-survey"
"""Name of this area definition, stated in results."""
LONGEST_EDGE_M = 70.0
_PLANE_PLACES = 4
_SECOND_PLACES = 6
_ZONES = range(25, 46)


def survey_area(geometry: Any, crs: Crs) -> Decimal:
    """Measure a polygon or multipolygon in x, y of a Gauss-Krueger zone, in m2 rounded half up to two decimals.

    Edges longer than 70 m get int(length / 70) points between their ends; plane coordinates are rounded to 0.1 mm,
    latitudes and longitudes to a millionth of a second; each edge is a trapezoid against a meridian.
    """
    rings, owner = shapely.get_rings(shapely.get_parts(np.array([geometry], dtype=object)), return_index=True)
    shells = np.diff(owner, prepend=-1) > 0
    total = 0.0
    for ring, shell in zip(rings, shells.tolist(), strict=True):
        area = abs(_ring(shapely.get_coordinates(ring), crs))
        total += area if shell else -area
    return round_half_up(total, 2)


def survey_zone(longitude: float) -> Crs | None:
    """Return the 3-degree zone (eastings with its number) in which the survey stores what lies at a longitude."""
    zone = int(np.floor(longitude / 3 + 0.5))
    return crs_from_srid(4488 + zone) if zone in _ZONES else None


def _ring(xy: Floats, crs: Crs) -> float:
    points = _rounded(densified(_rounded(xy, _PLANE_PLACES)), _PLANE_PLACES)
    seconds = _rounded(to_lonlat(points, crs) * 3600, _SECOND_PLACES)
    longitude, latitude = np.radians(seconds / 3600).T
    width = (longitude[:-1] + longitude[1:]) / 2 - longitude[0]
    return float(np.sum(width * zone_area(latitude[:-1], latitude[1:])))


def densified(xy: Floats) -> Floats:
    """Insert int(length / 70) points into each edge of a closed ring, shape (n, 2), at equal distances."""
    start, step = xy[:-1], np.diff(xy, axis=0)
    pieces = (np.hypot(*step.T) / LONGEST_EDGE_M).astype(np.int64) + 1
    edge = np.repeat(np.arange(len(start)), pieces)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.vstack([start[edge] + step[edge] * (place / pieces[edge])[:, None], xy[-1:]])


def _rounded(values: Floats, places: int) -> Floats:
    scale = 10.0**places
    return np.floor(values * scale + 0.5) / scale
