"""Why a geometry is not valid, in words, and where."""

from __future__ import annotations

import re

import shapely

_PLACE = re.compile(r"(.*?)\[([^\s\]]+) ([^\s\]]+)")
_REASONS = {
    "Self-intersection": "its outline crosses or doubles back on itself",
    "Ring Self-intersection": "a ring of its outline touches itself",
    "Hole lies outside shell": "a hole lies outside its outline",
    "Holes are nested": "a hole lies inside another hole",
    "Nested shells": "a part lies inside another part",
    "Interior is disconnected": "its holes cut it into pieces that are not declared as parts",
    "Too few points in geometry component": "a ring has no area",
    "Duplicate Rings": "a ring is there twice",
    "Ring is not closed": "a ring is not closed",
}


def fault(geometry: shapely.Geometry) -> tuple[str, tuple[float, float] | None]:
    """Return why GEOS finds a geometry invalid, and the place (x, y of its own system) where it says one."""
    reason = str(shapely.is_valid_reason(geometry))
    match = _PLACE.match(reason)
    said = match[1].strip() if match else reason
    place = (float(match[2]), float(match[3])) if match else None
    return _REASONS.get(said, said.lower()), place
