"""The dimension Time of WMTS (OGC 07-057r7, 7.1.1.2): all features, or those of a year, a month or a day.

Its values have no slash, so that they can be part of a RESTful address; intervals of ISO 8601 could not.
"""

from __future__ import annotations

import calendar
import re

from onemap.block.query import shorten
from onemap.errors import Unavailable
from onemap.store import Store, View
from onemap.tiles.wmts.faults import Fault

TIME = "Time"
ALL = "all"
_MOST_YEARS = 100
_VALUE = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?", re.ASCII)


def years_of(view: View, store: Store) -> tuple[int, ...]:
    """Return the years from the first to the last time of a layer, at most the last hundred. Blocks."""
    try:
        first, last = store.interval(view) or (None, None)
    except Unavailable:
        return ()
    years = [int(found[0]) for end in (first, last) if (found := re.match(r"[0-9]{4}", str(end), re.ASCII))]
    return tuple(range(years[0], years[-1] + 1))[-_MOST_YEARS:] if first is not None and years else ()


def interval_of(value: str) -> str | None:
    """Return the interval that a value means, as the parameter ``datetime`` has it; None for all. Raises Fault.

    A client that knows of no dimensions leaves the variable in the address as it is.
    """
    if value in ("", ALL, "default", f"{{{TIME}}}"):
        return None
    found = _VALUE.fullmatch(value)
    if found is None:
        raise Fault("InvalidParameterValue", "TIME", f"'{shorten(value)}' is no year, month or day, nor '{ALL}'.")
    year, month, day = found.groups()
    if day:
        return value
    if month:
        return f"{value}-01/{value}-{calendar.monthrange(max(1, int(year)), int(month))[1]}"
    return f"{year}-01-01/{year}-12-31"
