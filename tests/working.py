"""Applications with a worker: jobs are worked on in a thread of the test run, as a worker process would do it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from onemap.app import Instance, create_app, jobs_in
from onemap.catalog import load_codes
from onemap.config import ProcessSettings, shipped
from onemap.processes import available
from onemap.processes.jobs import JobStore, open_jobs
from onemap.processes.jobs.runner import Runner
from onemap.processes.notify import Notifier

_PAUSE = 0.02


@dataclass(frozen=True)
class Worked:
    """An application whose jobs are worked on while ``going`` is set."""

    client: TestClient
    instance: Instance
    store: JobStore
    going: threading.Event


def with_jobs(instance: Instance, folder: Path, **processes: Any) -> Instance:
    """Return an instance that keeps its jobs in a folder, with these settings of the processes."""
    settings = instance.settings.model_copy(update={"processes": ProcessSettings.model_validate(processes)})
    return replace(instance, settings=jobs_in(settings, folder, Path("jobs")))


@contextmanager
def worked(instance: Instance) -> Iterator[Worked]:
    """Give the application of an instance, with a worker."""
    settings = instance.settings
    store = open_jobs(settings)
    assert store is not None
    runner = Runner(available(settings), instance.gate, settings, load_codes(shipped("codes")))
    going, over = threading.Event(), threading.Event()
    going.set()

    told = Notifier(store, settings.processes.callbacks)

    def work() -> None:
        while not over.wait(_PAUSE):
            while going.is_set() and (claim := store.claim("test", store.settings.lease)) is not None:
                told(claim, None)
                outcome = runner.run(claim, store.workspace(claim))
                if store.finish(claim, outcome):
                    told(claim, outcome)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with told.at_work():
            yield Worked(TestClient(create_app(instance), raise_server_exceptions=False), instance, store, going)
    finally:
        over.set()
        thread.join()
        store.close()
