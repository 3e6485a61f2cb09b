"""What a store of jobs promises, in SQLite and in PostgreSQL."""

from __future__ import annotations

import resource
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from onemap.errors import InvalidParameter, JobFailed, NoRoom, NoSuchJob, ResultNotReady, TooManyJobs
from onemap.processes.jobs import Claim, Failure, Finished, Job, JobFilter, JobStore, read_results
from onemap.processes.jobs.metrics import job_metrics
from onemap.processes.jobs.postgres import PostgresJobs
from onemap.processes.jobs.records import Session
from onemap.processes.jobs.runner import run_waiting
from onemap.processes.jobs.sqlite import SqliteJobs
from tests.conftest import Cluster
from tests.jobs import Place, order

ONE, TWO = "worker one", "worker two"
PROBLEM = {"status": 500, "title": "no", "detail": "no", "code": "OM-5000", "type": "about:blank"}


def statement(store: JobStore, text: str) -> None:
    """Change the table behind the store's back."""
    assert isinstance(store, SqliteJobs | PostgresJobs)
    with store._transaction() as session:
        session.rows(text + " RETURNING 1", {})


def many(store: JobStore, count: int) -> None:
    """Make copies of the one job that there is."""
    assert isinstance(store, SqliteJobs | PostgresJobs)
    columns = "zone, process, owner, status, created + n, updated, ready + n"
    with store._transaction() as session:
        numbers = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count})"
        named = "CAST(n AS text)"
        session.rows(
            "INSERT INTO job (id, zone, process, owner, status, created, updated, ready) "
            f"{numbers} SELECT 'copy' || {named}, {columns} FROM job, c RETURNING 1", {},
        )  # fmt: skip
        session.rows(
            "INSERT INTO job_order (job, body, facts) "
            f"{numbers} SELECT 'copy' || {named}, body, facts FROM job_order, c RETURNING 1", {},
        )  # fmt: skip


def result(store: JobStore, job: Job) -> object:
    return read_results(store.results(job.id, job.owner)).outputs[0].value()


def test_a_job_from_order_to_result(place: Place, store: JobStore) -> None:
    job = store.add(replace(order("steps"), roles=("clerk",), subscriber={"successUri": "https://example.org"}))
    assert (job.status, job.progress, job.attempt, job.started, job.problem) == ("accepted", 0, 0, None, None)
    with pytest.raises(ResultNotReady):
        store.results(job.id, "li")
    claim = store.claim(ONE, 2.0)
    assert claim is not None
    assert (claim.job, claim.attempt, claim.order.roles, claim.order.subscriber) == (
        job.id, 1, ("clerk",), {"successUri": "https://example.org"},
    )  # fmt: skip
    assert store.claim(TWO, 2.0) is None
    assert store.renew(claim, 2.0, 40, "on the way")
    running = store.get(job.id, "li")
    assert (running.status, running.progress, running.message) == ("running", 40, "on the way")
    outcome = place.runner().run(claim, store.workspace(claim))
    assert store.finish(claim, outcome)
    assert not store.finish(claim, Failure(PROBLEM)), "a job ends once"
    done = store.get(job.id, "li")
    assert (done.status, done.progress) == ("successful", 100)
    assert done.created <= (done.started or done.created) <= (done.finished or done.created)
    assert result(store, done) == "li"
    assert store.counts() == {"accepted": 0, "running": 0, "successful": 1, "failed": 0, "dismissed": 0}


def test_another_one_s_job_does_not_exist(store: JobStore) -> None:
    job = store.add(order("steps"))
    for step in (store.get, store.results, store.dismiss):
        with pytest.raises(NoSuchJob):
            step(job.id, "wang")
        with pytest.raises(NoSuchJob):
            step("nothing", "li")
    assert store.find("wang", JobFilter(), 10, None) == ([], None)


