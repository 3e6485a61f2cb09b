"""Features from PostGIS: ours against tipg on the same table, CPU of the server and of the database together.

python -m tests.bench.postgis DSN BOUNDS
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.bench.features import boxes
from tests.bench.measure import Server, get, serving
from tests.bench.peers import tipg_python
from tests.bench.table import Row, show

OURS, PEER = 8951, 8952
_ENOUGH_SECONDS = 0.8


def rows(dsn: str, bounds: list[float]) -> list[Row]:
    """Return the rows of this table, measured on the table dltb of a database, in EPSG:4490."""
    database = Server("", _postmaster(dsn))
    with ours(dsn) as server, tipg(dsn) as peer:
        asked = [
            ("items limit 10 + bbox", _boxes(bounds, 10), 1 / 2),
            ("items limit 1000 + bbox", _boxes(bounds, 1000), 1 / 4),
            ("items limit 1000", ["/collections/{}/items?f={}&limit=1000"], 1 / 4),
            ("items limit 10000 + bbox", _boxes(bounds, 10_000), 1 / 4),
            ("single item", ["/collections/{}/items/" + str(key) + "?f={}" for key in (5, 500, 5000, 50_000)], 1 / 3),
        ]
        return [_row(name, server, peer, database, paths, bar) for name, paths, bar in asked]


def _boxes(bounds: list[float], limit: int) -> list[str]:
    return [f"/collections/{{}}/items?f={{}}&limit={limit}&bbox={box}" for box in boxes(bounds, limit)]


def _row(name: str, server: Server, peer: Server, database: Server, paths: list[str], bar: float) -> Row:
    mine = _cost(server, database, [path.format("dltb", "json") for path in paths])
    theirs = _cost(peer, database, [path.format("public.dltb", "geojson") for path in paths])
    remark = f"server + database {mine[0]:.2f} + {mine[1]:.2f} / {theirs[0]:.2f} + {theirs[1]:.2f}; "
    remark += f"{mine[2] / 1024:.0f} / {theirs[2] / 1024:.0f} KiB"
    return Row(name, "tipg", mine[0] + mine[1], theirs[0] + theirs[1], bar, remark)


def _cost(server: Server, database: Server, paths: list[str]) -> tuple[float, float, int]:
    """Return milliseconds of CPU per request of the server and of the database, and the bytes of a body."""
    size = sum(_ask(server, path) for path in paths * 3) // len(paths) // 3
    done, first, second, began = 0, server.cpu(), database.cpu(), time.monotonic()
    while server.cpu() - first < _ENOUGH_SECONDS and time.monotonic() - began < 15:
        for path in paths:
            _ask(server, path)
        done += len(paths)
    return (server.cpu() - first) / done * 1e3, (database.cpu() - second) / done * 1e3, size


def _ask(server: Server, path: str) -> int:
    status, body = get(server.url + path)
    if status != 200:
        raise RuntimeError(f"{path}: {status} {body[:300]!r}")
    return len(body)


def _postmaster(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        backend = connection.info.backend_pid
        return int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])


@contextmanager
def ours(dsn: str) -> Iterator[Server]:
    """Run our server on the database."""
    command = [str(Path(sys.executable).with_name("onemap")), "serve", dsn, "--port", str(OURS)]
    with serving(command, f"http://127.0.0.1:{OURS}") as server:
        yield server


@contextmanager
def tipg(dsn: str) -> Iterator[Server]:
    """Run tipg on the database."""
    env = {"DATABASE_URL": dsn, "TIPG_MAX_FEATURES_PER_QUERY": "10000", "TIPG_DEFAULT_MINZOOM": "0"}
    command = [str(tipg_python()), "-m", "uvicorn", "tipg.main:app", "--port", str(PEER), "--log-level", "warning"]
    with serving(command, f"http://127.0.0.1:{PEER}/collections/public.dltb", env) as server:
        yield Server(f"http://127.0.0.1:{PEER}", server.pid)


def main() -> int:
    """Print the table; return 1 when a bar is missed."""
    dsn, *bounds = sys.argv[1:]
    found = rows(dsn, [float(value) for value in bounds])
    print(show("Features from PostGIS: CPU per request", found))
    return int(any(row.verdict == "MISSED" for row in found))


if __name__ == "__main__":
    sys.exit(main())
