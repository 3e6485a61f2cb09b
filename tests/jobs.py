"""Jobs for tests: a process that behaves badly in many ways, and the process that computes it.

``python -m tests.jobs labour`` computes, ``python -m tests.jobs crew`` is a crew of workers of its own.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import SecretStr

from onemap.catalog import Registry
from onemap.cli.parent import end_with_parent
from onemap.config import JobSettings, PostgisSettings, Settings, Text
from onemap.errors import UnusableParcel
from onemap.processes.jobs import Job, JobStore, Order, open_jobs
from onemap.processes.jobs.crew import Crew
from onemap.processes.jobs.labour import labour
from onemap.processes.jobs.runner import Runner
from onemap.processes.model import Context, Output, Process, Words
from onemap.processes.registry import Processes
from onemap.security import Gate, Policy
from onemap.store.postgis import PostgisStore

_PLACE = "ONEMAP_TEST_JOBS"
_WORD = Text(zh="试", en="test")
_WORDS = Words(_WORD, _WORD)


class Trial(Process):
    """Does what it is told, and notes each time that it begins."""

    id = "trial"
    version = "1.0.0"
    title = description = _WORD
    outputs = (Output("result", _WORD, _WORD, {"type": "string"}),)

    how: Annotated[str, _WORDS]
    number: Annotated[float, _WORDS] = 0.0

    def __call__(self, context: Context) -> Mapping[str, Any]:
        """Do it."""
        place = Place.from_environment()
        with (place.folder / "begun").open("a") as file:
            file.write(f"{context.request_id} {os.getpid()}\n")
        return {"result": _WAYS[self.how](self.number, context)}


def _steps(seconds: float, context: Context) -> str:
    for step in range(20):
        context.progress(step / 20, f"step {step}")
        time.sleep(seconds / 20)
    return context.principal.name


def _busy(seconds: float, _: Context) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return "busy"


def _die(_: float, __: Context) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


def _memory(_: float, __: Context) -> str:
    raise MemoryError


def _error(_: float, __: Context) -> str:
    raise ValueError("SELECT secret FROM /etc/passwd")


def _refuse(_: float, __: Context) -> str:
    raise UnusableParcel("Parcel 3 crosses itself.", "Repair it.", parcel=3)


def _full(_: float, __: Context) -> str:
    raise OSError(errno.ENOSPC, "No space left on device", "/var/lib/secret")


def _large(size: float, _: Context) -> str:
    return "x" * int(size)


def _sql(seconds: float, _: Context) -> str:
    settings = Place.from_environment().settings.stores["main"]
    assert isinstance(settings, PostgisSettings)
    store = PostgisStore(settings)
    store.patient(seconds)
    return str(store._sessions.rows(b"SELECT pg_sleep(%(seconds)s), 'a trial'", {"seconds": seconds}))


_WAYS: Mapping[str, Callable[[float, Context], str]] = {
    "steps": _steps, "busy": _busy, "die": _die, "memory": _memory, "error": _error, "refuse": _refuse, "full": _full,
    "large": _large, "sql": _sql,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where the jobs of a test are."""

    folder: Path
    dsn: str | None
    jobs: Mapping[str, Any]

    @property
    def settings(self) -> Settings:
        """The settings of an instance."""
        stores = {"main": PostgisSettings(type="postgis", dsn=SecretStr(self.dsn))} if self.dsn else {}
        return Settings(jobs=JobSettings(folder=self.folder, **self.jobs), stores=stores)

    def open(self, **jobs: Any) -> JobStore:
        """Return the store, with other settings for this test."""
        store = open_jobs(Place(self.folder, self.dsn, {**self.jobs, **jobs}).settings)
        assert store is not None
        return store

    def runner(self) -> Runner:
        """Return what runs jobs in this process."""
        settings = self.settings
        return Runner(Processes([Trial]), Gate(Registry([]), Policy(settings.zone, settings.policy), {}), settings)

    def environment(self) -> dict[str, str]:
        """Return the place as environment variables."""
        return {_PLACE: json.dumps([str(self.folder), self.dsn, dict(self.jobs)])}

    @classmethod
    def from_environment(cls) -> Place:
        """Return the place that ``environment`` wrote."""
        folder, dsn, jobs = json.loads(os.environ[_PLACE])
        return cls(Path(folder), dsn, jobs)

    def crew(self, count: int = 1, **jobs: Any) -> Crew:
        """Return workers."""
        command = (sys.executable, "-m", "tests.jobs", "labour")
        return Crew(self.open(**jobs), command, self.environment(), count)

    def begun(self, name: str = "") -> list[tuple[str, int]]:
        """Return what was begun, by the name of its order, with the process that did."""
        path = self.folder / "begun"
        lines = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        return [(line[0], int(line[1])) for line in lines if not name or line[0] == name]


def order(how: str, number: float = 0.0, owner: str = "li", name: str = "") -> Order:
    """Return an order of the process ``trial``."""
    body = json.dumps({"inputs": {"how": how, "number": number}}).encode()
    return Order("trial", body, owner, request_id=name or how)


def wait_for(store: JobStore, job: Job, *statuses: str, seconds: float = 60.0) -> Job:
    """Wait until a job has a status, or any final one."""
    wanted = statuses or ("successful", "failed", "dismissed")
    until = time.monotonic() + seconds
    while (found := store.get(job.id, job.owner)).status not in wanted:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def until(test: Callable[[], object], seconds: float = 60.0) -> float:
    """Wait until something is so, and return the seconds that it took."""
    begun = time.monotonic()
    while not test():
        assert time.monotonic() < begun + seconds
        time.sleep(0.02)
    return time.monotonic() - begun


def alive(process: int) -> bool:
    """Whether a process runs."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def main() -> None:
    """Compute, or be a crew."""
    place = Place.from_environment()
    if sys.argv[1] == "labour":
        end_with_parent()
        labour(place.runner(), lambda: None)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with place.crew(int(sys.argv[2])).at_work():
        print("at work", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
