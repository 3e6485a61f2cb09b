"""From the inputs of an execute request to a process with its fields set (OGC 18-062r2, clause 7.11.2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, get_args

import orjson
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from onemap.block.query import shorten
from onemap.block.strict import parse_json
from onemap.errors import InvalidBody, did_you_mean
from onemap.processes.describe import adapter
from onemap.processes.model import Process
from onemap.processes.parcels import MEDIA_TYPES, ParcelDocument

_GEOJSON = "application/geo+json"
_ALIASES = {
    "application/json": _GEOJSON,
    "application/vnd.geo+json": _GEOJSON,
    "application/fg+json": _GEOJSON,
    "application/vnd.ogc.fg+json": _GEOJSON,
    "application/x-zip-compressed": "application/zip",
    "application/zip+shp": "application/zip",
    "application/x-sqlite3": "application/geopackage+sqlite3",
    "application/vnd.sqlite3": "application/geopackage+sqlite3",
}
_QUALIFIED = {"value", "mediaType", "encoding", "schema", "format"}


def bind(process: type[Process], inputs: Mapping[str, Any]) -> Process:
    """Return the process with these inputs.

    Raises InvalidBody with a JSON pointer to the failing place and the offending value, shortened.
    """
    for name in inputs:
        if name not in process.model_fields:
            hint = did_you_mean(name, process.model_fields)
            text = f"The process '{process.id}' has no input '{shorten(name)}'."
            raise InvalidBody(text, hint, pointer=f"/inputs/{_escape(name)}")
    for name, field in process.model_fields.items():
        if field.is_required() and name not in inputs:
            raise InvalidBody(f"The input '{name}' is missing.", pointer="/inputs")
    return process.model_construct(**_defaults(process, inputs))


def _defaults(process: type[Process], inputs: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: _value(process.model_fields[name], raw, f"/inputs/{name}") for name, raw in inputs.items()}
    return {
        name: given[name] if name in given else field.get_default(call_default_factory=True)
        for name, field in process.model_fields.items()
    }


def _value(field: FieldInfo, raw: Any, pointer: str) -> Any:
    """Return one input's value: inline, or inside a qualified value."""
    if ParcelDocument in (field.annotation, *get_args(field.annotation)):
        return parcel_document(raw, pointer)
    value, where = unwrap(raw, pointer)
    try:
        return adapter(field).validate_python(value, strict=True)
    except ValidationError as error:
        failed = error
    if value is not raw:  # an object that happens to have a member 'value' of its own
        try:
            return adapter(field).validate_python(raw, strict=True)
        except ValidationError:
            pass
    raise _fault(failed, value, where)


def unwrap(raw: Any, pointer: str) -> tuple[Any, str]:
    """Return the value of a qualified value (or the value itself) and its pointer.

    Raises InvalidBody for a value by reference: nothing is fetched for a caller.
    """
    if not isinstance(raw, dict):
        return raw, pointer
    if "value" in raw and _QUALIFIED.issuperset(raw):
        _check_encoding(raw, pointer)
        return raw["value"], f"{pointer}/value"
    if "href" in raw:
        raise InvalidBody(
            "Inputs by reference are not fetched here.", "Send the value itself.", pointer=f"{pointer}/href"
        )
    return raw, pointer


def _check_encoding(raw: Mapping[str, Any], pointer: str) -> None:
    if encoding(raw) == "base64" and isinstance(raw["value"], str):
        from_base64(raw["value"], pointer)


def encoding(raw: Mapping[str, Any]) -> str | None:
    """Return the encoding of a qualified value: in its members, or in its ``format`` as older clients send it."""
    return _format_member(raw, "encoding")


def _format_member(raw: Mapping[str, Any], name: str) -> str | None:
    older = raw.get("format")
    found = raw.get(name, older.get(name) if isinstance(older, dict) else None)
    return found if isinstance(found, str) else None


def parcel_document(raw: Any, pointer: str) -> ParcelDocument:
    """Return the input ``parcels``: GeoJSON as it is, or the content of a qualified value. Raises InvalidBody."""
    if not isinstance(raw, dict):
        raise InvalidBody("Expected a GeoJSON object or a qualified value.", pointer=pointer, value=_shown(raw))
    if "type" in raw or "value" not in raw:
        unwrap(raw, pointer)
        return ParcelDocument(raw, _GEOJSON, pointer)
    value, where = raw["value"], f"{pointer}/value"
    said = (_format_member(raw, "mediaType") or _GEOJSON).split(";")[0].strip().lower()
    media_type = _ALIASES.get(said, said)
    if media_type not in MEDIA_TYPES:
        text = f"Parcels are not read from '{shorten(said)}'."
        raise InvalidBody(text, f"One of: {', '.join(MEDIA_TYPES)}.", pointer=f"{pointer}/mediaType")
    if media_type == _GEOJSON:
        return ParcelDocument(_json_value(raw, value, where), media_type, where)
    return ParcelDocument(_bytes_value(raw, value, media_type, where), media_type, where)


def _json_value(raw: Mapping[str, Any], value: Any, pointer: str) -> Any:
    if encoding(raw) == "base64" and isinstance(value, str):
        return parse_json(from_base64(value, pointer))
    return value


def _bytes_value(raw: Mapping[str, Any], value: Any, media_type: str, pointer: str) -> bytes:
    if not isinstance(value, str):
        raise InvalidBody("The content of a file is a string.", pointer=pointer, value=_shown(value))
    if encoding(raw) == "base64" or media_type != "text/plain":
        return from_base64(value, pointer)
    if encoding(raw) is not None:
        raise InvalidBody("The encoding must be base64.", pointer=pointer)
    return value.encode()


def from_base64(text: str, pointer: str) -> bytes:
    """Return the bytes of a base64 text (RFC 4648, clause 4). Raises InvalidBody for anything else in it."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidBody("The value is not base64.", "No line breaks, no URL alphabet.", pointer=pointer) from None


def _fault(error: ValidationError, value: Any, pointer: str) -> InvalidBody:
    """Return the first fault of a validation with a pointer into the request."""
    fault = error.errors(include_url=False)[0]
    place, found = pointer, value
    for part in fault["loc"]:  # parts that are no path (the branches of a union) are passed over
        inside = isinstance(found, dict) and part in found
        if inside or (isinstance(found, list) and isinstance(part, int) and part < len(found)):
            found, place = found[part], f"{place}/{_escape(str(part))}"
    return InvalidBody(f"{fault['msg']}: {_shown(found)}.", pointer=place, value=_shown(found))


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:80]


def _shown(value: Any) -> str:
    """Return the offending value as JSON, shortened."""
    try:
        return shorten(orjson.dumps(value).decode())
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__
