"""One level of a coverage made from the finer one: what is too small merges, shared borders are simplified once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.generalise.borders import Borders, borders
from onemap.tiles.generalise.clean import clean, simple_polygons, whole
from onemap.tiles.generalise.faces import FaceFile, Faces, Ints, Polygons
from onemap.tiles.generalise.merge import Merged, merge
from onemap.tiles.generalise.partition import partition
from onemap.tiles.generalise.seams import Keys, at_seam, connected, open_segments, shared

Progress = Callable[[int], None]
_NO_KEYS = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a level is made to, in steps of the grid: areas below ``smallest`` merge, ``tolerance`` of simplification.

    What stands alone is left out when its box is smaller than ``speck`` in both directions.
    """

    smallest: float
    tolerance: float
    speck: float


@dataclass(frozen=True, slots=True)
class Coarser:
    """A coarser level: its faces, and for each face of the finer level the one it went into (-1: left out)."""

    faces: FaceFile
    parents: Ints
    seams: int


def cleaned(source: FaceFile, folder: Path, gap: float, chunk: int, done: Progress) -> tuple[FaceFile, int]:
    """Return the faces of a layer with the faults of its borders mended, and how many were at fault."""
    made, faults = FaceFile(folder), 0
    for rows in _parts(source, chunk, 0):
        faces, _, wrong = clean(source.faces(rows), gap)
        made.append(faces)
        faults += wrong
        done(len(rows))
    made.finish()
    return made, faults


def coarser(finer: FaceFile, folder: Path, sizes: Sizes, chunk: int, turn: int, done: Progress) -> Coarser:
    """Return the next level of a coverage."""
    parts = list(_parts(finer, chunk, turn))
    seams = _seams(finer, parts) if len(parts) > 1 else _NO_KEYS
    made, parents, waiting = FaceFile(folder), np.full(len(finer), -1, dtype=np.int64), 0
    for rows in parts:
        faces, into, small = _generalise(finer.faces(rows), sizes, seams)
        parents[rows] = np.where(into >= 0, into + len(made), -1)
        made.append(faces)
        waiting += small
        done(len(rows))
    made.finish()
    return Coarser(made, parents, waiting)


def _parts(source: FaceFile, chunk: int, turn: int) -> Iterator[Ints]:
    centres, weights = source.column("centre"), source.column("points")
    return partition(np.asarray(centres, np.int32), np.asarray(weights, np.int64), chunk, turn)


def _seams(finer: FaceFile, parts: list[Ints]) -> Keys:
    def keys(rows: Ints) -> Keys:
        polygons = finer.polygons(rows)
        return open_segments(polygons, borders(polygons))[0]

    return shared(keys(rows) for rows in parts)


def _generalise(faces: Faces, sizes: Sizes, seams: Keys) -> tuple[Faces, Ints, int]:
    """Return the faces that a part of a layer becomes, into which each of the part went, and how many stayed small."""
    found = borders(faces.polygons)
    fixed = at_seam(faces.polygons, found, seams)
    area = shapely.area(faces.polygons)
    merged = merge(found, area, shapely.length(faces.polygons), faces.klass, faces.largest, sizes.smallest)
    count = len(merged.klass)
    polygons = unite(faces.polygons, merged.region, count)
    fixed_regions = np.zeros(count, dtype=bool)
    fixed_regions[merged.region[fixed]] = True
    polygons = _simplified(polygons, _between(found, merged), fixed_regions, sizes.tolerance)
    small = shapely.area(polygons) < sizes.smallest
    kept = ~(small & ~fixed_regions & _specks(polygons, sizes.speck))
    polygons[~kept] = None
    parts, region = whole(*simple_polygons(polygons))
    place = np.full(count, -1, dtype=np.int64)
    place[region[::-1]] = np.arange(len(region))[::-1]
    made = Faces(parts, faces.source[merged.speaker[region]], merged.klass[region], merged.largest[region])
    return made, place[merged.region], int((small & fixed_regions).sum())


def unite(polygons: Polygons, region: Ints, count: int) -> Polygons:
    """Return the union of the faces of each region: borders between them vanish, the others stay as they are."""
    order = np.argsort(region, kind="stable")
    sizes = np.bincount(region, minlength=count)
    starts = np.cumsum(sizes) - sizes
    made = np.empty(count, dtype=object)
    ordered = polygons[order]
    for size in np.unique(sizes).tolist():
        which = np.flatnonzero(sizes == size)
        groups = ordered[starts[which][:, None] + np.arange(size)]
        made[which] = groups[:, 0] if size == 1 else shapely.coverage_union_all(groups, axis=1)
    bad = np.flatnonzero(~shapely.is_valid(made))
    for at in bad.tolist():
        members = ordered[starts[at] : starts[at] + sizes[at]]
        made[at] = shapely.union_all(members, grid_size=1.0)
    return made


def _between(found: Borders, merged: Merged) -> tuple[Ints, Ints]:
    """Return which regions touch."""
    a, b = merged.region[found.a], merged.region[found.b]
    apart = a != b
    return a[apart], b[apart]


def _simplified(
    polygons: Polygons, touching: tuple[Ints, Ints], fixed: NDArray[np.bool_], tolerance: float
) -> Polygons:
    """Return the regions with simplified borders.

    What hangs together with something at a seam keeps its outer border as it is, the rest is simplified all around.
    """
    if fixed.any():
        group = connected(len(polygons), *touching)
        held = np.isin(group, np.unique(group[fixed]))
    else:
        held = fixed
    made = polygons.copy()
    for which, boundary in ((held, False), (~held, True)):
        if which.any():
            made[which] = shapely.coverage_simplify(polygons[which], tolerance, simplify_boundary=boundary)
    return made


def _specks(polygons: Polygons, speck: float) -> NDArray[np.bool_]:
    boxes = shapely.bounds(polygons)
    return np.asarray(np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < speck, dtype=bool)
