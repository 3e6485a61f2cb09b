"""Check property values against the schema of their collection (OGC API Features Part 4, /req/features/schema)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from onemap.block.query import shorten
from onemap.catalog import Field
from onemap.cql.instants import parse_date
from onemap.errors import Forbidden, InvalidFeature, did_you_mean
from onemap.geo.read_geojson import shown
from onemap.store import View
from onemap.store.base import Value

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EXACT = 2**53
Values = dict[str, Value | None]


def created(view: View, properties: Mapping[str, Any], identifier: Any, pointer: str) -> Values:
    """Return the columns of a new feature; what is not given is left to the table's defaults."""
    values = _checked(view, properties, pointer)
    key = view.column(view.collection.key)
    if key is None and view.collection.key != view.collection.table.primary_key:
        raise Forbidden("Features cannot be created here: what identifies them is not shown.")
    if key is not None and key.name not in values:
        values[key.name] = check_value(key, identifier, f"{pointer}/{escaped(key.name)}", required=True)
    for field in _receivable(view):
        if field.required and field.name not in values:
            raise _missing(field, f"{pointer}/{escaped(field.name)}")
    return values


def replaced(view: View, key: str, properties: Mapping[str, Any], pointer: str) -> Values:
    """Return the columns of a feature that is replaced: what is not given has no value any more.

    Columns that the view does not show are not among them: they stay as they are.
    """
    values = patched(view, key, properties, pointer)
    for field in _receivable(view):
        if field.name not in values and field.name != view.collection.key:
            if field.required:
                raise _missing(field, f"{pointer}/{escaped(field.name)}")
            values[field.name] = None
    return values


def patched(view: View, key: str, properties: Mapping[str, Any], pointer: str) -> Values:
    """Return the columns that a patch names; the key cannot be changed (/req/features/update-json-merge-patch, B)."""
    values = _checked(view, properties, pointer)
    name = view.collection.key
    if name in values and str(values.pop(name)) != key:
        raise InvalidFeature(
            f"The property '{name}' is the id of the feature, which stays.", pointer=f"{pointer}/{name}"
        )
    return values


def escaped(name: str) -> str:
    """Return a member's name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def unknown(view: View, name: str, pointer: str) -> InvalidFeature:
    """Return the error for a property that the view does not show, whether there is one or not."""
    hint = did_you_mean(name, [field.name for field in view.columns])
    return InvalidFeature(f"'{view.collection.id}' has no property '{shorten(name)}'.", hint, pointer=pointer)


def _receivable(view: View) -> list[Field]:
    return [field for field in view.columns if not field.read_only]


def _checked(view: View, properties: Mapping[str, Any], pointer: str) -> Values:
    """Return the values given; those of read-only properties are passed over: they come back as they were read."""
    values: Values = {}
    for name, value in properties.items():
        field, here = view.column(name), f"{pointer}/{escaped(name)}"
        if field is None:
            raise unknown(view, name, here)
        if not field.read_only:
            values[name] = check_value(field, value, here, required=field.required)
    return values


def _missing(field: Field, pointer: str) -> InvalidFeature:
    return InvalidFeature(f"The property '{field.name}' must have a value.", pointer=pointer)


def check_value(field: Field, value: Any, pointer: str, *, required: bool = False) -> Value | None:
    """Return a value as stores keep it. Raises InvalidFeature naming the property and what is wrong with the value."""
    if value is None:
        if required:
            raise _missing(field, pointer)
        return None
    read = _READERS.get(field.type)
    made = read(field, value) if read else None
    if made is None:
        kind = _KINDS.get(field.type, field.type)
        raise InvalidFeature(f"The property '{field.name}' must be {kind}, not {shown(value)}.", pointer=pointer)
    _check_range(field, made, pointer)
    return made


def _check_range(field: Field, value: Value, pointer: str) -> None:
    if isinstance(value, str) and field.max_length is not None and len(value) > field.max_length:
        what = f"has {len(value)} characters; at most {field.max_length} fit"
        raise InvalidFeature(f"The property '{field.name}' {what}.", pointer=pointer)
    if field.codes is not None and str(value) not in field.codes.titles:
        hint = did_you_mean(str(value), field.codes.titles) if len(field.codes.titles) <= 40 else ""
        what = f"'{shorten(str(value))}' is not in the code list '{field.codes.id}'"
        raise InvalidFeature(f"The property '{field.name}': {what}.", hint, pointer=pointer)


def _text(field: Field, value: Any) -> Value | None:
    return value if isinstance(value, str) and "\x00" not in value else None


def _integer(field: Field, value: Any) -> Value | None:
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    if type(value) is not int:
        return None
    return value if -(2 ** (field.bits - 1)) <= value < 2 ** (field.bits - 1) else None


def _number(field: Field, value: Any) -> Value | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _boolean(field: Field, value: Any) -> Value | None:
    return value if isinstance(value, bool) else None


def _date(field: Field, value: Any) -> Value | None:
    return value if isinstance(value, str) and parse_date(value) else None


def _timestamp(field: Field, value: Any) -> Value | None:
    """Return a moment in UTC with milliseconds, as GeoPackage has it."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


_READERS = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _timestamp,
}
_KINDS = {
    "string": "a text",
    "integer": "an integer that fits",
    "number": "a finite number",
    "boolean": "true or false",
    "date": "a date (2025-12-31)",
    "datetime": "a date and time with its zone (2025-12-31T08:00:00Z)",
}
