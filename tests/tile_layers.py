"""Layers that tiles are tested on: sizes from a few metres to a province, holes, several parts, in two CRS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.synthetic import blob, coverage

Geometries = NDArray[np.object_]

SRIDS = (4490, 4547)
KINDS = {"land": "MULTIPOLYGON", "roads": "MULTILINESTRING", "sites": "MULTIPOINT"}
REACH = 120_000.0
COVER_SIDE = 20_000.0
_METRES = {4490: (114.0, 30.5, 1e-5), 4547: (500_000.0, 3_375_000.0, 1.0)}
_COUNT = 900


def layer(kind: str, srid: int, seed: int = 3) -> Geometries:
    """Return the features of a kind in x, y of a CRS; the same places, roughly, in each CRS."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-REACH, REACH, (_COUNT, 2))
    sizes = 10 ** rng.uniform(0.8, 4.6, _COUNT)
    x, y, unit = _METRES[srid]
    made = [_MAKERS[kind](rng, centre, size) for centre, size in zip(centres, sizes, strict=True)]
    return np.asarray(shapely.transform(np.array(made, dtype=object), lambda xy: xy * unit + [x, y]), dtype=object)


def cover(srid: int, count: int = 1500) -> Geometries:
    """Return a coverage that fills a square, with lakes that fill the holes of a tenth of its parcels."""
    cells = coverage(count, 11, srid, COVER_SIDE)
    rings = np.arange(0, count, 10)
    lakes = shapely.buffer(shapely.point_on_surface(cells[rings]), 60 if srid > 4500 else 60e-5, quad_segs=6)
    inside = shapely.contains_properly(cells[rings], lakes)
    cells[rings[inside]] = shapely.difference(cells[rings[inside]], lakes[inside])
    return np.concatenate([cells, lakes[inside]])


def write(path: Path, kinds: Iterable[str]) -> dict[str, Geometries]:
    """Write layers into a GeoPackage; return the features by table (kind_srid), their keys being 1, 2, ..."""
    tables = {f"{kind}_{srid}": layer(kind, srid) if kind in KINDS else cover(srid) for kind in kinds for srid in SRIDS}
    types = {**KINDS, "cover": "MULTIPOLYGON"}
    with GeoPackageWriter(path) as writer:
        for name, geometries in tables.items():
            kind, _, srid = name.partition("_")
            writer.create_table(TableSpec(name, types[kind], int(srid), (FieldSpec("class", "TEXT(4)"),)))
            writer.insert(name, geometries, {"class": [f"0{at % 7}01" for at in range(len(geometries))]})
            writer.finish(name, "2026-01-01T00:00:00.000Z")
    return tables


def _land(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    """Return a surface with holes, and islands beside it; every third is plain."""
    vertices, seed = int(rng.integers(12, 90)), int(rng.integers(1000))
    body = blob(centre[0], centre[1], size, vertices, seed)
    if seed % 3 == 0:
        return body
    holes = [blob(x, y, size / 8, 12, seed) for x, y in centre + size * rng.uniform(-0.5, 0.5, (3, 2))]
    islands = [blob(centre[0] + 1.6 * size, centre[1] + shift * size, size / 5, 16, seed) for shift in (-0.6, 0.6)]
    return shapely.union_all([shapely.difference(body, shapely.union_all(holes)), *islands])


def _roads(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    lines = []
    for _ in range(int(rng.integers(1, 4))):
        steps = np.cumsum(rng.normal(0, size / 6, (int(rng.integers(2, 60)), 2)), axis=0)
        lines.append(shapely.LineString(centre + steps))
    return shapely.MultiLineString(lines)


def _sites(rng: np.random.Generator, centre: NDArray[np.float64], size: float) -> shapely.Geometry:
    return shapely.MultiPoint(centre + rng.normal(0, size, (int(rng.integers(1, 6)), 2)))


_MAKERS: dict[str, Callable[[np.random.Generator, NDArray[np.float64], float], shapely.Geometry]] = {
    "land": _land,
    "roads": _roads,
    "sites": _sites,
}
