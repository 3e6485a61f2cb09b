"""Values that vary with the zoom, where only one of them can be shown: SLD and legends."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from onemap.styles.declare import ByZoom

MIDDLE = 13


def at_middle(value: ByZoom, zooms: tuple[int, int] | None = None) -> float:
    """Return the value in the middle of these zoom levels; without levels, at level 13."""
    return value_at(value, sum(zooms) / 2 if zooms else MIDDLE)


def value_at(value: ByZoom, zoom: float) -> float:
    """Return the value at a zoom level, linear between the levels that are given."""
    if not isinstance(value, Mapping):
        return value
    stops = sorted(value.items())
    if zoom <= stops[0][0]:
        return stops[0][1]
    for (low, first), (high, second) in pairwise(stops):
        if zoom <= high:
            return first + (second - first) * (zoom - low) / (high - low)
    return stops[-1][1]
