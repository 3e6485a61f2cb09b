"""The overlay kernel from the file, against geopandas.overlay and against the cutting alone.

    python -m tests.bench.overlay PROVINCE.gpkg

Times are CPU milliseconds of this process. "ours" is everything from the file: index, areas, cutting, and the sums by
land class and ownership. "peer" is the same answer by geopandas: features read by bounding box, overlaid, summed.
"bound" is what remains when all but the intersections of GEOS on the boundary is taken away.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import geopandas
import numpy as np
import shapely

from onemap.geo.area import measure_for
from onemap.geo.overlay import PIECE_VERTICES, OverlaySource, overlay
from onemap.geo.subdivide import subdivide
from onemap.store.geopackage.areas import area_table, build_areas
from onemap.store.geopackage.connect import open_readonly
from onemap.store.geopackage.overlay import GeoPackageOverlaySource
from tests.synthetic import blob, corridor

TABLE, CLASSES = "dltb", ["DLBM", "QSXZ"]
RUNS = 7
ENOUGH_MS = 500


@dataclass(frozen=True)
class Case:
    """A project of a size that the targets name; ``bar_ms`` and ``bar_ratio``: at most, at least."""

    name: str
    project: shapely.Geometry
    bar_ms: float
    bar_ratio: float = 0.0


def cases(x: float, y: float) -> list[Case]:
    """Projects around a point of a plane in metres."""
    return [
        Case("plot, 10 ha", shapely.box(x, y, x + 400, y + 250), 5),
        Case("corridor, 80 km x 80 m", corridor((x - 32_000, y - 24_000), (x + 32_000, y + 24_000), 80), 150, 10),
        Case("township, 150 km2", blob(x, y, np.sqrt(150e6 / np.pi), 1500, 1), 120),
        Case("county, 2000 km2", blob(x, y, np.sqrt(2000e6 / np.pi), 8000, 1), 1000, 10),
    ]


def rows(province: Path) -> list[dict[str, Any]]:
    """Measure every case on the land-use layer of a province; builds its stored areas when it has none."""
    with closing(open_readonly(province)) as connection:
        source = _source(connection)
        stored = area_table(connection, TABLE, source.srid)
    if stored is None:
        build_areas(province, TABLE)
    with closing(open_readonly(province)) as connection:
        source = _source(connection)
        return [_row(case, source, province) for case in cases(*_middle(source))]


def _row(case: Case, source: GeoPackageOverlaySource, province: Path) -> dict[str, Any]:
    ours_ms, ours = timed(lambda: breakdown(case.project, source), RUNS)
    peer_ms, peer = timed(lambda: peer_breakdown(case.project, source.srid, province), 1)
    bound_ms = _lower_bound(case.project, source)
    _check(ours, peer, case.project, source.srid)
    ratio = peer_ms / ours_ms
    bar = f"<= {case.bar_ms:g} ms" + (f", >= {case.bar_ratio:g}x" if case.bar_ratio else "")
    return {
        "name": case.name,
        "ours_ms": round(ours_ms, 1),
        "peer": f"geopandas {geopandas.__version__}",
        "peer_ms": round(peer_ms, 1),
        "lower_bound_ms": round(bound_ms, 1),
        "ratio": round(ratio, 1),
        "bar": bar,
        "holds": ours_ms <= case.bar_ms and ratio >= case.bar_ratio,
    }


def breakdown(project: shapely.Geometry, source: GeoPackageOverlaySource) -> dict[tuple[str, str], float]:
    """Sum areas by land class and ownership, with the kernel."""
    with source.snapshot():
        found = overlay(project, source)
        classes = source.attributes(found.ids, CLASSES)
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for code, owner, area in zip(*(classes[name] for name in CLASSES), found.areas.tolist(), strict=True):
        sums[code, owner] += area
    return sums


def peer_breakdown(project: shapely.Geometry, srid: int, province: Path) -> dict[tuple[str, str], float]:
    """Sum areas by land class and ownership, with geopandas (planar areas: it has no others)."""
    features = geopandas.read_file(province, layer=TABLE, bbox=project.bounds, columns=CLASSES, use_arrow=True)
    mask = geopandas.GeoDataFrame(geometry=[project], crs=features.crs)
    shared = geopandas.overlay(features, mask, how="intersection", keep_geom_type=True)
    sums = shared.area.groupby([shared[name] for name in CLASSES]).sum()
    return {(str(code), str(owner)): float(area) for (code, owner), area in sums.items()}


def _lower_bound(project: shapely.Geometry, source: OverlaySource) -> float:
    found = overlay(project, source)
    features = source.geometries(found.ids[~found.whole])
    pieces = subdivide(project, PIECE_VERTICES)
    feature, piece = shapely.STRtree(pieces).query(features)
    return timed(lambda: shapely.intersection(features[feature], pieces[piece]), RUNS)[0]


def _check(ours: dict[Any, float], peer: dict[Any, float], project: shapely.Geometry, srid: int) -> None:
    """Make sure that both did the same work: same classes, areas alike as far as planar ones can be."""
    assert {key for key, area in ours.items() if area > 1} == {key for key, area in peer.items() if area > 1}
    assert np.isclose(sum(ours.values()), sum(peer.values()), rtol=2e-3)
    assert sum(ours.values()) <= measure_for(srid).area(project) * (1 + 1e-9)


def timed(work: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Return the median CPU time in milliseconds and the last result.

    Several runs follow one to warm up, and go on for half a second where each is over in a moment.
    """
    result = work() if runs > 1 else None
    times: list[float] = []
    while len(times) < runs or (runs > 1 and sum(times) < ENOUGH_MS):
        start = time.process_time()
        result = work()
        times.append((time.process_time() - start) * 1e3)
    return median(times), result


def _source(connection: Any) -> GeoPackageOverlaySource:
    column, srid = connection.execute(
        "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", [TABLE]
    ).fetchone()
    return GeoPackageOverlaySource(connection, TABLE, column, "fid", f"rtree_{TABLE}_{column}", srid)


def _middle(source: GeoPackageOverlaySource) -> tuple[float, float]:
    bounds = source.connection.execute(
        "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?", [source.table]
    ).fetchone()
    return (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2


def table(province: Path) -> int:
    """Print the table for a province file; return how many bars are missed."""
    print(f"{'':24} {'ours ms':>8} {'bound ms':>9} {'peer ms':>9} {'ratio':>7}  bar")
    found = rows(province)
    for row in found:
        figures = f"{row['ours_ms']:8} {row['lower_bound_ms']:9} {row['peer_ms']:9} {row['ratio']:6}x"
        print(f"{row['name']:24} {figures}  {row['bar']}: {'holds' if row['holds'] else 'MISSED'}")
    return sum(not row["holds"] for row in found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table for the province file named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("province", type=Path)
    table(parser.parse_args(arguments).province)


if __name__ == "__main__":
    main()
