"""Spatial predicates for SQLite: on GeoPackage blobs (OGC 12-128r19, 2.1.3) and literals, which are plain WKB."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from onemap.geo.crs import Bounds

Relation = Callable[[bytes | None, bytes | None], bool | None]
_KEPT = 32
_HEADER = {0: 8, 1: 40, 2: 56, 3: 56, 4: 72}
_DIRECT: Mapping[str, Callable[[Any, Any], Any]] = {
    "s_intersects": shapely.intersects,
    "s_equals": shapely.equals,
    "s_disjoint": shapely.disjoint,
    "s_touches": shapely.touches,
    "s_within": shapely.within,
    "s_overlaps": shapely.overlaps,
    "s_crosses": shapely.crosses,
    "s_contains": shapely.contains,
}
_CONVERSE = {"s_within": "s_contains", "s_contains": "s_within"}


@dataclass(frozen=True, slots=True)
class _Literal:
    geometry: shapely.Geometry
    bounds: Bounds


class _Literals:
    """Literals of the statements of one connection, decoded and prepared once."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Literal] = {}

    def get(self, wkb: bytes) -> _Literal:
        """Return a literal, prepared. Raises GEOSException for what is not WKB."""
        found = self._known.get(wkb)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            geometry = shapely.from_wkb(wkb)
            shapely.prepare(geometry)
            found = self._known[wkb] = _Literal(geometry, geometry.bounds)
        return found


def spatial_functions() -> Mapping[str, Relation]:
    """Return the predicates by their SQL names, for one connection."""
    literals = _Literals()
    return {f"cql_{name}": _relation(name, literals) for name in _DIRECT}


def _relation(name: str, literals: _Literals) -> Relation:
    direct, converse = _DIRECT[name], _DIRECT[_CONVERSE.get(name, name)]
    apart = name == "s_disjoint"

    def relate(left: bytes | None, right: bytes | None) -> bool | None:
        if left is None or right is None:
            return None
        try:
            if right[:2] != b"GP":
                return against(converse, literals.get(right), left)
            if left[:2] != b"GP":
                return against(direct, literals.get(left), right)
            return _holds(direct, _decode(left), _decode(right))
        except shapely.GEOSException:
            return None

    def against(test: Callable[[Any, Any], Any], literal: _Literal, blob: bytes) -> bool | None:
        if _clear_of(blob, literal.bounds):
            return apart
        geometry = _decode(blob) if blob[:2] == b"GP" else literals.get(blob).geometry
        return _holds(test, literal.geometry, geometry)

    return relate


def _holds(
    test: Callable[[Any, Any], Any], left: shapely.Geometry | None, right: shapely.Geometry | None
) -> bool | None:
    if left is None or right is None:
        return None
    try:
        return bool(test(left, right))
    except shapely.GEOSException:
        return bool(test(shapely.make_valid(left), shapely.make_valid(right)))


def _clear_of(blob: bytes, bounds: Bounds) -> bool:
    """Whether the box in a blob's header, if there is one, lies apart from the bounds."""
    if blob[:2] != b"GP" or not blob[3] & 14:
        return False
    low_x, high_x, low_y, high_y = struct.unpack_from("<4d" if blob[3] & 1 else ">4d", blob, 8)
    return bool(high_x < bounds[0] or low_x > bounds[2] or high_y < bounds[1] or low_y > bounds[3])


def _decode(blob: bytes) -> shapely.Geometry | None:
    """Return the geometry of a blob. Raises GEOSException for what cannot be read."""
    length = _HEADER.get((blob[3] >> 1) & 7) if len(blob) > 8 else None
    return shapely.from_wkb(blob[length:]) if length is not None else None
