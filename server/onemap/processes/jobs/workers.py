"""Workers: each takes jobs from the store, has them computed in a process of its own, and looks after both."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from onemap.errors import OneMapError
from onemap.processes.jobs.messages import Progress, Task
from onemap.processes.jobs.model import Claim, Failure, Finished, JobStore, Outcome
from onemap.processes.jobs.problems import job_problem
from onemap.processes.jobs.process import Computing, Ended
from onemap.processes.jobs.results import discard

_LISTEN_SECONDS = 0.2
_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 2.0
_IDLE_SECONDS = 300.0
_REST_SECONDS = 3.0
_log = logging.getLogger("onemap.jobs")

Told = Callable[[Claim, Outcome | None], None]
"""Takes the news of a job: None that it is worked on, then how it ended."""


def untold(claim: Claim, outcome: Outcome | None) -> None:
    """Take the news of a job, to no purpose."""


@dataclass
class Worker:
    """One worker. ``command`` and ``environment`` start the process that computes; ``told``: see ``Workers``."""

    store: JobStore
    command: Sequence[str]
    environment: Mapping[str, str]
    stopping: threading.Event
    told: Told = untold
    name: str = ""
    _process: Computing | None = None
    _failures: int = field(default=0)

    def drain(self) -> int:
        """Work on jobs until none waits or the worker is to stop; return their number."""
        done = 0
        try:
            while not self.stopping.is_set() and (claim := self.store.claim(self.name, self.store.settings.lease)):
                self._work(claim)
                done += 1
        except OneMapError as error:
            _log.warning("jobs cannot be taken: %s", error.detail)
            self.stopping.wait(_REST_SECONDS)
        except Exception:
            _log.exception("a worker of jobs stumbled and goes on")
            self.close()
            self.stopping.wait(_REST_SECONDS)
        return done

    def rest(self) -> None:
        """End the process that computes when it has had nothing to do for a while."""
        if self._process is not None and self._process.idle > _IDLE_SECONDS:
            self.close()

    def close(self) -> None:
        """End the process that computes."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _work(self, claim: Claim) -> None:
        """See a job through to its end, or to that of the worker."""
        watch = _Watch(self.store, claim)
        task = Task(claim, self.store.workspace(claim))
        try:
            process = self._process = self._process or Computing(self.command, self.environment)
            process.start(task)
            self.told(claim, None)
            outcome = self._outcome(process, watch)
        except (Ended, OSError):
            self._broken_off(claim)
            discard(task.folder)
            return
        if outcome is None:
            discard(task.folder)
        else:
            self._finish(claim, outcome, task)

    def _outcome(self, process: Computing, watch: _Watch) -> Outcome | None:
        """Wait for the end of a job; None when it was given back or dismissed. Raises Ended."""
        told_at: float | None = None
        while True:
            heard = process.listen(_LISTEN_SECONDS)
            match heard:
                case (Progress() as progress,):
                    watch.progress = progress
                case (outcome,):
                    return outcome if told_at is None else None
            if self.stopping.is_set():
                self.close()
                _quietly(self.store.release, watch.claim)
                return None
            if told_at is not None:
                if time.monotonic() > told_at + _GRACE_SECONDS:
                    self.close()
                    return None
            elif not watch.holds():
                process.stop()
                told_at = time.monotonic()

    def _broken_off(self, claim: Claim) -> None:
        """Give back a job whose process died; one that died before it began has not worn the job out."""
        ready = self._process is not None and self._process.ready
        _log.error("job %s: its process ended %s", claim.job, "while it worked" if ready else "before it began")
        self.close()
        _quietly(self.store.lost if ready or self._failures >= 2 else self.store.release, claim)
        self._failures = 0 if ready else self._failures + 1
        if not ready:
            self.stopping.wait(_REST_SECONDS)

    def _finish(self, claim: Claim, outcome: Outcome, task: Task) -> None:
        """Store how a job ended; what finds no room has failed. What the store cannot take now is done again later."""
        self._failures = 0
        try:
            taken = self.store.finish(claim, outcome)
        except (OneMapError, OSError) as error:
            discard(task.folder)
            outcome = Failure(job_problem(error, claim.job, claim.order.request_id))
            taken = bool(_quietly(self.store.finish, claim, outcome))
        if isinstance(outcome, Finished) and not taken:
            discard(task.folder)
        if taken:
            self.told(claim, outcome)


@dataclass
class _Watch:
    """Renews a claim while it is worked on, and finds out when it is lost or the job dismissed."""

    store: JobStore
    claim: Claim
    progress: Progress = field(default_factory=lambda: Progress(0.0, ""))
    _said: Progress | None = None
    _renewed: float = field(default_factory=time.monotonic)
    _looked: float = field(default_factory=time.monotonic)

    def holds(self) -> bool:
        """Whether the claim holds, by the latest look into the store; a look twice a second."""
        now, lease = time.monotonic(), self.store.settings.lease
        if now < self._looked + _LOOK_SECONDS:
            return True
        self._looked = now
        try:
            if self.progress == self._said and now < self._renewed + lease / 3:
                return self.store.wanted(self.claim)
            said = self.progress
            holds = self.store.renew(self.claim, lease, int(said.done * 100), said.message)
        except OneMapError as error:
            _log.warning("job %s cannot be looked after: %s", self.claim.job, error.detail)
            return now < self._renewed + lease  # after that another worker may have taken it
        self._renewed, self._said = now, said
        return holds


def _quietly[**P, T](step: Callable[P, T], *given: P.args, **named: P.kwargs) -> T | None:
    """Do a step in the store; when it cannot be done, the end of the lease does the same."""
    try:
        return step(*given, **named)
    except (OneMapError, OSError) as error:
        _log.warning("the jobs cannot be written: %s", error)
        return None


def worker_name(at: int) -> str:
    """Return a name for a worker of this process, for those who look into the store."""
    return f"{socket.gethostname()}/{os.getpid()}/{at}"