def test_how_processes_fail(place: Place, store: JobStore) -> None:
    jobs = {how: store.add(order(how)) for how in ("error", "refuse", "full", "large", "no such way")}
    big = store.add(order("large", 2_000))
    opened = place.open(output_bytes=1024)
    runner = replace(place.runner(), settings=place.settings.model_copy(update={"jobs": opened.settings}))
    assert run_waiting(opened, runner) == 6
    problems = {how: store.get(job.id, "li").problem or {} for how, job in jobs.items()}
    assert "secret" not in str(problems), "nothing of the inside shows"
    assert (problems["error"]["status"], problems["error"]["code"]) == (500, "OM-5000")
    assert (problems["refuse"]["status"], problems["refuse"]["parcel"]) == (422, 3)
    assert (problems["full"]["status"], problems["full"]["code"]) == (503, "OM-5034")
    assert problems["large"] == {}, "an empty result is a result"
    assert (store.get(big.id, "li").problem or {})["status"] == 413
    with pytest.raises(JobFailed, match="Parcel 3 crosses itself") as failed:
        store.results(jobs["refuse"].id, "li")
    assert (failed.value.status, failed.value.code, failed.value.extra) == (422, "OM-4220", {"parcel": 3})


def test_what_a_slow_worker_says_later_is_not_taken(place: Place, store: JobStore) -> None:
    job = store.add(order("steps"))
    slow = store.claim(ONE, 0.05)
    assert slow is not None
    time.sleep(0.1)
    quick = store.claim(TWO, 5.0)
    assert quick is not None
    assert (quick.job, quick.attempt) == (job.id, 2)
    assert not store.wanted(slow)
    assert not store.renew(slow, 5.0, 99, "late")
    late = place.runner().run(slow, store.workspace(slow))
    assert not store.finish(slow, late)
    assert not store.finish(slow, Failure(PROBLEM))
    store.release(slow)
    store.lost(slow)
    found = store.get(job.id, "li")
    assert (found.status, found.progress) == ("running", 0)
    assert store.finish(quick, place.runner().run(quick, store.workspace(quick)))
    assert store.get(job.id, "li").status == "successful"
    assert result(store, job) == "li"


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_lease_that_ends_while_results_are_stored(place: Place, store: JobStore) -> None:
    """Storing large results may take longer than a lease: nobody else takes the job meanwhile."""
    assert isinstance(store, PostgresJobs)
    job = store.add(order("large", 50_000))
    slow = store.claim(ONE, 0.1)
    assert slow is not None
    outcome = place.runner().run(slow, store.workspace(slow))
    other = place.open()
    keep, seen = store._keep, []

    def keep_slowly(session: Session, claim: Claim, folder: Path) -> int:
        time.sleep(0.2)
        seen.append(other.claim(TWO, 5.0))
        return keep(session, claim, folder)

    store._keep = keep_slowly  # type: ignore[method-assign]
    assert store.finish(slow, outcome)
    assert seen == [None]
    assert result(other, job) == "x" * 50_000
    other.close()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_looking_makes_nothing(place: Place, store: JobStore) -> None:
    store.sweep()
    assert store.claim(ONE, 2.0) is None
    assert store.find("li", JobFilter(), 3, None) == ([], None)
    assert set(store.counts().values()) == {0}
    with pytest.raises(NoSuchJob):
        store.get("nothing", "li")
    assert list(place.folder.iterdir()) == []


def test_a_job_that_kills_its_workers_fails(store: JobStore) -> None:
    job = store.add(order("steps"))
    for attempt in (1, 2, 3):
        claim = store.claim(ONE, 0.02)
        assert claim is not None
        assert claim.attempt == attempt
        if attempt == 2:
            store.lost(claim)
        else:
            time.sleep(0.05)
    assert store.claim(ONE, 1.0) is None
    found = store.get(job.id, "li")
    assert (found.status, (found.problem or {})["code"]) == ("failed", "OM-5001")


