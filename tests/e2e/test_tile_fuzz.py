"""Ten writers and ten readers at two server processes: afterwards no tile is older than the data.

``ONEMAP_FUZZ_SECONDS`` says for how long; the measure of the project is 60.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pyproj
import pytest
import shapely
from psycopg import sql
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.config import StoreSettings
from tests.conftest import Cluster, running, settings_of
from tests.editing import GK, MERGE, PARCELS, Editable, feature, make, square
from tests.tile_decoding import check_letter, decode_properties
from tests.tile_instances import ENGINES, Engine, onemap
from tests.tile_places import GRIDS, Place, place_at

SECONDS = float(os.environ.get("ONEMAP_FUZZ_SECONDS", "10"))
WRITERS = READERS = 10
LEAST_EDITS = 30
SETTLE = 1.0  # within so many seconds an edit is in every tile of every process
WORKERS = 2
ASKED_OF_EACH = 4
SIDE = 18  # squares of 100 m in a row
LEVELS = {"WebMercatorQuad": (12, 13, 14, 15, 16), "CGCS2000Quad": (12, 14)}
IN_GK = {"Content-Type": "application/geo+json", "Content-Crs": GK}
EDITED = ("insert 201", "move 204", "rename 204", "delete 204")
FINE = {200, 201, 204, 304}
LOST_RACE = {404, 409, 412, 503}  # deleted by another, changed by another, too many at once
Tile = dict[int, tuple[str, shapely.Geometry]]


@dataclass
class Fuzz:
    """What the threads share: who is there, how they were answered, and what went wrong."""

    url: str
    places: list[Place]
    ends: float
    keys: list[int]
    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def over(self) -> bool:
        """Whether it is time to stop: a slow machine gets longer, so that there is something to see."""
        with self.lock:
            edits = sum(count for name, count in self.answers.items() if name in EDITED)
        late = time.monotonic() - self.ends
        return late > 5 * SECONDS or (late > 0 and edits >= LEAST_EDITS)

    def note(self, kind: str, response: httpx2.Response) -> None:
        """Count an answer; one that is neither fine nor of a lost race is a fault."""
        with self.lock:
            self.answers[f"{kind} {response.status_code}"] += 1
            if response.status_code not in FINE | LOST_RACE:
                self.faults.append(f"{kind}: {response.status_code} {response.text[:200]}")

    def any_key(self, rng: random.Random) -> int:
        """Return the key of a feature that was there a moment ago."""
        with self.lock:
            return rng.choice(self.keys)


def places() -> list[Place]:
    """Return the tiles over all places that the writers use."""
    made: dict[Place, None] = {}
    corners = shapely.get_coordinates(square(0, 0)).tolist() + shapely.get_coordinates(square(SIDE, SIDE)).tolist()
    for grid, levels in LEVELS.items():
        to = pyproj.Transformer.from_crs(4547, GRIDS[grid], always_xy=True)
        xs, ys = to.transform([x for x, _ in corners], [y for _, y in corners])
        for level in levels:
            first, last = place_at(grid, level, min(xs), max(ys)), place_at(grid, level, max(xs), min(ys))
            for row in range(last.row - first.row + 1):
                made |= {first.beside(row, col): None for col in range(last.col - first.col + 1)}
    return list(made)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_tile_is_stale(engine: Engine, tmp_path: Path, cluster: Cluster) -> None:
    editable = make(tmp_path / "served", cluster if engine == "postgis" else None)
    arguments = ["--root", str(editable.root), "--zone", "business", "--workers", str(WORKERS)]
    if editable.dsn:
        arguments += ["--store", f"edit={editable.dsn}"]
    if engine == "pack":
        build_pack(editable)
    with running(*arguments) as url:
        fuzz = Fuzz(url, places(), time.monotonic() + SECONDS, list(range(1, 16)))
        run(fuzz)
        time.sleep(SETTLE)
        served = {place: ask_everyone(url, place) for place in fuzz.places}
    assert not fuzz.faults, fuzz.faults[:5]
    assert fuzz.answers["insert 201"] >= LEAST_EDITS / 5, fuzz.answers
    assert fuzz.answers["read 200"] >= 10 * READERS, fuzz.answers
    fresh = copied(editable, tmp_path / "fresh", cluster)
    wanted = {place: tile(fresh.get(path_of(place))) for place in fuzz.places}
    slack = 2.0 if engine == "pack" else 0.0  # a pack has coordinates of its own, and the fresh server has no pack
    stale = [
        f"{place.path}: {fault}"
        for place, answers in served.items()
        for got in answers
        if (fault := difference(got, wanted[place], slack))
    ]
    assert not stale, (len(stale), stale[:3], fuzz.answers)
    assert sum(len(item) for item in wanted.values()) >= LEAST_EDITS


def build_pack(editable: Editable) -> None:
    """Let tiles be made from a pack, as it is before the edits."""
    path = editable.root / "collections" / "parcels.yml"
    path.write_text(path.read_text(encoding="utf-8") + "tiles: {pack: always}\n", encoding="utf-8")
    onemap("tiles", "build", "--root", str(editable.root))
    assert list((editable.root / "data" / "derived").iterdir())


def run(fuzz: Fuzz) -> None:
    """Let writers and readers work until the end."""
    targets = [write] * WRITERS + [read] * READERS
    threads = [
        threading.Thread(target=guarded, args=(target, fuzz, number), daemon=True)
        for number, target in enumerate(targets)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(6 * SECONDS + 60)
    assert not any(thread.is_alive() for thread in threads)


def guarded(target: Any, fuzz: Fuzz, number: int) -> None:
    """Run one thread; what it raises is a fault of the test's outcome."""
    try:
        with httpx2.Client(base_url=fuzz.url, timeout=60) as client:
            target(fuzz, client, random.Random(number))
    except Exception as error:
        with fuzz.lock:
            fuzz.faults.append(repr(error))


