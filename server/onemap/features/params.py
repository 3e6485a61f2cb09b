"""Parse the query of an items or item request once; nothing after this looks at text again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from pygeofilter import ast

from onemap.block import Call
from onemap.block.query import SHARED, integer, refuse_unknown, shorten
from onemap.catalog import Field
from onemap.config import Limits
from onemap.cql import all_of, equals
from onemap.errors import InvalidParameter, UnknownCrs
from onemap.features.encode.options import CHOICES
from onemap.features.temporal import parse_datetime, temporal_filter
from onemap.features.token import Tokens
from onemap.geo.bbox import parse_bbox
from onemap.geo.crs import CRS84, Crs
from onemap.store import FeatureQuery, Position, View

ITEMS = ("bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "next", *CHOICES)
_MOST_OFFSET = 10_000_000
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class ItemsRequest:
    """What an items request asks for."""

    query: FeatureQuery
    crs: Crs
    paging: Literal["keyset", "offset"]


def parse_items(call: Call, view: View, limits: Limits, tokens: Tokens) -> ItemsRequest:
    """Return the request. Raises UnknownParameter, InvalidParameter or UnknownCrs naming what is wrong."""
    refuse_unknown(call.query, [*ITEMS, *SHARED, *(field.name for field in view.columns)])
    limit = integer(call, "limit", min(limits.page_default, limits.page_max), 1, limits.page_max)
    offset = integer(call, "offset", 0, 0)
    if offset > _MOST_OFFSET:
        raise InvalidParameter(f"'offset' must be at most {_MOST_OFFSET}.", "Follow the `next` links instead.")
    token = call.one("next")
    bbox = call.one("bbox")
    bbox_crs = parse_crs(call, view, "bbox-crs")
    query = FeatureQuery(
        limit=limit,
        box=parse_bbox(bbox, bbox_crs) if bbox is not None else None,
        filter=all_of([_time(call, view), *_properties(call, view)]),
        after=Position(tokens.read(token, view.collection.id)) if token is not None else None,
        offset=0 if token is not None else offset,
    )
    paging: Literal["keyset", "offset"] = "offset" if "offset" in call.query and token is None else "keyset"
    return ItemsRequest(query, parse_crs(call, view, "crs"), paging)


def parse_item(call: Call, view: View) -> Crs:
    """Return the CRS that a feature request asks for."""
    refuse_unknown(call.query, ["crs", *SHARED])
    return parse_crs(call, view, "crs")


def parse_crs(call: Call, view: View, name: str) -> Crs:
    """Return the CRS named by a parameter, one of those the collection offers (/req/crs/fc-crs-valid-value)."""
    uri = call.one(name)
    if uri is None:
        return CRS84
    found = next((crs for crs in view.collection.crs if crs.uri == uri), None)
    if found is None:
        raise UnknownCrs(
            f"'{name}' is '{shorten(uri)}', which this collection does not offer.",
            "Offered: " + ", ".join(crs.uri for crs in view.collection.crs),
        )
    return found


def _time(call: Call, view: View) -> ast.Node | None:
    text = call.one("datetime")
    return None if text is None else temporal_filter(parse_datetime(text), view)


def _properties(call: Call, view: View) -> list[ast.Node]:
    given = [field for field in view.columns if field.name in call.query and field.name not in ITEMS]
    return [equals(field.name, _value(call.one(field.name) or "", field)) for field in given]


def _value(text: str, field: Field) -> Value:
    """Return the text as a value of the field's type. Raises InvalidParameter."""
    kind = field.type
    if kind == "integer" and _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    if kind == "string" or (kind in ("date", "datetime") and _is_time(text)):
        return text
    raise InvalidParameter(f"'{field.name}' is of type {kind}; '{shorten(text)}' is not.", _EXAMPLES.get(kind, ""))


_EXAMPLES = {
    "boolean": "Use true or false.",
    "date": "For example 2025-12-31.",
    "datetime": "For example 2025-12-31T00:00:00Z.",
}


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text).astimezone(UTC) if len(text) > 10 else date.fromisoformat(text)
    except (ValueError, OverflowError):
        return False
    return True
