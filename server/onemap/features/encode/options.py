"""Options of the formats: query parameters that some formats take beside ``f``."""

from __future__ import annotations

from collections.abc import Collection as Names
from dataclasses import dataclass, fields

from onemap.block import Call, Parameter
from onemap.block.query import shorten
from onemap.errors import InvalidParameter, did_you_mean

CHOICES: dict[str, tuple[str, ...]] = {
    "headers": ("name", "zh", "en"),
    "geometry": ("wkt", "xy", "none"),
    "encoding": ("utf-8", "gbk"),
}
_TEXTS = {
    "headers": "Column titles of `f=csv`: field names, or their Chinese or English titles.",
    "geometry": "Geometry in `f=csv`: WKT in the axis order of the CRS, two columns (only points), or none.",
    "encoding": "Text encoding of `f=shp`.",
}
PARAMETERS = tuple(
    Parameter(name, {"type": "string", "enum": list(values), "default": values[0]}, _TEXTS[name])
    for name, values in CHOICES.items()
)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one answer; the first value of ``CHOICES`` where nothing is said."""

    headers: str = "name"
    geometry: str = "wkt"
    encoding: str = "utf-8"


def parse_options(call: Call, taken: Names[str], geometry_type: str) -> Options:
    """Return the options of a request for a format that takes those named in ``taken``. Raises InvalidParameter."""
    given = {item.name: text for item in fields(Options) if (text := call.one(item.name)) is not None}
    for name, text in given.items():
        if name not in taken:
            raise InvalidParameter(f"'{name}' is no option of the format '{call.format.name}'.", _TEXTS[name])
        if text not in CHOICES[name]:
            raise InvalidParameter(f"'{name}' is '{shorten(text)}'.", did_you_mean(text, CHOICES[name]))
    if given.get("geometry") == "xy" and geometry_type != "POINT":
        raise InvalidParameter("'geometry=xy' is for points.", "Use geometry=wkt.")
    return Options(**given)