def test_a_job_that_is_given_back_has_lost_nothing(store: JobStore) -> None:
    job = store.add(order("steps"))
    seen = set()
    for _ in range(5):
        claim = store.claim(ONE, 1.0)
        assert claim is not None
        seen.add(claim.attempt)
        store.release(claim)
        assert not store.wanted(claim)
        assert store.get(job.id, "li").status == "running", "a status moves forward only"
    assert len(seen) == 5, "each attempt is a fence of its own"
    assert store.claim(ONE, 1.0) is not None


def test_dismissal(place: Place, store: JobStore) -> None:
    waiting, running, done = (store.add(order("steps", name=str(at))) for at in range(3))
    assert store.dismiss(waiting.id, "li").status == "dismissed"
    claim = store.claim(ONE, 5.0)
    assert claim is not None
    assert claim.job == running.id
    assert store.dismiss(running.id, "li").status == "dismissed"
    assert not store.renew(claim, 5.0, 50, "")
    assert not store.finish(claim, place.runner().run(claim, store.workspace(claim)))
    assert store.get(running.id, "li").status == "dismissed"
    with pytest.raises(NoSuchJob):
        store.results(running.id, "li")
    assert run_waiting(store, place.runner()) == 1
    folder = store.results(done.id, "li")
    assert folder.is_dir()
    assert store.dismiss(done.id, "li").status == "dismissed"
    with pytest.raises(NoSuchJob):
        store.get(done.id, "li")
    if isinstance(store, SqliteJobs):
        assert not folder.exists()
    assert store.dismiss(waiting.id, "li").status == "dismissed", "what was dismissed is removed"
    with pytest.raises(NoSuchJob):
        store.get(waiting.id, "li")


def test_lists(place: Place, store: JobStore) -> None:
    jobs = [store.add(order("steps" if at % 2 else "error", name=str(at))) for at in range(7)]
    run_waiting(store, place.runner())
    jobs.append(store.add(order("steps")))
    newest = [job.id for job in reversed(jobs)]
    found, token = [], None
    for _ in range(3):
        page, token = store.find("li", JobFilter(), 3, token)
        found += [job.id for job in page]
    assert (found, token) == (newest, None)

    def ids(**wanted: object) -> list[str]:
        return [job.id for job in store.find("li", JobFilter(**wanted), 100, None)[0]]  # type: ignore[arg-type]

    assert ids(statuses=("failed",)) == [newest[at] for at in (1, 3, 5, 7)]
    assert ids(statuses=("failed", "accepted"))[:2] == newest[:2]
    assert ids(processes=("echo",)) == []
    assert ids(processes=("echo", "trial")) == newest
    assert ids(created_from=jobs[5].created) == newest[:3]
    assert ids(created_to=jobs[5].created) == newest[2:]
    assert ids(created_from=jobs[5].created + timedelta(days=1)) == []
    assert ids(min_seconds=0.0) == newest[1:], "one that has not started has no duration"
    assert ids(max_seconds=60.0) == newest[1:]
    assert ids(min_seconds=60.0) == []
    for wrong in ("x", "é", "AAAA", "LTEgYQ"):
        with pytest.raises(InvalidParameter):
            store.find("li", JobFilter(), 3, wrong)


def test_quotas(place: Place) -> None:
    store = place.open(max_queued=3, max_running=1, disk_bytes=20_000)
    for at in range(3):
        store.add(order("steps", name=str(at)))
    with pytest.raises(TooManyJobs) as refused:
        store.add(order("steps"))
    assert (refused.value.status, refused.value.retry_after) == (429, 30)
    store.add(order("steps", owner="wang"))
    first, other = store.claim(ONE, 5.0), store.claim(TWO, 5.0)
    assert first is not None
    assert other is not None
    assert (first.order.owner, other.order.owner) == ("li", "wang"), "one user's jobs do not keep others out"
    assert store.claim("worker three", 5.0) is None
    assert store.finish(first, Failure(PROBLEM))
    assert store.claim("worker three", 5.0) is not None
    store.close()


