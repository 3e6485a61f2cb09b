"""A job of very many parcels, worked on as a server has it done: by all cores, to the same end as by one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from onemap.cli.labour import CORES
from onemap.cli.serve import Source
from onemap.cli.worker import cores_of
from onemap.config import JobSettings
from onemap.processes.jobs import JobStore, Order, open_jobs, read_results
from onemap.processes.jobs.crew import Crew
from tests.conftest import ROOT
from tests.jobs import alive, until, wait_for
from tests.synthetic import blob

MARK = "ONEMAP_TEST_OF"
LABOUR = (sys.executable, "-m", "onemap.cli.labour")


@pytest.fixture
def store(data: Path, tmp_path: Path) -> Iterator[JobStore]:
    """Jobs in a folder of their own."""
    settings = Source(None, ROOT, "business", data).instance().settings
    opened = open_jobs(settings.model_copy(update={"jobs": JobSettings(folder=tmp_path)}))
    assert opened is not None
    yield opened
    opened.close()


@contextmanager
def crew(store: JobStore, data: Path, cores: int) -> Iterator[None]:
    environment = {**Source(None, ROOT, "business", data).environment(), CORES: str(cores), MARK: str(os.getpid())}
    with Crew(store, LABOUR, environment, 1).at_work():
        yield


def order(count: int) -> Order:
    """The land use of parcels all over the demo province."""
    shapes = [blob(38_480_000 + 150 * (at % 40), 3_370_000 + 150 * (at // 40), 60.0, 60, at) for at in range(count)]
    features = [
        {"type": "Feature", "id": str(at), "geometry": None, "properties": {},
         "place": {"type": "Polygon", "coordinates": [[[y, x] for x, y in shape.exterior.coords]]}}
        for at, shape in enumerate(shapes)
    ]  # fmt: skip
    crs = "http://www.opengis.net/def/crs/EPSG/0/4526"
    parcels = {"type": "FeatureCollection", "coordRefSys": crs, "features": features}
    return Order("landuse-breakdown", orjson.dumps({"inputs": {"parcels": parcels}}), "li")


def at_work(command: bytes) -> set[int]:
    """The processes of crews begun here with a command; other tests have theirs at the same time."""
    found, mine = set(), f"{MARK}={os.getpid()}".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if command in path.read_bytes() and mine in path.with_name("environ").read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def outcome(store: JobStore, count: int) -> object:
    job = wait_for(store, store.add(order(count)))
    assert job.status == "successful"
    return read_results(store.results(job.id, job.owner)).outputs[0].value()


def test_all_cores_work_on_one_job(store: JobStore, data: Path) -> None:
    with crew(store, data, 1):
        alone = outcome(store, 500)
        assert not at_work(b"onemap.cli.hand")
    with crew(store, data, 3):
        assert outcome(store, 20) is not None
        assert not at_work(b"onemap.cli.hand"), "few parcels need no hands"
        assert outcome(store, 500) == alone
        hands = at_work(b"onemap.cli.hand")
        assert len(hands) == 2
        until(lambda: all(os.getpriority(os.PRIO_PROCESS, hand) >= 10 for hand in hands))
        assert outcome(store, 500) == alone
        given_up = store.add(order(2000))
        until(lambda: store.get(given_up.id, given_up.owner).status == "running")
        store.dismiss(given_up.id, given_up.owner)
        assert outcome(store, 500) == alone
        hands |= at_work(b"onemap.cli.hand") | at_work(b"onemap.cli.labour")
    until(lambda: not any(alive(process) for process in hands), 15.0)


@pytest.mark.parametrize("module", ["labour", "hand"])
def test_one_whose_parent_has_gone_before_it_could_look_loads_nothing(module: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", f"onemap.cli.{module}"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert b"onemap.cli.parent" in done.stderr
    assert b"numpy" not in done.stderr


@pytest.mark.parametrize("module", ["labour", "hand", "background"])
def test_one_whose_parent_is_killed_while_it_loads_ends_at_once(module: str) -> None:
    begin = f"import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-m', 'onemap.cli.{module}'],"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"{begin} stdin=subprocess.PIPE).pid, flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not alive(child), 30.0)


@pytest.mark.parametrize(
    ("settings", "workers", "cores"),
    [(JobSettings(), 1, os.cpu_count()), (JobSettings(), 64_000, 1), (JobSettings(cores=3), 64_000, 3)],
)
def test_workers_share_the_cores(settings: JobSettings, workers: int, cores: int) -> None:
    assert cores_of(settings, workers) == cores
