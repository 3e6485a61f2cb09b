"""Additive areas on the ellipsoid of CGCS2000: the parts of a polygon sum to the polygon.

A polygon is the sum of the trapezoids under its edges (国土调查办发〔2008〕32号), in closed form per edge. An edge is
the straight line that the layer stores: straight in longitude and latitude for geographic layers, straight in the
plane for Gauss-Krueger layers. Splitting an edge therefore changes nothing, which geodesic areas do not offer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from onemap.errors import ConfigError
from onemap.geo.crs import Bounds
from onemap.geo.gauss_kruger import MAX_NORTHING, MAX_OFFSET, SEMI_MAJOR, SEMI_MINOR, Zone, area_west_of, zone_of

type Floats = npt.NDArray[np.float64]
type Integers = npt.NDArray[np.int64]
type Geometries = npt.NDArray[Any]

AREA_DEFINITION = "cgcs2000-ellipsoidal-additive"
"""Name of the area definition, stated in every result."""

GEOGRAPHIC_SRIDS = frozenset({4258, 4326, 4480, 4490})

_E2 = 1 - (SEMI_MINOR / SEMI_MAJOR) ** 2
# A, -B, C, -D, E of the 2008 notice, with the first eccentricity: the terms of sin B, sin 3B, ... sin 9B.
_TERMS = (
    1 + 3 / 6 * _E2 + 30 / 80 * _E2**2 + 35 / 112 * _E2**3 + 630 / 2304 * _E2**4,
    -(1 / 6 * _E2 + 15 / 80 * _E2**2 + 21 / 112 * _E2**3 + 420 / 2304 * _E2**4),
    3 / 80 * _E2**2 + 7 / 112 * _E2**3 + 180 / 2304 * _E2**4,
    -(1 / 112 * _E2**3 + 45 / 2304 * _E2**4),
    5 / 2304 * _E2**4,
)
# Gauss-Legendre nodes and weights: three are exact to 1e-15 of the area for edges of 60 km, to 5e-13 for 800 km.
_NODES, _WEIGHTS = ((column / 2)[:, None] for column in np.polynomial.legendre.leggauss(3))
_CHUNK = 4096
_BLOCK = 4096
"""Edges taken together, so that the intermediate arrays stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class AreaMeasure(ABC):
    """Measures polygons of one layer. ``srid``: the EPSG code of their coordinates (x, y order)."""

    srid: int

    @property
    def definition(self) -> str:
        """Name the definition of area used."""
        return AREA_DEFINITION

    def area(self, geometry: Any) -> float:
        """Measure one geometry in square metres; see ``areas``."""
        return float(self.areas(np.array([geometry], dtype=object))[0])

    def areas(self, geometries: Geometries) -> Floats:
        """Measure geometries, shape (n,), in square metres, shape (n,).

        Holes subtract, ring orientation and heights are ignored, collections count their polygons, everything else
        (points, lines, None, empty) is 0. NaN where a vertex lies outside what the definition covers: latitudes
        beyond the poles, more than 700 km from the zone's central meridian.
        """
        geometries = np.asarray(geometries, dtype=object)
        totals = np.zeros(len(geometries))
        for start in range(0, len(geometries), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            totals[chunk] = self._chunk_areas(geometries[chunk])
        return totals

    def _chunk_areas(self, geometries: Geometries) -> Floats:
        polygons, owner = _polygons(geometries)
        coordinates, first, ring_owner, sign = _rings(polygons)
        if not len(first):
            return np.zeros(len(geometries))
        areas = np.abs(self._ring_integrals(coordinates, first)) * sign
        return np.bincount(owner[ring_owner], weights=areas, minlength=len(geometries))

    def _ring_integrals(self, coordinates: Floats, first: Integers) -> Floats:
        """Integrate around each closed ring; ``first``: index of the first vertex of each."""
        lengths = np.diff(first, append=len(coordinates))
        origin = np.repeat(coordinates[first], lengths, axis=0)
        # The step from the last vertex of a ring to the first one of the next is no edge: make it one of length zero.
        end = np.roll(coordinates, -1, axis=0)
        last = first + lengths - 1
        end[last] = coordinates[last]
        integrals = np.empty(len(coordinates))
        for start in range(0, len(coordinates), _BLOCK):
            block = slice(start, start + _BLOCK)
            integrals[block] = self.edge_integrals(coordinates[block], end[block], origin[block])
        return np.add.reduceat(integrals, first)

    @abstractmethod
    def covers(self, bounds: Bounds) -> bool:
        """Tell whether the definition covers a box (minx, miny, maxx, maxy) of the layer's CRS; True for an empty one.

        The areas of polygons in a box for which this is False may be NaN.
        """

    @abstractmethod
    def edge_integrals(self, start: Floats, end: Floats, origin: Floats) -> Floats:
        """Integrate along edges; start, end and the local origin have shape (n, 2), the result (n,) is in m2.

        The sum over a closed ring is its signed area and does not depend on the origin, which only keeps the terms
        small, so that a piece of 100 m2 is right to a millionth of a square metre.
        """


@dataclass(frozen=True, slots=True)
class GeographicMeasure(AreaMeasure):
    """Measures polygons whose edges are straight in longitude and latitude (degrees)."""

    def covers(self, bounds: Bounds) -> bool:
        """Tell whether the latitudes lie between the poles."""
        return not (bounds[1] < -90 or bounds[3] > 90)

    def edge_integrals(self, start: Floats, end: Floats, origin: Floats) -> Floats:
        """Integrate the zone area F(B) over longitude, with its closed mean over a linear latitude."""
        run = np.radians(end[:, 0] - start[:, 0])
        rise = np.radians(end[:, 1] - start[:, 1])
        base = np.radians(origin[:, 1])
        above = np.radians(start[:, 1] - origin[:, 1]) + rise / 2
        middle = base + above
        mean = 2 * _odd_sum(np.cos(base + above / 2), np.sin(above / 2)) + _curvature(np.sin(middle), rise / 2)
        mean[np.maximum(np.abs(start[:, 1]), np.abs(end[:, 1])) > 90] = np.nan
        return -(SEMI_MINOR**2) * run * mean


def zone_area(south: Floats, north: Floats) -> Floats:
    """Return the area between two parallels (latitudes in radians) for each radian of longitude, m2: the notice's sum.

    Negative where ``north`` is the southern one.
    """
    middle, half = (south + north) / 2, (north - south) / 2
    return 2 * SEMI_MINOR**2 * _odd_sum(np.cos(middle), np.sin(half))


def _odd_sum(cosine: Floats, sine: Floats) -> Floats:
    """Sum the terms c_k cos(k s) sin(k d), k = 1, 3, ... 9, from cos s and sin d."""
    double_s, double_d = 4 * cosine**2 - 2, 2 - 4 * sine**2
    cos_k, cos_before = cosine, cosine
    sin_k, sin_before = sine, -sine
    total = _TERMS[0] * cos_k * sin_k
    for term in _TERMS[1:]:
        cos_k, cos_before = double_s * cos_k - cos_before, cos_k
        sin_k, sin_before = double_d * sin_k - sin_before, sin_k
        total += term * cos_k * sin_k
    return total


def _curvature(sine: Floats, half: Floats) -> Floats:
    """Sum c_k sin(k B) (sinc(k half) - 1): mean of F over an edge less F at its middle latitude B."""
    double = 2 - 4 * sine**2
    sin_k, before = sine, -sine
    total = _TERMS[0] * sin_k * _sinc_less_one(half)
    for k, term in zip((3, 5, 7, 9), _TERMS[1:], strict=True):
        sin_k, before = double * sin_k - before, sin_k
        total += term * sin_k * _sinc_less_one(k * half)
    return total


def _sinc_less_one(x: Floats) -> Floats:
    square = x * x
    series = -square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72)))
    wide = square > 0.01
    if wide.any():
        series[wide] = np.sinc(x[wide] / np.pi) - 1
    return series


