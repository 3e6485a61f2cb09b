"""Checks that geometry literals of text and JSON share, before GEOS sees any."""

from __future__ import annotations

from typing import Any

from onemap.cql.limits import MOST_VERTICES

Coordinates = Any  # nested lists of floats
DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}
_LEAST = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}
_RINGS = ("Polygon", "MultiPolygon")


def problem(kind: str, coordinates: Coordinates) -> str:
    """Return what is wrong with coordinates nested as their geometry type demands, or an empty text."""
    points, lines = [coordinates] if coordinates and kind == "Point" else [], []
    if DEPTH[kind] >= 1:
        level = coordinates
        for _ in range(DEPTH[kind] - 1):
            level = level if kind in ("LineString", "MultiPoint") else [item for part in level for item in part]
        points = level
        lines = _lines(kind, coordinates)
    if len(points) > MOST_VERTICES:
        return f"the geometry has more than {MOST_VERTICES} vertices"
    if len({len(point) for point in points}) > 1:
        return "its positions have different numbers of coordinates"
    return next((text for line in lines if (text := _line_problem(kind, line))), "")


def _lines(kind: str, coordinates: Coordinates) -> list[Any]:
    if kind == "LineString":
        return [coordinates] if coordinates else []
    if kind in ("Polygon", "MultiLineString"):
        return [line for line in coordinates if line]
    return [ring for part in coordinates for ring in part if ring] if kind == "MultiPolygon" else []


def _line_problem(kind: str, line: list[list[float]]) -> str:
    name = "ring" if kind in _RINGS else "line"
    if len(line) < _LEAST[kind]:
        return f"a {name} has {len(line)} positions; it needs at least {_LEAST[kind]}"
    if kind in _RINGS and line[0] != line[-1]:
        return "a ring is not closed: its last position is not its first"
    return ""


def vertices(geometry: dict[str, Any]) -> int:
    """Return the number of positions of a geometry or collection."""
    if geometry["type"] == "GeometryCollection":
        return sum(vertices(part) for part in geometry["geometries"])
    level, depth = geometry["coordinates"], DEPTH[geometry["type"]]
    if depth == 0:
        return 1 if level else 0
    for _ in range(depth - 1):
        level = [item for part in level for item in part]
    return len(level)


def dimension(geometry: dict[str, Any]) -> int:
    """Return the number of coordinates of the first position of a geometry; 2 for an empty one."""
    if geometry["type"] == "GeometryCollection":
        return max((dimension(part) for part in geometry["geometries"]), default=2)
    level = geometry["coordinates"]
    for _ in range(DEPTH[geometry["type"]]):
        level = next((part for part in level if part), [])
    return len(level) or 2
