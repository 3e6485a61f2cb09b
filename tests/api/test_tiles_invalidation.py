"""No tile outlives what it shows: edits here, in another process and by other programs, in both stores."""

from __future__ import annotations

import gc
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import mapbox_vector_tile
import psycopg
import pytest
from starlette.testclient import TestClient

from onemap.app import cached_in, create_app, load_instance
from onemap.config import StoreSettings
from onemap.geo.crs import CRS84, crs_from_srid, transform_bounds
from onemap.store import Store
from onemap.store.geopackage.functions import register_geometry
from onemap.tiles.cache import Asked, Body, Entry, TileCache
from tests.conftest import settings_of
from tests.editing import COUNT, GK, MERGE, PARCELS, Editable, X, Y, feature, square

GEOJSON = {"Content-Type": "application/geo+json", "Content-Crs": GK}
SETS = ("WebMercatorQuad", "WorldCRS84Quad", "CGCS2000Quad")
SOON = 1.0
PATIENCE = 15.0


Begin = Callable[..., "Worker"]


class Worker:
    """One server process of an instance, sharing its tiles with others through a file."""

    def __init__(self, editable: Editable, folder: Path | None) -> None:
        stores: dict[str, StoreSettings] | None = None
        if editable.dsn is not None:
            stores = {"edit": settings_of(editable.dsn)}
        loaded = load_instance(editable.root, None, editable.path.parent, stores)
        instance = replace(loaded, settings=cached_in(loaded.settings, editable.root, folder))
        app: Any = create_app(instance, b"secret")
        self._app = app.ready.routes[0].__self__
        self.cache: TileCache = self._app.cache
        self.client = TestClient(app, raise_server_exceptions=False)

    def names(self, path: str) -> set[str]:
        """Return the names of the parcels in a tile."""
        status, content = self.content(path)
        return drawn(content) if status == 200 else set()

    def content(self, path: str) -> tuple[int, bytes]:
        """Return status and content of a tile; outside the limits of the data there is none."""
        response = self.client.get(path)
        assert response.status_code in (200, 204, 404), response.text
        return response.status_code, b"" if response.status_code == 404 else response.content

    def dawdle(self, seconds: float) -> None:
        """Have each tile made take longer, up to so long, after its data was read."""
        get = self.cache.get

        async def slowly(asked: Asked, stores: Mapping[str, Store]) -> Entry:
            async def make(finish: Callable[[bytes], Body]) -> Body:
                made = await asked.make(finish)
                await anyio.sleep(random.random() * seconds)
                return made

            return await get(asked._replace(make=make), stores)

        self.cache.get = slowly  # type: ignore[method-assign]

    def flush(self) -> None:
        """Wait until all tiles made are kept."""
        self.cache._writer.flush()


def drawn(content: bytes) -> set[str]:
    """Return the names of the parcels in the content of a tile."""
    return {item["properties"]["name"] for item in mapbox_vector_tile.decode(content)["parcels"]["features"]}


def tiles(worker: Worker, column: float, matrix_set: str = "WebMercatorQuad", levels: str = "14 16 18") -> list[str]:
    """Return the paths of the tiles in the middle of a parcel."""
    lonlat = transform_bounds(square(0).bounds, crs_from_srid(4547), CRS84)
    assert lonlat is not None
    x, y = X + 100 * column + 40, Y + 40
    found = worker.client.get(f"/tileMatrixSets/{matrix_set}?f=json").json()
    moved = transform_bounds((x, y, x, y), crs_from_srid(4547), crs_from_srid(int(found["crs"].rpartition("/")[2]))
                             if "EPSG" in found["crs"] else CRS84)  # fmt: skip
    assert moved is not None
    paths = []
    for matrix in found["tileMatrices"]:
        if matrix["id"] in levels.split():
            left, top = matrix["pointOfOrigin"]
            if matrix_set == "CGCS2000Quad":
                left, top = top, left
            size = matrix["cellSize"] * matrix["tileWidth"]
            row, col = int((top - moved[1]) / size), int((moved[0] - left) / size)
            paths.append(f"/collections/parcels/tiles/{matrix_set}/{matrix['id']}/{row}/{col}")
    return paths


