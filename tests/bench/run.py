"""``make bench``: start ours and the peers on the same data in one run, and print the ratios.

The provinces and the peers' environments are kept in ONEMAP_BENCH_HOME (default ~/.cache/onemap-bench).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.bench import batch, features, millions, overlay, overlay_millions, overlay_postgis, parcels, postgis, tiles
from tests.bench.peers import HOME
from tests.bench.table import Row, show

PEERS = ("pygeoapi", "tipg", "martin", "geopandas")
TABLES = ("features", "postgis", "tiles", "overlay", "batch")
LARGE = "millions"


def province(size: str) -> Path:
    """Return the demo province of a size, generated once."""
    from onemap.demo import generate

    folder = HOME / f"province-{size}"
    ready = folder / "ready"
    if not ready.exists():
        generate(folder, size, 1, print)  # type: ignore[arg-type]
        ready.touch()
    return folder / "province.gpkg"


def main() -> int:
    """Print the tables asked for; return 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--rows", nargs="+", choices=(*TABLES, LARGE), default=TABLES)
    given = parser.parse_args()
    tables, peers, missed = given.rows, given.peers, 0
    if "features" in tables and "pygeoapi" in peers:
        rows = features.rows(province("medium"))
        missed += _print("Features and tiles from a GeoPackage, 100,000 parcels: CPU per request", rows)
    if "postgis" in tables and {"pygeoapi", "tipg"} & set(peers):
        rows = postgis.rows(province("medium"), peers)
        missed += _print("Features from PostGIS, 100,000 parcels: CPU per request, database included", rows)
    if "tiles" in tables and {"martin", "pygeoapi", "tipg"} & set(peers):
        rows = tiles.rows(province("large"), peers)
        missed += _print("Vector tiles, 500,000 parcels in EPSG:4490: CPU per tile, database included", rows)
    if "overlay" in tables and "geopandas" in peers:
        print("\nOverlay, 500,000 parcels: CPU of this process")
        missed += overlay.table(province("large"))
    if "overlay" in tables:
        rows = overlay_postgis.rows(province("large"))
        missed += _print("Overlay from PostGIS, 500,000 parcels: CPU, database included", rows)
        missed += _print("Overlay, 5,000,000 parcels against 500,000: CPU of this process", overlay_millions.rows())
    if "batch" in tables:
        print("\nBatch: land-use breakdown of each approved project")
        print(batch.table(province("large")))
        print("\nOne request with 2,000 parcels")
        print(parcels.table(province("large")))
    if LARGE in tables:
        print("\nVector tiles, 10,000,000 parcels in EPSG:4490: cost of a tile, and memory of the server")
        print(millions.table())
    return int(missed > 0)


def _print(title: str, rows: list[Row]) -> int:
    """Print a table; return how many bars were missed."""
    print("\n" + show(title, rows))
    return sum(row.verdict == "MISSED" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
