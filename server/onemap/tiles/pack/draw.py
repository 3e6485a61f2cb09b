"""From rows of a pack to shapes on the grid of a tile: project, clip, snap, keep valid.

Most rows lie wholly within the tile, and their vertices are so far apart that snapping cannot make them invalid: for
them this is arithmetic on arrays. The others are clipped and mended by GEOS.
"""

from __future__ import annotations

import math
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
    encode_words,
    line_rings,
    point_words,
    polygon_rings,
    ring_words,
)
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack.borders import cut, cut_lines, number_of
from onemap.tiles.pack.encoded import APART, both
from onemap.tiles.pack.frame import WORLD, Frame
from onemap.tiles.pack.layer import Ints, Shape, shape_of
from onemap.tiles.pack.lods import Box, EncodedRows, Lod
from onemap.tiles.pack.sizes import to_lines, to_polygons
from onemap.tiles.shapes import BUFFER, WINDOW

_PER_PIXEL = 16
_ROUNDING = 1e-9
_NEAR = 1e-6
_HERE = np.zeros(2, dtype=np.int64)
WordsOwners = tuple[NDArray[np.uint64], Ints]


@dataclass(frozen=True, slots=True)
class Window:
    """How the steps of a pack lie under a tile.

    ``box``: the tile and its buffer in steps. ``units``: (about) how many steps a tile unit is long in x and in y.
    ``to_grid``: from steps to tile units, shape (n, 2). ``straight``: that is one scale and offset. ``corner``: the
    top left corner of the tile in tile units, whole where tiles are those of WebMercatorQuad; ``number``: that of the
    tile there (``number_of``), None where it is none of them.
    """

    box: Box
    units: tuple[float, float]
    to_grid: Callable[[Array], Array]
    straight: bool
    corner: Ints
    number: int | None = None

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
    units = (box[2] - box[0]) / side, (box[3] - box[1]) / side
    return Window(box, units, to_grid, False, np.zeros(2, dtype=np.int64))


def _straight(frame: Frame, tile: TileFrame) -> Window:
    grid = tile.grid
    unit = _whole(grid.unit / frame.step)
    x = (grid.origin[0] + WORLD / 2) / frame.step - frame.left + tile.corner[0] * unit
    y = (WORLD / 2 - grid.origin[1]) / frame.step - frame.top + tile.corner[1] * unit
    low, high = tile.buffer * unit, (tile.extent + tile.buffer) * unit

    def to_grid(steps: Array) -> Array:
        return np.asarray((steps - np.array([x, y])) / unit)

    corner = np.array([round(x / unit), round(y / unit)])
    box = (x - low, y - low, x + high, y + high)
    return Window(box, (unit, unit), to_grid, True, corner, _number(frame, tile, (x, y), unit))


def _number(frame: Frame, tile: TileFrame, origin: tuple[float, float], unit: float) -> int | None:
    """Return the number of a tile by its corner in steps; None where it is not one of WebMercatorQuad."""
    if (tile.extent, tile.buffer) != (EXTENT, BUFFER):
        return None
    side = unit * EXTENT
    x, y = (origin[0] + frame.left) / side, (origin[1] + frame.top) / side
    col, row = round(x), round(y)
    return number_of(col, row) if abs(x - col) < _NEAR and abs(y - row) < _NEAR else None


def _whole(unit: float) -> float:
    """Return the nearest power of two where the unit is one but for rounding."""
    power = 2.0 ** round(math.log2(unit))
    return power if abs(unit / power - 1) < _ROUNDING else unit


def shapes(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float = 0.0) -> list[Shape]:
    """Return the shapes of rows; ``owners``: the feature of each, ascending. What has no extent is left out."""
    encoded = None if tolerance else ready(lod, on)
    if encoded is None:
        return _made(lod, rows, owners, on, tolerance)
    within = inside(lod, rows, on)
    whole = encoded.shapes.shape(rows[within], owners[within], lod.kind[rows[within]], on.corner)
    made, rows, owners = [whole], rows[~within], owners[~within]
    if on.number is not None:
        at, found = encoded.cuts.find(on.number, rows)
        made.append(encoded.cuts.shapes.shape(at, owners[found], lod.kind[rows[found]], _HERE))
        rows, owners = rows[~found], owners[~found]
    return [*made, *_made(lod, rows, owners, on, tolerance)]


def ready(lod: Lod, on: Window) -> EncodedRows | None:
    """Return the rows as they were encoded beforehand for such tiles, None where they were not."""
    return next((item for item in lod.encoded if item.unit == on.unit), None) if on.straight else None


def _made(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> list[Shape]:
    kinds = lod.kind[rows]
    made = []
    for kind in (POLYGON, LINE, POINT):
        chosen = kinds == kind
        if chosen.any():
            words = _MAKERS[kind](lod, rows[chosen], owners[chosen], on, tolerance)
            made.append(shape_of(encode_words(kind, *words)))
    return made


def _surfaces(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> WordsOwners:
    easy = (lod.clearance[rows] >= APART * max(on.units) * (1 if on.straight else 1.5)) & inside(lod, rows, on)
    if tolerance:
        easy[:] = False
    hard = np.flatnonzero(~easy)
    if not len(hard):
        return ring_words(_easy(lod, rows, owners, on), closed=True)
    cut = _clipped(lod, rows[hard], owners[hard], on, tolerance)
    simple = cut if len(hard) == len(rows) else both(_easy(lod, rows[easy], owners[easy], on), cut)
    return ring_words(simple, closed=True)


def inside(lod: Lod, rows: Ints, on: Window) -> NDArray[np.bool_]:
    """Return which rows lie wholly within the tile and its buffer."""
    box, margin = lod.box.take(rows, axis=0), 0.0 if on.straight else BUFFER / 4 * on.unit
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
    parts, whose = to_polygons(on.to_grid(xy), counts, exterior), np.repeat(owners, rings)[exterior]
    return polygon_rings(Shapes(POLYGON, *cut(parts, whose, tolerance)))


def _lines(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> WordsOwners:
    xy, counts, rings, _ = lod.gather(rows)
    parts = to_lines(on.to_grid(xy), counts)
    clipped = cut_lines(parts, np.repeat(owners, rings), tolerance)
    return ring_words(line_rings(Shapes(LINE, *clipped)), closed=False)


def _points(lod: Lod, rows: Ints, owners: Ints, on: Window, tolerance: float) -> WordsOwners:
    xy, counts, _rings, _ = lod.gather(rows)
    at = on.to_grid(xy)
    with np.errstate(invalid="ignore"):
        inside = ((at >= WINDOW[:2]) & (at <= WINDOW[2:])).all(axis=1)
    return point_words(np.rint(at[inside]).astype(np.int64), np.repeat(owners, counts)[inside])


_MAKERS = {POLYGON: _surfaces, LINE: _lines, POINT: _points}