def eventually(what: Callable[[], bool], patience: float = PATIENCE) -> float:
    """Wait until something is so, and return how long it took (s)."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < patience
        time.sleep(0.01)
    return time.monotonic() - began


def other_program(editable: Editable, statement: str) -> None:
    if editable.dsn is not None:
        with psycopg.connect(editable.dsn) as connection:
            connection.execute(statement)  # type: ignore[call-overload]
        return
    with closing(sqlite3.connect(editable.path, timeout=20)) as connection, connection:
        register_geometry(connection)
        connection.execute(statement)


@pytest.fixture
def begin(editable: Editable, tmp_path: Path) -> Iterator[Begin]:
    """Begin a server process; ``shared``: it shares its tiles."""
    with ExitStack() as stack:

        def begin(*, shared: bool = True) -> Worker:
            worker = Worker(editable, tmp_path / "cache" if shared else None)
            stack.enter_context(worker.client)  # all requests in one event loop
            return worker

        yield begin


@pytest.fixture
def workers(begin: Begin) -> tuple[Worker, Worker]:
    return begin(), begin()


def stop_following(worker: Worker) -> None:
    """Have a process purge nothing any more, as if it had ended."""
    worker.cache.followers._known.clear()
    worker.cache.followers._by_store.clear()
    gc.collect()


def rename(worker: Worker, key: int, name: str) -> None:
    assert worker.client.patch(f"{PARCELS}/{key}", json={"name": name}, headers=MERGE).status_code == 204


@pytest.mark.parametrize("matrix_set", SETS)
def test_an_edit_is_seen_at_once_here_and_within_a_second_elsewhere(
    workers: tuple[Worker, Worker], matrix_set: str
) -> None:
    here, there = workers
    paths = tiles(here, 3, matrix_set)
    assert len(paths) == 3
    for path in paths:
        assert "parcel 3" in here.names(path)
        assert "parcel 3" in there.names(path)
    rename(here, 4, "renamed")
    assert all("renamed" in here.names(path) and "parcel 3" not in here.names(path) for path in paths)
    took = [eventually(lambda path=path: "renamed" in there.names(path)) for path in paths]  # type: ignore[misc]
    assert sum(took) < SOON * 3  # the machine of a test may be busy
    for path in paths:
        assert here.client.get(path).headers["etag"] == there.client.get(path).headers["etag"]


def test_only_covered_tiles_are_made_again(workers: tuple[Worker, Worker], editable: Editable) -> None:
    here, there = workers
    near, far = tiles(here, 2, levels="18")[0], tiles(here, 14, levels="18")[0]
    assert near != far
    before = here.client.get(far).headers["etag"]
    assert there.names(far) == here.names(far)
    assert "parcel 2" in here.names(near)
    made = here.cache.counters.made
    rename(here, 3, "renamed")
    moved = feature(square(2).buffer(0), name="moved")
    assert here.client.put(f"{PARCELS}/3", json=moved, headers=GEOJSON).status_code == 204
    other_program(editable, "UPDATE parcels SET floors = 77 WHERE fid = 3")
    eventually(lambda: b"\x4d" in here.client.get(near).content)
    assert here.client.get(far, headers={"If-None-Match": before}).status_code == 304
    eventually(lambda: "moved" in there.names(near))
    assert there.client.get(far, headers={"If-None-Match": before}).status_code == 304
    assert here.cache.counters.made - made <= 3
    assert (here.cache.counters.dropped, there.cache.counters.dropped) == (0, 0)


def test_old_and_new_place_of_a_feature_are_purged(workers: tuple[Worker, Worker]) -> None:
    here, there = workers
    old, new = tiles(here, 2, levels="18")[0], tiles(here, 40, levels="18")[0]
    assert here.client.post(PARCELS, json=feature(square(41), name="beyond"), headers=GEOJSON).status_code == 201
    for worker in (here, there):
        eventually(lambda worker=worker: worker.client.get(new).status_code in (200, 204))  # type: ignore[misc]
        assert "parcel 2" in worker.names(old)
        assert "moved" not in worker.names(new)
    assert here.client.put(f"{PARCELS}/3", json=feature(square(40), name="moved"), headers=GEOJSON).status_code == 204
    assert "moved" in here.names(new)
    assert "parcel 2" not in here.names(old)
    eventually(lambda: "moved" in there.names(new) and "parcel 2" not in there.names(old))


def test_other_programs_and_tables_without_log(workers: tuple[Worker, Worker], editable: Editable) -> None:
    path = tiles(workers[0], 3, levels="16")[0]
    fixed = path.replace("parcels", "fixed")  # another collection on the same table
    for worker in workers:
        assert "parcel 3" in worker.names(path)
        assert worker.client.get(fixed).status_code == 200
    before = workers[0].client.get(fixed).content
    other_program(editable, "UPDATE parcels SET name = 'by hand' WHERE fid = 4")
    for worker in workers:
        eventually(lambda worker=worker: "by hand" in worker.names(path))  # type: ignore[misc]
        eventually(lambda worker=worker: worker.client.get(fixed).content != before)  # type: ignore[misc]
    if editable.dsn is not None:
        other_program(editable, "TRUNCATE parcels")
        eventually(lambda: all(worker.names(path) == set() for worker in workers), 30)
        assert workers[0].cache.counters.dropped == 1


def test_many_changes_at_once_drop_the_whole_layer(workers: tuple[Worker, Worker], editable: Editable) -> None:
    here, there = workers
    path, far = tiles(here, 3, levels="16")[0], tiles(here, 14, levels="18")[0]
    assert "parcel 3" in here.names(path) & there.names(path)
    assert here.client.get(far).status_code == there.client.get(far).status_code == 200
    if editable.dsn is not None:
        many = "INSERT INTO parcels (name, geom) SELECT 'more', geom FROM parcels, generate_series(1, 100) LIMIT 900"
    else:
        many = "INSERT INTO parcels (name, geom) SELECT 'more', p.geom FROM parcels p, parcels q, parcels r LIMIT 900"
    other_program(editable, many)
    for worker in workers:
        eventually(lambda worker=worker: "more" in worker.names(path))  # type: ignore[misc]
        assert worker.cache.counters.dropped >= 1


def test_a_server_that_starts_again_gives_nothing_that_changed_meanwhile(editable: Editable, begin: Begin) -> None:
    first = begin()
    near, far = tiles(first, 3, levels="18")[0], tiles(first, 14, levels="18")[0]
    assert "parcel 3" in first.names(near)
    etag = first.client.get(far).headers["etag"]
    first.flush()
    stop_following(first)
    other_program(editable, "UPDATE parcels SET name = 'meanwhile' WHERE fid = 4")
    second = begin()
    assert "meanwhile" in second.names(near)
    assert second.client.get(far, headers={"If-None-Match": etag}).status_code == 304
    assert (second.cache.counters.made, second.cache.counters.shared) == (1, 1)


def test_processes_share_what_one_has_made(workers: tuple[Worker, Worker]) -> None:
    here, there = workers
    path = tiles(here, 3, levels="16")[0]
    first = here.client.get(path)
    here.flush()
    second = there.client.get(path)
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    assert (there.cache.counters.made, there.cache.counters.shared) == (0, 1)


def test_limits_follow_the_data(workers: tuple[Worker, Worker]) -> None:
    here, there = workers
    far = tiles(here, 45, levels="16")[0]
    assert [worker.client.get(far).status_code for worker in workers] == [404, 404]
    assert here.client.post(PARCELS, json=feature(square(45), name="new"), headers=GEOJSON).status_code == 201
    assert here.names(far) == {"new"}
    eventually(lambda: there.client.get(far).status_code == 200)
    assert there.names(far) == {"new"}


def test_an_answer_that_lies_ready_is_the_one_that_is_worked_out(workers: tuple[Worker, Worker]) -> None:
    here, _ = workers
    path = tiles(here, 3, levels="16")[0]
    kinds: list[dict[str, str]] = [
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "identity"},
        {"Accept-Encoding": "gzip;q=0, identity"},
        {"Accept-Encoding": "gzip", "Accept": "application/vnd.mapbox-vector-tile"},
        {"Accept-Encoding": "gzip", "Accept": "image/png"},
        {"Accept-Encoding": "gzip", "If-None-Match": "*"},
        {"Accept-Encoding": "gzip", "If-None-Match": '"other", "another"'},
        {"Accept-Encoding": "gzip", "Host": "bad host"},
    ]
    etag = here.client.get(path).headers["etag"]
    kinds.append({"Accept-Encoding": "gzip", "If-None-Match": f'"x", W/{etag}'})
    seen = []
    for headers in kinds:
        for method in ("GET", "HEAD"):
            answers = [here.client.request(method, path, headers=headers) for _ in range(3)]
            shown = [(item.status_code, dict(item.headers), item.content) for item in answers]
            if answers[0].status_code < 400:
                assert shown[0] == shown[1] == shown[2]
            seen.append(answers[0].status_code)
    assert seen == [200, 200, 200, 200, 200, 200, 200, 200, 406, 406, 304, 304, 200, 200, 400, 400, 304, 304]
    assert here.client.post(path).status_code == 405
    assert here.client.get(path + "?f=mvt").headers["etag"] == etag


def test_edits_and_requests_side_by_side_leave_no_stale_tile(editable: Editable, begin: Begin) -> None:
    """Writers, here and by hand, and readers of two processes; afterwards every tile kept is as one made anew."""
    workers = [begin() for _ in range(2)]
    for worker in workers:
        worker.dawdle(0.4)
    paths = [path for column in range(0, 15, 2) for path in tiles(workers[0], column, levels="12 15 17")]
    paths = sorted(set(paths))
    start, faults = time.monotonic(), []

    def going_on() -> bool:
        """Four seconds, on a slow machine until tiles were kept, made and purged in each process."""
        seconds = time.monotonic() - start
        counters = [worker.cache.counters for worker in workers]
        seen = all(item.memory and item.made and item.purged for item in counters)
        return seconds < 4 or (not seen and seconds < 60)

    def run(work: Callable[[random.Random], None], seed: int) -> None:
        chance = random.Random(seed)
        try:
            while going_on():
                work(chance)
        except Exception as error:
            faults.append(error)

    def edit(worker: Worker) -> Callable[[random.Random], None]:
        def work(chance: random.Random) -> None:
            key, name = chance.randint(1, COUNT), f"n{chance.randint(0, 10**6)}"
            if chance.random() < 0.5:
                answer = worker.client.patch(f"{PARCELS}/{key}", json={"name": name}, headers=MERGE)
            else:
                moved = feature(square(chance.randint(0, 14)), name=name)
                answer = worker.client.put(f"{PARCELS}/{key}", json=moved, headers=GEOJSON)
            assert answer.status_code in (204, 503), answer.text
            time.sleep(chance.random() * 0.05)

        return work

    def by_hand(chance: random.Random) -> None:
        other_program(editable, f"UPDATE parcels SET name = 'h{chance.randint(0, 10**6)}' WHERE fid = 5")
        time.sleep(chance.random() * 0.1)

    def read(worker: Worker) -> Callable[[random.Random], None]:
        def work(chance: random.Random) -> None:
            worker.content(chance.choice(paths))

        return work

    works = [edit(workers[0]), edit(workers[1]), by_hand, *(read(worker) for worker in workers * 2)]
    threads = [threading.Thread(target=run, args=(work, seed)) for seed, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    time.sleep(SOON)
    for worker in workers:
        worker.flush()
    fresh, third = begin(shared=False), begin()
    for path in paths:
        expected = fresh.content(path)
        for worker in (*workers, third):
            assert worker.content(path) == expected, path
    counters = [worker.cache.counters for worker in workers]
    assert all(item.memory and item.made and item.purged for item in counters)
    assert all(item.dropped == 0 for item in counters) or editable.dsn is None
