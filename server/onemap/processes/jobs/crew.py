"""The workers of one machine, for as long as its server or ``onemap worker`` runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from onemap.errors import OneMapError
from onemap.processes.jobs.model import JobStore
from onemap.processes.jobs.workers import Told, Worker, untold, worker_name

_POLL_SECONDS = 0.25
_SWEEP_SECONDS = 15.0
_SECONDS_UNTIL_THERE = 1.0
_log = logging.getLogger("onemap.jobs")


@runtime_checkable
class CallingStore(Protocol):
    """A store that calls workers, on whatever machine, when there is work."""

    def there(self) -> bool:
        """Whether the store has been made."""
        ...

    def attend(self, workers: Sequence[Worker], stopping: threading.Event) -> None:
        """Let workers come when they are called, until it is time to stop."""
        ...


@dataclass(frozen=True)
class Crew:
    """Workers of a store. ``command`` starts a process that computes (``labour``).

    ``told`` is called in the worker's thread when a job of its own begins, and after it has ended, never for a
    dismissed one.
    """

    store: JobStore
    command: Sequence[str]
    environment: Mapping[str, str]
    count: int
    told: Told = untold

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have jobs worked on for the length of the block; those under way at its end are given back."""
        stopping = threading.Event()
        threads = [
            threading.Thread(target=self._sweep, args=(stopping,), name="onemap-jobs", daemon=True),
            *self._attending(stopping),
        ]
        with _running(threads, stopping):
            yield

    def once(self) -> int:
        """Work on the jobs that wait, and return their number."""
        stopping, numbers = threading.Event(), list[int]()
        workers = self.workers(stopping)
        threads = [threading.Thread(target=lambda w=w: numbers.append(w.drain()), daemon=True) for w in workers]
        try:
            with _running(threads, stopping):
                for thread in threads:
                    thread.join()
        finally:
            for worker in workers:
                worker.close()
        return sum(numbers)

    def workers(self, stopping: threading.Event) -> list[Worker]:
        """Return the workers, who stop at an event."""
        given = (self.store, self.command, self.environment, stopping, self.told)
        return [Worker(*given, worker_name(at)) for at in range(1, self.count + 1)]

    def _attending(self, stopping: threading.Event) -> list[threading.Thread]:
        """Return threads in which the workers look for jobs, or come when they are called."""
        workers, store = self.workers(stopping), self.store
        if isinstance(store, CallingStore):
            return [threading.Thread(target=_called, args=(store, workers, stopping), name="onemap-queue", daemon=True)]
        return [threading.Thread(target=_attend, args=(worker,), name=worker.name, daemon=True) for worker in workers]

    def _sweep(self, stopping: threading.Event) -> None:
        """Put the store in order now and then."""
        pause = 0.0
        while not stopping.wait(pause):
            pause = min(_SWEEP_SECONDS, self.store.settings.lease)
            try:
                self.store.sweep()
            except (OneMapError, OSError) as error:
                _log.warning("the jobs cannot be put in order: %s", error)


@contextmanager
def _running(threads: Sequence[threading.Thread], stopping: threading.Event) -> Iterator[None]:
    """Have threads run for the length of the block, and wait for their ends.

    A signal may end the block at any statement, of this function too. They are daemons, so that one that nobody waits
    for keeps no process from ending.
    """
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        stopping.set()
        for thread in threads:
            if thread.is_alive():
                thread.join()


def _attend(worker: Worker) -> None:
    """Look for jobs until it is time to stop."""
    try:
        while not worker.stopping.wait(_POLL_SECONDS):
            worker.drain()
            worker.rest()
    finally:
        worker.close()


def _called(store: CallingStore, workers: Sequence[Worker], stopping: threading.Event) -> None:
    """Let the workers come when the store calls them, from the first job on."""
    try:
        while not stopping.wait(_POLL_SECONDS):
            if _there(store):
                store.attend(workers, stopping)
            else:
                stopping.wait(_SECONDS_UNTIL_THERE)
    finally:
        for worker in workers:
            worker.close()


def _there(store: CallingStore) -> bool:
    try:
        return store.there()
    except OneMapError as error:
        _log.warning("the jobs cannot be reached: %s", error)
        return False
