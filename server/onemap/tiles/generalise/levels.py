"""All levels of a layer, the finest first, each coarser one made from the one before."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.store import Batch
from onemap.store.tiling import Generalised
from onemap.tiles.generalise.clean import Grid
from onemap.tiles.generalise.coverage import Sizes, cleaned, coarser
from onemap.tiles.generalise.faces import FaceFile, Ints
from onemap.tiles.generalise.intake import Rows, grid_for, read
from onemap.tiles.generalise.settings import Level, Report, Settings
from onemap.tiles.generalise.sizes import by_size

_BATCH = 5000
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class GeneralisedLevel:
    """One level: its features, to be taken before the next level is asked for, and what became of the layer."""

    level: Level
    batches: Iterator[Generalised]
    report: Report


@dataclass(frozen=True, slots=True)
class CoverageLevel:
    """One level of a coverage on its grid: ``roots[i]`` is the face of the level that face i of ``base`` is part of."""

    level: Level
    base: FaceFile
    faces: FaceFile
    roots: Ints
    report: Report


def quiet(_step: str, _done: int, _total: int) -> None:
    """Say nothing of the progress."""


def generalise(
    source: Iterable[Batch],
    levels: Sequence[Level],
    settings: Settings,
    folder: Path | None = None,
    progress: Progress = quiet,
) -> Iterator[GeneralisedLevel]:
    """Yield the generalised features of a layer, level by level, the finest first.

    ``source``: all features once, with the class column where the settings name one; their geometries are in x, y of
    one plane, in whose units the levels state their pixels, and so are those that are yielded. Temporary files (about
    twice the size of the geometries) go to ``folder``. Memory is in proportion to ``settings.chunk``, and 40 bytes a
    feature. The features of a level that is not a coverage are those of the source that are large enough to be seen;
    of a coverage see ``coverage_levels``.
    """
    batches = iter(source)
    first = next(batches, None)
    if first is None:
        return
    ordered = sorted(levels, key=lambda level: level.pixel)
    everything = itertools.chain([first], batches)
    with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as work:
        if not settings.coverage:
            for level, found, report in by_size(everything, ordered, settings, Path(work)):
                yield GeneralisedLevel(level, found, report)
            return
        grid = grid_for(first, ordered[0].pixel)
        file = FaceFile(Path(work) / "read")
        rows = read(everything, file, grid, settings.class_column)
        for made in coverage_levels(file, rows, grid, ordered, settings, Path(work), progress):
            yield GeneralisedLevel(made.level, _features(made, rows, grid), made.report)


def coverage_levels(
    file: FaceFile,
    rows: Rows,
    grid: Grid,
    levels: Sequence[Level],
    settings: Settings,
    work: Path,
    progress: Progress = quiet,
) -> Iterator[CoverageLevel]:
    """Yield the levels of a coverage, of ascending pixel; a level may be used until the next but one is asked for.

    Faults of the borders are mended first. Then, level by level, what is too small merges into a neighbour, and shared
    borders are simplified; nothing is left out but what stands alone and is smaller than half a pixel.
    """
    step = _Steps(progress)
    gap = settings.gap * levels[0].pixel / grid.step
    base, faults = cleaned(file, work / "base", gap, settings.chunk, step.begin("clean", len(file)))
    file.drop()
    before = _areas(base, rows, grid)
    roots, finer = np.arange(len(base)), base
    for turn, level in enumerate(levels, 1):
        sizes = _sizes(settings, level.pixel / grid.step)
        count = step.begin(f"zoom {level.zoom}", len(finer))
        made = coarser(finer, work / f"level{turn}", sizes, settings.chunk, turn, count)
        roots = np.where(roots >= 0, made.parents[roots], -1)
        after = _areas(made.faces, rows, grid)
        report = Report(level.zoom, len(made.faces), before, after, rows.count, faults, made.seams)
        yield CoverageLevel(level, base, made.faces, roots, report)
        if finer is not base:
            finer.drop()
        finer = made.faces


@dataclass(slots=True)
class _Steps:
    """Tell the progress within each step."""

    progress: Progress

    def begin(self, name: str, total: int) -> Callable[[int], None]:
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            self.progress(name, done, total)

        return more


def _sizes(settings: Settings, pixel: float) -> Sizes:
    return Sizes(settings.smallest * pixel * pixel, settings.tolerance * pixel, pixel / 2)


def _areas(faces: FaceFile, rows: Rows, grid: Grid) -> dict[str, float]:
    codes, area = np.asarray(faces.column("klass")), np.asarray(faces.column("area"))
    return rows.by_class(np.bincount(codes, weights=area, minlength=len(rows.codes)) * grid.step**2)


def _features(made: CoverageLevel, rows: Rows, grid: Grid) -> Iterator[Generalised]:
    """Yield the faces of a level as features with the keys of their members."""
    order, starts = members(made.roots, len(made.faces))
    source = made.base.column("source")
    for chosen in made.faces.each(_BATCH):
        faces = made.faces.faces(chosen)
        within = np.asarray(source[order[starts[chosen[0]] : starts[chosen[-1] + 1]]])
        cuts = starts[chosen[1:]] - starts[chosen[0]]
        of_each = [rows.keys(np.unique(part)) for part in np.split(within, cuts)]
        yield Generalised(rows.keys(faces.source), shapely.transform(faces.polygons, grid.off), of_each)


def members(roots: Ints, count: int) -> tuple[Ints, NDArray[np.int64]]:
    """Return the base faces ordered by the face of the level they went into, and where those of each begin."""
    order = np.argsort(roots, kind="stable")
    return order, np.searchsorted(roots[order], np.arange(count + 1))
