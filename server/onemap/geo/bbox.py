"""Bounding boxes of requests, and the regions of a stored layer that they mean."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import shapely

from onemap.block.query import shorten
from onemap.errors import InvalidParameter
from onemap.geo.crs import CRS84, Bounds, Crs, intersect, same_plane, transform_bounds, transform_xy

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)
_DENSIFY = 32


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a request in x, y of ``crs``.

    A geographic box with minx > maxx crosses the antimeridian; a projected one whose corners are
    exchanged holds nothing.
    """

    bounds: Bounds
    crs: Crs = CRS84

    def parts(self) -> list[Bounds]:
        """Return the box as boxes that do not cross the antimeridian."""
        minx, miny, maxx, maxy = self.bounds
        if minx <= maxx and miny <= maxy:
            return [self.bounds]
        if not self.crs.geographic:
            return []
        return [(minx, miny, 180.0, maxy), (-180.0, miny, maxx, maxy)]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the plane in a layer's own CRS; ``rectangle``: it fills its bounds."""

    polygon: shapely.Polygon
    rectangle: bool

    @property
    def bounds(self) -> Bounds:
        """The bounds of the region, x, y."""
        low_x, low_y, high_x, high_y = self.polygon.bounds
        return (low_x, low_y, high_x, high_y)


def parse_bbox(text: str, crs: Crs, name: str = "bbox") -> Box:
    """Parse 4 or 6 numbers in the axis order of ``crs`` (OGC API Features /req/core/fc-bbox-definition).

    Heights are read and passed over: the layers here are two-dimensional. Raises InvalidParameter.
    """
    parts = text.split(",")
    if len(parts) not in (4, 6):
        raise InvalidParameter(f"'{name}' must have 4 or 6 numbers, not {len(parts)}.", _bbox_hint(crs))
    values = [_number(part, name, crs) for part in parts]
    low, high = (values[:2], values[2:4]) if len(values) == 4 else (values[:2], values[3:5])
    if crs.swapped:
        low, high = low[::-1], high[::-1]
    if crs.geographic and low[1] > high[1]:
        raise InvalidParameter(f"'{name}': the lower latitude is above the upper one.", _bbox_hint(crs))
    return Box((low[0], low[1], high[0], high[1]), crs)


def _number(text: str, name: str, crs: Crs) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise InvalidParameter(f"'{name}' holds '{shorten(text, 40)}', which is not a finite number.", _bbox_hint(crs))
    return value


def _bbox_hint(crs: Crs) -> str:
    axes = ("longitude", "latitude") if crs.geographic else ("easting", "northing")
    first, second = axes[::-1] if crs.swapped else axes
    return f"Give the lower corner, then the upper corner, each as {first},{second} ({crs.uri})."


def regions(box: Box, storage: Crs, extent: Bounds | None) -> list[Region]:
    """Return what ``box`` means in the plane of a layer with this extent (x, y in ``storage``).

    The box is first cut to the layer's extent, so that a box larger than the domain of a projected
    system still means what it says. An empty list: the box misses the layer.
    """
    if extent is None:
        return []
    limit = transform_bounds(extent, storage, box.crs)
    if limit is None:
        return []
    margin = max(limit[2] - limit[0], limit[3] - limit[1]) * 1e-3 + (1e-9 if box.crs.geographic else 1e-3)
    limit = (limit[0] - margin, limit[1] - margin, limit[2] + margin, limit[3] + margin)
    cut = [intersect(part, limit) for part in box.parts()]
    return [_region(part, box.crs, storage) for part in cut if part]


def _region(bounds: Bounds, source: Crs, storage: Crs) -> Region:
    if same_plane(source, storage):
        return Region(shapely.box(*bounds), rectangle=True)
    side = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / _DENSIFY
    outline = shapely.segmentize(shapely.box(*bounds), side) if side else shapely.box(*bounds)
    xy = transform_xy(np.asarray(shapely.get_coordinates(outline)), source, storage)
    finite = xy[np.isfinite(xy).all(axis=1)]
    return Region(shapely.Polygon(finite), rectangle=False)
