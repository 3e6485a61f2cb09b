"""The document of a collection (OGC API Common Part 2, Features Parts 1 and 2)."""

from __future__ import annotations

from typing import Any

from onemap.block import Call
from onemap.block.links import Link
from onemap.errors import Unavailable
from onemap.geo.crs import CRS84, CRS84_URI, Bounds, outward, transform_bounds
from onemap.store import Store, View

GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"


def describe(view: View, store: Store, lang: str, links: list[Link]) -> dict[str, Any]:
    """Return the collection document with its true extent; longitudes and latitudes in CRS84 order."""
    collection = view.collection
    return {
        "id": collection.id,
        "title": collection.title.get(lang),
        "description": collection.description.get(lang),
        "keywords": list(collection.keywords),
        "attribution": collection.attribution,
        "itemType": "feature",
        "extent": _extent(view, store),
        "crs": [crs.uri for crs in collection.crs],
        "storageCrs": collection.storage.uri,
        "links": links,
    }


def map_layer(view: View, store: Store, call: Call) -> dict[str, Any]:
    """Return what a map needs to know of a collection beside its style; ``bounds`` in longitude, latitude."""
    collection = view.collection
    bounds = _bounds(view, store)
    name = next((field.name for field in view.columns if field.role == "name"), None)
    coded = view.column(collection.colour_by) if collection.colour_by else None
    return {
        "id": collection.id,
        "title": collection.title.get(call.lang),
        "geometry_type": collection.table.geometry_type,
        "role": collection.role,
        "kind": collection.kind or "other",
        "group": collection.group.get(call.lang) if collection.group else "",
        "bounds": transform_bounds(bounds, collection.storage, CRS84) if bounds else None,
        "name": name,
        "colour_by": coded.name if coded else None,
        "time": _time(view, store),
    }


def _time(view: View, store: Store) -> dict[str, Any] | None:
    """Return the temporal fields of a view and its first and last day; None where nothing changes with time."""
    fields = [view.column(name) for name in view.collection.temporal]
    interval = _interval(view, store)
    if not fields or None in fields or interval is None or None in interval or interval[0] == interval[1]:
        return None
    days = [(_timestamp(value, side) or "")[:10] for value, side in zip(interval, ("start", "end"), strict=True)]
    return {"fields": [field.name for field in fields if field], "type": fields[0].type, "interval": days}  # type: ignore[union-attr]


def _extent(view: View, store: Store) -> dict[str, Any]:
    bounds = _bounds(view, store)
    box = transform_bounds(bounds, view.collection.storage, CRS84) if bounds else None
    extent: dict[str, Any] = {}
    if box:
        extent["spatial"] = {"bbox": [outward(box)], "crs": CRS84_URI}
    interval = _interval(view, store)
    if interval:
        start, end = interval
        extent["temporal"] = {"interval": [[_timestamp(start, "start"), _timestamp(end, "end")]], "trs": GREGORIAN}
    return extent


def _bounds(view: View, store: Store) -> Bounds | None:
    """Return the bounds of a collection; None also while its source is away: the others must be described."""
    try:
        return store.extent(view)
    except Unavailable:
        return None


def _interval(view: View, store: Store) -> tuple[str | int | None, str | int | None] | None:
    try:
        return store.interval(view)
    except Unavailable:
        return None


def _timestamp(value: str | int | None, side: str) -> str | None:
    """Return a stored year, date or date-time as an RFC 3339 timestamp; None stays open."""
    if value is None:
        return None
    text = str(value)
    if isinstance(value, int):
        text = f"{value:04d}-12-31" if side == "end" else f"{value:04d}-01-01"
    if len(text) > 10:
        return text if text.endswith("Z") else text + "Z"
    return text + ("T23:59:59Z" if side == "end" else "T00:00:00Z")
