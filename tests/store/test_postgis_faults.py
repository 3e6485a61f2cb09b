"""What a database can do to a server: restarts, outages, stopped processes, exhaustion, and clients that leave."""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import os
import shutil
import signal
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.app.revival import Revival
from onemap.config import Timeouts
from onemap.errors import Busy, OneMapError
from onemap.store.postgis import PostgisStore
from onemap.store.postgis.admission import Admission
from tests.conftest import ROOT, Cluster, running, settings_of

SLOW = """
CREATE FUNCTION nap(bigint) RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN ''; END $$;
CREATE VIEW slow AS SELECT t.*, nap(t.fid) AS nap FROM dltb t
"""


@pytest.fixture(scope="module")
def own(data: Path) -> Iterator[Cluster]:
    """A cluster that these tests may break."""
    cluster = Cluster(ROOT / "build" / f"faults-{os.getpid()}")
    yield cluster
    cluster.stop("immediate")
    shutil.rmtree(cluster.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def dsn(own: Cluster, data: Path) -> str:
    """A database with the demo province and a view that takes 50 ms for each feature."""
    address = own.copy(data / "demo" / "province.gpkg")
    with psycopg.connect(address) as connection:
        connection.execute(SLOW)
    return address


@pytest.fixture(scope="module")
def server(dsn: str) -> Iterator[str]:
    """A server of that database, in a process of its own."""
    with running(dsn) as address:
        yield address


def get(address: str, timeout: float = 30.0) -> tuple[int, Mapping[str, str], bytes]:
    """Return status, headers and body."""
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@dataclass
class Load:
    """Requests by several clients until ``stop``; ``seen`` holds the end, duration and status of each."""

    address: str
    seen: list[tuple[float, float, int]] = field(default_factory=list)
    stopped: bool = False

    def work(self) -> None:
        """Ask again and again for different features."""
        number = 0
        while not self.stopped:
            number += 1
            began = time.monotonic()
            status, headers, body = get(f"{self.address}/collections/dltb/items?limit=20&offset={number % 900}")
            self.seen.append((time.monotonic(), time.monotonic() - began, status))
            if status != 200:
                assert headers["Retry-After"], body
                assert_says_nothing(body)
                time.sleep(0.02)

    @contextmanager
    def running(self, clients: int = 4) -> Iterator[None]:
        """Keep several clients busy for the length of the block."""
        with ThreadPoolExecutor(clients) as pool:
            futures = [pool.submit(self.work) for _ in range(clients)]
            try:
                yield
            finally:
                self.stopped = True
            for future in futures:
                future.result()

    def statuses(self) -> set[int]:
        """Return the statuses that were answered."""
        return {status for _, _, status in self.seen}

    def first_success(self, after: float) -> float:
        """Return how long after a moment the first 200 came."""
        return min(end - after for end, _, status in self.seen if status == 200 and end > after)


def assert_says_nothing(body: bytes) -> None:
    """A problem gives away neither the address of the database nor its words."""
    text = body.decode().lower()
    assert not any(word in text for word in ("postgres", "127.0.0.1:", "port ", "fresh_", "connection to", "psycopg"))


def wait_for(ready: Callable[[], bool], seconds: float) -> float:
    """Return how long it took until something became true."""
    began = time.monotonic()
    while not ready():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def test_an_immediate_restart_under_load(own: Cluster, server: str) -> None:
    load = Load(server)
    with load.running():
        time.sleep(0.7)
        own.stop("immediate")
        time.sleep(0.5)
        own.start()
        up = time.monotonic()
        time.sleep(3.5)
    assert load.statuses() <= {200, 503}
    assert load.first_success(up) < 3
    assert [status for end, _, status in load.seen if end > up + 3] == [200] * sum(
        end > up + 3 for end, _, _ in load.seen
    )


def test_terminated_backends_are_not_noticed(server: str, dsn: str) -> None:
    load = Load(server)
    with load.running(), psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(4):
            time.sleep(1.0)  # a request that has lost its connection needs the time to get another one
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onemap'"
            )
    assert load.statuses() == {200}


