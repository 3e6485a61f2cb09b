"""The overlay kernel on half a million and on five million parcels: the same projects cost the same.

Both layers are grids of parcels of some 100 m in EPSG:4490, generated once, and have stored areas. Times are CPU
milliseconds of this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import shapely

from onemap.geo.overlay import overlay
from onemap.store.geopackage.areas import area_table, build_areas
from onemap.store.geopackage.connect import open_readonly
from onemap.store.geopackage.overlay import GeoPackageOverlaySource
from tests.bench.millions import SOUTH, STEP, WEST, layer
from tests.bench.overlay import RUNS, cases
from tests.bench.overlay import timed as cpu_timed
from tests.bench.table import Row

SMALL, LARGE = (800, 625), (2500, 2000)
BAR = 1.25
_METRE = 1 / 100_000


def rows() -> list[Row]:
    """Return a row for each project: "ours" on the large layer, "peer" on the small one."""
    small, large = _costs(SMALL), _costs(LARGE)
    name = f"{SMALL[0] * SMALL[1]:,} features"
    return [
        Row(f"overlay, {LARGE[0] * LARGE[1]:,} features: {case}", name, large[case][0], cost, BAR, f"{hits:,} hits")
        for case, (cost, hits) in small.items()
    ]


def _costs(size: tuple[int, int]) -> dict[str, tuple[float, int]]:
    path = layer(*size)
    with _source(path) as source:
        stored = area_table(source.connection, source.table, source.srid)
    if stored is None:
        build_areas(path, "parcels")
    found = {}
    with _source(path) as source:
        # The middle of the small layer, which is in the large one too.
        middle = np.array([WEST + SMALL[0] * STEP / 2, SOUTH + SMALL[1] * STEP / 2])
        for case in cases(0.0, 0.0):
            project = shapely.transform(case.project, lambda xy: xy * _METRE + middle)
            cost, result = cpu_timed(lambda project=project, source=source: overlay(project, source), RUNS)
            found[case.name] = (cost, len(result.ids))
    return found


@contextmanager
def _source(path: Path) -> Iterator[GeoPackageOverlaySource]:
    with closing(open_readonly(path)) as connection:
        yield GeoPackageOverlaySource(connection, "parcels", "geom", "fid", "rtree_parcels_geom", 4490)