def write(fuzz: Fuzz, client: httpx2.Client, rng: random.Random) -> None:
    """Insert, move, rename and delete parcels, one after the other."""
    number = 0
    while not fuzz.over():
        number += 1
        name = f"{rng.random():.12f}"
        where = square(rng.randrange(SIDE), rng.randrange(SIDE), side=rng.choice([20.0, 80.0, 300.0]))
        action = rng.choice(["insert", "insert", "move", "rename", "delete"])
        if action == "insert":
            response = client.post(PARCELS, json=feature(where, name=name), headers=IN_GK)
            if response.status_code == 201:
                with fuzz.lock:
                    fuzz.keys.append(int(response.headers["location"].rpartition("/")[2]))
        elif action == "move":
            path = f"{PARCELS}/{fuzz.any_key(rng)}"
            response = client.put(path, json=feature(where, name=name), headers=IN_GK)
        elif action == "rename":
            response = client.patch(f"{PARCELS}/{fuzz.any_key(rng)}", json={"name": name}, headers=MERGE)
        else:
            response = client.delete(f"{PARCELS}/{fuzz.any_key(rng)}")
        fuzz.note(action, response)


def read(fuzz: Fuzz, client: httpx2.Client, rng: random.Random) -> None:
    """Ask for tiles, some with the entity tag of the time before."""
    tags: dict[Place, str] = {}
    while not fuzz.over():
        place = rng.choice(fuzz.places)
        headers = {"If-None-Match": tags[place]} if place in tags and rng.random() < 0.5 else {}
        response = client.get(path_of(place), headers=headers)
        fuzz.note("read", response)
        if "etag" in response.headers:
            tags[place] = response.headers["etag"]


def path_of(place: Place) -> str:
    """Return the address of a tile of the parcels."""
    return f"/collections/parcels/tiles/{place.path}"


def ask_everyone(url: str, place: Place) -> list[Tile]:
    """Return a tile as several new connections get it, so that every process is asked."""
    made = []
    for _ in range(ASKED_OF_EACH):
        with httpx2.Client(base_url=url, timeout=60) as client:
            made.append(tile(client.get(path_of(place))))
    return made


def tile(response: httpx2.Response) -> Tile:
    """Return name and shape of each feature of a tile, by its key."""
    if response.status_code in (204, 404):
        return {}
    assert response.status_code == 200, response.text
    check_letter(response.content)
    features = decode_properties(response.content, "parcels")
    return {key: (values["name"], shape) for key, (shape, values) in features.items()}


def difference(got: Tile, wanted: Tile, slack: float) -> str:
    """Return in words how a tile differs, nothing when it does not."""
    lacks, surplus = sorted(wanted.keys() - got.keys()), sorted(got.keys() - wanted.keys())
    other = [key for key in wanted.keys() & got.keys() if not same(got[key], wanted[key], slack)]
    if not lacks and not surplus and not other:
        return ""
    return f"lacks {lacks[:5]}, has {surplus[:5]} too much, has {other[:5]} as they were"


def same(one: tuple[str, shapely.Geometry], other: tuple[str, shapely.Geometry], slack: float) -> bool:
    """Whether two drawn features have one name and one shape, but for the slack in tile units."""
    return one[0] == other[0] and bool(shapely.hausdorff_distance(one[1], other[1]) <= slack)


def copied(editable: Editable, root: Path, cluster: Cluster) -> TestClient:
    """Return a server that has never made a tile, over a copy of the data as it is now."""
    for name in ("config", "collections"):
        shutil.copytree(editable.root / name, root / name)
    path = root / "data" / editable.path.name
    path.parent.mkdir()
    with closing(sqlite3.connect(editable.path)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    stores: dict[str, StoreSettings] | None = None
    if editable.dsn:
        stores = {"edit": settings_of(duplicate(editable, cluster))}
    return TestClient(create_app(load_instance(root, "business", path.parent, stores)))


def duplicate(editable: Editable, cluster: Cluster) -> str:
    """Return the address of a copy of a database that nobody uses any more."""
    assert editable.dsn
    for store in editable.instance.stores.values():
        store.close()  # type: ignore[attr-defined]
    name = editable.dsn.rpartition("/")[2]
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(name + "_copy"), sql.Identifier(name)))
    return cluster.dsn(name + "_copy")
