"""A layer of ten million parcels, generated, and what its tiles cost: time, and memory of the server.

The layer is a coverage: a grid whose vertices are moved, with a bend in every edge, so that neighbours share their
borders exactly. Classes come in patches, as land use does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.bench.load import Load, load
from tests.bench.measure import Server, serving
from tests.bench.peers import HOME
from tests.bench.postgis import ONEMAP
from tests.bench.tiles import sample
from tests.tile_instances import write_instance

COLUMNS, ROWS = 4000, 2500
WEST, SOUTH, STEP = 110.0, 28.0, 0.001  # about 100 m
CLASSES = ("0101", "0103", "0201", "0301", "0305", "0401", "0702", "1006", "1101", "1107", "1202", "0601")
PORT = 8771
LEVELS = range(6, 17)
EACH = 60
_BLOCK = 100
_PATCH = 6
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Build:
    """What a pack cost: seconds of CPU, seconds, the most memory held, and its size."""

    cpu_seconds: float
    seconds: float
    rss_mib: float
    size_mib: float


@dataclass(frozen=True)
class Cost:
    """What the tiles of a level cost, and how much memory the server then held."""

    level: int
    load: Load
    rss_mib: float


def layer(columns: int = COLUMNS, rows: int = ROWS) -> Path:
    """Return a GeoPackage with the table parcels in EPSG:4490, generated once."""
    path = HOME / f"millions-{columns}x{rows}.gpkg"
    if not path.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}-{os.getpid()}")
        write(fresh, columns, rows)
        fresh.rename(path)
    return path


def write(path: Path, columns: int, rows: int) -> None:
    """Write the layer, block by block: what is held of all parcels are their keys and boxes, 40 bytes each."""
    fields = (FieldSpec("DLBM", "TEXT(4)"), FieldSpec("number", "INTEGER"))
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("parcels", "POLYGON", 4490, fields))
        for col, row in blocks(columns, rows):
            writer.insert("parcels", parcels(col, row), {"DLBM": classes(col, row), "number": col * rows + row})
        writer.finish("parcels", "2026-01-01T00:00:00.000Z")


def blocks(columns: int, rows: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the columns and rows of the cells of one block after the other, so that neighbours are written together."""
    for first_row in range(0, rows, _BLOCK):
        for first_col in range(0, columns, _BLOCK):
            col, row = np.meshgrid(
                np.arange(first_col, min(first_col + _BLOCK, columns)),
                np.arange(first_row, min(first_row + _BLOCK, rows)),
            )
            yield col.ravel(), row.ravel()


def parcels(col: NDArray[np.int64], row: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the parcels of cells: at each corner and in the middle of each edge a vertex that the neighbours share."""
    around = ((0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    ring = np.stack([_vertex(2 * col + x, 2 * row + y) for x, y in around], axis=1)
    return np.asarray(shapely.polygons(ring))


def classes(col: NDArray[np.int64], row: NDArray[np.int64]) -> list[str]:
    """Return the land class of cells, the same within a patch but for one cell in eight."""
    patch = _noise(col // _PATCH, row // _PATCH, 1)
    own = _noise(col, row, 2)
    chosen = np.where(own < 1 / 8, own * 8, patch)
    return [CLASSES[at] for at in (chosen * len(CLASSES)).astype(int).tolist()]


def _vertex(x: NDArray[np.int64], y: NDArray[np.int64]) -> Floats:
    """Return longitude and latitude of a vertex, moved by at most a fifth of a cell."""
    shift = 0.2 * (2 * np.stack([_noise(x, y, 3), _noise(x, y, 4)], axis=-1) - 1)
    return np.asarray(np.round(np.array([WEST, SOUTH]) + STEP * (np.stack([x, y], axis=-1) / 2 + shift), 9))


def _noise(x: NDArray[np.int64], y: NDArray[np.int64], seed: int) -> Floats:
    """Return numbers from 0 to 1 that depend on place and seed alone (the finisher of SplitMix64)."""
    mixed = (x.astype(np.uint64) << np.uint64(32)) ^ y.astype(np.uint64) ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) / 2**64)


def build(path: Path) -> tuple[Path, Build | None]:
    """Return an instance that draws the layer from a pack, and what that took; None where it was there."""
    root = path.with_suffix("")
    write_instance(root, path, ["parcels"], {"generalise": "coverage", "class": "DLBM"})
    pack = root / "data" / "derived" / "parcels.pack"
    before = pack.stat().st_ino if pack.exists() else None
    began = time.monotonic()
    process = subprocess.Popen([ONEMAP, "tiles", "build", "--root", str(root)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{path}: the pack was not built")
    if pack.stat().st_ino == before:
        return root, None
    size = sum(file.stat().st_size for file in (root / "data" / "derived").rglob("*") if file.is_file())
    seconds = time.monotonic() - began
    return root, Build(used.ru_utime + used.ru_stime, seconds, used.ru_maxrss / 1024, size / 2**20)


def costs(root: Path, columns: int = COLUMNS, rows: int = ROWS) -> list[Cost]:
    """Return the cost of tiles of each level from a server that starts with no finished tile."""
    bounds = [WEST, SOUTH, WEST + columns * STEP, SOUTH + rows * STEP]
    shutil.rmtree(root / "data" / "cache", ignore_errors=True)
    command = [ONEMAP, "serve", "--root", str(root), "--port", str(PORT)]
    with serving(command, f"http://127.0.0.1:{PORT}") as server:
        return [_cost(server, bounds, level) for level in LEVELS]


def _cost(server: Server, bounds: list[float], level: int) -> Cost:
    places = sample(bounds, level, EACH)
    paths = [f"/collections/parcels/tiles/WebMercatorQuad/{z}/{row}/{col}" for z, row, col in places]
    return Cost(level, load(server, paths), server.rss_mib())


def show(built: Build | None, found: list[Cost]) -> str:
    """Return the costs as a text table."""
    lines = []
    if built:
        lines.append(
            f"pack: {built.cpu_seconds:.0f} s of CPU in {built.seconds:.0f} s, at most {built.rss_mib:.0f} MiB of"
            f" memory; {built.size_mib:.0f} MiB"
        )
    lines.append(f"{'level':>5} {'tiles':>6} {'CPU ms':>9} {'p50 ms':>9} {'p99 ms':>9} {'KiB':>8} {'RSS MiB':>8}")
    lines += [
        f"{cost.level:5} {cost.load.asked:6} {cost.load.cpu_ms:9.1f} {cost.load.p50_ms:9.1f} {cost.load.p99_ms:9.1f}"
        f" {cost.load.size / 1024:8.1f} {cost.rss_mib:8.0f}"
        for cost in found
    ]
    return "\n".join(lines)


def table() -> str:
    """Measure, and return the table."""
    root, built = build(layer())
    return show(built, costs(root))