@dataclass(frozen=True, slots=True)
class GaussKruegerMeasure(AreaMeasure):
    """Measures polygons whose edges are straight in a CGCS2000 Gauss-Krueger plane (metres, easting, northing).

    The projection is conformal: the area is the integral of 1/k^2 over the plane, by Green's theorem an integral of
    its primitive in the offset from the central meridian along the edges.
    """

    zone: Zone

    def covers(self, bounds: Bounds) -> bool:
        """Tell whether the box lies within 700 km of the central meridian and between the poles."""
        west, south, east, north = bounds
        offset = max(abs(west - self.zone.false_easting), abs(east - self.zone.false_easting))
        return not (offset > MAX_OFFSET or max(abs(south), abs(north)) > MAX_NORTHING)

    def edge_integrals(self, start: Floats, end: Floats, origin: Floats) -> Floats:
        """Integrate the primitive, less its linear part that is known in closed form, at three nodes per edge."""
        offset = start[:, 0] - self.zone.false_easting
        step = end - start
        mean = start[:, 0] - origin[:, 0] + step[:, 0] / 2
        along = _NODES + 0.5  # shape (3, 1): all nodes at once, since most polygons have few edges
        for part in _WEIGHTS * area_west_of(start[:, 1] + along * step[:, 1], offset + along * step[:, 0]):
            mean += part
        outside = np.maximum(np.abs(offset), np.abs(offset + step[:, 0])) > MAX_OFFSET
        mean[outside | (np.abs(start[:, 1]) > MAX_NORTHING)] = np.nan
        return np.asarray(step[:, 1] * mean)


