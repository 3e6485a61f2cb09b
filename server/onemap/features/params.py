"""Parse the query of an items or item request once; nothing after this looks at text again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from onemap.block import Call
from onemap.block.query import SHARED, integer, refuse_unknown
from onemap.config import Limits
from onemap.errors import InvalidParameter
from onemap.features.encode.options import CHOICES
from onemap.features.profiles import PROFILE
from onemap.features.token import Tokens
from onemap.geo.bbox import parse_bbox
from onemap.geo.crs import Crs
from onemap.query import filters, selection
from onemap.query.crs import parse_crs
from onemap.store import FeatureQuery, View

_SELECT = tuple(item.name for item in (*filters.PARAMETERS, *selection.PARAMETERS))
ITEMS = (PROFILE.name, "bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "next", *_SELECT, *CHOICES)
_MOST_OFFSET = 10_000_000


@dataclass(frozen=True, slots=True)
class ItemsRequest:
    """What an items request asks for. ``names``: the properties to give, None for all."""

    query: FeatureQuery
    crs: Crs
    paging: Literal["keyset", "offset"]
    names: tuple[str, ...] | None = None
    skip_geometry: bool = False


def parse_items(call: Call, view: View, limits: Limits, tokens: Tokens) -> ItemsRequest:
    """Return the request. Raises UnknownParameter, InvalidParameter or UnknownCrs naming what is wrong."""
    refuse_unknown(call.query, [*ITEMS, *SHARED, *(name for name, field in filters.queryables(view).items() if field)])
    token, bbox, names = call.one("next"), call.one("bbox"), selection.parse_selection(call, view)
    bbox_crs = parse_crs(call, view, "bbox-crs")
    order = selection.parse_sortby(call, view)
    query = FeatureQuery(
        limit=integer(call, "limit", min(limits.page_default, limits.page_max), 1, limits.page_max),
        box=parse_bbox(bbox, bbox_crs) if bbox is not None else None,
        filter=filters.parse_conditions(call, view, (*ITEMS, *SHARED)),
        after=tokens.read(token, view.collection.id, order) if token is not None else None,
        offset=_offset(call) if token is None else 0,
        order=order,
        columns=None if names is None else tuple({*names, *(key.name for key in order)}),
    )
    paging: Literal["keyset", "offset"] = "offset" if "offset" in call.query and token is None else "keyset"
    return ItemsRequest(query, parse_crs(call, view, "crs"), paging, names, selection.parse_skip_geometry(call))


def parse_item(call: Call, view: View) -> Crs:
    """Return the CRS that a feature request asks for."""
    refuse_unknown(call.query, ["crs", PROFILE.name, *SHARED])
    return parse_crs(call, view, "crs")


def _offset(call: Call) -> int:
    offset = integer(call, "offset", 0, 0)
    if offset > _MOST_OFFSET:
        raise InvalidParameter(f"'offset' must be at most {_MOST_OFFSET}.", "Follow the `next` links instead.")
    return offset
