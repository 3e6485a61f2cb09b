"""The scripts of the demo: the cluster ends with it, and a port that was taken meanwhile is changed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, free_port

CLUSTER = ROOT / "scripts" / "cluster.sh"


def cluster(action: str, folder: Path) -> str:
    done = subprocess.run([str(CLUSTER), action, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def home(data: Path) -> Iterator[Path]:
    """A copy of what `make demo` looks at, with a small province."""
    home = ROOT / "build" / f"demo-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    (home / "data" / "demo").mkdir(parents=True)
    (home / ".venv" / "bin").mkdir(parents=True)
    for name in ("scripts", "config", "collections", "tiles", "processes"):
        (home / name).symlink_to(ROOT / name)
    shutil.copy(data / "demo" / "province.gpkg", home / "data" / "demo")
    program = f'#!/bin/sh\nexec "{sys.executable}" -c "from onemap.cli import main; main()" "$@"\n'
    (home / ".venv" / "bin" / "onemap").write_text(program)
    (home / ".venv" / "bin" / "onemap").chmod(0o755)
    yield home
    cluster("stop", home / "data" / "postgis")
    shutil.rmtree((home / "data" / "postgis").resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def demo(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Return a running demo with a process group of its own, as a terminal would start it, and its address."""
    port = free_port()
    command = ["scripts/demo.sh", "--root", ".", "--zone", "business", "--port", str(port)]
    log = (home / "log").open("wb")
    process = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, start_new_session=True)
    log.close()
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline, (home / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return process, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.2)


def test_the_cluster_ends_with_the_demo(home: Path) -> None:
    """By Ctrl-C, which all processes of the terminal get, and by SIGTERM, which the script alone gets."""
    for send, number in ((os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)):
        process, address = demo(home)
        with urllib.request.urlopen(f"{address}/collections/dltb/items?limit=1&f=json") as answer:
            assert answer.status == 200
        assert cluster("status", home / "data" / "postgis") == "running"
        send(process.pid, number)
        assert process.wait(timeout=60) in (130, 143, 0)
        assert cluster("status", home / "data" / "postgis") == ""
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(address, timeout=2)


def test_a_cluster_that_was_running_stays(home: Path) -> None:
    cluster("start", home / "data" / "postgis")
    process, _ = demo(home)
    process.terminate()
    process.wait(timeout=60)
    assert cluster("status", home / "data" / "postgis") == "running"


def test_a_demo_that_cannot_start_leaves_no_cluster(home: Path) -> None:
    command = ["scripts/demo.sh", "--root", ".", "--zone", "nowhere"]
    done = subprocess.run(command, cwd=home, capture_output=True, check=False)
    assert done.returncode not in (0, 130, 143)
    assert cluster("status", home / "data" / "postgis") == ""


def test_a_port_that_was_taken_is_changed(tmp_path: Path) -> None:
    folder = ROOT / "build" / f"port-{os.getpid()}"
    try:
        first = cluster("start", folder)
        cluster("stop", folder)
        assert cluster("start", folder) == first, "its port is remembered"
        cluster("stop", folder)
        port = int(first.rpartition(":")[2].partition("/")[0])
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
            second = cluster("start", folder)
            assert second != first
            assert cluster("dsn", folder) == second
            cluster("stop", folder)
        assert cluster("start", folder) == second
    finally:
        cluster("stop", folder)
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink(missing_ok=True) if folder.is_symlink() else shutil.rmtree(folder, ignore_errors=True)
