"""Dates, timestamps and intervals of filters: RFC 3339 text and Python values."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from pygeofilter import values

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})0*)?Z", re.ASCII)
OPEN = ".."


def parse_date(text: str) -> date | None:
    """Return the day of a full-date, or None when it is not one."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_timestamp(text: str) -> datetime | None:
    """Return the moment of a date-time in UTC ('Z'), to the microsecond; None when it is not one."""
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        return None
    try:
        moment = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment.replace(microsecond=int((found[2] or "0").ljust(6, "0")))


def parse_instant(text: str) -> date | datetime | None:
    """Return a day or a moment, or None when the text is neither."""
    return parse_date(text) or parse_timestamp(text)


def read_instant(text: str) -> date | datetime | None:
    """Return a day or a moment of any ISO 8601 form; a moment without zone is in UTC. None when it is neither."""
    try:
        if len(text) <= 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_date(value: date) -> str:
    """Return the full-date of a day."""
    return value.isoformat()


def write_timestamp(value: datetime) -> str:
    """Return the date-time of a moment, in UTC, without needless zeros."""
    return canonical(value) + "Z"


def canonical(value: datetime) -> str:
    """Return the moment as text whose order is that of time: no zone, no needless zeros."""
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return text.rstrip("0") if "." in text else text


def write_instant(value: date | datetime) -> str:
    """Return the text of a day or a moment."""
    return write_timestamp(value) if isinstance(value, datetime) else write_date(value)


def backwards(interval: values.Interval) -> bool:
    """Whether an interval of two literals ends before it starts."""
    start, end = interval.start, interval.end
    if not isinstance(start, date) or not isinstance(end, date):
        return False
    if isinstance(start, datetime) and isinstance(end, datetime):
        return start > end
    return day(start) > day(end)


def day(value: date | datetime) -> date:
    """Return the day (UTC) of an instant."""
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value
