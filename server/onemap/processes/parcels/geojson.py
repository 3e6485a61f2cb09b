"""Read GeoJSON and JSON-FG: every structural rule is checked before a geometry is built.

RFC 7946: longitude, latitude on WGS 84 unless something else is said. JSON-FG (OGC 21-045): ``coordRefSys`` names the
system of ``place``, whose coordinates stand in the axis order of the authority.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from onemap.block.query import shorten
from onemap.errors import InvalidBody, InvalidParameter
from onemap.geo.crs import CRS84, Crs
from onemap.geo.read_geojson import GEOMETRIES, member, position
from onemap.processes.parcels.axes import Axes, fits, settle
from onemap.processes.parcels.model import Limits, Note, Shape, unusable
from onemap.processes.parcels.systems import agree, from_name

_NAME_KEYS = ("name", "NAME", "名称", "地块名称", "项目名称", "DKMC", "XMMC", "MC")


@dataclass(slots=True)
class _Reader:
    """State of one reading: the vertices so far, the system that the features name, the members they came from."""

    limits: Limits
    said: Crs | None = None
    axes: Axes = "lonlat"
    vertices: int = 0
    places: int = 0
    plain: int = 0


def read_geojson(data: Any, asked: Crs | None, limits: Limits, pointer: str) -> tuple[list[Shape], Crs, list[Note]]:
    """Return the shapes, their system and notes from a Geometry, Feature or FeatureCollection.

    ``asked``: the system that the request names for an input that does not say; its coordinates then stand in the
    order of the authority, or as x, y where only that is possible. Raises InvalidBody with a JSON pointer for what is
    not GeoJSON, UnusableParcel for rings that are not polygons, TooLarge beyond the limits.
    """
    reader = _Reader(limits)
    kind = member(data, "type", str, pointer)
    reader.said, reader.axes = said_system(data, pointer)
    if kind == "FeatureCollection":
        shapes = _collection(data, reader, pointer)
    elif kind == "Feature":
        shapes = [_feature(data, 0, reader, pointer)]
    elif kind in GEOMETRIES:
        shapes = [Shape(_geometry(data, 0, None, reader, pointer))]
    else:
        raise InvalidBody(f"'{shorten(kind)}' is not a GeoJSON type.", pointer=f"{pointer}/type")
    return _settled(shapes, reader, asked, pointer)


def _settled(
    shapes: list[Shape], reader: _Reader, asked: Crs | None, pointer: str
) -> tuple[list[Shape], Crs, list[Note]]:
    """Decide the system: a JSON-FG feature without ``place`` has its ``geometry`` in longitude, latitude after all."""
    if reader.places and reader.plain:
        raise InvalidBody("Some features have a 'place' and some only a 'geometry'.", pointer=pointer)
    said = reader.said
    if said and reader.axes == "authority" and reader.plain and fits(shapes, CRS84):
        return shapes, agree(CRS84, asked, "the JSON-FG without 'place'") or CRS84, []
    crs = agree(said, asked, "the GeoJSON") or CRS84
    return settle(shapes, crs, reader.axes if said else "authority" if asked else "lonlat")


def _collection(data: Mapping[str, Any], reader: _Reader, pointer: str) -> list[Shape]:
    features = member(data, "features", list, pointer)
    reader.limits.check_parcels(len(features))
    return [_feature(item, index, reader, f"{pointer}/features/{index}") for index, item in enumerate(features)]


def _feature(data: Any, index: int, reader: _Reader, pointer: str) -> Shape:
    if member(data, "type", str, pointer) != "Feature":
        raise InvalidBody("A FeatureCollection holds features.", pointer=f"{pointer}/type")
    _join_system(data, reader, pointer)
    properties = data.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidBody("'properties' must be an object or null.", pointer=f"{pointer}/properties")
    identifier = identifier_of(data.get("id"), pointer)
    name = "place" if reader.axes == "authority" and data.get("place") is not None else "geometry"
    reader.places, reader.plain = reader.places + (name == "place"), reader.plain + (name == "geometry")
    geometry = data.get(name)
    made = None if geometry is None else _geometry(geometry, index, identifier, reader, f"{pointer}/{name}")
    return Shape(made, identifier, name_of(properties), properties)


def _join_system(data: Mapping[str, Any], reader: _Reader, pointer: str) -> None:
    """Let a feature name its system; all features of a request must name the same."""
    said, axes = said_system(data, pointer)
    if said is None:
        return
    if reader.said is not None and said.srid != reader.said.srid:
        raise InvalidParameter(
            f"The features are in different systems: {said.uri} and {reader.said.uri}.",
            pointer=f"{pointer}/coordRefSys",
        )
    reader.said, reader.axes = said, axes


def said_system(data: Mapping[str, Any], pointer: str) -> tuple[Crs | None, Axes]:
    """Return the system that an object names: JSON-FG's ``coordRefSys``, or the ``crs`` of GeoJSON before RFC 7946."""
    named = data.get("coordRefSys")
    if named is not None:
        href = named.get("href") if isinstance(named, dict) else named
        if not isinstance(href, str):
            raise InvalidBody("'coordRefSys' must be a URI.", pointer=f"{pointer}/coordRefSys")
        crs = from_name(href)
        return crs, "authority"
    old = data.get("crs")
    if old is None:
        return None, "lonlat"
    properties = old.get("properties") if isinstance(old, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str):
        raise InvalidBody("'crs' must name a system.", pointer=f"{pointer}/crs")
    return from_name(name), "xy"


