"""Features from PostGIS: ours against pygeoapi 0.24 and tipg 1.6 on the same table of the same database.

The CPU time of a request is that of the server and of the database together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.bench.features import boxes, geographic_copy
from tests.bench.measure import Server, cpu_per_request, serving
from tests.bench.peers import pygeoapi_config, pygeoapi_python, tipg_python
from tests.bench.table import Row

ROOT = Path(__file__).parents[2]
OURS, PYGEOAPI, TIPG = 8751, 8752, 8753
ONEMAP = str(Path(sys.executable).with_name("onemap"))
# Memory for the whole table, as a database of a province has it; nothing is tidied up while something is measured.
_SETTINGS = ("shared_buffers = '1GB'", "autovacuum = off")
FILTER = "DLBM LIKE '01%' AND TBMJ > 2000"
BARS = {
    "items limit 10 + bbox": (1 / 10, 1 / 2),
    "items limit 1000 + bbox": (1 / 6, 1 / 4),
    "items limit 10000 + bbox": (1 / 6, 1 / 4),
    "single item": (None, 1 / 3),
    "CQL2 filter + bbox, limit 100": (None, 1 / 3),
}


def rows(province: Path, peers: Sequence[str]) -> list[Row]:
    """Return the rows of this table, measured on the land-use layer of a province.

    It is stored in EPSG:4326, which no server needs to transform.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gpkg, bounds = geographic_copy(province, folder, 4326)
        with database(gpkg) as (dsn, postmaster):
            with _ours(dsn) as server:
                mine = _measured(replace(server, database=postmaster), _requests(bounds, "dltb"))
            made = []
            if "pygeoapi" in peers:
                with _pygeoapi(dsn, bounds, folder) as server:
                    theirs = _measured(replace(server, database=postmaster), _requests(bounds, "dltb", cql2=False))
                made += _rows("pygeoapi 0.24", mine, theirs, 0)
            if "tipg" in peers:
                with _tipg(dsn) as server:
                    theirs = _measured(replace(server, database=postmaster), _requests(bounds, "public.dltb"))
                made += _rows("tipg 1.6", mine, theirs, 1)
            return made


@contextmanager
def database(gpkg: Path) -> Iterator[tuple[str, int]]:
    """Run a private cluster with the table of a GeoPackage; give its address and the process of the postmaster."""
    folder = ROOT / "build" / "bench-postgis"  # the user of PostgreSQL cannot read a home folder
    script = str(ROOT / "scripts" / "cluster.sh")
    dsn = _output([script, "start", str(folder)])
    try:
        for setting in _SETTINGS:
            subprocess.run(["psql", "-q", dsn, "-c", f"ALTER SYSTEM SET {setting}"], check=True)
        subprocess.run([script, "stop", str(folder)], check=True)
        dsn = _output([script, "start", str(folder)])
        subprocess.run(["psql", "-q", dsn, "-c", "DROP TABLE IF EXISTS dltb CASCADE"], check=True)
        subprocess.run(["psql", "-q", dsn, "-c", "CREATE EXTENSION IF NOT EXISTS postgis"], check=True)
        subprocess.run([ONEMAP, "import", str(gpkg), "--to", dsn], check=True, capture_output=True)
        for quiet in ("VACUUM ANALYZE", "CHECKPOINT"):
            subprocess.run(["psql", "-q", dsn, "-c", quiet], check=True, capture_output=True)
        yield dsn, int((folder / "data" / "postmaster.pid").read_text().split()[0])
    finally:
        subprocess.run([script, "stop", str(folder)], check=True)


def _requests(bounds: list[float], collection: str, cql2: bool = True) -> dict[str, list[str]]:
    """Return the addresses of each row of the table; a peer without CQL2 gets no filter."""
    items, form = f"/collections/{collection}/items", "geojson" if "." in collection else "json"
    made = {
        f"items limit {limit} + bbox": [f"{items}?f={form}&limit={limit}&bbox={box}" for box in boxes(bounds, limit)]
        for limit in (10, 1000, 10_000)
    }
    made["single item"] = [f"{items}/{key}?f={form}" for key in (17, 5017, 50_017, 90_017)]
    if cql2:
        test = f"filter={quote(FILTER)}&filter-lang=cql2-text"
        name = "CQL2 filter + bbox, limit 100"
        made[name] = [f"{items}?f={form}&limit=100&{test}&bbox={box}" for box in boxes(bounds, 100)]
    return made


def _measured(server: Server, requests: dict[str, list[str]]) -> dict[str, tuple[float, int]]:
    return {name: cpu_per_request(server, paths) for name, paths in requests.items()}


def _rows(peer: str, mine: dict[str, tuple[float, int]], theirs: dict[str, tuple[float, int]], place: int) -> list[Row]:
    return [
        Row(name, peer, mine[name][0], ms, BARS[name][place], f"{mine[name][1] / 1024:.0f} / {size / 1024:.0f} KiB")
        for name, (ms, size) in theirs.items()
    ]


@contextmanager
def _ours(dsn: str) -> Iterator[Server]:
    with serving([ONEMAP, "serve", dsn, "--port", str(OURS)], f"http://127.0.0.1:{OURS}") as server:
        yield server


@contextmanager
def _tipg(dsn: str) -> Iterator[Server]:
    command = [str(tipg_python()), "-m", "uvicorn", "tipg.main:app", "--port", str(TIPG), "--log-level", "error"]
    environment = {"DATABASE_URL": dsn, "TIPG_MAX_FEATURES_PER_QUERY": "10000"}
    with serving(command, f"http://127.0.0.1:{TIPG}/collections/public.dltb", environment) as server:
        yield replace(server, url=f"http://127.0.0.1:{TIPG}")


@contextmanager
def _pygeoapi(dsn: str, bounds: list[float], folder: Path) -> Iterator[Server]:
    parts = urlsplit(dsn)
    source = f"host: {parts.hostname}, port: {parts.port}, dbname: {parts.path[1:]}, user: {parts.username}"
    provider = (
        "{type: feature, name: PostgreSQL, id_field: fid, table: dltb, geom_field: geom, "
        f"data: {{{source}, password: x, search_path: [public]}}}}"
    )
    config, openapi = folder / "pygeoapi.yml", folder / "openapi.yml"
    config.write_text(pygeoapi_config(provider, "dltb", bounds, PYGEOAPI, 10_000))
    python = pygeoapi_python()
    environment = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(openapi)}
    generate = [str(python.with_name("pygeoapi")), "openapi", "generate", str(config), "--output-file", str(openapi)]
    subprocess.run(generate, env={**os.environ, **environment}, check=True)
    command = [str(python), "-m", "gunicorn", "-b", f"127.0.0.1:{PYGEOAPI}", "pygeoapi.flask_app:APP"]
    with serving(command, f"http://127.0.0.1:{PYGEOAPI}", environment) as server:
        yield server


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