def test_an_outage_longer_than_the_pool_reconnects(own: Cluster, server: str) -> None:
    assert get(f"{server}/readyz")[0] == 200
    own.stop("fast")
    began = time.monotonic()
    load = Load(server)
    try:
        with load.running():
            time.sleep(12)
        assert load.statuses() == {503}
        assert get(f"{server}/collections?f=json")[0] == 200
        assert max(duration for _, duration, _ in load.seen) < 4.5
        status, _, body = get(f"{server}/readyz")
        assert (status, body) == (503, b"not ready\n")
    finally:
        own.start()
    assert time.monotonic() - began > 12
    took = wait_for(lambda: get(f"{server}/collections/dltb/items?limit=1")[0] == 200, 5)
    assert took < 3
    again = Load(server)
    with again.running(8):
        time.sleep(1)
    assert again.statuses() == {200}


def test_a_database_that_is_down_at_start(own: Cluster, dsn: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its collections are not there, nothing else is wrong, and they come with the database."""
    monkeypatch.setattr(Revival.watch, "__defaults__", (0.2,))
    own.stop("fast")
    try:
        instance = load_instance(ROOT, "business", data, {"province": settings_of(dsn)})
        with TestClient(create_app(instance), raise_server_exceptions=False) as client:
            assert client.get("/collections/dltb").status_code == 404
            assert client.get("/readyz").status_code == 503
            own.start()
            wait_for(lambda: client.get("/readyz").status_code == 200, 20)
            assert client.get("/collections/dltb/items").json()["numberReturned"] == 10
    finally:
        own.start()


def test_a_stopped_postmaster(own: Cluster, dsn: str) -> None:
    with running(dsn) as fresh:
        postmaster = own.postmaster()
        os.kill(postmaster, signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(10) as pool:
                asked = [pool.submit(timed, f"{fresh}/collections/slow/items?limit=15&offset={at}") for at in range(10)]
                answers = [future.result() for future in asked]
        finally:
            os.kill(postmaster, signal.SIGCONT)
        assert {status for status, _ in answers} == {200, 503}
        assert max(took for _, took in answers) < 4.5
        wait_for(lambda: get(f"{fresh}/collections/dltb/items?limit=1")[0] == 200, 5)


def timed(address: str) -> tuple[int, float]:
    """Return status and seconds."""
    began = time.monotonic()
    return get(address)[0], time.monotonic() - began


def test_a_stopped_backend_is_given_up(own: Cluster, dsn: str) -> None:
    """The database does not answer at all: the statement ends when its time is up, and the next one works."""
    store = PostgisStore(settings_of(dsn, timeouts=Timeouts(items=1.0), connections=2))
    store.tables()
    store.state()
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'onemap'").fetchall()
    stopped = [row[0] for row in found]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(OneMapError) as caught:
            store.tables()
        assert caught.value.status == 503
        assert time.monotonic() - began < 4
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert store.tables()[0]
    store.close()


def a_tile(server: str) -> str:
    """Return the address of a tile that holds something."""
    described = json.loads(get(f"{server}/collections/xzq/tiles/WebMercatorQuad/tilejson.json")[2])
    west, south, east, north = described["bounds"]
    z = 10
    x = int(((west + east) / 2 + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians((south + north) / 2))) / math.pi) / 2 * 2**z)
    return str(described["tiles"][0].format(z=z, x=x, y=y))


def test_an_exhausted_pool(server: str, data: Path) -> None:
    """More slow requests than places and queue: some get 503 at once, cached tiles and files stay quick."""
    tile = a_tile(server)
    assert get(tile)[0] == 200
    with ThreadPoolExecutor(40) as pool:
        slow = [pool.submit(get, f"{server}/collections/slow/items?limit=60&offset={at}") for at in range(40)]
        time.sleep(1.0)
        durations = [timed(tile) for _ in range(5)]
        statuses = [future.result()[0] for future in slow]
    assert {status for status, _ in durations} == {200}
    assert max(took for _, took in durations) < 0.2
    assert set(statuses) == {200, 503}
    assert json.loads(get(f"{server}/collections/slow/items?limit=1")[2])["numberReturned"] == 1


def test_no_query_runs_on_for_a_client_that_left(server: str, dsn: str) -> None:
    parts = urllib.parse.urlsplit(server)
    with psycopg.connect(dsn, autocommit=True) as watcher:

        def busy() -> bool:
            row = watcher.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'onemap' AND state = 'active'"
            ).fetchone()
            return bool(row and row[0])

        for path in ("/collections/slow/items?limit=250", "/collections/slow/items?limit=9000&f=json"):
            client = http.client.HTTPConnection(parts.hostname or "", parts.port)
            client.request("GET", path)
            wait_for(busy, 5)
            time.sleep(0.5)
            assert busy()
            client.close()
            assert wait_for(lambda: not busy(), 1) < 1
    assert get(f"{server}/collections/dltb/items?limit=1")[0] == 200


def test_single_features_while_backends_are_terminated(server: str, dsn: str) -> None:
    """A feature is read on the event loop: a connection that was lost there is not noticed either."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for key in range(1, 6):
            assert get(f"{server}/collections/dltb/items/{key}")[0] == 200
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onemap'"
            )
            assert json.loads(get(f"{server}/collections/dltb/items/{key}")[2])["id"] == key


