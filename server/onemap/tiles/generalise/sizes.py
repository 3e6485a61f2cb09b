"""Layers that are no coverage: what is too small to be seen is left out, the rest is simplified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.store import Batch
from onemap.store.tiling import Generalised
from onemap.tiles.generalise.faces import Ints, Polygons
from onemap.tiles.generalise.intake import Rows
from onemap.tiles.generalise.settings import Level, Report, Settings

_BATCH = 5000
_QUARTER = 0.25
Sized = tuple[Level, Iterator[Generalised], Report]


def by_size(source: Iterable[Batch], levels: Sequence[Level], settings: Settings, work: Path) -> Iterator[Sized]:
    """Yield for each level the features that are at least half a pixel large in one direction, and points.

    Shapes are simplified by a quarter of a pixel.
    """
    path, rows, sizes, ends, areas = work / "shapes", Rows(), [], [], []
    with path.open("wb") as file:
        for batch in source:
            codes = rows.add(batch, settings.class_column)
            shapes = shapely.to_wkb(batch.geometries)
            file.writelines(shape or b"" for shape in shapes)
            ends.append(np.array([len(shape or b"") for shape in shapes], dtype=np.int64))
            sizes.append(extents(batch.geometries))
            areas.append(np.column_stack([codes, shapely.area(batch.geometries)]))
    size, stops, area = np.concatenate(sizes), np.cumsum(np.concatenate(ends)), np.concatenate(areas)
    starts = np.concatenate([[0], stops])
    before = _sums(rows, area)
    for level in levels:
        chosen = np.flatnonzero(size >= level.pixel / 2)
        report = Report(level.zoom, len(chosen), before, _sums(rows, area[chosen]), rows.count)
        yield level, _simplified(path, starts, chosen, rows, level.pixel * _QUARTER), report


def extents(geometries: Polygons) -> NDArray[np.float64]:
    """Return how large each geometry is, the longer side of its box; infinite for points, -1 where there is none."""
    boxes = shapely.bounds(geometries)
    size = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    size[shapely.get_dimensions(geometries) == 0] = np.inf
    return np.where(np.isnan(size), -1.0, size)


def _sums(rows: Rows, area: NDArray[np.float64]) -> dict[str, float]:
    return rows.by_class(np.bincount(area[:, 0].astype(np.int64), weights=area[:, 1], minlength=len(rows.codes)))


def _simplified(path: Path, starts: Ints, chosen: Ints, rows: Rows, tolerance: float) -> Iterator[Generalised]:
    with path.open("rb") as file:
        for first in range(0, len(chosen), _BATCH):
            some = chosen[first : first + _BATCH]
            shapes = []
            for at in some.tolist():
                file.seek(int(starts[at]))
                shapes.append(file.read(int(starts[at + 1] - starts[at])))
            geometries = shapely.simplify(shapely.from_wkb(shapes), tolerance, preserve_topology=True)
            yield Generalised(rows.keys(some), geometries)
