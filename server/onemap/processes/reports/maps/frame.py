"""The frame of a map: which part of the earth, in which plane, on how many pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import CRS84, Bounds, Crs, crs_from_srid, to_lonlat, transform, transform_bounds

Geometries = NDArray[np.object_]
WIDTH, HEIGHT = 960.0, 520.0
"""Pixels of a map, 96 to an inch before it is fitted to the page."""
_LEAST_METRES = 200.0
_CIRCUMFERENCE_PIXEL = 156543.03392804097
_CHINA = (73.0, 136.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """A map: ``bounds`` in x, y of ``crs`` fill it; ``crs`` is a plane in metres."""

    crs: Crs
    bounds: Bounds
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def resolution(self) -> float:
        """Metres to a pixel, in the plane."""
        return (self.bounds[2] - self.bounds[0]) / self.width

    @property
    def metres(self) -> float:
        """Metres on the ground to a pixel."""
        return self.resolution * (math.cos(math.radians(self.middle[1])) if self.crs.srid == 3857 else 1.0)

    @property
    def middle(self) -> tuple[float, float]:
        """Longitude and latitude of the middle, in degrees."""
        west, south, east, north = self.bounds
        lonlat = to_lonlat(np.array([[(west + east) / 2, (south + north) / 2]]), self.crs)
        return float(lonlat[0, 0]), float(lonlat[0, 1])

    @property
    def zoom(self) -> float:
        """The zoom level at which web maps show this scale."""
        return math.log2(_CIRCUMFERENCE_PIXEL * math.cos(math.radians(self.middle[1])) / self.metres)

    def bounds_in(self, crs: Crs) -> Bounds | None:
        """Return the box around the frame in another system; None outside its reach."""
        return transform_bounds(self.bounds, self.crs, crs)

    def pixels(self, geometries: Geometries, crs: Crs) -> Geometries:
        """Return geometries as pixels, y downwards, cut to a little more than the frame, simplified below a pixel.

        None and empty geometries are those that are not in the frame.
        """
        moved = transform(geometries, crs, self.crs)
        west, south, east, north = self.bounds
        edge = 12 * self.resolution
        cut = _clipped(moved, (west - edge, south - edge, east + edge, north + edge))
        placed = shapely.transform(cut, lambda xy: (xy - (west, north)) * (1, -1) / self.resolution)
        return np.asarray(shapely.simplify(placed, 0.2), dtype=object)


def _clipped(geometries: Geometries, box: Bounds) -> Geometries:
    with np.errstate(invalid="ignore"):
        try:
            return np.asarray(shapely.clip_by_rect(geometries, *box), dtype=object)
        except shapely.GEOSException:  # an invalid polygon: only those are mended
            mended = shapely.make_valid(geometries)
            return np.asarray(shapely.intersection(mended, shapely.box(*box)), dtype=object)


def around(frame: Frame, wide: float) -> Frame:
    """Return the frame with the same middle that is ``wide`` metres wide."""
    west, south, east, north = frame.bounds
    x, y, high = (west + east) / 2, (south + north) / 2, wide * frame.height / frame.width
    return Frame(frame.crs, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2), frame.width, frame.height)


def plane_for(longitude: float) -> Crs:
    """Return the CGCS2000 Gauss-Kruger zone of 3 degrees around a longitude, Web Mercator far from all of them."""
    if not _CHINA[0] <= longitude <= _CHINA[1]:
        return crs_from_srid(3857)
    return crs_from_srid(4509 + round(longitude / 3))


def frame_for(geometries: Geometries, crs: Crs, margin: float = 0.35) -> Frame | None:
    """Return the frame around geometries in x, y of ``crs``, with a margin (share of their extent) on all sides."""
    lonlat = transform(geometries, crs, CRS84)
    bounds = shapely.total_bounds(lonlat)
    if not np.isfinite(bounds).all():
        return None
    plane = plane_for((bounds[0] + bounds[2]) / 2)
    west, south, east, north = shapely.total_bounds(transform(geometries, crs, plane))
    if not np.isfinite([west, south, east, north]).all():
        return None
    wide, high = (east - west) * (1 + 2 * margin), (north - south) * (1 + 2 * margin)
    wide = max(wide, high * WIDTH / HEIGHT, _LEAST_METRES)
    high = wide * HEIGHT / WIDTH
    x, y = (west + east) / 2, (south + north) / 2
    return Frame(plane, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))
