"""From the body of a change to edits for the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onemap.block.query import shorten
from onemap.errors import InvalidBody, InvalidFeature, TooLarge
from onemap.features.edit.params import EditRequest
from onemap.features.edit.shape import ShapeReader
from onemap.features.edit.values import created, escaped, patched, replaced, unknown
from onemap.geo.read_geojson import member, shown
from onemap.store import Edit, View
from onemap.store.base import Value

_IGNORED = ("type", "id", "links", "bbox")
_FOREIGN = {
    "place": "JSON-FG's 'place' is not read: send the 'geometry', and name its CRS with the Content-Crs header",
    "crs": "'crs' is no member of GeoJSON any more: name the CRS with the Content-Crs header",
}


@dataclass(frozen=True, slots=True)
class Creation:
    """New features; ``batch``: they came in a FeatureCollection."""

    edits: tuple[Edit, ...]
    batch: bool


def read_creation(data: Any, view: View, shapes: ShapeReader, most: int) -> Creation:
    """Return the edits for a Feature, or for the features of a FeatureCollection."""
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection":
        return Creation((_created(data, view, shapes, ""),), batch=False)
    features = member(data, "features", list, "")
    if not features:
        raise InvalidBody("The FeatureCollection is empty.", pointer="/features")
    if len(features) > most:
        raise TooLarge(f"The FeatureCollection has {len(features)} features; at most {most} are taken at a time.")
    edits = [_created(feature, view, shapes, f"/features/{at}") for at, feature in enumerate(features)]
    return Creation(tuple(edits), batch=True)


def read_replacement(data: Any, view: View, shapes: ShapeReader, key: str, request: EditRequest) -> Edit:
    """Return the edit that replaces a feature. An ``id`` is passed over (/req/create-replace-delete/put-rid)."""
    properties, geometry = _feature(data, "")
    values = replaced(view, key, properties, "/properties")
    return Edit("update", key, values, shapes.read(geometry, "/geometry"), shaped=True, **request.condition)


def read_patch(data: Any, view: View, shapes: ShapeReader, key: str, request: EditRequest, now: str | None) -> Edit:
    """Return the edit of a merge patch (RFC 7396).

    The members are those of the collection's schema (the properties, and the geometry by the name of its column), or
    those of a GeoJSON feature. ``now``: the present type of the geometry, for a patch of its coordinates alone.
    """
    if not isinstance(data, dict):
        raise InvalidBody(f"A merge patch of a feature is an object, not {shown(data)}.", pointer="")
    values: dict[str, Value | None] = {}
    shape: Any = None
    pointer = ""
    for name, value in data.items():
        if view.column(name):
            values |= patched(view, key, {name: value}, "")
        elif name == "properties":
            values |= patched(view, key, _properties(data, ""), "/properties")
        elif name in (view.collection.table.geometry_column, "geometry"):
            shape, pointer = _merged(value, now), f"/{escaped(name)}"
        elif name in _FOREIGN:
            raise InvalidFeature(_FOREIGN[name] + ".", pointer=f"/{name}")
        elif name not in _IGNORED:
            raise unknown(view, name, f"/{escaped(name)}")
    if not pointer:
        return Edit("update", key, values, **request.condition)
    return Edit("update", key, values, shapes.read(shape, pointer), shaped=True, **request.condition)


def patches_coordinates(data: Any, view: View) -> bool:
    """Whether a patch names coordinates without the type of their geometry."""
    if not isinstance(data, dict):
        return False
    given = data.get("geometry", data.get(view.collection.table.geometry_column))
    return isinstance(given, dict) and "type" not in given


def _merged(geometry: Any, now: str | None) -> Any:
    return {"type": now, **geometry} if isinstance(geometry, dict) and now is not None else geometry


def _created(data: Any, view: View, shapes: ShapeReader, pointer: str) -> Edit:
    properties, geometry = _feature(data, pointer)
    values = created(view, properties, data.get("id"), f"{pointer}/properties")
    return Edit("insert", None, values, shapes.read(geometry, f"{pointer}/geometry"), shaped=True)


def _feature(data: Any, pointer: str) -> tuple[Mapping[str, Any], Any]:
    """Return the properties and the geometry of a GeoJSON feature."""
    kind = member(data, "type", str, pointer)
    if kind != "Feature":
        raise InvalidBody(f"Expected a GeoJSON Feature, not '{shorten(kind)}'.", pointer=f"{pointer}/type")
    for name, text in _FOREIGN.items():
        if data.get(name) is not None:
            raise InvalidFeature(text + ".", pointer=f"{pointer}/{name}")
    if "geometry" not in data:
        raise InvalidBody("The feature has no 'geometry'; null says that there is none.", pointer=pointer)
    return _properties(data, pointer), data["geometry"]


def _properties(data: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    properties = data.get("properties")
    if properties is None and "properties" in data:
        return {}
    if not isinstance(properties, dict):
        raise InvalidBody("'properties' must be an object.", pointer=f"{pointer}/properties")
    return properties
