"""Jobs of a live server: killed, stopped, busy. Nothing is lost, and requests go on being answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onemap.app import load_instance
from onemap.processes.jobs import Job, JobStore, Order, open_jobs, read_results
from tests.conftest import ROOT, free_port
from tests.jobs import alive, until, wait_for


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folders of an instance without any data, with short leases."""
    (tmp_path / "config").mkdir()
    (tmp_path / "collections").mkdir()
    (tmp_path / "config" / "base.yml").write_text("zone: business\njobs: {lease: 2, workers: 2}\n")
    return tmp_path


@pytest.fixture
def store(root: Path) -> Iterator[JobStore]:
    """The jobs of that instance, as another process sees them."""
    opened = open_jobs(load_instance(root).settings)
    assert opened is not None
    yield opened
    opened.close()


@contextmanager
def serving(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server, with its address."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("onemap")), "serve", "--root", str(root), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        until(lambda: answered(f"http://127.0.0.1:{port}/readyz"), 120.0)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def answered(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def echo(pause: int) -> Order:
    body = {"inputs": {"echo": "hello", "pause": pause}, "outputs": {"echo": {}}}
    return Order("echo", json.dumps(body).encode(), "anonymous")


def computing(server: int) -> list[int]:
    """The processes that compute for a server."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
            command = path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if parent == server and b"onemap.cli.labour" in command:
            found.append(int(path.parent.name))
    return found


def under_way(store: JobStore, job: Job) -> bool:
    return store.get(job.id, job.owner).status == "running"


def test_server_killed_stopped_and_started_again(root: Path, store: JobStore) -> None:
    with serving(root) as (server, address):
        jobs = [store.add(echo(3)) for _ in range(3)]
        until(lambda: under_way(store, jobs[0]) and under_way(store, jobs[1]))
        slowest = 0.0
        for _ in range(20):
            begun = time.monotonic()
            assert answered(f"{address}/conformance?f=json")
            slowest = max(slowest, time.monotonic() - begun)
        assert slowest < 2.0, "jobs do not keep requests waiting"
        until(lambda: len(computing(server.pid)) == 2)
        processes = computing(server.pid)
        assert all(os.getpriority(os.PRIO_PROCESS, process) >= 10 for process in processes if started(process))
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        assert until(lambda: not any(alive(process) for process in processes)) < 3.0
        assert {store.get(job.id, job.owner).status for job in jobs} <= {"accepted", "running"}
    with serving(root) as (server, _):
        done = [wait_for(store, job) for job in jobs]
        assert {job.status for job in done} == {"successful"}
        assert [read_results(store.results(job.id, job.owner)).outputs[0].value() for job in jobs] == ["hello"] * 3
        last = store.add(echo(10))
        until(lambda: under_way(store, last))
        server.terminate()
        server.wait(timeout=30)
        claim = store.claim("test", 5.0)
        assert claim is not None, "given back at once"
        assert claim.job == last.id
        store.release(claim)
    assert sum(store.counts().values()) == 4


def started(process: int) -> bool:
    """Whether a process has done more than begin: it makes itself less urgent after its imports."""
    return os.getpriority(os.PRIO_PROCESS, process) != os.getpriority(os.PRIO_PROCESS, 0)


def test_worker_command(root: Path, store: JobStore) -> None:
    jobs = [store.add(echo(0)) for _ in range(3)]
    command = [str(Path(sys.executable).with_name("onemap")), "worker", "--root", str(root), "--once"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "3 jobs\n"), done.stderr
    assert {store.get(job.id, job.owner).status for job in jobs} == {"successful"}
