"""The tile engine: a view and a tile in, the bytes of a vector tile out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import anyio.to_thread
import numpy as np

from onemap.geo.crs import Array, Bounds, Crs, transform_bounds, transform_xy
from onemap.store import FeatureQuery, View
from onemap.store.tiling import Frame, Grid, TileStore
from onemap.tiles.labels import encode_labels, label_frame, smallest_size
from onemap.tiles.layer import Layer
from onemap.tiles.matrixset import Level, TileMatrixSet
from onemap.tiles.mvt import EXTENT, Attributes, encode_tile
from onemap.tiles.shapes import BUFFER, Plane, make_shapes

_CELLS = 256
SIMPLIFY_FROM = 100_000.0
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


def render(layer: Layer, tile: Tile, most: int) -> bytes:
    """Return a layer of a Mapbox Vector Tile, empty when nothing is there. Blocks.

    It has the id of the collection, and the columns asked for. At most ``most`` features,
    the largest, are drawn; lines and surfaces smaller than half a cell (1/512 of a tile) are left out,
    except that an overview always shows the largest there are. A layer with the points for names follows it where the
    collection has one.
    """
    return Drawing(layer, tile, most).render(tile.row, tile.col)


async def render_soon(layer: Layer, tile: Tile, most: int) -> bytes:
    """Return the same while the event loop goes on."""
    return await Drawing(layer, tile, most).render_soon(tile.row, tile.col)


class Drawing:
    """How a layer is drawn on the tiles of the tile matrix that a tile belongs to, by the rules of ``render``."""

    def __init__(self, layer: Layer, tile: Tile, most: int) -> None:
        self.layer = layer
        self._tile, self._most = tile, most
        shapes = frame(layer.view, tile, most)
        self._frames = (shapes, label_frame(shapes)) if layer.view.collection.tiles.labels else (shapes,)
        self._query = FeatureQuery(limit=most, filter=layer.filter, columns=layer.names)
        self._drawn_there = cast(TileStore, layer.store) if _draws(type(layer.store)) else None

    def render(self, row: int, col: int) -> bytes:
        """Return the layer on a tile. Blocks."""
        return b"".join([self._render(asked, row, col) for asked in self._at(row, col)])

    async def render_soon(self, row: int, col: int) -> bytes:
        """Return the same while the event loop goes on."""
        if self.layer.pack is not None:
            return await anyio.to_thread.run_sync(self.render, row, col)
        made = [await self._render_soon(asked, row, col) for asked in self._at(row, col)]
        return made[0] if len(made) == 1 else b"".join(made)

    def _at(self, row: int, col: int) -> list[Frame]:
        corner = col * EXTENT, row * EXTENT
        return [asked.at(corner) for asked in self._frames]

    def _render(self, asked: Frame, row: int, col: int) -> bytes:
        made = None
        if self.layer.pack is not None:
            made = self.layer.pack.tile(self.layer.view, asked, self._query)
        if made is None and self._drawn_there is not None:
            made = self._drawn_there.tile(self.layer.view, asked, self._query)
        return self._encoded(asked, row, col) if made is None else made

    async def _render_soon(self, asked: Frame, row: int, col: int) -> bytes:
        if self._drawn_there is not None:
            made = await self._drawn_there.tile_soon(self.layer.view, asked, self._query)
            if made is not None:
                return made
        return await anyio.to_thread.run_sync(self._encoded, asked, row, col)

    def _encoded(self, asked: Frame, row: int, col: int) -> bytes:
        """Return the layer, encoded here from the features of any store."""
        return _encoded(self.layer, replace(self._tile, row=row, col=col), asked, self._query)


def _encoded(layer: Layer, tile: Tile, asked: Frame, query: FeatureQuery) -> bytes:
    view = layer.view
    plane = _plane(tile, view.collection.storage)
    if plane is None:
        return b""
    if asked.labels:
        smallest = smallest_size(asked, view.collection.storage)
        return encode_labels(layer, asked, layer.store.within(view, plane.bounds, smallest, query), smallest)
    half_cell = 0.0 if may_hold_points(view) else _half_cell(plane)
    batch = layer.store.within(view, plane.bounds, half_cell, query)
    if tile.overview and len(batch) < _FEW:
        few = replace(query, limit=min(_FEW, query.limit))
        batch = layer.store.within(view, plane.bounds, half_cell / _HALF_CELL, few)
    if not len(batch):
        return b""
    attributes = Attributes(batch.keys, layer.columns, batch.columns)
    return encode_tile(view.collection.id, make_shapes(batch.geometries, plane), attributes)


@cache
def _draws(kind: type[object]) -> bool:
    return issubclass(kind, TileStore)


def frame(view: View, tile: Tile, most: int) -> Frame:
    """Return the tile as stores draw it, by the rules of ``render``."""
    level = tile.level
    return Frame(
        grid=Grid(tile.matrix_set.crs, level.origin, level.width / EXTENT),
        corner=(tile.col * EXTENT, tile.row * EXTENT),
        tolerance=_tolerance(tile),
        smallest=0.0 if may_hold_points(view) else _HALF_CELL,
        overview=0.0 if may_hold_points(view) else 1.0,
        few=min(_FEW, most) if tile.overview else 0,
    )


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

    return Plane(to_grid, bounds, _tolerance(tile))


def _tolerance(tile: Tile) -> float:
    return _QUARTER_CELL if tile.level.scale_denominator > SIMPLIFY_FROM else 0.0


def _half_cell(plane: Plane) -> float:
    """Return half a cell (1/512 of the tile) in the middle of the stored bounds, in units of the storage CRS."""
    left, bottom, right, top = plane.bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    step = max(right - left, top - bottom) / _CELLS
    moved = plane.to_grid(np.array([[x, y], [x + step, y], [x, y + step]]))
    largest = float(np.hypot(*(moved[1:] - moved[0]).T).max())
    return _HALF_CELL * step / largest if largest > 0 and np.isfinite(largest) else 0.0
