"""The parameters of the job list (OGC 18-062r2, clause 11), parsed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from onemap.block import Call, Parameter
from onemap.block.query import shorten
from onemap.errors import InvalidParameter, did_you_mean
from onemap.processes.jobs import JobFilter, Status
from onemap.query.temporal import Interval, parse_datetime

DEFAULT_LIMIT = 10
MAX_LIMIT = 10_000
STATUSES: tuple[Status, ...] = get_args(Status)
_LONGEST = 10**9
_OPEN = Interval(None, None)
_SECONDS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 1}
PARAMETERS = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "Most jobs in a page.",
    ),
    Parameter("type", {"type": "array", "items": {"type": "string", "enum": ["process"]}}, "Kinds of jobs."),
    Parameter("processID", {"type": "array", "items": {"type": "string"}}, "Jobs of these processes."),
    Parameter(
        "status", {"type": "array", "items": {"type": "string", "enum": list(STATUSES)}}, "Jobs in these states."
    ),
    Parameter(
        "datetime",
        {"type": "string"},
        "Jobs created then: a date-time or date, or an interval of them; .. is an open end.",
    ),
    Parameter("minDuration", _SECONDS, "Jobs that take or took at least so many seconds."),
    Parameter("maxDuration", _SECONDS, "Jobs that take or took at most so many seconds."),
    Parameter("next", {"type": "string", "maxLength": 200}, "Page that follows another; from its link."),
)


def parse_filter(call: Call) -> JobFilter:
    """Return which jobs a request asks for. Raises InvalidParameter."""
    _words(call, "type", ["process"])
    time = parse_datetime(text) if (text := call.one("datetime")) else _OPEN
    statuses = _words(call, "status", STATUSES)
    return JobFilter(
        processes=tuple(_split(call, "processID")),
        statuses=tuple(status for status in STATUSES if status in statuses),
        created_from=time.start,
        created_to=time.end,
        min_seconds=_seconds(call, "minDuration"),
        max_seconds=_seconds(call, "maxDuration"),
    )


def _split(call: Call, name: str) -> list[str]:
    """Return the values of a list, given as one parameter with commas or as several; empty ones are left out."""
    return [item for value in call.query.get(name, ()) for item in value.split(",") if item]


def _words(call: Call, name: str, known: Sequence[str]) -> list[str]:
    given = _split(call, name)
    for word in given:
        if word not in known:
            raise InvalidParameter(f"'{name}' is '{shorten(word)}'.", did_you_mean(word, known))
    return given


def _seconds(call: Call, name: str) -> float | None:
    given = _split(call, name)
    if not given:
        return None
    if len(given) > 1:
        raise InvalidParameter(f"'{name}' has {len(given)} values.", "Give one.")
    if not (given[0].isascii() and given[0].isdecimal() and len(given[0]) <= 18):
        raise InvalidParameter(f"'{name}' must be a number of whole seconds, not '{shorten(given[0])}'.")
    return float(min(int(given[0]), _LONGEST))
