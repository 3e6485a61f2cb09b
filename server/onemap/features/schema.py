"""JSON Schemas of a collection: queryables, sortables and the feature schema."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from onemap.catalog import property_schema
from onemap.query import filters, selection
from onemap.store import View

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_GEOMETRIES = {
    "POINT": "point",
    "LINESTRING": "linestring",
    "POLYGON": "polygon",
    "MULTIPOINT": "multipoint",
    "MULTILINESTRING": "multilinestring",
    "MULTIPOLYGON": "multipolygon",
}


def queryables(view: View, address: str, lang: str) -> dict[str, Any]:
    """Return the queryables (OGC API Common Part 3): what a filter may test."""
    return _document(view, address, lang, filters.queryables(view)) | {"additionalProperties": False}


def sortables(view: View, address: str, lang: str) -> dict[str, Any]:
    """Return the sortables (OGC API Common Part 3): what ``sortby`` may name."""
    names = [field.name for field in selection.sortables(view)]
    return _document(view, address, lang, names) | {"additionalProperties": False}


def schema(view: View, address: str, lang: str) -> dict[str, Any]:
    """Return the schema of the features (OGC API Common Part 3), with the roles of key, geometry and time."""
    names = [view.collection.table.geometry_column, *(field.name for field in view.columns)]
    document = _document(view, address, lang, names)
    properties = {view.collection.key: _key(view, lang), **document["properties"]}
    for name, role in (*_time_roles(view).items(), (view.collection.key, "id")):
        properties[name]["x-ogc-role"] = role
    required = [field.name for field in view.columns if field.required and not field.read_only]
    if view.collection.table.geometry_required:
        required.append(view.collection.table.geometry_column)
    more = {"required": required} if required else {}
    return document | {"properties": properties, **more, "additionalProperties": False}


def _key(view: View, lang: str) -> dict[str, Any]:
    """Return the schema of the feature ids: where no field holds them, they are the integer keys of the table."""
    field = next((field for field in view.collection.fields if field.name == view.collection.key), None)
    if field is None:
        return {"title": "标识" if lang == "zh" else "Identifier", "type": "integer", "readOnly": True}
    return property_schema(field, lang)


def _time_roles(view: View) -> dict[str, str]:
    """Return the roles of the fields with the features' time; a year alone, an integer, can have none."""
    names = view.collection.temporal
    roles = ("primary-instant",) if len(names) == 1 else ("primary-interval-start", "primary-interval-end")
    fields = {field.name for field in view.columns if field.type in ("date", "datetime")}
    return {name: role for name, role in zip(names, roles, strict=False) if name in fields}


def _document(view: View, address: str, lang: str, names: Container[str]) -> dict[str, Any]:
    table = view.collection.table
    shape = {
        "title": "几何" if lang == "zh" else "Geometry",
        "x-ogc-role": "primary-geometry",
        "format": f"geometry-{_GEOMETRIES.get(table.geometry_type, 'any')}",
    }
    properties = {table.geometry_column: shape, **{field.name: property_schema(field, lang) for field in view.columns}}
    return {
        "$schema": DIALECT,
        "$id": address,
        "type": "object",
        "title": view.collection.title.get(lang),
        "properties": {name: property_ for name, property_ in properties.items() if name in names},
    }
