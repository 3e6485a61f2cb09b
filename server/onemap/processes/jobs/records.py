"""Jobs as rows of a table: what the stores in SQLite and in PostgreSQL have in common, which is nearly all."""

from __future__ import annotations

import logging
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from onemap.block.query import shorten
from onemap.config import JobSettings
from onemap.errors import InvalidParameter, JobFailed, NoRoom, NoSuchJob, ResultNotReady, TooManyJobs, WorkerDied
from onemap.processes.jobs.model import (
    MAX_ATTEMPTS,
    Claim,
    Failure,
    Finished,
    Job,
    JobFilter,
    News,
    Order,
    Outcome,
    Status,
)
from onemap.processes.jobs.problems import job_problem
from onemap.processes.jobs.results import read_results
from onemap.processes.jobs.rows import job_of, order_facts, order_of, token_of, token_parts
from onemap.processes.jobs.statements import STATUSES, page

_MICRO = 1_000_000
_AT_ONCE = 200
_STALE = 24 * 3600 * _MICRO
"""Age of news (microseconds) that nobody is told any more."""
_log = logging.getLogger("onemap.jobs")


class Session(Protocol):
    """A transaction on the table."""

    @property
    def now(self) -> int:
        """Microseconds since 1970, by the clock that all workers share."""
        ...

    def rows(self, name: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement of ``statements.sql``, or one that is given in full, and return its rows."""
        ...


class JobRecords(ABC):
    """Jobs of one zone in a table; see ``JobStore`` for what the methods do."""

    def __init__(self, settings: JobSettings, zone: str) -> None:
        self.settings = settings
        self._zone = zone

    @abstractmethod
    def _transaction(self, write: bool = True) -> AbstractContextManager[Session]:
        """Give a transaction, which is kept when the block ends well. Raises Unavailable, NoRoom."""

    @abstractmethod
    def there(self) -> bool:
        """Whether the table has been made; looking does not make it."""

    @abstractmethod
    def make(self) -> None:
        """Make the table where there is none."""

    @abstractmethod
    def _waits(self, session: Session, count: int = 1) -> None:
        """Tell the workers that jobs wait, when the transaction is kept."""

    @abstractmethod
    def _keep(self, session: Session, claim: Claim, folder: Path) -> int:
        """Keep the results in a folder and return their size in bytes."""

    @abstractmethod
    def _folder(self, session: Session, identifier: str, attempt: int) -> Path:
        """Return a folder with the results that were kept."""

    @abstractmethod
    def _drop(self, session: Session, identifiers: Sequence[str]) -> None:
        """Drop the results of jobs."""

    @abstractmethod
    def workspace(self, claim: Claim) -> Path:
        """Return the folder in which an attempt makes its results."""

    def add(self, order: Order) -> Job:
        """Accept an order; see ``JobStore``."""
        self.make()
        with self._transaction() as session:
            self._admit(session, order)
            identifier = str(uuid.uuid4())
            values = {"id": identifier, "process": order.process, "owner": order.owner, "bytes": len(order.body)}
            session.rows("add", self._with(session, values))
            session.rows("add_order", {"id": identifier, "body": order.body, "facts": order_facts(order)})
            self._waits(session)
            return job_of(self._row(session, identifier, order.owner))

    def get(self, identifier: str, owner: str) -> Job:
        """Return a job; see ``JobStore``."""
        self._known(identifier)
        with self._transaction(write=False) as session:
            return job_of(self._row(session, identifier, owner))

    def find(self, owner: str, wanted: JobFilter, limit: int, after: str | None) -> tuple[Sequence[Job], str | None]:
        """Return a page of an owner's jobs; see ``JobStore``. Raises InvalidParameter for a token of no page."""
        statement, values = page(wanted)
        values |= {"owner": owner, "limit": limit + 1}
        try:
            values["created"], values["id"] = token_parts(after) if after else (2**62, "")
        except ValueError:
            raise InvalidParameter("This is no token of a page of jobs.") from None
        if not self.there():
            return [], None
        with self._transaction(write=False) as session:
            jobs = [job_of(row) for row in session.rows(statement, self._with(session, values))]
        more = len(jobs) > limit
        return jobs[:limit], token_of(jobs[limit - 1]) if more else None

    def dismiss(self, identifier: str, owner: str) -> Job:
        """Stop or remove a job; see ``JobStore``."""
        self._known(identifier)
        with self._transaction() as session:
            row = self._row(session, identifier, owner)
            values = {"id": identifier, "status": "dismissed", "problem": None}
            if self._ended(session, values, "end"):
                return job_of(self._row(session, identifier, owner))
            self._remove(session, [identifier])
            return replace(job_of(row), status="dismissed")

    def results(self, identifier: str, owner: str) -> Path:
        """Return the folder of a job's results; see ``JobStore``."""
        self._known(identifier)
        with self._transaction(write=False) as session:
            job = job_of(self._row(session, identifier, owner))
            if job.status == "successful":
                return self._folder(session, identifier, job.attempt)
        if job.status == "failed":
            raise _failure(job)
        if job.status == "dismissed":
            raise NoSuchJob(f"The job '{identifier}' was dismissed.")
        raise ResultNotReady(f"The job '{identifier}' is {job.status}: {job.progress} %.")

    def claim(self, worker: str, lease: float) -> Claim | None:
        """Take the next job; see ``JobStore``."""
        if not self.there():
            return None
        with self._transaction(write=False) as session:
            if not session.rows("any_ready", self._with(session)):
                return None
        with self._transaction() as session:
            self._fail_broken(session)
            values = {"worker": worker, "lease": int(lease * _MICRO), "running": self.settings.max_running}
            taken = session.rows("claim", self._with(session, values | {"most": MAX_ATTEMPTS}))
            if not taken:
                return None
            identifier, attempt, process, owner = taken[0]
            body, facts = session.rows("order", {"id": identifier})[0]
            return Claim(identifier, attempt, order_of(process, owner, bytes(body), facts))

    def wanted(self, claim: Claim) -> bool:
        """Whether a claim holds; see ``JobStore``."""
        with self._transaction(write=False) as session:
            return bool(session.rows("wanted", _fence(claim)))

    def renew(self, claim: Claim, lease: float, progress: int, message: str) -> bool:
        """Prolong a claim; see ``JobStore``."""
        values = _fence(claim) | {"lease": int(lease * _MICRO), "progress": progress, "message": message[:500]}
        with self._transaction() as session:
            return bool(session.rows("renew", values | {"now": session.now}))

    def release(self, claim: Claim) -> None:
        """Give a job back; see ``JobStore``."""
        with self._transaction() as session:
            if session.rows("give_back", _fence(claim) | {"lost": 0, "now": session.now}):
                self._waits(session)

    def lost(self, claim: Claim) -> None:
        """Say that the work was broken off; see ``JobStore``."""
        with self._transaction() as session:
            if session.rows("give_back", _fence(claim) | {"lost": 1, "now": session.now}):
                self._fail_broken(session)
                self._waits(session)

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """End a job; see ``JobStore``. Raises NoRoom, and leaves the job as it was, when results find no room."""
        with self._transaction() as session:
            values: dict[str, Any] = {**_fence(claim), "problem": None, "evidence": None}
            if isinstance(outcome, Failure):
                values |= {"status": "failed", "problem": orjson.dumps(outcome.problem).decode(), "bytes": 0}
            else:
                if not session.rows("hold", _fence(claim)):
                    return False
                evidence = read_results(outcome.folder).evidence
                values |= {"status": "successful", "bytes": self._kept(session, claim, outcome), "evidence": evidence}
            ended = self._ended(session, values, "finish")
            if ended:
                self._announce(session, claim.job, claim.order.owner, values["status"], claim.order)
            return ended

    def announce(self, claim: Claim) -> None:
        """Keep as news that a job is worked on; see ``JobStore``."""
        with self._transaction() as session:
            self._announce(session, claim.job, claim.order.owner, "running", claim.order)

    def news(self, lease: float) -> News | None:
        """Take news to tell; see ``JobStore``."""
        if not self.there():
            return None
        with self._transaction(write=False) as session:
            if not session.rows("any_news", self._with(session)):
                return None
        with self._transaction() as session:
            found = session.rows("next_news", self._with(session, {"lease": int(lease * _MICRO)}))
            return News(*found[0]) if found else None

    def told(self, news: News) -> None:
        """Forget news; see ``JobStore``."""
        with self._transaction() as session:
            session.rows("told_news", {"id": news.job, "event": news.event})

    def later(self, news: News, seconds: float) -> None:
        """Have news told again; see ``JobStore``."""
        with self._transaction() as session:
            values = {"id": news.job, "event": news.event, "pause": int(seconds * _MICRO)}
            session.rows("later_news", self._with(session, values))

    def sweep(self) -> None:
        """Remove what is old; see ``JobStore``."""
        if not self.there():
            return
        with self._transaction() as session:
            self._fail_broken(session)
            for identifier, event in session.rows("old_news", self._with(session, {"before": session.now - _STALE})):
                _log.warning("job %s: its subscriber was not told that it is %s", identifier, event)
        removed = _AT_ONCE
        while removed == _AT_ONCE:
            with self._transaction() as session:
                before = session.now - int(self.settings.retention * 3600 * _MICRO)
                old = session.rows("old", self._with(session, {"before": before, "limit": _AT_ONCE}))
                self._remove(session, [row[0] for row in old])
                removed = len(old)

    def counts(self) -> Mapping[Status, int]:
        """Return the number of jobs by status."""
        if not self.there():
            return dict.fromkeys(STATUSES, 0)
        with self._transaction(write=False) as session:
            found = dict(session.rows("counts", self._with(session)))
        return {status: found.get(status, 0) for status in STATUSES}

    def _known(self, identifier: str) -> None:
        if not self.there():
            raise NoSuchJob(f"There is no job '{shorten(identifier)}'.")

    def _with(self, session: Session, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {"zone": self._zone, "now": session.now, **(values or {})}

    def _row(self, session: Session, identifier: str, owner: str) -> tuple[Any, ...]:
        rows = session.rows("job", self._with(session, {"id": identifier, "owner": owner}))
        if not rows:
            raise NoSuchJob(f"There is no job '{shorten(identifier)}'.")
        return rows[0]

    def _admit(self, session: Session, order: Order) -> None:
        """Raise TooManyJobs or NoRoom for a job too many."""
        active = session.rows("active", self._with(session, {"owner": order.owner}))[0][0]
        if active >= self.settings.max_queued:
            raise TooManyJobs(f"{active} of your jobs wait or run; more are not taken.", "Dismiss some, or wait.")
        self._room(session, len(order.body))

    def _room(self, session: Session, more: int) -> None:
        if session.rows("used", self._with(session))[0][0] + more > self.settings.disk_bytes:
            raise NoRoom("The results of jobs take all the room that they may.", "Results are removed after a while.")

    def _kept(self, session: Session, claim: Claim, outcome: Finished) -> int:
        size = self._keep(session, claim, outcome.folder)
        self._room(session, size)
        return size

    def _ended(self, session: Session, values: Mapping[str, Any], statement: str) -> bool:
        """End a job where the statement allows it; the order is needed no more."""
        ended = bool(session.rows(statement, self._with(session, values)))
        if ended:
            session.rows("drop_order", {"id": values["id"]})
            if values["status"] == "dismissed":
                session.rows("drop_news", {"id": values["id"]})
        return ended

    def _announce(self, session: Session, identifier: str, owner: str, event: Status, order: Order) -> None:
        """Keep as news that a job has a status, where the subscriber of its order wants to know."""
        address = order.subscriber.get(event)
        if address is not None:
            values = {"id": identifier, "owner": owner, "event": event, "address": address, "base": order.address}
            session.rows("add_news", self._with(session, values))

    def _fail_broken(self, session: Session) -> None:
        """Fail the jobs whose workers died too often."""
        for identifier, owner in session.rows("broken", self._with(session, {"most": MAX_ATTEMPTS})):
            problem = orjson.dumps(job_problem(WorkerDied(), identifier, "")).decode()
            values = {"id": identifier, "status": "failed", "problem": problem}
            for body, facts in session.rows("order", {"id": identifier}):
                self._announce(session, identifier, owner, "failed", order_of("", owner, bytes(body), facts))
            self._ended(session, values, "end")
            _log.error("job %s: its workers died %d times; it has failed", identifier, MAX_ATTEMPTS)

    def _tidy(self, folder: Path) -> None:
        """Remove from a folder the folders of no job, and what attempts have left that are of no use any more."""
        # What is listed before the look into the table belongs to attempts that the table knows, or is of no use.
        folders = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        present = {path: list(path.iterdir()) for path in folders}
        with self._transaction(write=False) as session:
            attempts = {row[0]: str(row[1]) for row in session.rows("known", {"zone": self._zone})}
        for path, parts in present.items():
            useless = [path] if path.name not in attempts else parts
            for part in useless:
                if part.name.partition(".")[0] != attempts.get(path.name):
                    shutil.rmtree(part, ignore_errors=True)

    def _remove(self, session: Session, identifiers: Sequence[str]) -> None:
        for identifier in identifiers:
            session.rows("remove", {"id": identifier})
            session.rows("drop_order", {"id": identifier})
            session.rows("drop_news", {"id": identifier})
        if identifiers:
            self._drop(session, identifiers)


def _fence(claim: Claim) -> dict[str, Any]:
    return {"id": claim.job, "attempt": claim.attempt}


def _failure(job: Job) -> JobFailed:
    """Return what went wrong in a job as an error that is answered as the process would have been, at once."""
    problem = dict(job.problem or {})
    error = JobFailed(str(problem.pop("detail", "")), str(problem.pop("hint", "")))
    for name in ("status", "code", "title", "type"):
        if name in problem:
            setattr(error, name, problem.pop(name))
    error.extra = {name: value for name, value in problem.items() if name not in ("instance", "requestId")}
    return error