def test_no_room(place: Place) -> None:
    store = place.open(disk_bytes=10_000)
    fits, does_not = store.add(order("large", 6_000)), store.add(order("large", 6_000))
    for job in (fits, does_not):
        claim = store.claim(ONE, 5.0)
        assert claim is not None
        outcome = place.runner().run(claim, store.workspace(claim))
        if job is fits:
            assert store.finish(claim, outcome)
            continue
        with pytest.raises(NoRoom):
            store.finish(claim, outcome)
        assert store.get(job.id, "li").status == "running", "the store is as it was"
        assert store.finish(claim, Failure(PROBLEM))
    with pytest.raises(NoRoom) as refused:
        store.add(replace(order("steps"), body=b" " * 5_000))
    assert (refused.value.status, refused.value.retry_after) == (503, 300)
    assert result(store, fits) == "x" * 6_000
    store.dismiss(fits.id, "li")
    store.add(replace(order("steps"), body=b" " * 5_000))
    store.close()


def test_retention_and_what_was_left_lying(place: Place, store: JobStore) -> None:
    old, new = store.add(order("steps")), store.add(order("steps"))
    run_waiting(store, place.runner())
    waiting = store.add(order("steps"))
    gone = store.results(old.id, "li")
    statement(store, f"UPDATE job SET finished = finished - {200 * 3_600_000_000} WHERE id = '{old.id}'")
    statement(store, f"UPDATE job SET created = created - {200 * 3_600_000_000} WHERE id = '{waiting.id}'")
    if isinstance(store, SqliteJobs):
        (gone.parent.parent / "no-job" / "1").mkdir(parents=True)
        (gone.parent.parent / new.id / "7.part").mkdir()
    store.sweep()
    with pytest.raises(NoSuchJob):
        store.get(old.id, "li")
    assert store.get(waiting.id, "li").status == "accepted", "what has not ended is not old"
    assert result(store, new) == "li"
    if isinstance(store, SqliteJobs):
        assert sorted(path.name for path in gone.parent.parent.iterdir()) == [new.id]
        assert [path.name for path in (gone.parent.parent / new.id).iterdir()] == ["1"]


def test_two_claims_at_once(place: Place, store: JobStore) -> None:
    """Eight threads on forty jobs: each is taken once, and has one result."""
    for at in range(40):
        store.add(order("steps", owner=f"user {at % 10}"))
    taken: list[str] = []
    begin = threading.Barrier(8)

    def work(at: int) -> None:
        mine = place.open()
        begin.wait()
        while (claim := mine.claim(f"worker {at}", 5.0)) is not None:
            taken.append(claim.job)
            assert mine.finish(claim, Failure(PROBLEM))
        mine.close()

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40
    assert store.counts()["failed"] == 40


def test_ten_thousand_jobs_wait(place: Place) -> None:
    store = place.open(max_queued=20_000)
    store.add(order("steps"))
    many(store, 10_000)
    store.add(order("steps", owner="wang"))
    taken: dict[str, list[float]] = {}

    def timed[T](name: str, step: Callable[[], T]) -> T:
        begun = time.perf_counter()
        found = step()
        taken.setdefault(name, []).append(time.perf_counter() - begun)
        return found

    token, seen = None, 0
    for _ in range(20):
        claim = timed("claim", lambda: store.claim(ONE, 60.0))
        assert claim is not None
        page, token = timed("find", lambda at=token: store.find("li", JobFilter(statuses=("accepted",)), 100, at))
        seen += len(page)
        timed("finish", lambda held=claim: store.finish(held, Failure(PROBLEM)))
        job = timed("add", lambda: store.add(order("steps")))
        timed("get", lambda known=job: store.get(known.id, "li"))
    assert seen == 2_000
    timed("sweep", store.sweep)
    assert sum(timed("counts", store.counts).values()) == 10_022
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    print({name: f"{seconds * 1000:.1f} ms" for name, seconds in medians.items()})
    assert max(seconds for name, seconds in medians.items() if name != "sweep") < 0.1
    assert medians["sweep"] < 10.0
    store.close()


