"""The component schemas that all blocks share (OGC API Common and Features, as OpenAPI 3.0)."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_LINKS = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": properties}
    return {**made, "required": required} if required else made


def _array(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


SCHEMAS: dict[str, Any] = {
    "link": _object(
        ["href", "rel"], href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT, hreflang=_TEXT, templated={"type": "boolean"}
    ),
    "landingPage": _object(["links"], title=_TEXT, description=_TEXT, attribution=_TEXT, links=_LINKS),
    "confClasses": _object(["conformsTo"], links=_LINKS, conformsTo=_array(_TEXT)),
    "extent": _object(
        [],
        spatial=_object(
            ["bbox"], bbox=_array(_array({"type": "number"}, minItems=4, maxItems=6), minItems=1), crs=_TEXT
        ),
        temporal=_object(
            ["interval"],
            interval=_array(
                _array({"type": "string", "format": "date-time", "nullable": True}, minItems=2, maxItems=2)
            ),
            trs=_TEXT,
        ),
    ),
    "collection": _object(
        ["id", "links"],
        id=_TEXT,
        title=_TEXT,
        description=_TEXT,
        keywords=_array(_TEXT),
        attribution=_TEXT,
        itemType={"type": "string", "default": "feature"},
        extent={"$ref": "#/components/schemas/extent"},
        crs=_array(_TEXT),
        storageCrs={"type": "string", "format": "uri"},
        links=_LINKS,
    ),
    "collections": _object(
        ["links", "collections"],
        links=_LINKS,
        collections=_array({"$ref": "#/components/schemas/collection"}),
        numberMatched={"type": "integer", "minimum": 0},
        numberReturned={"type": "integer", "minimum": 0},
    ),
    "geometry": {
        "type": "object",
        "nullable": True,
        "required": ["type"],
        "properties": {
            "type": {
                "type": "string",
                "enum": [
                    "Point",
                    "MultiPoint",
                    "LineString",
                    "MultiLineString",
                    "Polygon",
                    "MultiPolygon",
                    "GeometryCollection",
                ],
            },
            "coordinates": {"type": "array", "items": {}},
            "geometries": {"type": "array", "items": {"type": "object"}},
        },
    },
    "feature": _object(
        ["type", "geometry", "properties"],
        type={"type": "string", "enum": ["Feature"]},
        id={"oneOf": [_TEXT, {"type": "integer"}]},
        geometry={"$ref": "#/components/schemas/geometry"},
        properties={"type": "object", "nullable": True},
        links=_LINKS,
    ),
    "featureCollection": _object(
        ["type", "features"],
        type={"type": "string", "enum": ["FeatureCollection"]},
        features=_array({"$ref": "#/components/schemas/feature"}),
        links=_LINKS,
        timeStamp={"type": "string", "format": "date-time"},
        numberMatched={"type": "integer", "minimum": 0},
        numberReturned={"type": "integer", "minimum": 0},
    ),
    "problem": _object(
        ["title", "status"],
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        instance=_TEXT,
        code=_TEXT,
        hint=_TEXT,
        requestId=_TEXT,
    ),
}
