"""``make bench``: start ours and the peers on the same data in one run, and print the ratios.

The provinces and the peers' environments are kept in ONEMAP_BENCH_HOME (default ~/.cache/onemap-bench).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.bench import features, overlay, postgis
from tests.bench.peers import HOME
from tests.bench.table import show

PEERS = ("pygeoapi", "tipg", "geopandas")


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
    peers = parser.parse_args().peers
    missed = 0
    if "pygeoapi" in peers:
        rows = features.rows(province("medium"))
        print(show("Features and tiles from a GeoPackage, 100,000 parcels: CPU per request", rows))
        missed += sum(row.verdict == "MISSED" for row in rows)
    if {"pygeoapi", "tipg"} & set(peers):
        rows = postgis.rows(province("medium"), peers)
        print("\n" + show("Features from PostGIS, 100,000 parcels: CPU per request, database included", rows))
        missed += sum(row.verdict == "MISSED" for row in rows)
    if "geopandas" in peers:
        print("\nOverlay, 500,000 parcels: CPU of this process")
        missed += overlay.table(province("large"))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
