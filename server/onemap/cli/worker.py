"""Working on jobs: beside a server, and by ``onemap worker``."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from onemap.app import Instance, is_database
from onemap.cli.labour import CORES
from onemap.cli.options import DataOption, RootOption, StoresOption, ZoneOption
from onemap.cli.serve import Source, source_of
from onemap.config import JobSettings
from onemap.errors import ConfigError
from onemap.processes.jobs import JobStore, open_jobs
from onemap.processes.jobs.crew import Crew
from onemap.processes.notify import Notifier

_COMMAND = (sys.executable, "-m", "onemap.cli.labour")


@contextmanager
def place_for_jobs(source: Source) -> Iterator[Source]:
    """Give the source, with a temporary folder for jobs where it has none of its own, for the length of the block."""
    if source.single is None:
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="onemap-jobs-", ignore_cleanup_errors=True) as folder:
        yield replace(source, jobs=Path(folder))


@contextmanager
def workers_beside(instance: Instance, source: Source) -> Iterator[None]:
    """Have jobs worked on for the length of the block."""
    store = open_jobs(instance.settings)
    with ExitStack() as stack:
        if store is not None and instance.settings.jobs.workers:
            # The server dies of the signal that it was sent when it has closed: the workers give back their jobs first.
            signal.signal(signal.SIGTERM, _leave)
            notifier = Notifier(store, instance.settings.processes.callbacks)
            stack.enter_context(notifier.at_work())
            stack.enter_context(_crew(store, source, instance.settings.jobs.workers, notifier).at_work())
        yield


def worker(
    source: Annotated[
        str | None,
        typer.Argument(help="The GeoPackage or database (postgresql://...) that a server publishes."),
    ] = None,
    root: RootOption = Path(),
    zone: ZoneOption = None,
    data: DataOption = None,
    store: StoresOption = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Jobs worked on at once.")] = os.cpu_count() or 1,
    once: Annotated[bool, typer.Option("--once", help="End when no job waits.")] = False,
) -> None:
    """Work on the jobs of an instance, on this machine or on another one that reaches its database."""
    with place_for_jobs(source_of(source, root, zone, data, store)) as asked:
        instance = asked.instance()
        store_of_jobs = open_jobs(instance.settings)
        if store_of_jobs is None or (asked.single is not None and not is_database(asked.single)):
            raise ConfigError("The jobs of this server are its own.", "Serve a configuration, or a database.")
        signal.signal(signal.SIGTERM, _leave)
        notifier = Notifier(store_of_jobs, instance.settings.processes.callbacks)
        crew = _crew(store_of_jobs, asked, concurrency, notifier)
        if once:
            typer.echo(f"{crew.once()} jobs")
            notifier.tell()
            return
        typer.echo(f"OneMap works on jobs (zone {instance.settings.zone}), {concurrency} at once.")
        with notifier.at_work(), crew.at_work():
            signal.pause()


def _crew(store: JobStore, source: Source, count: int, notifier: Notifier) -> Crew:
    environment = {**source.environment(), CORES: str(cores_of(store.settings, count))}
    return Crew(store, _COMMAND, environment, count, notifier)


def cores_of(settings: JobSettings, count: int) -> int:
    """Return how many cores one job may use: what the settings say, else its share of those of the machine."""
    return settings.cores or max(1, (os.cpu_count() or 1) // count)


def _leave(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that what is under way is put away."""
    raise SystemExit(128 + number)
