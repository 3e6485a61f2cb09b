"""The statements of ``statements.sql`` by name, and the conditions of a list of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from onemap.processes.jobs.model import JobFilter, Status
from onemap.processes.sql import statements_of

STATUSES: tuple[Status, ...] = get_args(Status)
_MICRO = 1_000_000
_LASTING = "(coalesce(finished, :now) - started)"


def statements() -> Mapping[str, str]:
    """Return the statements by name."""
    assert __package__
    return statements_of(__package__)


def page(wanted: JobFilter) -> tuple[str, dict[str, Any]]:
    """Return the statement for a page of jobs, newest first, and the values of its conditions."""
    tests, values = ["1 = 1"], dict[str, Any]()
    for column, several in (("process", wanted.processes), ("status", wanted.statuses)):
        if several:
            names = [f"{column}{at}" for at in range(len(several))]
            tests.append(column + " IN (" + ", ".join(":" + name for name in names) + ")")
            values |= dict(zip(names, several, strict=True))
    for name, test, bound in _bounds(wanted):
        if bound is not None:
            tests.append(test + ":" + name)
            values[name] = round(bound * _MICRO)
    return statements()["page"].replace("{tests}", " AND ".join(tests)), values


def _bounds(wanted: JobFilter) -> tuple[tuple[str, str, float | None], ...]:
    first, last = wanted.created_from, wanted.created_to
    return (
        ("created_from", "created >= ", first.timestamp() if first else None),
        ("created_to", "created <= ", last.timestamp() if last else None),
        ("min_seconds", _LASTING + " >= ", wanted.min_seconds),
        ("max_seconds", _LASTING + " <= ", wanted.max_seconds),
    )
