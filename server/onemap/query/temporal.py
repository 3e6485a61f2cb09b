"""The datetime parameter (OGC API Features /req/core/fc-time-definition) and what it means for stored values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pygeofilter import ast

from onemap.block import Call
from onemap.block.query import shorten
from onemap.catalog import Field
from onemap.cql import all_of, any_of, at_least, at_most, is_null
from onemap.errors import InvalidParameter
from onemap.store import View

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))?", re.ASCII)
_SUBSET = re.compile(r'datetime\(\s*("[^"]*"|\*)\s*(?::\s*("[^"]*"|\*)\s*)?\)')
_SUBSET_HINT = 'For example subset=datetime("2025-01-01":"2025-12-31"); * is an open end.'
_HINT = "Give an instant (2025-12-31T00:00:00Z or 2025-12-31) or an interval (2025-01-01/2025-12-31, 2025-01-01/..)."


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval in UTC; None is an open end. A date stands for the whole day."""

    start: datetime | None
    end: datetime | None


def parse_time(call: Call, view: View) -> ast.Node | None:
    """Return the filter that the datetime parameter of a request means. Raises InvalidParameter."""
    text = call.one("datetime")
    return None if text is None else temporal_filter(parse_datetime(text), view)


def parse_subset(call: Call, view: View) -> ast.Node | None:
    """Return the filter that a subset of the time axis means (OGC API Tiles /req/datetime/axis).

    Raises InvalidParameter, also for any other axis.
    """
    text = call.one("subset")
    if text is None:
        return None
    found = _SUBSET.fullmatch(text.strip())
    if found is None:
        raise InvalidParameter(f"'subset' is '{shorten(text)}', which is no subset of the time axis.", _SUBSET_HINT)
    ends = [".." if end == "*" else end.strip('"') for end in found.groups() if end is not None]
    if any(not end for end in ends) or ends == [".."]:
        raise InvalidParameter(f"'subset' is '{shorten(text)}', which has no moment of time.", _SUBSET_HINT)
    return temporal_filter(parse_datetime("/".join(ends)), view)


def parse_datetime(text: str) -> Interval:
    """Return the interval that a datetime parameter names. Raises InvalidParameter."""
    parts = text.split("/")
    if len(parts) == 1:
        start, end = _instant(text)
        return Interval(start, end)
    if len(parts) != 2:
        raise InvalidParameter(f"'datetime' has {len(parts)} parts: '{shorten(text)}'.", _HINT)
    low = None if parts[0] in ("", "..") else _instant(parts[0])[0]
    high = None if parts[1] in ("", "..") else _instant(parts[1])[1]
    if low and high and low > high:
        raise InvalidParameter("'datetime': the interval ends before it starts.", _HINT)
    return Interval(low, high)


def _instant(text: str) -> tuple[datetime, datetime]:
    """Return the first and the last moment of an instant or a day."""
    if not _INSTANT.fullmatch(text):
        raise InvalidParameter(f"'datetime' holds '{shorten(text)}', which is not a date or date-time.", _HINT)
    try:
        if len(text) > 10:
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
            return moment, moment
        day = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return day, day + timedelta(days=1, microseconds=-1)
    except (ValueError, OverflowError):
        raise InvalidParameter(f"'datetime' holds '{shorten(text)}', which is no date that exists.", _HINT) from None


def temporal_filter(interval: Interval, view: View) -> ast.Node | None:
    """Return the filter for features whose time meets the interval; features without a time always match."""
    fields = [field for name in view.collection.temporal if (field := view.column(name))]
    if not fields:
        return None
    first, last = fields[0], fields[-1]
    tests = [
        any_of([at_most(first.name, _stored(interval.end, first)), is_null(first.name)]) if interval.end else None,
        any_of([at_least(last.name, _stored(interval.start, last)), is_null(last.name)]) if interval.start else None,
    ]
    return all_of(tests)


def _stored(moment: datetime, field: Field) -> str | int:
    """Return a moment as a stored value of the field: a year, a date, or GeoPackage date-time text (UTC, ms)."""
    if field.type == "integer":
        return moment.year
    if field.type == "date":
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
