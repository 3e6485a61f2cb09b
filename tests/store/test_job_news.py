"""What subscribers of jobs are told: kept with the jobs, told in order, again after a restart, not for ever."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from onemap.config import CallbackSettings, JobSettings
from onemap.processes.jobs import Claim, Failure, JobStore, Order
from onemap.processes.jobs.postgres import PostgresJobs
from onemap.processes.jobs.sqlite import SqliteJobs
from onemap.processes.notify import Notifier
from tests.jobs import Place, order, until
from tests.listener import Listener, giving, listening_on
from tests.store.test_jobs import PROBLEM, statement

DOWN = giving(b"", "text/plain", 503)


@pytest.fixture
def other() -> Iterator[Listener]:
    with listening_on() as listener:
        yield listener


def settings(other: Listener, **more: object) -> CallbackSettings:
    given = {"hosts": [other.address], "networks": ["127.0.0.0/8"], "attempts": 3, "pause": 0.02}
    return CallbackSettings.model_validate(given | more)


def subscribed(other: Listener, how: str = "steps") -> Order:
    addresses = {event: f"{other.address}/{event}" for event in ("running", "successful", "failed")}
    return replace(order(how), subscriber=addresses, address="https://onemap.example")


def taken(store: JobStore, other: Listener, how: str = "steps") -> Claim:
    store.add(subscribed(other, how))
    claim = store.claim("one", 30.0)
    assert claim is not None
    return claim


def work(place: Place, store: JobStore, notifier: Notifier, claim: Claim) -> None:
    """See a job through as a worker does."""
    notifier(claim, None)
    outcome = place.runner().run(claim, store.workspace(claim))
    assert store.finish(claim, outcome)
    notifier(claim, outcome)


def told(other: Listener) -> list[str]:
    return [path for _, path, _ in other.requests]


def test_a_subscriber_is_told_in_order(place: Place, store: JobStore, other: Listener) -> None:
    notifier = Notifier(store, settings(other))
    claim = taken(store, other)
    with notifier.at_work():
        work(place, store, notifier, claim)
        other.wait(2)
    assert told(other) == ["/running", "/successful"]
    assert json.loads(other.requests[0][2])["status"] == "running"
    assert json.loads(other.requests[1][2]) == {"result": "li"}
    assert store.news(1.0) is None


def test_what_was_not_told_is_told_after_a_restart(place: Place, store: JobStore, other: Listener) -> None:
    other.answers |= {"/running": DOWN, "/successful": DOWN}
    claim = taken(store, other)
    work(place, store, Notifier(store, settings(other)), claim)  # its server ends before it has told anything
    other.answers.clear()
    after = Notifier(place.open(), settings(other))
    with after.at_work():
        other.wait(2)
    assert told(other) == ["/running", "/successful"]


def test_attempts_are_counted_across_restarts(place: Place, store: JobStore, other: Listener) -> None:
    other.answers |= {"/running": DOWN}
    work(place, store, Notifier(store, settings(other)), taken(store, other))
    for _ in range(4):  # each a server of its own
        Notifier(place.open(), settings(other)).tell()
        time.sleep(0.1)
    assert told(other) == ["/running"] * 3 + ["/successful"]


def test_a_callback_is_tried_again_until_it_is_taken(place: Place, store: JobStore, other: Listener) -> None:
    left = [503, 500]

    def sometimes(handler: BaseHTTPRequestHandler) -> None:
        giving(b"", "text/plain", left.pop() if left else 204)(handler)

    other.answers |= {"/running": giving(b"", "text/plain", 403), "/successful": sometimes}
    notifier = Notifier(store, settings(other))
    claim = taken(store, other)
    with notifier.at_work():
        work(place, store, notifier, claim)
        other.wait(4)
        until(lambda: store.news(0.0) is None)
    assert told(other) == ["/running"] + ["/successful"] * 3


def test_news_in_the_hands_of_one_are_not_told_by_another(store: JobStore, other: Listener) -> None:
    claim = taken(store, other)
    store.announce(claim)
    first = store.news(0.1)
    assert first is not None
    assert (first.job, first.event, first.attempts, first.base) == (claim.job, "running", 1, "https://onemap.example")
    assert store.finish(claim, Failure(PROBLEM))
    assert store.news(0.1) is None, "the failure is told after the beginning"
    time.sleep(0.15)
    again = store.news(5.0)
    assert again == replace(first, attempts=2)
    store.told(again)
    last = store.news(5.0)
    assert last is not None
    assert last.event == "failed"


def test_a_job_whose_workers_died_is_told_as_failed(store: JobStore, other: Listener) -> None:
    store.add(subscribed(other))
    for _ in range(3):
        claim = store.claim("one", 30.0)
        assert claim is not None
        store.lost(claim)
    Notifier(store, settings(other)).tell()
    [(_, path, body)] = other.requests
    assert (path, json.loads(body)["status"]) == ("/failed", "failed")


def test_nobody_is_told_of_what_is_gone_or_old(place: Place, store: JobStore, other: Listener) -> None:
    quiet = Notifier(store, settings(other))
    dismissed, removed, old = (taken(store, other) for _ in range(3))
    quiet(dismissed, None)
    store.dismiss(dismissed.job, "li")
    for claim in (removed, old):
        work(place, store, quiet, claim)
    store.dismiss(removed.job, "li")
    statement(store, "UPDATE job_news SET made = made - 86400000001")
    store.sweep()
    quiet.tell()
    assert other.requests == []


def test_addresses_that_are_allowed_no_more_are_not_called(place: Place, store: JobStore, other: Listener) -> None:
    work(place, store, Notifier(store, settings(other)), taken(store, other))
    Notifier(store, CallbackSettings()).tell()
    assert other.requests == []
    assert store.news(1.0) is None


def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path: Path, other: Listener) -> None:
    store = SqliteJobs(JobSettings(), "internet", tmp_path)
    job = store.add(order("steps"))
    store.close()
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as database:
        database.executescript("DROP TABLE job_news; ALTER TABLE job DROP COLUMN evidence; PRAGMA user_version = 1")
    again = SqliteJobs(JobSettings(), "internet", tmp_path)
    assert again.get(job.id, "li") == job
    again.announce(replace(Claim(job.id, 1, subscribed(other))))
    assert again.news(1.0) is not None
    again.close()


def test_tables_of_an_older_version_are_brought_up_to_date(place: Place, store: JobStore, other: Listener) -> None:
    if not isinstance(store, PostgresJobs):
        pytest.skip("the tables of PostgreSQL")
    job = store.add(order("steps"))
    with store._connection() as connection:
        connection.execute("DROP TABLE onemap.job_news; ALTER TABLE onemap.job DROP COLUMN evidence")
    again = place.open()
    assert again.get(job.id, "li") == job
    again.announce(Claim(job.id, 1, subscribed(other)))
    assert again.news(1.0) is not None
