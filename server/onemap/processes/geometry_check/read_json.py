"""Read the rings of GeoJSON and JSON-FG, open or crossing as they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.block.query import shorten
from onemap.errors import InvalidBody, InvalidParameter
from onemap.geo.crs import CRS84, Crs, to_lonlat
from onemap.geo.read_geojson import GEOMETRIES, member, position
from onemap.processes.geometry_check.outlines import Outlines, RawParcel, RawRing, ring_of
from onemap.processes.parcels import Limits, Note
from onemap.processes.parcels.axes import Axes
from onemap.processes.parcels.geojson import identifier_of, name_of, said_system
from onemap.processes.parcels.systems import agree

Floats = NDArray[np.float64]


def read_geojson(data: Any, asked: Crs | None, limits: Limits, pointer: str) -> Outlines:
    """Return the outlines of a Geometry, Feature or FeatureCollection. Raises InvalidBody with a JSON pointer."""
    kind = member(data, "type", str, pointer)
    said, axes = said_system(data, pointer)
    reader = _Reader(limits, said, axes)
    if kind == "FeatureCollection":
        features = member(data, "features", list, pointer)
        limits.check_parcels(len(features))
        parcels = [reader.feature(item, f"{pointer}/features/{at}") for at, item in enumerate(features)]
    elif kind == "Feature":
        parcels = [reader.feature(data, pointer)]
    elif kind in GEOMETRIES:
        parcels = [reader.parcel(data, pointer)]
    else:
        raise InvalidBody(f"'{shorten(kind)}' is not a GeoJSON type.", pointer=f"{pointer}/type")
    crs = agree(reader.said, asked, "the GeoJSON") or CRS84
    order: Axes = reader.axes if reader.said else "authority" if asked else "lonlat"
    return _settled(parcels, crs, order)


class _Reader:
    """State of one reading: the vertices so far and the system that the features name."""

    def __init__(self, limits: Limits, said: Crs | None, axes: Axes) -> None:
        self._limits, self._vertices = limits, 0
        self.said, self.axes = said, axes

    def feature(self, data: Any, pointer: str) -> RawParcel:
        if member(data, "type", str, pointer) != "Feature":
            raise InvalidBody("A FeatureCollection holds features.", pointer=f"{pointer}/type")
        said, axes = said_system(data, pointer)
        if said is not None:
            if self.said is not None and self.said.srid != said.srid:
                raise InvalidParameter("The features are in different systems.", pointer=f"{pointer}/coordRefSys")
            self.said, self.axes = said, axes
        properties = data.get("properties") or {}
        if not isinstance(properties, dict):
            raise InvalidBody("'properties' must be an object or null.", pointer=f"{pointer}/properties")
        name = "place" if self.axes == "authority" and data.get("place") is not None else "geometry"
        words = identifier_of(data.get("id"), pointer), name_of(properties)
        if data.get(name) is None:
            return RawParcel((), *words, "nothing", properties=properties)
        return self.parcel(data[name], f"{pointer}/{name}", *words, properties)

    def parcel(
        self, data: Any, pointer: str, identifier: str | None = None, name: str | None = None, properties: Any = None
    ) -> RawParcel:
        kind = member(data, "type", str, pointer)
        if kind not in GEOMETRIES:
            raise InvalidBody(f"'{shorten(kind)}' is not a GeoJSON geometry.", pointer=f"{pointer}/type")
        if kind not in ("Polygon", "MultiPolygon"):
            return RawParcel((), identifier, name, kind, properties=properties or {})
        place = f"{pointer}/coordinates"
        coordinates = member(data, "coordinates", list, pointer)
        many = [(coordinates, place)]
        if kind == "MultiPolygon":
            many = [(item, f"{place}/{at}") for at, item in enumerate(coordinates)]
        rings = [ring for part, (item, here) in enumerate(many) for ring in self._polygon(item, part, here)]
        return RawParcel(tuple(rings), identifier, name, None if rings else "nothing", properties=properties or {})

    def _polygon(self, data: Any, part: int, pointer: str) -> list[RawRing]:
        if not isinstance(data, list):
            raise InvalidBody("A polygon is an array of rings.", pointer=pointer)
        return [self._ring(ring, part, number > 0, f"{pointer}/{number}") for number, ring in enumerate(data)]

    def _ring(self, data: Any, part: int, hole: bool, pointer: str) -> RawRing:
        if not isinstance(data, list):
            raise InvalidBody("A ring is an array of positions.", pointer=pointer)
        self._vertices += len(data)
        self._limits.check_vertices(self._vertices)
        made = [position(item, f"{pointer}/{at}") for at, item in enumerate(data)]
        return ring_of(np.array(made, dtype=float).reshape(-1, 2), part, hole)


def _settled(parcels: list[RawParcel], crs: Crs, axes: Axes) -> Outlines:
    """Bring the vertices to x, y: as the format says, or exchanged where only that fits the system."""
    media_type = "application/geo+json"
    plain, swapped = _share(parcels, crs, False), _share(parcels, crs, True)
    if axes == "authority" and crs.swapped:
        if swapped == 0 and plain > 0:
            text = f"The coordinates fit {crs.uri} only as easting, northing or longitude, latitude, and were read so."
            return Outlines(parcels, crs, media_type, True, (Note("axis-order", text),))
        return Outlines(_exchanged(parcels), crs, media_type)
    if plain == 0 and swapped > 0:
        return Outlines(_exchanged(parcels), crs, media_type, True)
    return Outlines(parcels, crs, media_type)


def _share(parcels: list[RawParcel], crs: Crs, flip: bool) -> float:
    """Return the share of the vertices that lie where the system is meant to be used."""
    found = [ring.xy for parcel in parcels for ring in parcel.rings]
    xy = np.concatenate(found) if found else np.empty((0, 2))
    if not len(xy):
        return 0.0
    lonlat = to_lonlat(xy[:, ::-1] if flip else xy, crs)
    west, south, east, north = crs.domain
    return float(((lonlat >= (west, south)) & (lonlat <= (east, north))).all(axis=1).mean())


def _exchanged(parcels: list[RawParcel]) -> list[RawParcel]:
    return [
        RawParcel(
            tuple(RawRing(ring.xy[:, ::-1].copy(), ring.closed, ring.part, ring.hole) for ring in parcel.rings),
            parcel.id,
            parcel.name,
            parcel.kind,
            properties=parcel.properties,
        )
        for parcel in parcels
    ]
