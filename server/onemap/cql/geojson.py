"""Geometry literals of CQL2 JSON: GeoJSON geometries and bbox."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from onemap.cql.geometries import DEPTH, problem, vertices
from onemap.cql.limits import MOST_ITEMS, MOST_VERTICES
from onemap.cql.nodes import BBox, Geometry


class Refuse(Protocol):
    """Raise InvalidParameter for the place that a JSON pointer names."""

    def __call__(self, pointer: str, detail: str, hint: str = "") -> NoReturn: ...


def read_bbox(value: Any, pointer: str, refuse: Refuse) -> BBox:
    """Read the numbers of a bbox literal."""
    if not isinstance(value, list) or len(value) not in (4, 6):
        refuse(pointer, "a bbox is an array of 4 or 6 numbers")
    return BBox(tuple(_number(item, f"{pointer}/{place}", refuse) for place, item in enumerate(value)))


def read_geometry(value: Mapping[str, Any], pointer: str, refuse: Refuse) -> Geometry:
    """Read a GeoJSON geometry; its own bbox member, if any, is passed over."""
    if value["type"] == "GeometryCollection":
        _members(value, "geometries", pointer, refuse)
        parts = value["geometries"]
        if not isinstance(parts, list) or len(parts) > MOST_ITEMS:
            refuse(pointer + "/geometries", f"must be an array of at most {MOST_ITEMS} geometries")
        read = [_simple(part, f"{pointer}/geometries/{place}", refuse) for place, part in enumerate(parts)]
        if sum(vertices(part) for part in read) > MOST_VERTICES:
            refuse(pointer, f"the geometry has more than {MOST_VERTICES} vertices")
        return Geometry({"type": "GeometryCollection", "geometries": read})
    return Geometry(_simple(value, pointer, refuse))


def _members(value: Mapping[str, Any], wanted: str, pointer: str, refuse: Refuse) -> None:
    strange = sorted(set(value) - {"type", wanted, "bbox"})
    if strange or wanted not in value:
        detail = f"a geometry has no member '{strange[0][:40]}'" if strange else f"the member '{wanted}' is missing"
        refuse(pointer, detail, f"Allowed: type and {wanted}.")


def _simple(value: Any, pointer: str, refuse: Refuse) -> dict[str, Any]:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind not in DEPTH:
        names = ", ".join([*DEPTH, "GeometryCollection (not inside another)"])
        refuse(pointer, "not a GeoJSON geometry", f"Types: {names}.")
    _members(value, "coordinates", pointer, refuse)
    pointer += "/coordinates"
    coordinates = _nested(value["coordinates"], DEPTH[kind], pointer, refuse)
    wrong = problem(kind, coordinates)
    if wrong:
        refuse(pointer, wrong)
    return {"type": kind, "coordinates": coordinates}


def _nested(value: Any, depth: int, pointer: str, refuse: Refuse) -> list[Any]:
    if not isinstance(value, list):
        refuse(pointer, "must be an array")
    if depth == 0:
        return _position(value, pointer, refuse)
    if len(value) > MOST_VERTICES:
        refuse(pointer, f"the geometry has more than {MOST_VERTICES} vertices")
    found = [_nested(item, depth - 1, f"{pointer}/{place}", refuse) for place, item in enumerate(value)]
    if depth == 1 and not all(found):
        refuse(pointer, "a position is empty")
    return found


def _position(value: list[Any], pointer: str, refuse: Refuse) -> list[float]:
    if len(value) not in (0, 2, 3):
        refuse(pointer, f"a position has 2 or 3 coordinates, not {len(value)}")
    return [_number(item, pointer, refuse) for item in value]


def _number(value: Any, pointer: str, refuse: Refuse) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        refuse(pointer, "a coordinate must be a finite number")
    return float(value)