def identifier_of(value: Any, pointer: str) -> str | None:
    """Return a feature's id as text. Raises InvalidBody for what is no id."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidBody("A feature's id must be a string or a number.", pointer=f"{pointer}/id")


def name_of(properties: Mapping[str, Any]) -> str | None:
    """Return the name among a feature's properties."""
    found = (properties.get(key) for key in _NAME_KEYS)
    return next((value for value in found if isinstance(value, str) and value), None)


def _geometry(data: Any, index: int, identifier: str | None, reader: _Reader, pointer: str) -> shapely.Geometry:
    kind = member(data, "type", str, pointer)
    if kind not in GEOMETRIES:
        raise InvalidBody(f"'{shorten(kind)}' is not a GeoJSON geometry.", pointer=f"{pointer}/type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise unusable(f"is a {kind}, not a polygon", index, identifier)
    coordinates = member(data, "coordinates", list, pointer)
    place = f"{pointer}/coordinates"
    many = [coordinates] if kind == "Polygon" else coordinates
    polygons = []
    for number, rings in enumerate(many):
        here = place if kind == "Polygon" else f"{place}/{number}"
        polygons.append(_polygon(rings, index, identifier, reader, here))
    if not polygons:
        raise unusable("has an empty geometry", index, identifier)
    return polygons[0] if kind == "Polygon" else shapely.MultiPolygon(polygons)


def _polygon(rings: Any, index: int, identifier: str | None, reader: _Reader, pointer: str) -> shapely.Polygon:
    if not isinstance(rings, list):
        raise InvalidBody("A polygon is an array of rings.", pointer=pointer)
    if not rings:
        raise unusable("has an empty polygon", index, identifier)
    made = [_ring(ring, index, identifier, reader, f"{pointer}/{number}") for number, ring in enumerate(rings)]
    return shapely.Polygon(made[0], made[1:])


def _ring(ring: Any, index: int, identifier: str | None, reader: _Reader, pointer: str) -> list[tuple[float, float]]:
    """Return a ring's positions as x, y pairs; it must be closed and have at least four positions."""
    if not isinstance(ring, list):
        raise InvalidBody("A ring is an array of positions.", pointer=pointer)
    reader.vertices += len(ring)
    reader.limits.check_vertices(reader.vertices)
    made = [position(item, f"{pointer}/{number}") for number, item in enumerate(ring)]
    if len(made) < 4:
        raise unusable(f"has a ring of {len(made)} positions; a ring has at least 4", index, identifier, _first(made))
    if made[0] != made[-1]:
        raise unusable("has a ring that is not closed", index, identifier, made[-1])
    return made


def _first(made: list[tuple[float, float]]) -> tuple[float, float] | None:
    return made[0] if made else None
