"""Workers in trouble: killed, dismissed, stopped, out of memory, two on one job. Each job has one result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from onemap.processes.jobs import Job, JobStore, read_results
from tests.conftest import ROOT
from tests.jobs import Place, alive, order, until, wait_for

RUNNING = """
SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%a trial%' AND pid <> pg_backend_pid()
"""


@contextmanager
def crew_elsewhere(place: Place, count: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """A crew in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs", "crew", str(count)],
        cwd=ROOT, env={**os.environ, **place.environment()}, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"at work\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def result(store: JobStore, job: Job) -> object:
    return read_results(store.results(job.id, job.owner)).outputs[0].value()


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, JobStore]]:
    """A crew of two at work on embedded jobs: its processes take a while to start, so several tests share them."""
    place = Place(tmp_path_factory.mktemp("jobs"), None, {"lease": 2.0})
    store = place.open()
    with place.crew(2).at_work():
        yield place, store
    store.close()


def test_progress_and_statuses_only_grow(at_work: tuple[Place, JobStore]) -> None:
    _, store = at_work
    job = store.add(order("steps", 2.0))
    seen = [job]
    while seen[-1].status in ("accepted", "running"):
        seen.append(store.get(job.id, "li"))
        time.sleep(0.02)
    statuses = list(dict.fromkeys(found.status for found in seen))
    assert statuses == ["accepted", "running", "successful"]
    shares = list(dict.fromkeys(found.progress for found in seen))
    assert shares == sorted(shares)
    assert len(shares) > 3, "the share done is told on the way"
    assert {found.message for found in seen} & {f"step {step}" for step in range(20)}
    assert [found.updated for found in seen] == sorted(found.updated for found in seen)
    assert result(store, job) == "li"


def test_a_killed_process_is_replaced_and_the_job_done(at_work: tuple[Place, JobStore]) -> None:
    place, store = at_work
    job = store.add(order("steps", 1.5, name="struck"))
    until(lambda: place.begun("struck"))
    os.kill(place.begun("struck")[0][1], signal.SIGKILL)
    done = wait_for(store, job)
    assert (done.status, done.attempt) == ("successful", 2)
    assert result(store, job) == "li"
    assert len({process for _, process in place.begun("struck")}) == 2


def test_dismissal_of_what_looks_up_costs_no_process(at_work: tuple[Place, JobStore]) -> None:
    place, store = at_work
    job = store.add(order("steps", 6.0, name="polite"))
    until(lambda: place.begun("polite"))
    process = place.begun("polite")[0][1]
    store.dismiss(job.id, "li")
    time.sleep(4.0)  # longer than it takes to lose patience
    assert alive(process)
    jobs = [store.add(order("steps", 0.5, name="next")) for _ in range(2)]
    assert {wait_for(store, job).status for job in jobs} == {"successful"}


def test_dismissal_ends_what_does_not_look_up(at_work: tuple[Place, JobStore]) -> None:
    place, store = at_work
    job = store.add(order("busy", 600.0))
    until(lambda: place.begun("busy"))
    process = place.begun("busy")[0][1]
    assert store.dismiss(job.id, "li").status == "dismissed"
    assert until(lambda: not alive(process)) < 6.0
    assert store.get(job.id, "li").status == "dismissed"
    assert not list(place.folder.glob(f"**/{job.id}/**/results.json"))


def test_jobs_that_kill_are_given_up_and_the_next_is_done(at_work: tuple[Place, JobStore]) -> None:
    place, store = at_work
    bad = [store.add(order(how)) for how in ("die", "memory")]
    good = store.add(order("steps", name="after"))
    failed, done = [wait_for(store, job) for job in bad], wait_for(store, good)
    assert {(job.status, (job.problem or {})["code"]) for job in failed} == {("failed", "OM-5001")}
    assert done.status == "successful"
    assert [len(place.begun(name)) for name in ("die", "memory", "after")] == [3, 3, 1]


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_dismissal_ends_the_query_in_the_database(place: Place, store: JobStore) -> None:
    assert place.dsn is not None
    with psycopg.connect(place.dsn, autocommit=True) as connection, place.crew().at_work():

        def queries() -> int:
            row = connection.execute(RUNNING).fetchone()
            return int(row[0]) if row else 0

        job = store.add(order("sql", 60.0))
        until(lambda: queries() == 1)
        store.dismiss(job.id, "li")
        assert until(lambda: queries() == 0) < 2.0
        job = store.add(order("sql", 60.0, name="killed"))
        until(lambda: queries() == 1)
        os.kill(place.begun("killed")[0][1], signal.SIGKILL)
        store.dismiss(job.id, "li")
        assert until(lambda: queries() == 0) < 3.0, "nor does it outlive its process"


def test_a_killed_crew_loses_nothing(place: Place, store: JobStore) -> None:
    with crew_elsewhere(place, 2) as crew:
        jobs = [store.add(order("steps", 1.5, name=str(at))) for at in range(3)]
        until(lambda: len(place.begun()) == 2)
        crew.kill()
        crew.wait()
        assert until(lambda: not any(alive(process) for _, process in place.begun())) < 2.0
        with place.crew(2).at_work():
            done = [wait_for(store, job) for job in jobs]
    assert [(job.status, job.attempt) for job in done] == [("successful", 2), ("successful", 2), ("successful", 1)]
    assert [result(store, job) for job in jobs] == ["li"] * 3


def test_a_crew_that_is_told_to_stop_gives_back_its_jobs(place: Place, store: JobStore) -> None:
    with crew_elsewhere(place) as crew:
        job = store.add(order("steps", 6.0))
        until(lambda: place.begun())
        crew.terminate()
        assert crew.wait(timeout=5) == 0
        claim = store.claim("another", 5.0)
        assert claim is not None, "at once, not when the lease is over"
        assert (claim.job, claim.attempt) == (job.id, 2)
        store.release(claim)
        assert not any(alive(process) for _, process in place.begun())


@pytest.mark.parametrize("at", [1, 2])
def test_a_crew_that_a_signal_stops_while_it_begins(place: Place, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The server that it belongs to would wait for its threads for ever."""
    begun: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        begun.append(thread)
        if len(begun) == at:
            raise SystemExit

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    crew = place.crew(2)
    with pytest.raises(SystemExit), crew.at_work():
        pass
    crew.store.close()
    assert len(begun) == at
    assert not any(thread.is_alive() for thread in begun)


def test_two_crews_do_each_job_once(place: Place, store: JobStore) -> None:
    jobs = [store.add(order("steps", 0.02, name=str(at), owner=f"user {at % 5}")) for at in range(30)]
    with crew_elsewhere(place, 2), place.crew(2).at_work():
        done = [wait_for(store, job) for job in jobs]
    assert {(job.status, job.attempt) for job in done} == {("successful", 1)}
    assert Counter(name for name, _ in place.begun()) == Counter(str(at) for at in range(30))
    assert len({process for _, process in place.begun()}) >= 2


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_once(place: Place, store: JobStore) -> None:
    jobs = [store.add(order("steps", name=str(at))) for at in range(4)]
    assert place.crew(2).once() == 4
    assert {store.get(job.id, "li").status for job in jobs} == {"successful"}
    assert threading.active_count() < 20
