"""Telling the subscribers of jobs: that one is worked on, and how it ended. Done beside the work, never in its way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import orjson

from onemap.block import Links
from onemap.config import CallbackSettings
from onemap.errors import OneMapError
from onemap.processes.callbacks import call_back
from onemap.processes.jobs import Claim, JobStore, News, Outcome, read_results
from onemap.processes.responses import document
from onemap.processes.results import made_of
from onemap.processes.status import status_info

_LINES = 4
_LOOK_SECONDS = 5.0
_MARGIN_SECONDS = 30.0
_log = logging.getLogger("onemap.jobs")


@dataclass(frozen=True)
class Notifier:
    """Tells subscribers what the store keeps as news; given to the workers as what they tell news of jobs to.

    News outlive this process: whoever works on jobs next goes on with them. They are told once or, when somebody ends
    between telling and noting it, twice; and given up after the attempts of the settings, or a day.
    """

    store: JobStore
    settings: CallbackSettings
    _calls: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self, claim: Claim, outcome: Outcome | None) -> None:
        """Take the news of a job: None that it is worked on, else how it ended, which the store knows by itself."""
        if not claim.order.subscriber:
            return
        try:
            if outcome is None and claim.attempt == 1:
                self.store.announce(claim)
        except (OneMapError, OSError) as error:
            _log.warning("job %s: its subscriber cannot be told: %s", claim.job, error)
        self._calls.release()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Tell news for the length of the block; nothing to do where no callbacks are allowed."""
        stopping = threading.Event()
        lines = [
            threading.Thread(target=self._attend, args=(stopping,), daemon=True, name=f"onemap-callbacks-{at}")
            for at in range(_LINES if self.settings.hosts else 0)
        ]
        for line in lines:
            line.start()
        try:
            yield
        finally:
            stopping.set()
            self._calls.release(_LINES)
            for line in lines:  # one that waits for an answer ends with this process, and its news are told again
                line.join(1.0)

    def tell(self) -> float:
        """Tell the news that are due, and return the seconds after which there may be more."""
        pause = _LOOK_SECONDS
        while (news := self.store.news(self.settings.seconds + _MARGIN_SECONDS)) is not None:
            pause = min(pause, self._tell(news))
        return pause

    def _attend(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            pause = _LOOK_SECONDS
            try:
                pause = self.tell()
            except (OneMapError, OSError) as error:
                _log.warning("subscribers cannot be told: %s", error)
            except Exception:
                _log.exception("a subscriber could not be told")
            self._calls.acquire(timeout=pause)

    def _tell(self, news: News) -> float:
        """Tell something once, and return the seconds after which it is to be told again."""
        try:
            delivery = call_back(news.address, self._body(news), self.settings)
        except OneMapError as error:
            _log.warning("job %s: its subscriber cannot be told: %s", news.job, error)
            delivery = "missed" if error.status == 503 else "refused"
        if delivery == "missed" and news.attempts < self.settings.attempts:
            pause: float = self.settings.pause * 2 ** (news.attempts - 1)
            self.store.later(news, pause)
            return pause
        if delivery == "missed":
            _log.warning("job %s: its subscriber was not told that it is %s", news.job, news.event)
        self.store.told(news)
        return _LOOK_SECONDS

    def _body(self, news: News) -> bytes:
        """Return the results as a document, whatever form was asked for (results.yaml), or the status then."""
        links = Links(news.base)
        if news.event == "successful":
            kept = read_results(self.store.results(news.job, news.owner))
            return orjson.dumps(document([made_of(news.job, one, links) for one in kept.outputs]))
        job = self.store.get(news.job, news.owner)
        return orjson.dumps(status_info(replace(job, status=news.event), links))
