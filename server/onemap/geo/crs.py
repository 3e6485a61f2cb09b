"""Coordinate reference systems: what this server knows of each, axis order, and transformation.

Inside the server coordinates are always x, y: easting, northing or longitude, latitude. The order of
the authority (EPSG:4490 and 4326 are latitude, longitude; every CGCS2000 Gauss-Kruger code is north,
east) exists only at the protocol's edge, through ``Crs.swapped``.

CGCS2000 and WGS 84 geographic coordinates are treated as equal: PROJ knows no better than a ballpark
operation between EPSG:4490 and 4326, and the two realisations differ by centimetres. Xi'an 1980 and
Beijing 1954 are refused: without an authorised transformation they would be silently wrong by up to
100 m.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from onemap.errors import ConfigError

Array = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84_URI = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)
CGCS2000_GK = range(4491, 4555)
_SPHERE = 6378137.0
_REFUSED_DATUMS = ("xian 1980", "beijing 1954")
_GEOGRAPHIC = {4490: "CGCS2000", 4326: "WGS 84", 4258: "ETRS89"}


@dataclass(frozen=True, slots=True)
class Crs:
    """A coordinate reference system.

    ``swapped``: the authority's first axis points north. ``domain``: the longitudes and latitudes
    (degrees) within which coordinates of this system are meaningful here.
    """

    uri: str
    srid: int
    name: str
    geographic: bool
    swapped: bool
    domain: Bounds = WORLD

    @property
    def decimals(self) -> int:
        """Decimal places that keep 0.1 mm."""
        return 9 if self.geographic else 4

    @property
    def cgcs2000_gk(self) -> bool:
        """Whether this is a CGCS2000 Gauss-Kruger system (EPSG 4491 to 4554)."""
        return self.srid in CGCS2000_GK


CRS84 = Crs(CRS84_URI, 4326, "WGS 84 longitude-latitude (CRS84)", geographic=True, swapped=False)
WEB_MERCATOR = Crs(EPSG + "3857", 3857, "WGS 84 / Pseudo-Mercator", False, False, (-180.0, -85.06, 180.0, 85.06))


@functools.cache
def crs_from_srid(srid: int) -> Crs:
    """Return the system with this EPSG code.

    Raises ConfigError when PROJ does not know the code or its datum needs an authorised transformation.
    """
    if srid == WEB_MERCATOR.srid:
        return WEB_MERCATOR
    if srid in _GEOGRAPHIC:
        return Crs(f"{EPSG}{srid}", srid, _GEOGRAPHIC[srid], geographic=True, swapped=True)
    return _from_proj(srid)


def _from_proj(srid: int) -> Crs:
    try:
        crs = pyproj.CRS.from_epsg(srid)
    except CRSError:
        raise ConfigError(f"EPSG:{srid} is not a coordinate reference system that PROJ knows.") from None
    refuse_datum(crs)
    swapped = crs.axis_info[0].direction.lower() in ("north", "south")
    return Crs(f"{EPSG}{srid}", srid, crs.name, crs.is_geographic, swapped, _domain(srid, crs))


def refuse_datum(crs: pyproj.CRS) -> None:
    """Raise ConfigError for a datum (Xi'an 1980, Beijing 1954) that has no public exact transformation."""
    datum = crs.datum.name if crs.datum else ""
    if any(name in datum.lower() for name in _REFUSED_DATUMS):
        raise ConfigError(
            f"'{crs.name}' is on the datum '{datum}'.",
            "Transform the data to CGCS2000 with the authorised parameters of your surveying authority first.",
        )


def _domain(srid: int, crs: pyproj.CRS) -> Bounds:
    """Return the area of use and five degrees around it; a Gauss-Kruger zone reaches ten degrees from its meridian."""
    if srid in CGCS2000_GK:
        middle = crs.to_cf()["longitude_of_central_meridian"]
        return (middle - 10.0, 0.0, middle + 10.0, 84.0)
    area = crs.area_of_use
    if area is None or area.west >= area.east:
        return WORLD
    around = (area.west - 5.0, area.south - 5.0, area.east + 5.0, area.north + 5.0)
    return intersect(around, WORLD) or WORLD


def crs_from_uri(uri: str) -> Crs:
    """Return the system that a URI names, for the configuration; requests are matched against a list instead."""
    if uri == CRS84_URI:
        return CRS84
    if not uri.startswith(EPSG) or not uri.removeprefix(EPSG).isdecimal():
        raise ConfigError(f"'{uri}' does not name a coordinate reference system.", f"Use {EPSG}4490, for example.")
    return crs_from_srid(int(uri.removeprefix(EPSG)))


@functools.lru_cache(maxsize=256)
def _transformer(srid: int, inverse: bool) -> pyproj.Transformer:
    base = 4490 if srid in CGCS2000_GK else 4326
    pair = (base, srid) if inverse else (srid, base)
    return pyproj.Transformer.from_crs(*pair, always_xy=True)


def to_lonlat(xy: Array, crs: Crs) -> Array:
    """Return longitudes and latitudes in degrees, shape (n, 2), of x, y in ``crs``."""
    if crs.geographic:
        return xy
    if crs.srid == WEB_MERCATOR.srid:
        lat = np.degrees(np.arcsin(np.tanh(xy[:, 1] / _SPHERE)))
        return np.column_stack([np.degrees(xy[:, 0] / _SPHERE), lat])
    return np.column_stack(_transformer(crs.srid, False).transform(xy[:, 0], xy[:, 1]))


def from_lonlat(lonlat: Array, crs: Crs) -> Array:
    """Return x, y in ``crs``, shape (n, 2), of longitudes and latitudes in degrees; not finite outside its reach."""
    if crs.geographic:
        return lonlat
    if crs.srid == WEB_MERCATOR.srid:
        lat = np.radians(np.clip(lonlat[:, 1], -89.99, 89.99))
        return np.column_stack([np.radians(lonlat[:, 0]) * _SPHERE, np.arctanh(np.sin(lat)) * _SPHERE])
    return np.column_stack(_transformer(crs.srid, True).transform(lonlat[:, 0], lonlat[:, 1]))


def same_plane(source: Crs, target: Crs) -> bool:
    """Whether x, y mean the same in both systems."""
    return source.srid == target.srid or (source.geographic and target.geographic)


def transform_xy(xy: Array, source: Crs, target: Crs) -> Array:
    """Return x, y in ``target`` of x, y in ``source``, shape (n, 2)."""
    if same_plane(source, target):
        return xy
    return from_lonlat(to_lonlat(xy, source), target)


def transform(geometries: NDArray[np.object_], source: Crs, target: Crs) -> NDArray[np.object_]:
    """Return the geometries with their vertices in ``target``; None where a vertex lies outside its reach."""
    if same_plane(source, target) or not len(geometries):
        return geometries
    moved = shapely.transform(geometries, lambda xy: transform_xy(xy, source, target))
    finite = np.isfinite(shapely.bounds(moved)).all(axis=1) | shapely.is_empty(moved)
    return np.asarray(np.where(finite, moved, None), dtype=object)


def outward(box: Bounds) -> list[float]:
    """Return a box of longitudes and latitudes rounded outwards to seven decimals (1 cm), within the world."""
    low = [math.floor(value * 1e7) / 1e7 for value in box[:2]]
    high = [math.ceil(value * 1e7) / 1e7 for value in box[2:]]
    return [max(low[0], -180.0), max(low[1], -90.0), min(high[0], 180.0), min(high[1], 90.0)]


def transform_bounds(bounds: Bounds, source: Crs, target: Crs) -> Bounds | None:
    """Return the box in ``target`` around a box in ``source``, cut to the domains of both; None outside them."""
    if same_plane(source, target):
        return bounds
    reached = intersect(bounds, _reach(source)) if source.cgcs2000_gk else bounds
    if reached is None:
        return None
    lonlat = _bounds(to_lonlat(_outline(reached), source))
    inside = intersect(lonlat, target.domain) if lonlat else None
    return _bounds(from_lonlat(_outline(inside), target)) if inside else None


@functools.cache
def _reach(crs: Crs) -> Bounds:
    """Return the x, y of the domain of a Gauss-Kruger zone: far outside it, coordinates stand for no place."""
    reach = _bounds(from_lonlat(_outline(crs.domain), crs))
    assert reach is not None
    return reach


def intersect(a: Bounds, b: Bounds) -> Bounds | None:
    """Return the common box of two boxes, or None."""
    box = (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
    return box if box[0] <= box[2] and box[1] <= box[3] else None


def _outline(bounds: Bounds, steps: int = 33) -> Array:
    """Return points along the edges and through the middle of a box."""
    x = np.linspace(bounds[0], bounds[2], steps)
    y = np.linspace(bounds[1], bounds[3], steps)
    rows = [np.column_stack([x, np.full(steps, at)]) for at in (bounds[1], (bounds[1] + bounds[3]) / 2, bounds[3])]
    columns = [np.column_stack([np.full(steps, at), y]) for at in (bounds[0], (bounds[0] + bounds[2]) / 2, bounds[2])]
    return np.vstack(rows + columns)


def _bounds(xy: Array) -> Bounds | None:
    kept = xy[np.isfinite(xy).all(axis=1)]
    if not len(kept):
        return None
    low, high = kept.min(axis=0), kept.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
