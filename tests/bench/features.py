"""Features and tiles from a GeoPackage: ours against pygeoapi 0.24 on the same table."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import shapely

from onemap.geo.crs import crs_from_srid, transform
from onemap.ingest import read_layer
from onemap.store.geopackage.writer import GeoPackageWriter, TableSpec
from tests.bench.measure import Server, cpu_of_first_requests, cpu_per_request, serving
from tests.bench.peers import pygeoapi_config, pygeoapi_python
from tests.bench.table import Row

OURS, PEER = 8741, 8742


def rows(province: Path) -> list[Row]:
    """Return the rows of this table, measured on the land-use layer of a province stored in EPSG:4490."""
    with tempfile.TemporaryDirectory() as folder:
        gpkg, bounds = geographic_copy(province, Path(folder))
        with ours(gpkg) as server, pygeoapi(gpkg, bounds, Path(folder)) as peer:
            return [*_items(server, peer, bounds), _tile(server, peer, bounds)]


def geographic_copy(province: Path, folder: Path, srid: int = 4490) -> tuple[Path, list[float]]:
    """Return a GeoPackage with the table dltb in geographic coordinates and its bounds: no server then transforms."""
    layer = read_layer(province, "dltb")
    geometries = transform(layer.geometries, crs_from_srid(layer.srid), crs_from_srid(srid))
    path = folder / "dltb.gpkg"
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("dltb", "POLYGON", srid, layer.fields))
        writer.insert("dltb", geometries, layer.columns)
        writer.finish("dltb", "2026-01-01T00:00:00.000Z")
    return path, [float(value) for value in shapely.total_bounds(geometries)]


@contextmanager
def ours(gpkg: Path) -> Iterator[Server]:
    """Run our server on the file."""
    command = [str(Path(sys.executable).with_name("onemap")), "serve", str(gpkg), "--port", str(OURS)]
    with serving(command, f"http://127.0.0.1:{OURS}") as server:
        yield server


@contextmanager
def pygeoapi(gpkg: Path, bounds: list[float], folder: Path) -> Iterator[Server]:
    """Run pygeoapi under gunicorn on a copy of the file (its provider writes to what it opens)."""
    copy = folder / "peer.gpkg"
    shutil.copy(gpkg, copy)
    python = pygeoapi_python()
    provider = f"{{type: feature, name: SQLiteGPKG, data: {copy}, id_field: fid, table: dltb}}"
    config, openapi = folder / "pygeoapi.yml", folder / "openapi.yml"
    config.write_text(pygeoapi_config(provider, "dltb", bounds, PEER, 10_000))
    env = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    generate = [str(python.with_name("pygeoapi")), "openapi", "generate", str(config), "--output-file", str(openapi)]
    subprocess.run(generate, env={**os.environ, **env}, check=True, capture_output=True)
    command = [str(python), "-m", "gunicorn", "-b", f"127.0.0.1:{PEER}", "pygeoapi.flask_app:APP"]
    with serving(command, f"http://127.0.0.1:{PEER}", env) as server:
        yield server


def _items(server: Server, peer: Server, bounds: list[float]) -> list[Row]:
    made = []
    for limit, bar in ((10, None), (1000, 1 / 5), (10000, None)):
        paths = [f"/collections/dltb/items?f=json&limit={limit}&bbox={box}" for box in boxes(bounds, limit)]
        made.append(_row(f"items limit {limit} + bbox", server, peer, paths, bar))
    return made


def boxes(bounds: list[float], limit: int) -> list[str]:
    """Return four boxes inside the bounds, wide enough to hold more features than ``limit`` asks for."""
    west, south, east, north = bounds
    share = 0.15 if limit <= 10 else 0.6
    width, height = (east - west) * share, (north - south) * share
    corners = [(0.1, 0.1), (0.3, 0.2), (0.2, 0.3), (0.35, 0.35)]
    places = [(west + x * (east - west), south + y * (north - south)) for x, y in corners]
    return [f"{x:.6f},{y:.6f},{x + width:.6f},{y + height:.6f}" for x, y in places]


def _tile(server: Server, peer: Server, bounds: list[float]) -> Row:
    """Compare a tile at z14 with asking the peer for the same features: it makes no tiles from a GeoPackage."""
    z = 14
    columns = [int((lon + 180) / 360 * 2**z) for lon in (bounds[0], bounds[2])]
    lines = [int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z) for lat in (bounds[3], bounds[1])]
    inside = [(x, y) for x in range(columns[0] + 1, columns[1]) for y in range(lines[0] + 1, lines[1])]
    tiles = inside[:: max(1, len(inside) // 200)]
    paths = [f"/collections/dltb/tiles/WebMercatorQuad/{z}/{row}/{column}" for column, row in tiles]
    same = [f"/collections/dltb/items?f=json&limit=10000&bbox={_tile_box(z, column, row)}" for column, row in tiles[:6]]
    mine, size = cpu_of_first_requests(server, paths)
    theirs, peer_size = cpu_of_first_requests(peer, same)
    remark = f"items of the tile's box; {size / 1024:.0f} / {peer_size / 1024:.0f} KiB"
    return Row("tile z14 (gzip not asked for), first request", "pygeoapi 0.24", mine, theirs, None, remark)


def _tile_box(z: int, x: int, y: int) -> str:
    west, east = (at / 2**z * 360 - 180 for at in (x, x + 1))
    north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * at / 2**z)))) for at in (y, y + 1))
    return f"{west:.6f},{south:.6f},{east:.6f},{north:.6f}"


def _row(name: str, server: Server, peer: Server, paths: list[str], bar: float | None) -> Row:
    mine, size = cpu_per_request(server, paths)
    theirs, peer_size = cpu_per_request(peer, paths)
    return Row(name, "pygeoapi 0.24", mine, theirs, bar, f"{size / 1024:.0f} / {peer_size / 1024:.0f} KiB")
