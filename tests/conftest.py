"""Fixtures that all rings share: the demo province, applications over it, and a live server."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance

ROOT = Path(__file__).parent.parent


def make_province(folder: Path) -> Path:
    """Return the data folder with the small demo province, made again when its generator has changed."""
    writers = [ROOT / "server/onemap/store/geopackage" / name for name in ("writer.py", "areas.py")]
    sources = [*sorted((ROOT / "server/onemap/demo").glob("*.py")), *writers]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = folder / "demo.stamp"
    if not stamp.exists() or stamp.read_text() != digest:
        from onemap.demo import generate

        fresh = folder.with_name(f"{folder.name}-{os.getpid()}")
        shutil.rmtree(fresh, ignore_errors=True)
        generate(fresh / "demo", "small", 1, lambda _: None)
        (fresh / "demo.stamp").write_text(digest)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    return folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder with demo/province.gpkg and demo/parcels."""
    return make_province(ROOT / "data" / "test")


def application(data: Path, zone: str) -> TestClient:
    """Return a client of the application in one zone; what the server raises it must answer as a problem."""
    return TestClient(create_app(load_instance(ROOT, zone, data)), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def client(data: Path) -> TestClient:
    """A client of the demo in the business zone."""
    return application(data, "business")


@pytest.fixture(scope="session")
def internet(data: Path) -> TestClient:
    """A client of the demo in the internet zone."""
    return application(data, "internet")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run ``onemap serve`` with these arguments in a process of its own and give its address."""
    command = [str(Path(sys.executable).with_name("onemap")), "serve", *arguments]
    with listening(command, ROOT, dict(os.environ)) as address:
        yield address


@contextmanager
def listening(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run a command that serves on the ``--port`` it is given, in a folder, and give its address."""
    port = free_port()
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, env=environment
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address + "/readyz", process)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(900):
        if process.poll() is not None:
            output = process.stdout.read().decode() if process.stdout else ""
            raise RuntimeError(f"the server ended with status {process.returncode}:\n{output}")
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not become ready within 90 seconds")


@pytest.fixture(scope="session")
def server_url(data: Path) -> Iterator[str]:
    """The address of a live server with the demo in the business zone."""
    with running("--root", str(ROOT), "--zone", "business", "--data", str(data)) as address:
        yield address
