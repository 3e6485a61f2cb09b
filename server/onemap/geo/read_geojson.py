"""Read GeoJSON geometries: every rule of structure is checked, with a JSON pointer, before GEOS sees a coordinate."""

from __future__ import annotations

import math
from typing import Any

import shapely

from onemap.block.query import shorten
from onemap.errors import InvalidBody, TooLarge

GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
_LEAST = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}
Line = list[tuple[float, float]]


class GeometryReader:
    """Read geometries of one request, ``most`` vertices in all.

    ``swapped``: the first number of a position is y (latitude, northing). What comes out is x, y.
    """

    def __init__(self, most: int, *, swapped: bool = False) -> None:
        self._most = most
        self._swapped = swapped
        self._vertices = 0

    def read(self, data: Any, pointer: str) -> shapely.Geometry:
        """Return the geometry of a GeoJSON object.

        Raises InvalidBody with a JSON pointer for what is no GeoJSON geometry, is empty, or has heights; TooLarge.
        """
        kind = member(data, "type", str, pointer)
        if kind != "GeometryCollection":
            return self._simple(data, kind, pointer)
        parts = member(data, "geometries", list, pointer)
        if not parts:
            raise InvalidBody("The geometry collection is empty.", pointer=f"{pointer}/geometries")
        made = []
        for at, part in enumerate(parts):
            here = f"{pointer}/geometries/{at}"
            made.append(self._simple(part, member(part, "type", str, here), here))
        return shapely.GeometryCollection(made)

    def _simple(self, data: Any, kind: str, pointer: str) -> shapely.Geometry:
        if kind not in _DEPTH:
            raise InvalidBody(f"'{shorten(kind)}' is not a GeoJSON geometry here.", pointer=f"{pointer}/type")
        read = self._nested(member(data, "coordinates", list, pointer), _DEPTH[kind], kind, f"{pointer}/coordinates")
        match kind:
            case "Point":
                return shapely.Point(read)
            case "MultiPoint":
                return shapely.MultiPoint(read)
            case "LineString":
                return shapely.LineString(read)
            case "MultiLineString":
                return shapely.MultiLineString(read)
            case "Polygon":
                return shapely.Polygon(read[0], read[1:])
        return shapely.MultiPolygon([(rings[0], rings[1:]) for rings in read])

    def _nested(self, value: Any, depth: int, kind: str, pointer: str) -> Any:
        if depth == 0:
            self._count(1)
            return self._position(value, pointer)
        if not isinstance(value, list) or not value:
            raise InvalidBody(f"Expected an array with something in it, not {shown(value)}.", pointer=pointer)
        if depth > 1 or kind == "MultiPoint":
            return [self._nested(item, depth - 1, kind, f"{pointer}/{at}") for at, item in enumerate(value)]
        self._count(len(value))
        line = [self._position(item, f"{pointer}/{at}") for at, item in enumerate(value)]
        _check_line(kind, line, pointer)
        return line

    def _position(self, value: Any, pointer: str) -> tuple[float, float]:
        if isinstance(value, list) and len(value) == 3:
            raise InvalidBody("A position has a height, which cannot be stored here.", pointer=pointer)
        first, second = position(value, pointer)
        return (second, first) if self._swapped else (first, second)

    def _count(self, more: int) -> None:
        self._vertices += more
        if self._vertices > self._most:
            raise TooLarge(f"The geometries have more than {self._most} vertices.", "Send fewer features at a time.")


def _check_line(kind: str, line: Line, pointer: str) -> None:
    ring = kind in ("Polygon", "MultiPolygon")
    if len(line) < _LEAST[kind]:
        name = "ring" if ring else "line"
        raise InvalidBody(
            f"A {name} has {len(line)} positions; it needs at least {_LEAST[kind]}.", pointer=pointer
        )  # fmt: skip
    if ring and line[0] != line[-1]:
        raise InvalidBody("A ring is not closed: its last position is not its first.", pointer=pointer)


def position(value: Any, pointer: str) -> tuple[float, float]:
    """Return the first two numbers of a position; a height is passed over. Raises InvalidBody."""
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise InvalidBody(f"A position is an array of 2 or 3 numbers, not {shown(value)}.", pointer=pointer)
    for number in value:
        if type(number) not in (int, float):
            raise InvalidBody(f"A coordinate is a number, not {shown(number)}.", pointer=pointer)
    try:
        first, second = float(value[0]), float(value[1])
    except OverflowError:
        first = second = math.inf
    if not (math.isfinite(first) and math.isfinite(second)):
        raise InvalidBody("A coordinate must be a finite number.", pointer=pointer)
    return first, second


def member[T](data: Any, name: str, kind: type[T], pointer: str) -> T:
    """Return a member of a GeoJSON object. Raises InvalidBody when it is not there or of another kind."""
    if not isinstance(data, dict):
        raise InvalidBody(f"Expected a GeoJSON object, not {shown(data)}.", pointer=pointer)
    if name not in data:
        raise InvalidBody(f"The GeoJSON object has no '{name}'.", pointer=pointer)
    value = data[name]
    if not isinstance(value, kind):
        raise InvalidBody(f"'{name}' must not be {shown(value)}.", pointer=f"{pointer}/{name}")
    return value


def shown(value: Any) -> str:
    """Return a value of a JSON document as messages show it."""
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return shorten(repr(value), 40)
