"""Geometry literals of CQL2 text: WKT and BBOX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from onemap.cql.geometries import problem, vertices
from onemap.cql.lexer import Cursor
from onemap.cql.limits import MOST_ITEMS, MOST_VERTICES
from onemap.cql.nodes import GEOMETRY_TYPES, BBox, Geometry

_EXAMPLE = {
    "POINT": "POINT(116.4 39.9)",
    "LINESTRING": "LINESTRING(116 39, 117 40)",
    "POLYGON": "POLYGON((116 39, 117 39, 117 40, 116 39))",
    "MULTIPOINT": "MULTIPOINT((116 39), (117 40))",
    "MULTILINESTRING": "MULTILINESTRING((116 39, 117 40), (116 40, 117 41))",
    "MULTIPOLYGON": "MULTIPOLYGON(((116 39, 117 39, 117 40, 116 39)))",
    "GEOMETRYCOLLECTION": "GEOMETRYCOLLECTION(POINT(116 39), LINESTRING(116 39, 117 40))",
}


def starts_geometry(cursor: Cursor) -> bool:
    """Whether the current name begins a geometry, and is not a property of that name."""
    if cursor.word() not in GEOMETRY_TYPES:
        return False
    after = cursor.following()
    return (after.kind == "op" and after.text == "(") or after.text.upper() in ("Z", "EMPTY", "M", "ZM")


def read_geometry(cursor: Cursor) -> Geometry:
    """Read a WKT geometry, Z or not, EMPTY included. Raises InvalidParameter."""
    return Geometry(_tagged(cursor, collections=True))


def _tagged(cursor: Cursor, *, collections: bool) -> dict[str, Any]:
    start = cursor.advance()
    word = start.text.upper()
    if word not in GEOMETRY_TYPES or (word == "GEOMETRYCOLLECTION" and not collections):
        cursor.fail("a GEOMETRYCOLLECTION holds points, lines, polygons and their multi-forms only", token=start)
    kind = GEOMETRY_TYPES[word]
    dimensions = _dimensions(cursor)
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": _collection(cursor)}
    if _empty(cursor):
        return {"type": kind, "coordinates": []}
    coordinates = _READERS[kind](cursor, dimensions)
    wrong = problem(kind, coordinates)
    if wrong:
        cursor.fail(wrong, f"For example {_EXAMPLE[word]}.", start)
    return {"type": kind, "coordinates": coordinates}


def _dimensions(cursor: Cursor) -> int:
    """Return 3 after a Z tag, 0 where the positions decide."""
    if cursor.word() == "Z":
        cursor.advance()
        return 3
    if cursor.word() in ("M", "ZM"):
        cursor.fail("measures (M) are not part of CQL2", "Leave M out.")
    return 0


def _empty(cursor: Cursor) -> bool:
    found = cursor.word() == "EMPTY"
    if found:
        cursor.advance()
    return found


def _listed(cursor: Cursor, read: Callable[[], Any], most: int = MOST_VERTICES) -> list[Any]:
    cursor.expect("(", "in the geometry")
    found = [read()]
    while cursor.accept(","):
        if len(found) == most:
            cursor.fail(f"the geometry has more than {most} parts")
        found.append(read())
    cursor.expect(")", "in the geometry")
    return found


def _collection(cursor: Cursor) -> list[dict[str, Any]]:
    if _empty(cursor):
        return []
    start = cursor.token
    parts = _listed(cursor, lambda: _tagged(cursor, collections=False), MOST_ITEMS)
    if sum(vertices(part) for part in parts) > MOST_VERTICES:
        cursor.fail(f"the geometry has more than {MOST_VERTICES} vertices", token=start)
    return parts


def number(cursor: Cursor) -> float:
    """Read a signed, finite number."""
    sign = -1.0 if cursor.accept("-") else 1.0
    if sign > 0:
        cursor.accept("+")
    token = cursor.token
    if token.kind != "number":
        cursor.fail(f"a coordinate is missing; {cursor.seen()} stands there", "Positions are written x y, x y.")
    value = sign * float(token.text)
    if not math.isfinite(value):
        cursor.fail(f"the number {token.text[:40]} is too large")
    cursor.advance()
    return value


def _position(cursor: Cursor, dimensions: int) -> list[float]:
    found = [number(cursor), number(cursor)]
    token = cursor.token
    if token.kind == "number" or token.text in ("-", "+"):
        found.append(number(cursor))
    if dimensions and len(found) != dimensions:
        cursor.fail("a position of a Z geometry needs three coordinates", token=token)
    return found


def _point(cursor: Cursor, dimensions: int) -> list[float]:
    cursor.expect("(", "in the geometry")
    found = _position(cursor, dimensions)
    cursor.expect(")", "after the position")
    return found


def _member(cursor: Cursor, dimensions: int) -> list[float]:
    """Read a point of a MULTIPOINT, in parentheses (the grammar) or bare (the abstract tests)."""
    bare = not (cursor.token.kind == "op" and cursor.token.text == "(")
    return _position(cursor, dimensions) if bare else _point(cursor, dimensions)


def _line(cursor: Cursor, dimensions: int) -> list[Any]:
    return [] if _empty(cursor) else _listed(cursor, lambda: _position(cursor, dimensions))


def _polygon(cursor: Cursor, dimensions: int) -> list[Any]:
    return [] if _empty(cursor) else _listed(cursor, lambda: _line(cursor, dimensions))


_READERS: dict[str, Callable[[Cursor, int], list[Any]]] = {
    "Point": _point,
    "LineString": _line,
    "Polygon": _polygon,
    "MultiPoint": lambda cursor, dimensions: _listed(cursor, lambda: _member(cursor, dimensions)),
    "MultiLineString": lambda cursor, dimensions: _listed(cursor, lambda: _line(cursor, dimensions)),
    "MultiPolygon": lambda cursor, dimensions: _listed(cursor, lambda: _polygon(cursor, dimensions)),
}


def read_bbox(cursor: Cursor) -> BBox:
    """Read BBOX(...) with 4 or 6 numbers. Raises InvalidParameter."""
    start = cursor.advance()
    numbers = _listed(cursor, lambda: number(cursor), 6)
    if len(numbers) not in (4, 6):
        hint = "Give the lower corner, then the upper corner: BBOX(116, 39, 117, 40)."
        cursor.fail(f"BBOX has {len(numbers)} numbers; it needs 4 or 6", hint, start)
    return BBox(tuple(numbers))
