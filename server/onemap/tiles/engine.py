"""The tile engine: a view and a tile in, the bytes of a vector tile out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onemap.geo.crs import Array, Bounds, Crs, transform_bounds, transform_xy
from onemap.store import Store, View
from onemap.tiles.matrixset import Level, TileMatrixSet
from onemap.tiles.mvt import EXTENT, Attributes, encode_tile
from onemap.tiles.shapes import BUFFER, Plane, make_shapes

_CELLS = 256
_SIMPLIFY_FROM = 100_000.0
_HALF_CELL = EXTENT / _CELLS / 2
_QUARTER_CELL = EXTENT / _CELLS / 4
_FEW = 1000
_WITH_POINTS = frozenset({"POINT", "MULTIPOINT", "GEOMETRY", "GEOMETRYCOLLECTION"})


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a tile matrix set. ``overview``: a level at which most features are smaller than a cell."""

    matrix_set: TileMatrixSet
    level: Level
    row: int
    col: int
    overview: bool = False

    @property
    def bounds(self) -> Bounds:
        """The bounds of the tile, x, y of the CRS of the set."""
        return self.level.bounds(self.row, self.col)


def render(store: Store, view: View, tile: Tile, most: int) -> bytes:
    """Return the tile as Mapbox Vector Tile, empty when nothing is there. Blocks.

    The layer has the id of the collection and the visible columns only. At most ``most`` features,
    the largest, are drawn; lines and surfaces smaller than half a cell (1/512 of a tile) are left out,
    except that an overview always shows the largest there are.
    """
    plane = _plane(tile, view.collection.storage)
    if plane is None:
        return b""
    half_cell = 0.0 if may_hold_points(view) else _half_cell(plane)
    batch = store.within(view, plane.bounds, half_cell, most)
    if tile.overview and len(batch) < _FEW:
        batch = store.within(view, plane.bounds, half_cell / _HALF_CELL, min(_FEW, most))
    if not len(batch):
        return b""
    attributes = Attributes(batch.keys, view.columns, batch.columns)
    return encode_tile(view.collection.id, make_shapes(batch.geometries, plane), attributes)


def may_hold_points(view: View) -> bool:
    """Whether features may be points, which have no size to be judged by."""
    return view.collection.table.geometry_type in _WITH_POINTS


def _plane(tile: Tile, storage: Crs) -> Plane | None:
    """Return how the stored plane lies under the tile; None when the tile is outside the reach of its CRS."""
    crs = tile.matrix_set.crs
    left, bottom, right, top = tile.bounds
    margin_x, margin_y = (right - left) * BUFFER / EXTENT, (top - bottom) * BUFFER / EXTENT
    around = (left - margin_x, bottom - margin_y, right + margin_x, top + margin_y)
    bounds = transform_bounds(around, crs, storage)
    if bounds is None:
        return None
    origin = np.array([left, top])
    scale = np.array([EXTENT / (right - left), -EXTENT / (top - bottom)])

    def to_grid(xy: Array) -> Array:
        return np.asarray((transform_xy(xy, storage, crs) - origin) * scale)

    tolerance = _QUARTER_CELL if tile.level.scale_denominator > _SIMPLIFY_FROM else 0.0
    return Plane(to_grid, bounds, tolerance)


def _half_cell(plane: Plane) -> float:
    """Return half a cell (1/512 of the tile) in the middle of the stored bounds, in units of the storage CRS."""
    left, bottom, right, top = plane.bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    step = max(right - left, top - bottom) / _CELLS
    moved = plane.to_grid(np.array([[x, y], [x + step, y], [x, y + step]]))
    largest = float(np.hypot(*(moved[1:] - moved[0]).T).max())
    return _HALF_CELL * step / largest if largest > 0 and np.isfinite(largest) else 0.0
