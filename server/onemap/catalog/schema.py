"""The JSON Schema of a field: queryables, feature schemas and tiles say the same of it."""

from __future__ import annotations

from typing import Any

from onemap.catalog.model import Field

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "binary": {"type": "string", "contentEncoding": "base64"},
}
_UCUM = {"ha": "har"}


def type_schema(field: Field, lang: str) -> dict[str, Any]:
    """Return title and type of a field."""
    return {"title": field.title.get(lang), **_TYPES[field.type]}


def property_schema(field: Field, lang: str) -> dict[str, Any]:
    """Return the schema of a field with its length, range, unit and code list (codes as an enumeration)."""
    made = type_schema(field, lang)
    if field.max_length:
        made["maxLength"] = field.max_length
    if field.bits < 64:
        made |= {"minimum": -(2 ** (field.bits - 1)), "maximum": 2 ** (field.bits - 1) - 1}
    if field.read_only:
        made["readOnly"] = True
    if field.unit and field.unit.isascii():
        # OGC 23-058r2, /req/schemas/unit: a UCUM code, and those are ASCII.
        made["x-ogc-unit"] = _UCUM.get(field.unit, field.unit)
    if field.codes:
        made["enum"] = list(field.codes.titles)
        made["oneOf"] = [{"const": code, "title": title.get(lang)} for code, title in field.codes.titles.items()]
    return made
