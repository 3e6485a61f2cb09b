"""Tiles beside one that was asked for: answered without finding out anew what their addresses mean, and alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.block import Principal
from onemap.errors import Unavailable
from onemap.store import Store
from onemap.tiles.cache import Asked, Entry
from tests.api.test_tiles import limits, middle, path
from tests.conftest import ROOT

GZIP = {"Accept-Encoding": "gzip"}
SET, LEVEL = "WebMercatorQuad", "14"


class Server:
    """A server of the demo, and how often it found out what an address means."""

    def __init__(self, data: Path) -> None:
        made: Any = create_app(load_instance(ROOT, "business", data))
        self.client = TestClient(made, raise_server_exceptions=False)
        self.tiles: Any = made.ready.routes[0].__self__
        self.found_out = 0
        resolve = self.tiles._resolver.resolve

        async def counted(*given: Any) -> Any:
            self.found_out += 1
            return await resolve(*given)

        self.tiles._resolver.resolve = counted

    def get(self, row: int, col: int, query: str = "", **headers: str) -> Response:
        """Ask for a tile of the land-use layer."""
        return self.client.get(path("dltb", SET, LEVEL, row, col) + query, headers=GZIP | headers)


@pytest.fixture
def server(data: Path) -> Server:
    return Server(data)


@pytest.fixture
def place(server: Server) -> tuple[int, int]:
    return middle(limits(server.client, "dltb", SET, LEVEL))


@pytest.mark.parametrize("query", ["", "?f=mvt", "?properties=DLBM", "?filter=DLBM%3D%270103%27"])
def test_neighbours_are_answered_alike(server: Server, data: Path, place: tuple[int, int], query: str) -> None:
    row, col = place
    server.get(row, col, query)
    assert server.found_out == 1
    other = Server(data)
    for at in ((row, col + 1), (row + 1, col), (row - 1, col - 1)):
        quick, slow = server.get(*at, query), other.get(*at, query)
        assert quick.status_code in (200, 204)
        assert (quick.status_code, quick.content) == (slow.status_code, slow.content)
        assert quick.headers == slow.headers
        other = Server(data)
    assert server.found_out == 1


def test_a_neighbour_that_is_there_already_is_not_sent(server: Server, place: tuple[int, int]) -> None:
    row, col = place
    server.get(row, col)
    first = server.get(row, col + 1)
    for name in ("first", "again"):
        unchanged = server.get(row, col + 1, **{"If-None-Match": first.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b""), name
    head = server.client.head(path("dltb", SET, LEVEL, row, col - 1), headers=GZIP)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    assert server.found_out == 1


def test_what_is_no_tile_is_refused_as_ever(server: Server, place: tuple[int, int]) -> None:
    row, col = place
    server.get(row, col)
    for wrong in (f"{2**14 - 1}/{col}", f"{row}/x", f"{row}/-1", f"{row}/", f"{'1' * 11}/{col}"):
        response = server.client.get(f"/collections/dltb/tiles/{SET}/{LEVEL}/{wrong}", headers=GZIP)
        assert response.status_code == 404, wrong
        assert response.headers["content-type"] == "application/problem+json"
    padded = server.client.get(f"/collections/dltb/tiles/{SET}/{LEVEL}/0{row}/{col}", headers=GZIP)
    assert padded.content == server.get(row, col).content


def test_other_ways_of_asking_are_looked_at(server: Server, place: tuple[int, int]) -> None:
    row, col = place
    server.get(row, col)
    refused = server.get(row, col + 1, Accept="image/png")
    assert refused.status_code == 406
    assert server.get(row, col + 1, Host="bad host").status_code == 400
    assert server.get(row, col + 1, "?surprise=1").status_code == 400
    assert server.client.post(path("dltb", SET, LEVEL, row, col + 1)).status_code == 405
    plain = server.get(row, col + 1, **{"Accept-Encoding": "identity"})
    assert plain.status_code == 200
    assert "content-encoding" not in plain.headers


def test_when_the_data_changed_its_limits_are_found_out_anew(server: Server, place: tuple[int, int]) -> None:
    row, col = place
    server.get(row, col)
    server.tiles.cache.memory.forget_addresses()
    assert server.get(row, col + 1).status_code == 200
    assert server.found_out == 2


def test_a_tile_that_cannot_be_made_is_tried_once(server: Server, place: tuple[int, int]) -> None:
    row, col = place
    server.get(row, col)
    tried = 0

    async def fails(asked: Asked, stores: Mapping[str, Store]) -> Entry:
        nonlocal tried
        tried += 1
        raise Unavailable("The store is away.")

    server.tiles.cache.get = fails
    response = server.get(row, col + 1)
    assert (response.status_code, tried, server.found_out) == (503, 1, 1)
    assert response.json()["detail"] == "The store is away."
    assert response.headers["retry-after"]


def test_a_server_that_does_not_tell_the_path_as_sent_is_served(server: Server) -> None:
    assert server.tiles.ready({"method": "GET", "headers": [], "query_string": b""}, Principal()) is None