def test_results_reach_a_machine_without_the_disk(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = cluster.fresh()
    here, there = (Place(tmp_path / name, dsn, {}) for name in ("here", "there"))
    for place in (here, there):
        place.folder.mkdir()
    for name, value in there.environment().items():
        monkeypatch.setenv(name, value)
    server, worker = here.open(), there.open()
    assert worker.claim(ONE, 2.0) is None, "there are no tables yet, and none are made by looking"
    assert server.find("li", JobFilter(), 3, None) == ([], None)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT to_regnamespace('onemap')").fetchone() == (None,)
    job = server.add(order("large", 3_000_000))
    claim = worker.claim(ONE, 5.0)
    assert claim is not None
    outcome = there.runner().run(claim, worker.workspace(claim))
    assert isinstance(outcome, Finished)
    assert worker.finish(claim, outcome)
    assert not outcome.folder.exists(), "nothing stays on the worker's disk"
    folder = server.results(job.id, "li")
    assert folder.is_relative_to(here.folder)
    assert result(server, job) == "x" * 3_000_000
    assert server.results(job.id, "li") == folder
    server.close()
    worker.close()


def test_what_a_worker_that_died_has_left_is_removed(place: Place, store: JobStore) -> None:
    store.add(order("steps"))
    first = store.claim(ONE, 30.0)
    assert first is not None
    store.workspace(first).with_name("1.part").mkdir(parents=True)
    store.sweep()
    assert store.workspace(first).with_name("1.part").is_dir(), "the attempt is under way"
    store.lost(first)
    second = store.claim(TWO, 30.0)
    assert second is not None
    store.workspace(second).mkdir()
    gone = store.workspace(first).parent.with_name("no-job")
    gone.mkdir()
    store.sweep()
    assert [path.name for path in gone.parent.iterdir()] == [second.job]
    assert list(gone.with_name(second.job).iterdir()) == [store.workspace(second)]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_full_disk_refuses_jobs_and_keeps_those_it_has(place: Place, store: JobStore) -> None:
    assert isinstance(store, SqliteJobs)
    job = store.add(order("steps"))

    def pages(number: int) -> None:
        with store._transaction() as session:
            session.rows(f"PRAGMA max_page_count = {number}", {})

    pages(1)  # no more than there are
    with pytest.raises(NoRoom) as refused:
        store.add(replace(order("steps"), body=b" " * 200_000))
    assert refused.value.status == 503
    claim = store.claim(ONE, 5.0)
    assert claim is not None
    assert store.renew(claim, 5.0, 50, "half")
    pages(100_000)
    assert store.finish(claim, place.runner().run(claim, store.workspace(claim)))
    assert result(store, job) == "li"
    assert sum(store.counts().values()) == 1, "what was refused is not there"


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_disk_that_fills_up_fails_the_job(place: Place, store: JobStore) -> None:
    """The limit on the size of files stands for the end of the disk: the system refuses to write on."""
    job = store.add(order("large", 3_000_000))
    claim = store.claim(ONE, 5.0)
    assert claim is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        outcome = place.runner().run(claim, store.workspace(claim))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.finish(claim, outcome)
    problem = store.get(job.id, "li").problem or {}
    assert (problem["status"], problem["code"]) == (503, "OM-5034")
    assert "no room on the disk" in problem["detail"]
    assert not list(place.folder.glob("**/*.part")), "nothing is left lying"


def test_what_is_counted(place: Place, store: JobStore) -> None:
    store.add(order("steps"))
    metrics = job_metrics(store)()
    assert {(dict(metric.labels)["status"], metric.value) for metric in metrics} == {
        ("accepted", 1), ("running", 0), ("successful", 0), ("failed", 0), ("dismissed", 0),
    }  # fmt: skip
    assert {(metric.name, metric.kind, metric.common) for metric in metrics} == {("onemap_jobs", "gauge", True)}
    assert job_metrics(None)() == []
