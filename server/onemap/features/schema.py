"""JSON Schemas of a collection: queryables and the feature schema."""

from __future__ import annotations

from typing import Any

from onemap.catalog import property_schema
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
    """Return the queryables (OGC API Features Part 3): the properties that items requests may test."""
    return _document(view, address, lang) | {"additionalProperties": False}


def schema(view: View, address: str, lang: str) -> dict[str, Any]:
    """Return the schema of the features (OGC API Common Part 3), with the roles of key, geometry and time."""
    document = _document(view, address, lang)
    properties = document["properties"]
    for place, name in enumerate(view.collection.temporal):
        if name in properties:
            roles = (
                ["primary-instant"]
                if len(view.collection.temporal) == 1
                else ["primary-interval-start", "primary-interval-end"]
            )
            properties[name]["x-ogc-role"] = roles[place]
    if view.collection.key in properties:
        properties[view.collection.key]["x-ogc-role"] = "id"
    return document


def _document(view: View, address: str, lang: str) -> dict[str, Any]:
    table = view.collection.table
    kind = _GEOMETRIES.get(table.geometry_type, "any")
    shape = {
        "title": "几何" if lang == "zh" else "Geometry",
        "x-ogc-role": "primary-geometry",
        "format": f"geometry-{kind}",
    }
    return {
        "$schema": DIALECT,
        "$id": address,
        "type": "object",
        "title": view.collection.title.get(lang),
        "properties": {
            table.geometry_column: shape,
            **{field.name: property_schema(field, lang) for field in view.columns},
        },
    }
