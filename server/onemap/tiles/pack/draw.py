"""From rows of a pack to shapes on the grid of a tile: project, clip, snap, keep valid.

Most rows lie wholly within the tile, and their vertices are so far apart that snapping cannot make them invalid: for
them this is arithmetic on arrays. The others are clipped and mended by GEOS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.geo.crs import WEB_MERCATOR, Array, transform_bounds, transform_xy
from onemap.store.tiling import Frame as TileFrame
from onemap.tiles.commands import (
    LINE,
    POINT,
    POLYGON,
    Rings,
    Shapes,
    line_rings,
    point_words,
    polygon_rings,
    ring_words,
)
from onemap.tiles.generalise.faces import spread
from onemap.tiles.pack.frame import WORLD, Frame
from onemap.tiles.pack.layer import Ints, Shape
from onemap.tiles.pack.lods import Box, Lod
from onemap.tiles.pack.sizes import to_lines, to_polygons
from onemap.tiles.shapes import BUFFER, WINDOW, Plane, clip_lines, clip_polygons

# Snapping moves each vertex by up to 0.71: what is further apart than twice that stays apart.
_APART = 1.5
_PER_PIXEL = 16


@dataclass(frozen=True, slots=True)
class Window:
    """How the steps of a pack lie under a tile.

    ``box``: the tile and its buffer in steps. ``units``: (about) how many steps a tile unit is long in x and in y.
    ``to_grid``: from steps to tile units, shape (n, 2). ``straight``: that is one scale and offset.
    """

    box: Box
    units: tuple[float, float]
    to_grid: Callable[[Array], Array]
    straight: bool

    @property
    def unit(self) -> float:
        """The length of a tile unit in steps in the direction in which it is shorter."""
        return min(self.units)

    @property
    def pixel(self) -> float:
        """The side of a pixel (1/256 of the tile) in steps."""
        return self.unit * _PER_PIXEL

    def sizes(self, boxes: NDArray[np.int32]) -> Array:
        """Return the longer side of each box in tile units."""
        whole = boxes.astype(np.float64)
        return np.asarray(
            np.maximum((whole[:, 2] - whole[:, 0]) / self.units[0], (whole[:, 3] - whole[:, 1]) / self.units[1])
        )


def window(frame: Frame, tile: TileFrame) -> Window | None:
    """Return how a pack lies under a tile; None outside the reach of Web Mercator."""
    grid = tile.grid
    if grid.crs.srid == WEB_MERCATOR.srid:
        return _straight(frame, tile)
    around = transform_bounds(tile.around, grid.crs, WEB_MERCATOR)
    if around is None:
        return None
    corner = np.array([tile.bounds[0], tile.bounds[3]])
    scale = np.array([1 / grid.unit, -1 / grid.unit])

    def to_grid(steps: Array) -> Array:
        return np.asarray((transform_xy(frame.mercator(steps), WEB_MERCATOR, grid.crs) - corner) * scale)

    box = frame.box(around)
    side = tile.extent + 2 * tile.buffer
    return Window(box, ((box[2] - box[0]) / side, (box[3] - box[1]) / side), to_grid, straight=False)


def _straight(frame: Frame, tile: TileFrame) -> Window:
    grid = tile.grid
    unit = grid.unit / frame.step
    x = (grid.origin[0] + WORLD / 2) / frame.step - frame.left + tile.corner[0] * unit
    y = (WORLD / 2 - grid.origin[1]) / frame.step - frame.top + tile.corner[1] * unit
    low, high = tile.buffer * unit, (tile.extent + tile.buffer) * unit
    origin = np.array([x, y])

    def to_grid(steps: Array) -> Array:
        return np.asarray((steps - origin) / unit)

    return Window((x - low, y - low, x + high, y + high), (unit, unit), to_grid, straight=True)


def shapes(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float = 0.0) -> list[Shape]:
    """Return the shapes of rows; ``owners``: the feature of each, ascending. What has no extent is left out."""
    kinds = lod.kind[rows]
    made = []
    for kind in (POLYGON, LINE, POINT):
        chosen = kinds == kind
        if chosen.all():
            return [_MAKERS[kind](lod, rows, owners, on, tolerance)]
        if chosen.any():
            made.append(_MAKERS[kind](lod, rows[chosen], owners[chosen], on, tolerance))
    return made


def _surfaces(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> Shape:
    easy = (lod.clearance[rows] >= _APART * max(on.units) * (1 if on.straight else 1.5)) & _inside(lod, rows, on)
    if tolerance:
        easy[:] = False
    simple = _easy(lod, rows[easy], owners[easy], on)
    hard = np.flatnonzero(~easy)
    if len(hard):
        simple = _both(simple, _clipped(lod, rows[hard], owners[hard], on, tolerance))
    return Shape(POLYGON, *ring_words(simple, closed=True))


def _inside(lod: Lod, rows: Ints, on: Window) -> NDArray[np.bool_]:
    """Return which rows lie wholly within the tile and its buffer."""
    box, margin = lod.box[rows], 0.0 if on.straight else BUFFER / 4 * on.unit
    low_x, low_y, high_x, high_y = on.box
    return np.asarray(
        (box[:, 0] >= low_x + margin) & (box[:, 1] >= low_y + margin)
        & (box[:, 2] <= high_x - margin) & (box[:, 3] <= high_y - margin)
    )  # fmt: skip


def _easy(lod: Lod, rows: Ints, owners: Ints, on: Window) -> Rings:
    xy, counts, rings, _ = lod.gather(rows)
    return Rings(np.rint(on.to_grid(xy)).astype(np.int64), counts, np.repeat(owners, rings))


def _clipped(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> Rings:
    xy, counts, rings, exterior = lod.gather(rows)
    parts = to_polygons(on.to_grid(xy), counts, exterior)
    plane = Plane(_same, WINDOW, tolerance)
    return polygon_rings(Shapes(POLYGON, *clip_polygons(parts, np.repeat(owners, rings)[exterior], plane)))


def _both(one: Rings, other: Rings) -> Rings:
    """Return the rings of both in the order of their owners."""
    if not len(one.owners):
        return other
    if not len(other.owners):
        return one
    owners = np.concatenate([one.owners, other.owners])
    counts = np.concatenate([one.counts, other.counts])
    order = np.argsort(owners, kind="stable")
    begin = np.cumsum(counts) - counts
    xy = np.concatenate([one.xy, other.xy])
    return Rings(xy[spread(begin[order], counts[order])], counts[order], owners[order])


def _lines(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> Shape:
    xy, counts, rings, _ = lod.gather(rows)
    parts = to_lines(on.to_grid(xy), counts)
    clipped = clip_lines(parts, np.repeat(owners, rings), Plane(_same, WINDOW, tolerance))
    return Shape(LINE, *ring_words(line_rings(Shapes(LINE, *clipped)), closed=False))


def _points(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> Shape:
    xy, counts, _rings, _ = lod.gather(rows)
    at = on.to_grid(xy)
    with np.errstate(invalid="ignore"):
        inside = ((at >= WINDOW[:2]) & (at <= WINDOW[2:])).all(axis=1)
    return Shape(POINT, *point_words(np.rint(at[inside]).astype(np.int64), np.repeat(owners, counts)[inside]))


def _same(xy: Array) -> Array:
    return xy


_MAKERS = {POLYGON: _surfaces, LINE: _lines, POINT: _points}
