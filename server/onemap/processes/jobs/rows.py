"""Rows of the table of jobs, and what they stand for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from onemap.processes.jobs.model import Job, Order

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def job_of(row: tuple[Any, ...]) -> Job:
    """Return a row of the table as a job."""
    identifier, process, owner, status, created, updated, started, finished, *more = row
    progress, message, attempt, problem, evidence = more
    return Job(
        identifier,
        process,
        owner,
        status,
        _time(created),
        _time(updated),
        None if started is None else _time(started),
        None if finished is None else _time(finished),
        progress,
        message,
        attempt,
        None if problem is None else orjson.loads(problem),
        evidence,
    )


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def order_facts(order: Order) -> str:
    """Return what the table of orders keeps beside the body, as text."""
    facts = [sorted(order.roles), order.lang, order.address, order.request_id, dict(order.subscriber)]
    return orjson.dumps(facts).decode()


def order_of(process: str, owner: str, body: bytes, facts: str) -> Order:
    """Return the order that ``order_facts`` was asked about."""
    roles, lang, address, request_id, subscriber = orjson.loads(facts)
    return Order(process, body, owner, tuple(roles), lang, address, request_id, subscriber)


def token_of(job: Job) -> str:
    """Return a token for the page after a job."""
    created = (job.created - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{created} {job.id}".encode()).decode().rstrip("=")


def token_parts(token: str) -> tuple[int, str]:
    """Return the place that a token names. Raises ValueError."""
    created, _, identifier = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(" ")
    number = int(created)
    if not 0 <= number < 2**62:
        raise ValueError
    return number, identifier
