"""The overlay kernel on PostGIS, against ST_Intersection on the same table of the same database.

Times are CPU milliseconds of this process and of the database together. "ours" is all that a land-use breakdown asks
of the store: candidates, areas, cutting, classes; areas are ellipsoidal. "peer" is one statement as anybody would
write it, with areas in the plane: it does less. The areas of whole features are known to ours from the second time on.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg

from onemap.app import publish
from onemap.geo.overlay import overlay
from onemap.security import identify
from onemap.store import Store, View
from tests.bench.features import geographic_copy
from tests.bench.measure import Server
from tests.bench.overlay import CLASSES, Case, cases
from tests.bench.postgis import database
from tests.bench.table import Row

SRID, RUNS = 4526, 5
BARS = {"corridor": 1 / 10, "county": 1 / 10}
_PEER = (
    'SELECT "DLBM", "QSXZ", sum(ST_Area(ST_Intersection(t.geom, p.geom))) FROM dltb t,'
    " (SELECT ST_GeomFromWKB(%s::bytea, 4526) AS geom) p WHERE ST_Intersects(t.geom, p.geom) GROUP BY 1, 2"
)


@dataclass(frozen=True)
class _Clock:
    """Measures this process and the database."""

    server: Server

    def timed(self, work: Callable[[], Any], runs: int) -> tuple[float, Any]:
        """Return CPU milliseconds of a run, the median of several, and the last result."""
        times = []
        for _ in range(runs):
            start = self.server.cpu()
            result = work()
            times.append((self.server.cpu() - start) * 1e3)
        return median(times), result


def rows(province: Path) -> list[Row]:
    """Return the rows of this table, measured on the land-use layer of a province."""
    with tempfile.TemporaryDirectory() as name:
        path, bounds = geographic_copy(province, Path(name), SRID)
        with database(path) as (dsn, postmaster):
            instance = publish(dsn)
            view = next(item for item in instance.gate.views(identify()) if item.collection.table.name == "dltb")
            clock = _Clock(Server("", os.getpid(), postmaster))
            middle = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
            return [_row(case, instance.gate.store(view), view, dsn, clock) for case in cases(*middle)]


def _row(case: Case, store: Store, view: View, dsn: str, clock: _Clock) -> Row:
    first, _ = clock.timed(lambda: _ours(case, store, view), 1)
    mine, ours = clock.timed(lambda: _ours(case, store, view), RUNS)
    theirs, peer = clock.timed(lambda: _peer(case, dsn), 1)
    assert {key for key, area in ours.items() if area > 1} == {key for key, area in peer.items() if area > 1}
    assert np.isclose(sum(ours.values()), sum(peer.values()), rtol=2e-3)
    bar = BARS.get(case.name.split(",")[0])
    return Row(f"overlay from PostGIS, {case.name}", "ST_Intersection", mine, theirs, bar, f"first time {first:.0f} ms")


def _ours(case: Case, store: Store, view: View) -> dict[Any, float]:
    found = overlay(case.project, store.overlay_source(view))
    columns = store.attributes(view, found.ids.tolist(), CLASSES)
    sums: dict[Any, float] = defaultdict(float)
    for code, owner, area in zip(*(columns[name] for name in CLASSES), found.areas.tolist(), strict=True):
        sums[code, owner] += area
    return sums


def _peer(case: Case, dsn: str) -> dict[Any, float]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(_PEER, [case.project.wkb]).fetchall()
    return {(code, owner): float(area) for code, owner, area in found}
