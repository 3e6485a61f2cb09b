"""Seeded archives: the cache takes tiles from them until an edit covers them; they are given as files in parts."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pytest
from starlette.testclient import TestClient

from onemap.app import Instance, cached_in, create_app, load_instance
from onemap.cli.archives import Order, work_of
from onemap.cli.serve import Source
from onemap.config import StoreSettings
from onemap.tiles.archive.facts import facts_path, seed_path
from onemap.tiles.archive.reader import Archive
from onemap.tiles.archive.tileid import tile_id
from onemap.tiles.archive.work import carry_out
from onemap.tiles.cache import TileCache
from tests.api.test_tiles_invalidation import GEOJSON, Worker, eventually, other_program, tiles
from tests.conftest import settings_of
from tests.editing import MERGE, PARCELS, Editable, feature, square

ARCHIVE = "/collections/parcels/tiles/WebMercatorQuad/archive.pmtiles"


class Seeded:
    """An instance with a folder for archives."""

    def __init__(self, editable: Editable, folder: Path) -> None:
        self.editable = editable
        self.folder = folder

    def instance(self, zone: str | None = None) -> Instance:
        stores: dict[str, StoreSettings] | None = None
        if self.editable.dsn is not None:
            stores = {"edit": settings_of(self.editable.dsn)}
        loaded = load_instance(self.editable.root, zone, self.editable.path.parent, stores)
        return replace(loaded, settings=cached_in(loaded.settings, self.folder, Path("cache")))

    def seed(
        self, matrix_set: str = "WebMercatorQuad", zooms: tuple[int, int] = (0, 16), name: str = "parcels"
    ) -> Path:
        path = seed_path(self.folder / "cache", "business", "parcels", matrix_set)
        order = Order(Source(None), "parcels", matrix_set, zooms, None)
        carry_out(work_of(self.instance(), order, path, 1), lambda *_: None).facts.write(path)
        return path

    def worker(self) -> Worker:
        return Worker(self.editable, self.folder / "cache")


@pytest.fixture
def seeded(editable: Editable, tmp_path: Path) -> Seeded:
    return Seeded(editable, tmp_path / "kept")


def found(worker: Worker) -> tuple[int, int]:
    """Return how many tiles were found in archives, and how many were made."""
    return worker.cache.counters.archive, worker.cache.counters.made


@pytest.mark.parametrize("matrix_set", ["WebMercatorQuad", "WorldCRS84Quad", "CGCS2000Quad", "CGCS2000GK3CM114E"])
def test_the_cache_takes_tiles_from_an_archive(seeded: Seeded, matrix_set: str) -> None:
    plain = Worker(seeded.editable, None)
    seeded.seed(matrix_set)
    worker = seeded.worker()
    listed = plain.client.get(f"/collections/parcels/tiles/{matrix_set}?f=json").json()["tileMatrixSetLimits"]
    asked = 0
    for limits in listed:
        if int(limits["tileMatrix"]) <= 16:
            for row in range(limits["minTileRow"], limits["maxTileRow"] + 1):
                for col in range(limits["minTileCol"], limits["maxTileCol"] + 1):
                    path = f"/collections/parcels/tiles/{matrix_set}/{limits['tileMatrix']}/{row}/{col}"
                    one, two = (which.client.get(path) for which in (plain, worker))
                    assert (one.status_code, one.content) == (two.status_code, two.content)
                    assert one.headers.get("etag") == two.headers.get("etag")
                    asked += 1
    assert asked > 5
    assert found(worker) == (asked, 0)


def test_an_edit_takes_covered_tiles_out_of_an_archive(seeded: Seeded) -> None:
    seeded.seed()
    worker = seeded.worker()
    near, far = tiles(worker, 1, levels="16")[0], tiles(worker, 14, levels="16")[0]
    assert near != far
    assert "parcel 1" in worker.names(near)
    assert found(worker) == (1, 0)
    assert worker.client.patch(f"{PARCELS}/2", json={"name": "new"}, headers=MERGE).status_code == 204
    assert "new" in worker.names(near)
    assert "parcel 14" in worker.names(far)
    assert found(worker) == (2, 1)
    other_program(seeded.editable, "UPDATE parcels SET name = 'by hand' WHERE fid = 15")
    eventually(lambda: "by hand" in worker.names(far))
    assert found(worker) == (2, 2)
    again = Worker(seeded.editable, seeded.folder / "other")  # another shared file, the same archive
    (seeded.folder / "other").mkdir(exist_ok=True)
    (seeded.folder / "cache" / "tiles-business").rename(seeded.folder / "other" / "tiles-business")
    assert "new" in again.names(near)
    assert "by hand" in again.names(far)
    assert found(again) == (0, 2)
    middle = tiles(again, 7, levels="14")[0]
    assert again.client.get(middle).status_code == 200


def test_an_archive_made_anew_is_used_at_once(seeded: Seeded) -> None:
    seeded.seed()
    worker = seeded.worker()
    path = tiles(worker, 1, levels="16")[0]
    assert worker.client.patch(f"{PARCELS}/2", json={"name": "new"}, headers=MERGE).status_code == 204
    assert "new" in worker.names(path)
    assert found(worker) == (0, 1)
    seeded.seed()
    worker.cache.memory.drop(next(iter(worker.cache.followers._known["edit"].sources)))
    worker.cache.shared = None
    eventually(lambda: bool(worker.names(path)) and _dropped(worker) and found(worker)[0] > 0)
    assert "new" in worker.names(path)


def _dropped(worker: Worker) -> bool:
    worker.cache.memory.drop(next(iter(worker.cache.followers._known["edit"].sources)))
    return True


def test_what_no_log_tells_ends_the_use_of_an_archive(seeded: Seeded, caplog: pytest.LogCaptureFixture) -> None:
    seeded.seed()
    worker = seeded.worker()
    path = tiles(worker, 1, levels="16")[0]
    many = "UPDATE parcels SET note = 'x'"
    table = "onemap.change" if seeded.editable.dsn is not None else "onemap_change"
    other_program(seeded.editable, many)
    other_program(seeded.editable, f"DELETE FROM {table}")
    assert "parcel 1" in worker.names(path)
    assert found(worker) == (0, 1)
    assert "not used any more" in caplog.text


def test_other_levels_layers_and_broken_archives_are_made(seeded: Seeded) -> None:
    path = seeded.seed(zooms=(14, 15))
    worker = seeded.worker()
    fine, coarse = tiles(worker, 1, levels="16")[0], tiles(worker, 1, levels="14")[0]
    assert worker.names(fine)
    assert found(worker) == (0, 1)
    assert worker.client.get(coarse + "?properties=name").status_code == 200
    assert worker.client.get(coarse + "?filter=floors<3").status_code == 200
    assert worker.client.get(coarse.replace("parcels", "fixed")).status_code == 200
    assert found(worker) == (0, 4)
    assert worker.names(coarse)
    assert found(worker) == (1, 4)
    path.write_bytes(path.read_bytes()[:16_384] + bytes(path.stat().st_size - 16_384))
    other = Worker(seeded.editable, None)
    broken = Worker(seeded.editable, seeded.folder / "cache")
    broken.cache.shared = None
    assert broken.client.get(coarse).content == other.client.get(coarse).content


def test_an_archive_is_given_in_parts(seeded: Seeded) -> None:
    path = seeded.seed()
    client, content = seeded.worker().client, path.read_bytes()
    size = len(content)
    whole = client.get(ARCHIVE)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-type"] == "application/vnd.pmtiles"
    assert whole.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in whole.headers
    etag = whole.headers["etag"]
    part = client.get(ARCHIVE, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, content[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{size}"
    assert part.headers["etag"] == etag
    last = client.get(ARCHIVE, headers={"Range": "bytes=-5", "If-Range": etag})
    assert (last.status_code, last.content) == (206, content[-5:])
    beyond = client.get(ARCHIVE, headers={"Range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    for headers in ({"Range": "bytes=0-1", "If-Range": '"older"'}, {"Range": "bytes=0-1,4-5"}, {"Range": "rows=1-2"}):
        assert client.get(ARCHIVE, headers=headers).content == content
    assert client.get(ARCHIVE, headers={"If-None-Match": etag, "Range": "bytes=0-1"}).status_code == 304
    head = client.head(ARCHIVE, headers={"Range": "bytes=0-99"})
    assert (head.status_code, head.headers["content-length"], head.content) == (206, "100", b"")
    assert client.post(ARCHIVE).status_code == 405
    assert client.options(ARCHIVE).headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.get(ARCHIVE + "?x=1").status_code == 400


def test_an_archive_is_given_to_those_only_who_may_see_what_it_shows(seeded: Seeded) -> None:
    seeded.seed()
    client = seeded.worker().client
    assert client.get(ARCHIVE).status_code == 200
    hidden, unknown = (client.get(ARCHIVE.replace("parcels", name)) for name in ("classified", "random"))
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["detail"].replace("classified", "random") == unknown.json()["detail"]
    for other in ("fixed", "sites"):
        assert client.get(ARCHIVE.replace("parcels", other)).status_code == 404
    for grid in ("WorldCRS84Quad", "..", "%2e%2e", "..%2F..", "NoSuchQuad"):
        assert client.get(ARCHIVE.replace("WebMercatorQuad", grid)).status_code == 404
    other = TestClient(create_app(seeded.instance("classified")), raise_server_exceptions=False)
    assert other.get(ARCHIVE).status_code == 404  # there everybody sees one more column


def test_what_an_archive_says(seeded: Seeded) -> None:
    path = seeded.seed()
    archive = Archive(path)
    told: dict[str, Any] = archive.metadata
    (layer,) = told["vector_layers"]
    assert layer["id"] == "parcels"
    assert layer["fields"]["floors"] == "Number"
    assert "note" not in layer["fields"]
    assert (layer["minzoom"], layer["maxzoom"]) == (archive.header.min_zoom, 16)
    assert told["onemap"]["tileMatrixSet"] == "WebMercatorQuad"
    secret = facts_path(path).read_text(encoding="utf-8")
    assert "position" in secret
    assert "position" not in str(told)
    worker = Worker(seeded.editable, None)
    z, row, col = map(int, tiles(worker, 3, levels="15")[0].split("/")[-3:])
    stored = archive.tile(tile_id(z, col, row))
    assert stored is not None
    assert "parcel 3" in str(mapbox_vector_tile.decode(gzip.decompress(stored)))
    moved = feature(square(5), name="moved")
    assert worker.client.put(f"{PARCELS}/4", json=moved, headers=GEOJSON).status_code == 204
    cache: TileCache = worker.cache
    assert cache.seeds is None
