"""From a GeoJSON geometry to one that the table takes: type, place, validity, CRS."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from onemap.catalog import TableInfo
from onemap.errors import InvalidFeature
from onemap.geo.crs import Crs, same_plane, to_lonlat, transform
from onemap.geo.read_geojson import GeometryReader
from onemap.geo.validity import fault
from onemap.store import View

_MULTIPLE = {
    "MULTIPOINT": ("Point", shapely.MultiPoint),
    "MULTILINESTRING": ("LineString", shapely.MultiLineString),
    "MULTIPOLYGON": ("Polygon", shapely.MultiPolygon),
}
_TOLERANCE = 1e-3
_TOLERANCE_DEGREES = 1e-8


class ShapeReader:
    """Read the geometries of one request, whose coordinates are in ``crs``, authority axis order.

    ``coverage``: the declared extent of validity in x, y of the storage CRS, None where nothing is declared.
    """

    def __init__(self, view: View, crs: Crs, most: int, coverage: shapely.Geometry | None) -> None:
        self._table = view.collection.table
        self._storage = view.collection.storage
        self._crs = crs
        self._reader = GeometryReader(most, swapped=crs.swapped)
        self._coverage = coverage
        if coverage is not None:
            margin = _TOLERANCE_DEGREES if self._storage.geographic else _TOLERANCE
            self._coverage = coverage.buffer(margin)

    def read(self, data: Any, pointer: str) -> shapely.Geometry | None:
        """Return the geometry in x, y of the storage CRS; None for null.

        Raises InvalidBody for what is no GeoJSON geometry, InvalidFeature for one that the table does not take or that
        is not valid, with the place in the CRS of the request.
        """
        if data is None:
            if self._table.geometry_required:
                raise InvalidFeature("A feature of this collection must have a geometry.", pointer=pointer)
            return None
        geometry = _fitted(self._reader.read(data, pointer), self._table, pointer)
        _check_domain(geometry, self._crs, pointer)
        self._check_valid(geometry, pointer)
        moved = transform(np.array([geometry], dtype=object), self._crs, self._storage)[0]
        if moved is None:
            raise _outside(self._storage, pointer)
        _check_domain(moved, self._storage, pointer)
        if not same_plane(self._crs, self._storage):
            self._check_valid(moved, pointer, moved=True)
        if self._coverage is not None and not self._coverage.covers(moved):
            raise InvalidFeature("The geometry is not within the extent that the collection covers.", pointer=pointer)
        return moved

    def _check_valid(self, geometry: shapely.Geometry, pointer: str, *, moved: bool = False) -> None:
        if shapely.is_valid(geometry):
            return
        reason, place = fault(geometry)
        if place is None:
            raise InvalidFeature(f"The geometry is not valid: {reason}.", pointer=pointer)
        crs = self._storage if moved else self._crs
        shown = place[::-1] if crs.swapped else place
        where = f"near {shown[0]:.10g}, {shown[1]:.10g}" + (f" ({crs.uri})" if moved else "")
        raise InvalidFeature(f"The geometry is not valid: {reason} {where}.", pointer=pointer, place=list(shown))


def _fitted(geometry: shapely.Geometry, table: TableInfo, pointer: str) -> shapely.Geometry:
    """Return the geometry in the type of the table: a single part becomes a multiple geometry where those are kept."""
    wanted, given = table.geometry_type, geometry.geom_type
    if wanted in ("GEOMETRY", given.upper()):
        return geometry
    single, multiple = _MULTIPLE.get(wanted, ("", None))
    if multiple is not None and given == single:
        return multiple([geometry])
    raise InvalidFeature(f"The geometry is a {given}; the table keeps {wanted}.", pointer=f"{pointer}/type")


def _check_domain(geometry: shapely.Geometry, crs: Crs, pointer: str) -> None:
    lonlat = to_lonlat(np.asarray(shapely.get_coordinates(geometry)), crs)
    west, south, east, north = crs.domain
    inside = np.isfinite(lonlat).all() and (lonlat >= (west, south)).all() and (lonlat <= (east, north)).all()
    if not inside:
        raise _outside(crs, pointer)


def _outside(crs: Crs, pointer: str) -> InvalidFeature:
    names = ("longitude", "latitude") if crs.geographic else ("easting", "northing")
    order = ", ".join(names[::-1] if crs.swapped else names)
    hint = f"Positions are {order}; another system is named by the Content-Crs header."
    return InvalidFeature(f"The geometry lies outside the domain of {crs.uri}.", hint, pointer=pointer)
