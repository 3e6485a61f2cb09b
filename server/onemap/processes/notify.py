"""Telling the subscribers of jobs: that one is worked on, and how it ended. Done beside the work, never in its way."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from onemap.block import Links
from onemap.config import CallbackSettings
from onemap.errors import OneMapError
from onemap.processes.callbacks import call_back
from onemap.processes.jobs import Claim, JobStore, Outcome, Status, read_results
from onemap.processes.jobs.model import Finished
from onemap.processes.responses import document
from onemap.processes.results import made_of
from onemap.processes.status import status_info

_LINES = 4
_WAITING = 1000
_log = logging.getLogger("onemap.jobs")


@dataclass(frozen=True, slots=True)
class News:
    """Something to be told to an address."""

    address: str
    body: bytes


@dataclass(frozen=True)
class Notifier:
    """Tells subscribers, one after the other for each job; given to the workers as what they tell news of jobs to.

    What cannot be delivered within the attempts of the settings, or before the workers stop, is lost: the job keeps
    its status and results for whoever asks.
    """

    store: JobStore
    settings: CallbackSettings
    _lines: list[queue.Queue[News]] = field(default_factory=list)
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, claim: Claim, outcome: Outcome | None) -> None:
        """Take the news of a job: None that it is worked on, else how it ended."""
        status = _status(outcome)
        address = claim.order.subscriber.get(status)
        if address is None:
            return
        try:
            body = self._results(claim) if status == "successful" else self._status(claim)
            self._line(claim.job).put_nowait(News(address, body))
        except (OneMapError, OSError) as error:
            _log.warning("job %s: its subscriber cannot be told: %s", claim.job, error)
        except queue.Full:
            _log.warning("job %s: too many subscribers wait to be told", claim.job)

    def _status(self, claim: Claim) -> bytes:
        job = self.store.get(claim.job, claim.order.owner)
        return orjson.dumps(status_info(job, Links(claim.order.address)))

    def _results(self, claim: Claim) -> bytes:
        """Return the results as a document, whatever form was asked for (results.yaml)."""
        kept = read_results(self.store.results(claim.job, claim.order.owner))
        links = Links(claim.order.address)
        return orjson.dumps(document([made_of(claim.job, one, links) for one in kept.outputs]))

    def _line(self, job: str) -> queue.Queue[News]:
        """Return the line in which the news of a job wait, with somebody who tells them."""
        with self._opening:
            while len(self._lines) < _LINES:
                line: queue.Queue[News] = queue.Queue(_WAITING)
                self._lines.append(line)
                threading.Thread(target=_tell, args=(line, self._deliver), daemon=True, name="onemap-callbacks").start()
        return self._lines[hash(job) % _LINES]

    def _deliver(self, news: News) -> None:
        call_back(news.address, news.body, self.settings)


def _tell(line: queue.Queue[News], deliver: Callable[[News], None]) -> None:
    while True:
        try:
            deliver(line.get())
        except Exception:
            _log.exception("a subscriber could not be told")


def _status(outcome: Outcome | None) -> Status:
    if outcome is None:
        return "running"
    return "successful" if isinstance(outcome, Finished) else "failed"
