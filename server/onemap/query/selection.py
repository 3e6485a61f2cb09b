"""The parameters that shape an answer: properties, skipGeometry and sortby."""

from __future__ import annotations

from collections.abc import Iterable

from onemap.block import Call, Parameter
from onemap.block.query import shorten
from onemap.catalog import Field
from onemap.errors import InvalidParameter, did_you_mean
from onemap.store import SortKey, View

MOST_SORT_KEYS = 8
PROPERTIES = Parameter(
    "properties",
    {"type": "array", "items": {"type": "string"}},
    "Only these properties of the features, separated by commas; default all.",
)
SKIP_GEOMETRY = Parameter("skipGeometry", {"type": "boolean", "default": False}, "Leave the geometries out.")
SORTBY = Parameter(
    "sortby",
    {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "[+\\-]?.+"}},
    "Sort by these sortables, separated by commas; `-` before a name sorts downwards. Texts sort by code points, "
    "features without a value come last.",
)
PARAMETERS = (PROPERTIES, SKIP_GEOMETRY, SORTBY)


def sortables(view: View) -> tuple[Field, ...]:
    """Return the fields that features can be sorted by."""
    return tuple(field for field in view.columns if field.type not in ("binary", "boolean"))


def parse_selection(call: Call, view: View) -> tuple[str, ...] | None:
    """Return the names of the properties asked for, None for all. Raises InvalidParameter for an unknown one."""
    text = call.one("properties")
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    return tuple(_known("properties", name, view.columns) for name in names)


def parse_skip_geometry(call: Call) -> bool:
    """Return whether geometries are left out. Raises InvalidParameter."""
    text = call.one("skipGeometry") or "false"
    if text not in ("true", "false"):
        raise InvalidParameter(f"'skipGeometry' is '{shorten(text)}'.", "Use true or false.")
    return text == "true"


def parse_sortby(call: Call, view: View) -> tuple[SortKey, ...]:
    """Return the sort keys. Raises InvalidParameter for what is no sortable (/req/sortables/response)."""
    text = call.one("sortby")
    if text is None:
        return ()
    # A plus sign that is not percent-encoded arrives as a space.
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MOST_SORT_KEYS:
        raise InvalidParameter(f"'sortby' has {len(parts)} keys; at most {MOST_SORT_KEYS} are read.")
    keys = [SortKey(_known("sortby", part.lstrip("+-"), sortables(view)), part.startswith("-")) for part in parts]
    if len({key.name for key in keys}) < len(keys):
        raise InvalidParameter("'sortby' names a property twice.")
    return tuple(keys)


def _known(parameter: str, name: str, fields: Iterable[Field]) -> str:
    names = [field.name for field in fields]
    if name not in names:
        raise InvalidParameter(f"'{parameter}' names '{shorten(name)}', which is none.", did_you_mean(name, names))
    return name