class NoAreaDefined(ConfigError, ValueError):
    """No ellipsoidal area is defined for this coordinate reference system."""


@lru_cache(maxsize=128)
def measure_for(srid: int) -> AreaMeasure:
    """Return the measure for a layer's EPSG code: geographic, or a CGCS2000 Gauss-Krueger zone (4491-4554).

    Raises NoAreaDefined for any other code: a plane of unknown distortion has no area to state.
    """
    zone = zone_of(srid)
    if zone:
        return GaussKruegerMeasure(srid, zone)
    if srid in GEOGRAPHIC_SRIDS:
        return GeographicMeasure(srid)
    raise NoAreaDefined(
        f"No ellipsoidal area is defined for EPSG:{srid}.",
        "Store the layer in EPSG:4490 or in a CGCS2000 Gauss-Krueger zone (EPSG:4491 to 4554).",
    )


def trapezoid(west: float, south: float, east: float, north: float) -> float:
    """Measure a map sheet in square metres, between meridians and parallels in degrees (the notice's formula)."""
    return measure_for(4490).area(shapely.box(west, south, east, north))


def _polygons(geometries: Geometries) -> tuple[Geometries, Integers]:
    """Return the polygons in the geometries and the index of the geometry that each belongs to."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    kinds = shapely.get_type_id(parts)
    if (kinds > shapely.GeometryType.POLYGON).any():  # multipolygons inside collections
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner, kinds = owner[inner], shapely.get_type_id(parts)
    polygonal = kinds == shapely.GeometryType.POLYGON
    return (parts, owner) if polygonal.all() else (parts[polygonal], owner[polygonal])


def _rings(polygons: Geometries) -> tuple[Floats, Integers, Integers, Floats]:
    """Return all vertices, and for each ring its first vertex, its polygon, and +1 for shells, -1 for holes."""
    holes = shapely.get_num_interior_rings(polygons)
    if not holes.any():  # one ring each: no ring objects needed
        polygons_with_points = np.flatnonzero(~shapely.is_empty(polygons))
        coordinates, owner = shapely.get_coordinates(polygons, return_index=True)
        return coordinates, _starts(owner), polygons_with_points, np.ones(len(polygons_with_points))
    rings, ring_owner = shapely.get_rings(polygons, return_index=True)
    shells = np.diff(ring_owner, prepend=-1) > 0
    coordinates, owner = shapely.get_coordinates(rings, return_index=True)
    return coordinates, _starts(owner), ring_owner, np.where(shells, 1.0, -1.0)


def _starts(owner: Integers) -> Integers:
    return np.flatnonzero(np.diff(owner, prepend=-1))
