"""Fixtures that all rings share: the demo province, applications over it, and a live server."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from pydantic import SecretStr
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.config import PostgisSettings, StoreSettings
from onemap.ingest import copy_geopackage

if TYPE_CHECKING:
    from tests.editing import Editable

ROOT = Path(__file__).parent.parent
# How fast a machine is must not decide whether a test passes.
hypothesis_settings.register_profile("onemap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("onemap")


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
    """The data folder with demo/province.gpkg and demo/parcels; each process of a test run has its own."""
    return make_province(ROOT / "data" / "-".join(filter(None, ["test", os.environ.get("PYTEST_XDIST_WORKER")])))


class Cluster:
    """The private PostgreSQL cluster of a test run. ``dsn(name)`` addresses a database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._copies: dict[Path, str] = {}
        self.start()
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS blank")
            connection.execute("CREATE DATABASE blank")
        with psycopg.connect(self.dsn("blank"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")

    def start(self) -> None:
        """Start it on the port it had, or on a free one."""
        self._address = self._run("start").rsplit("/", 1)[0]

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``immediate`` is as pulling the plug."""
        self._run("stop", MODE=mode)

    def postmaster(self) -> int:
        """Return the process id of the server."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def dsn(self, database: str) -> str:
        """Return the address of a database."""
        return f"{self._address}/{database}"

    def fresh(self) -> str:
        """Return the address of a new database with PostGIS and nothing else."""
        self._count += 1
        name = f"fresh_{os.getpid()}_{self._count}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE blank").format(sql.Identifier(name)))
        return self.dsn(name)

    def copy(self, path: Path) -> str:
        """Return the address of a database with the tables of a GeoPackage, copied once in a test run."""
        if path not in self._copies:
            self._copies[path] = self.fresh()
            list(copy_geopackage(path, settings_of(self._copies[path])))
        return self._copies[path]

    def _run(self, action: str, **env: str) -> str:
        command = [str(ROOT / "scripts" / "cluster.sh"), action, str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **env})
        if done.returncode:
            pytest.fail(f"scripts/cluster.sh {action}: {done.stdout}{done.stderr}", pytrace=False)
        return done.stdout.strip()


def settings_of(dsn: str, **more: object) -> PostgisSettings:
    """Return the settings of a store in this database."""
    return PostgisSettings(type="postgis", dsn=SecretStr(dsn), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL cluster with PostGIS that belongs to this test run."""
    started = Cluster(ROOT / "build" / f"postgis-{os.getpid()}")
    yield started
    started.stop("immediate")
    shutil.rmtree(started.folder.resolve(), ignore_errors=True)


@pytest.fixture(scope="session")
def postgis(cluster: Cluster) -> str:
    """The address of a fresh database."""
    return cluster.fresh()


@pytest.fixture(scope="session", autouse=True)
def cql_database(request: pytest.FixtureRequest) -> None:
    """Name a database to the tests of filters, which run on each engine, when some are among the tests of this run."""
    if any("cql" in item.nodeid for item in request.session.items) and "ONEMAP_TEST_POSTGIS" not in os.environ:
        os.environ["ONEMAP_TEST_POSTGIS"] = request.getfixturevalue("postgis")


def application(data: Path, zone: str, stores: dict[str, StoreSettings] | None = None) -> TestClient:
    """Return a client of the application in one zone; what the server raises it must answer as a problem."""
    return TestClient(create_app(load_instance(ROOT, zone, data, stores)), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def client(data: Path) -> TestClient:
    """A client of the demo in the business zone."""
    return application(data, "business")


@pytest.fixture(scope="session")
def postgis_client(data: Path, cluster: Cluster) -> TestClient:
    """A client of the demo in the business zone, with its data in PostGIS."""
    stores: dict[str, StoreSettings] = {"province": settings_of(cluster.copy(data / "demo" / "province.gpkg"))}
    return application(data, "business", stores)


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
    # A file, not a pipe: nobody reads what a busy server writes while it runs.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(address + "/readyz", process, output)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    for _ in range(900):
        if process.poll() is not None:
            output.seek(0)
            raise RuntimeError(f"the server ended with status {process.returncode}:\n{output.read().decode()}")
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


@pytest.fixture(params=["geopackage", "postgis"])
def editable(request: pytest.FixtureRequest, tmp_path: Path) -> Editable:
    """An instance of its own whose collections can be edited, with its data in each store."""
    from tests import editing

    return editing.make(tmp_path, request.getfixturevalue("cluster") if request.param == "postgis" else None)
