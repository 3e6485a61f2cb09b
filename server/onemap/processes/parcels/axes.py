"""The axis order of coordinates that come as GeoJSON, settled once and for all: x, y from here on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Crs, to_lonlat
from onemap.processes.parcels.model import Note, Shape

Axes = Literal["lonlat", "xy", "authority"]


def settle(shapes: list[Shape], crs: Crs, axes: Axes) -> tuple[list[Shape], Crs, list[Note]]:
    """Return the shapes in x, y of ``crs``.

    ``authority``: they stand as the authority orders them (EPSG:4490 latitude, longitude; Gauss-Krueger north, east).
    When they can only be x, y (as desktop programs write them), they are taken so, and a note says it.
    """
    if axes != "authority" or not crs.swapped:
        return shapes, crs, []
    flipped = [replace(shape, geometry=_flip(shape.geometry)) for shape in shapes]
    if not fits(flipped, crs) and fits(shapes, crs):
        message = f"The coordinates fit {crs.uri} only as easting, northing or longitude, latitude, and were read so."
        return shapes, crs, [Note("axis-order", message)]
    return flipped, crs, []


def _flip(geometry: shapely.Geometry | None) -> Any:
    return None if geometry is None else shapely.transform(geometry, lambda xy: xy[:, ::-1])


def fits(shapes: Sequence[Shape], crs: Crs) -> bool:
    """Whether every vertex lies where the system is meant to be used."""
    xy: NDArray[np.float64] = shapely.get_coordinates([shape.geometry for shape in shapes])
    if not len(xy):
        return True
    lonlat = to_lonlat(xy, crs)
    west, south, east, north = crs.domain
    inside = np.isfinite(lonlat) & (lonlat >= (west, south)) & (lonlat <= (east, north))
    return bool(inside.all())