def test_slow_single_features_keep_nobody_waiting(server: str, dsn: str) -> None:
    """What takes long goes on in a worker thread: others are answered meanwhile, and it ends when its client leaves."""
    with psycopg.connect(dsn, autocommit=True) as watcher:
        watcher.execute("CREATE OR REPLACE VIEW slower AS SELECT t.*, pg_sleep(2)::text AS nap FROM dltb t")
    with running(dsn) as fresh, ThreadPoolExecutor(4) as pool:
        get(f"{fresh}/collections/dltb/items/1")
        slow = [pool.submit(timed, f"{fresh}/collections/slower/items/{key}") for key in (1, 2, 3)]
        time.sleep(0.3)
        assert max(timed(f"{fresh}/collections/dltb/items/{key}")[1] for key in range(1, 9)) < 1
        assert [future.result()[0] for future in slow] == [200, 200, 200]
        parts = urllib.parse.urlsplit(fresh)
        client = http.client.HTTPConnection(parts.hostname or "", parts.port)
        client.request("GET", "/collections/slower/items/4")
        with psycopg.connect(dsn, autocommit=True) as watcher:

            def asleep() -> bool:
                row = watcher.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone()
                return bool(row and row[0])

            wait_for(asleep, 1)
            time.sleep(0.4)
            client.close()
            wait_for(lambda: not asleep(), 1)


def test_a_single_feature_that_takes_too_long(dsn: str) -> None:
    store = PostgisStore(settings_of(dsn, timeouts=Timeouts(items=0.4)))
    store._sessions.rows(b"SELECT 1")
    began = time.monotonic()
    with pytest.raises(OneMapError) as caught:
        asyncio.run(store._sessions.rows_soon(b"SELECT pg_sleep(30)"))
    assert caught.value.code == "OM-5032"
    assert time.monotonic() - began < 1.5
    store.close()


def test_a_statement_that_takes_too_long(dsn: str) -> None:
    with running("--root", str(ROOT), "--zone", "business", "--store", f"province={dsn}") as address:
        assert get(f"{address}/collections/dltb/items?limit=1")[0] == 200
    store = PostgisStore(settings_of(dsn, timeouts=Timeouts(items=0.4)))
    began = time.monotonic()
    with pytest.raises(OneMapError) as caught:
        store._sessions.rows(b"SELECT pg_sleep(30)")
    assert caught.value.code == "OM-5032"
    assert time.monotonic() - began < 1
    store.close()


def test_admission_bounds_the_queue() -> None:
    door = Admission(places=1, queue=1, patience=0.3)
    inside, refused = threading.Event(), []

    def visit() -> None:
        try:
            door.enter()
        except Busy as error:
            refused.append(error.retry_after)
            return
        inside.set()
        time.sleep(0.6)
        door.leave()

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    visitors[0].start()
    inside.wait()
    for visitor in visitors[1:]:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert refused == [1, 1, 1]
    door.enter(wait=False)
    with pytest.raises(Busy):
        door.enter(wait=False)
