"""Run the server, and say where things are."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
import uvicorn
from starlette.types import ASGIApp

from onemap.app import Instance, cached_in, create_app, is_database, jobs_in, load_instance, publish
from onemap.app.asgi import HttpOnly
from onemap.cli.admin import administered, report
from onemap.cli.stores import named_stores
from onemap.cli.wire import Http
from onemap.errors import ConfigError
from onemap.security import identify

_SOURCE, _ROOT, _ZONE, _DATA, _STORES, _JOBS = (
    f"ONEMAP_{name}" for name in ("SOURCE", "ROOT", "ZONE", "DATA", "STORES", "JOBS")
)
_CACHE = Path("cache")
# Seconds within which a worker must answer uvicorn, from its start on, or be replaced: its imports take longer than
# the 5 s of uvicorn on a machine that is busy, and no worker would ever be ready.
_ANSWERS_WITHIN = 60
# Of glibc: M_TRIM_THRESHOLD, what each arena of threads may keep, and M_MMAP_THRESHOLD, the largest piece of it.
_KEPT = {-1: 16 * 2**20, -3: 4 * 2**20}
_SECRET = "ONEMAP_TOKEN_SECRET"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Source:
    """What an instance is made from: one file or database, or the folders of a configuration.

    ``jobs``: a folder for jobs where the configuration names none.
    """

    single: str | None
    root: Path = Path()
    zone: str | None = None
    data: Path | None = None
    stores: tuple[str, ...] = ()
    jobs: Path | None = None

    def instance(self) -> Instance:
        """Return the instance."""
        if self.single is not None:
            published = publish(self.single)
            return (
                replace(published, settings=jobs_in(published.settings, self.jobs, Path())) if self.jobs else published
            )
        loaded = load_instance(self.root, self.zone, self.data, named_stores(self.stores))
        return replace(loaded, settings=cached_in(loaded.settings, self.data or self.root / "data", _CACHE))

    def environment(self) -> dict[str, str]:
        """Return the source as environment variables, for worker processes: connection strings are not arguments."""
        given = {_SOURCE: self.single, _ROOT: self.root, _ZONE: self.zone, _DATA: self.data, _JOBS: self.jobs}
        kept = {name: str(value) for name, value in given.items() if value is not None}
        return {**kept, _STORES: "\n".join(self.stores)} if self.stores else kept

    @classmethod
    def from_environment(cls) -> Source:
        """Return the source that ``environment`` wrote."""
        single, root, zone, data, jobs = (os.environ.get(name) for name in (_SOURCE, _ROOT, _ZONE, _DATA, _JOBS))
        stores = tuple(os.environ.get(_STORES, "").splitlines())
        return cls(single, Path(root or "."), zone, Path(data) if data else None, stores, Path(jobs) if jobs else None)


def source_of(
    single: str | None, root: Path, zone: str | None, data: Path | None, stores: Sequence[str] | None
) -> Source:
    """Return the source that options of the command line name. Raises ConfigError for what is none."""
    return Source(_checked(single), root, zone, data, tuple(stores or ()))


def _checked(source: str | None) -> str | None:
    if source is None or is_database(source) or Path(source).suffix.lower() == ".gpkg":
        return source
    if "@" in source:  # perhaps a mistyped address with a password: not to be repeated
        raise ConfigError("That is neither a GeoPackage nor an address postgresql://user@host/database.")
    raise ConfigError(f"'{source}' is not a GeoPackage.", f"Convert it first: onemap import {source}")


def announce(instance: Instance, url: str) -> None:
    """Print the addresses of the map, a collection and a process, and what was left out and why."""
    views = instance.gate.views(identify())
    typer.echo(f"OneMap serves {len(views)} collections (zone {instance.settings.zone}):")
    typer.echo(f"  landing page  {url}/")
    typer.echo(f"  map           {url}/map")
    if views:
        shown = next((view for view in views if view.collection.role == "landuse"), views[0])
        typer.echo(f"  collection    {url}/collections/{shown.collection.id}")
    typer.echo(f"  process       {url}/processes/control-line-check")
    for left in instance.left_out:
        word = "note    " if left.published else "left out"
        typer.echo(f"  {word}      {left.table}: {left.reason}" + (f" -> {left.remedy}" if left.remedy else ""))


def run(instance: Instance, source: Source, host: str, port: int, workers: int) -> None:
    """Serve until stopped; several workers load the instance for themselves and share one secret."""
    options = {"host": host, "port": port, "log_level": "warning", "server_header": False}
    options |= {"proxy_headers": False, "access_log": False, "http": Http}
    with administered(instance.settings.admin):
        if workers == 1:
            uvicorn.run(_ready(create_app(instance)), **options)  # type: ignore[arg-type]
            return
        os.environ[_SECRET] = os.urandom(32).hex()
        os.environ.update(source.environment())
        options["timeout_worker_healthcheck"] = _ANSWERS_WITHIN
        uvicorn.run("onemap.cli.serve:worker", factory=True, workers=workers, **options)  # type: ignore[arg-type]


def worker() -> ASGIApp:
    """Return the app of one worker process, from the environment that ``run`` has set."""
    return _ready(create_app(Source.from_environment().instance(), bytes.fromhex(os.environ[_SECRET])))


def _ready(app: HttpOnly) -> ASGIApp:
    """Return the app, which reports what it counts, with the garbage collector tuned to it."""
    report(app.metrics)
    _collect_rarely()
    _keep_memory()
    return app


def _collect_rarely() -> None:
    """Tell the garbage collector that a page of features is no reason to look at everything.

    A page makes some ten thousand containers, none of them in cycles: with the thresholds of Python the collector took
    a quarter of the time of a page of 1,000 features.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _keep_memory() -> None:
    """Have the C library keep some of the memory that arrays give back, where it is glibc (mallopt(3)).

    By default arrays of 128 KiB and more are given back to the system each time: the pages of every tile were asked
    for anew, which took a tenth of its time.
    """
    if sys.platform == "linux":
        system = ctypes.CDLL(None)
        if hasattr(system, "mallopt"):
            for option, size in _KEPT.items():
                system.mallopt(option, size)
