"""Look through WKB before GEOS does: only polygons, sound lengths, a known number of vertices, no nesting."""

from __future__ import annotations

import struct

_POLYGON, _MULTIPOLYGON = 3, 6
_NAMES = {1: "Point", 2: "LineString", 4: "MultiPoint", 5: "MultiLineString", 7: "GeometryCollection"}


class NotPolygonError(ValueError):
    """The geometry is of another kind."""


def count_vertices(wkb: bytes) -> int:
    """Return the number of vertices of a polygon or multipolygon.

    Raises NotPolygonError for other kinds and ValueError for bytes that are not WKB. The time is linear in the length.
    """
    kind, stride, order, at = header(wkb, 0)
    if kind == _POLYGON:
        total, end = _rings(wkb, at, stride, order)
    elif kind == _MULTIPOLYGON:
        total, end = _parts(wkb, at, order)
    else:
        raise NotPolygonError(_NAMES.get(kind, f"geometry of type {kind}"))
    if end != len(wkb):
        raise ValueError("the geometry is followed by other bytes")
    return total


def header(wkb: bytes, at: int) -> tuple[int, int, str, int]:
    """Return kind, bytes per vertex, byte order mark of struct, and where the body begins. Raises ValueError."""
    if len(wkb) < at + 5 or wkb[at] not in (0, 1):
        raise ValueError("not WKB")
    order = "<" if wkb[at] else ">"
    code = struct.unpack_from(order + "I", wkb, at + 1)[0]
    if code & 0x20000000:
        raise ValueError("the geometry carries its own system")
    more = bool(code & 0x80000000) + bool(code & 0x40000000)
    iso, kind = divmod(code & 0x0FFFFFFF, 1000)
    more += {0: 0, 1: 1, 2: 1, 3: 2}.get(iso, 9)
    if more > 2:
        raise ValueError("not WKB")
    return kind, 8 * (2 + more), order, at + 5


def _count(wkb: bytes, at: int, order: str) -> int:
    if len(wkb) < at + 4:
        raise ValueError("the geometry ends too early")
    return int(struct.unpack_from(order + "I", wkb, at)[0])


def _rings(wkb: bytes, at: int, stride: int, order: str) -> tuple[int, int]:
    total, rings = 0, _count(wkb, at, order)
    at += 4
    for _ in range(rings):
        points = _count(wkb, at, order)
        at += 4 + points * stride
        total += points
        if at > len(wkb):
            raise ValueError("the geometry ends too early")
    return total, at


def _parts(wkb: bytes, at: int, order: str) -> tuple[int, int]:
    total, parts = 0, _count(wkb, at, order)
    at += 4
    for _ in range(parts):
        kind, stride, inner, at = header(wkb, at)
        if kind != _POLYGON:
            raise ValueError("a part of the multipolygon is not a polygon")
        points, at = _rings(wkb, at, stride, inner)
        total += points
    return total, at
