"""Slow tiles: their layers are drawn beside each other, and given up when nobody waits for them any more."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.conftest import Cluster, running

SLOW = """
CREATE TABLE spot (fid int PRIMARY KEY, geom geometry(Point, 4490));
INSERT INTO spot SELECT n, ST_SetSRID(ST_Point(113.9 + n * 0.0001, 30.5), 4490) FROM generate_series(1, 2000) n;
CREATE FUNCTION late(n int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(0.01); RETURN n; END';
CREATE VIEW slow AS SELECT fid, geom, late(fid) AS number FROM spot;
CREATE VIEW slow2 AS SELECT fid, geom, late(fid) AS number FROM spot WHERE fid <= 60;
CREATE VIEW slow3 AS SELECT fid, geom, late(fid) AS number FROM spot WHERE fid <= 60;
CREATE VIEW slow4 AS SELECT fid, geom, late(fid) AS number FROM spot WHERE fid <= 60;
"""
TILE = "/collections/slow/tiles/WebMercatorQuad/6/26/52"
WORKING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
 AND query LIKE '%ST_AsMVT(%' AND pid <> pg_backend_pid()
"""


class Slow:
    """A server whose tiles take longer than they may, and how many of them the database works at."""

    def __init__(self, address: str, database: psycopg.Connection) -> None:
        self._at = urlsplit(address)
        self._database = database

    def ask(self, path: str = TILE) -> socket.socket:
        """Ask for a tile; the client leaves when the socket is closed."""
        assert self._at.hostname
        assert self._at.port
        client = socket.create_connection((self._at.hostname, self._at.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._at.netloc}\r\n\r\n".encode())
        return client

    def working(self) -> int:
        row = self._database.execute(WORKING).fetchone()
        assert row
        return int(row[0])


@pytest.fixture(scope="module")
def slow(cluster: Cluster) -> Iterator[Slow]:
    address = cluster.fresh()
    with psycopg.connect(address, autocommit=True) as database:
        database.execute(SLOW)
        with running(address) as served:
            yield Slow(served, database)


def took(condition: Callable[[], bool], seconds: float) -> float:
    """Wait until something holds and return how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


def test_the_query_of_a_client_that_has_left_is_cancelled_within_a_second(slow: Slow) -> None:
    client = slow.ask()
    took(lambda: slow.working() == 1, 20)
    client.close()
    assert took(lambda: slow.working() == 0, 5) < 1.0


def test_it_goes_on_for_another_who_waits_for_the_same_tile(slow: Slow) -> None:
    first = slow.ask()
    took(lambda: slow.working() == 1, 20)
    second = slow.ask()
    time.sleep(0.3)
    first.close()
    time.sleep(1.0)
    assert slow.working() == 1
    second.close()
    assert took(lambda: slow.working() == 0, 5) < 1.0


def test_the_layers_of_a_tile_are_drawn_beside_each_other(slow: Slow) -> None:
    client = slow.ask("/tiles/WebMercatorQuad/6/26/52?collections=slow2,slow3,slow4")
    most = 0

    def several() -> bool:
        nonlocal most
        most = max(most, slow.working())
        return most == 3

    took(several, 20)
    client.settimeout(20)
    answer = client.recv(65536)
    client.close()
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_layer_that_takes_too_long_fails_the_tile(slow: Slow) -> None:
    client = slow.ask("/tiles/WebMercatorQuad/6/26/52?collections=slow2,slow")
    client.settimeout(20)
    assert client.recv(65536).startswith(b"HTTP/1.1 503")
    client.close()
