"""What a job is, and what a store of jobs does: the same whether jobs are kept in SQLite or in PostgreSQL.

State lives in the store only. A worker claims a job for a time (the lease) and renews the claim while it works; the
number of the attempt is a fence: what a worker whose lease ran out says later is not taken. A job has at most one
result, and its status only ever moves forward: accepted, running, then successful, failed or dismissed. A job whose
worker died is taken by the next one; after ``MAX_ATTEMPTS`` such ends it has failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from onemap.config import JobSettings

Status = Literal["accepted", "running", "successful", "failed", "dismissed"]
FINAL: frozenset[Status] = frozenset(("successful", "failed", "dismissed"))
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Order:
    """An execution as it was asked for: enough to run it in another process, or again.

    ``body``: the execute request as sent; ``owner``: name of the principal; ``roles``: the principal's; ``address``:
    of the server as the caller sees it, for links; ``subscriber``: checked addresses to call back, by event.
    """

    process: str
    body: bytes
    owner: str
    roles: tuple[str, ...] = ()
    lang: str = "zh"
    address: str = ""
    request_id: str = ""
    subscriber: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. Times are UTC; ``progress`` is 0 to 100; ``problem``: of a failed job (RFC 9457).

    ``evidence``: id of the evidence of its result.
    """

    id: str
    process: str
    owner: str
    status: Status
    created: datetime
    updated: datetime
    started: datetime | None = None
    finished: datetime | None = None
    progress: int = 0
    message: str = ""
    attempt: int = 0
    problem: Mapping[str, Any] | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list shows (/req/job-list): of these processes and statuses, created and lasting within bounds."""

    processes: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of a worker; ``attempt`` is the fence."""

    job: str
    attempt: int
    order: Order


@dataclass(frozen=True, slots=True)
class Finished:
    """A success. ``folder``: the folder of this attempt with ``results.json`` (manifest) and a file for each output."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as a problem document says it (RFC 9457): never paths, SQL or versions."""

    problem: Mapping[str, Any]


Outcome = Finished | Failure


@dataclass(frozen=True, slots=True)
class News:
    """Something that the subscriber of a job is to be told: that it has this status.

    ``base``: address of the server, for links; ``attempts``: to tell it, the present one among them.
    """

    job: str
    event: Status
    owner: str
    address: str
    base: str
    attempts: int


class JobStore(Protocol):
    """A store of jobs. Methods block; every one is a transaction of its own."""

    settings: JobSettings

    def add(self, order: Order) -> Job:
        """Accept an order. Raises TooManyJobs (429) for too many of the owner, NoRoom (503) for a full disk."""
        ...

    def get(self, identifier: str, owner: str) -> Job:
        """Return a job. Raises NoSuchJob, also for another's job."""
        ...

    def find(self, owner: str, wanted: JobFilter, limit: int, after: str | None) -> tuple[Sequence[Job], str | None]:
        """Return jobs of an owner, newest first, and a token of the next page or None."""
        ...

    def dismiss(self, identifier: str, owner: str) -> Job:
        """Stop a job, or remove one that has ended with its results (/req/dismiss). Raises NoSuchJob."""
        ...

    def results(self, identifier: str, owner: str) -> Path:
        """Return the folder of a successful job's results, for ``read_results``.

        Raises NoSuchJob, ResultNotReady, and for a job that has failed JobFailed with status, code and title of what
        went wrong. The folder may be gone soon after the job was removed, not before.
        """
        ...

    def claim(self, worker: str, lease: float) -> Claim | None:
        """Take the next job for ``lease`` seconds, or None when none waits."""
        ...

    def wanted(self, claim: Claim) -> bool:
        """Whether a claim holds: False when it was lost or the job dismissed. Only reads."""
        ...

    def renew(self, claim: Claim, lease: float, progress: int, message: str) -> bool:
        """Prolong a claim and tell the progress; False when it was lost or the job dismissed."""
        ...

    def release(self, claim: Claim) -> None:
        """Give a job back, as a worker that is told to stop does: it waits again, and the attempt does not count.

        Its status stays what it was, as a status only moves forward.
        """
        ...

    def lost(self, claim: Claim) -> None:
        """Say that the work on a job was broken off, as by a killed process: it waits again, or has failed."""
        ...

    def workspace(self, claim: Claim) -> Path:
        """Return the folder in which this attempt makes its results; it need not exist."""
        ...

    def announce(self, claim: Claim) -> None:
        """Keep as news that a job is worked on, where its subscriber wants to know."""
        ...

    def news(self, lease: float) -> News | None:
        """Take news to tell for ``lease`` seconds, or None when there are none; those of a job in their order."""
        ...

    def told(self, news: News) -> None:
        """Forget news."""
        ...

    def later(self, news: News, seconds: float) -> None:
        """Have news told again after a while."""
        ...

    def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """End a job, and keep that as news for its subscriber.

        False when the claim was lost: then the outcome is not taken and its files are to be removed.
        """
        ...

    def sweep(self) -> None:
        """Remove what is older than the retention, fail what had too many attempts, remove files of no job."""
        ...

    def counts(self) -> Mapping[Status, int]:
        """Return the number of jobs kept by status."""
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...
