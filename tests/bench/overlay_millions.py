"""The overlay kernel on half a million and on five million parcels: the same projects cost the same.

Both layers are grids of parcels of some 100 m in EPSG:4490, generated once, and have stored areas. Times are CPU
milliseconds of this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

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
_TURNS = 3


def rows() -> list[Row]:
    """Return a row for each project: "ours" on the large layer, "peer" on the small one.

    The layers take turns, so that what else the machine does hits both; the least of the medians counts.
    """
    name = f"{SMALL[0] * SMALL[1]:,} features"
    # The middle of the small layer, which is in the large one too.
    middle = np.array([WEST + SMALL[0] * STEP / 2, SOUTH + SMALL[1] * STEP / 2])
    found = []
    with _source(SMALL) as small, _source(LARGE) as large:
        for case in cases(0.0, 0.0):
            project = shapely.transform(case.project, lambda xy: xy * _METRE + middle)
            (mine, _), (other, hits) = _in_turns(project, large, small)
            text = f"overlay, {LARGE[0] * LARGE[1]:,} features: {case.name}"
            found.append(Row(text, name, mine, other, BAR, f"{hits:,} hits"))
    return found


def _in_turns(project: shapely.Geometry, *sources: GeoPackageOverlaySource) -> list[tuple[float, int]]:
    """Return the CPU milliseconds of the overlay with each source, and how many features it found."""
    turns = [[cpu_timed(partial(overlay, project, source), RUNS) for source in sources] for _ in range(_TURNS)]
    return [(min(cost for cost, _ in own), len(own[0][1].ids)) for own in zip(*turns, strict=True)]


@contextmanager
def _source(size: tuple[int, int]) -> Iterator[GeoPackageOverlaySource]:
    path = layer(*size)
    with closing(open_readonly(path)) as connection:
        stored = area_table(connection, "parcels", 4490)
    if stored is None:
        build_areas(path, "parcels")
    with closing(open_readonly(path)) as connection:
        yield GeoPackageOverlaySource(connection, "parcels", "geom", "fid", "rtree_parcels_geom", 4490)
