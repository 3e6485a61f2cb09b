"""Label points of a tile from a pack, and of the features edited since it was built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from onemap.catalog import Collection, Field
from onemap.store import Batch
from onemap.store.tiling import Frame as TileFrame
from onemap.tiles.commands import POINT, Shapes
from onemap.tiles.labels import label_points, placed, sizes_of, smallest_size
from onemap.tiles.pack import few, overlay
from onemap.tiles.pack.draw import window
from onemap.tiles.pack.fresh import Freshness
from onemap.tiles.pack.labels import Labels
from onemap.tiles.pack.layer import Drawn, Ints, Shape, layer
from onemap.tiles.pack.pack import Pack
from onemap.tiles.shapes import Geometries, Plane
from onemap.tiles.varint import varint, zigzag

_MOVE_TO = 9


def label_layer(
    pack: Pack,
    labels: Labels,
    freshness: Freshness,
    collection: Collection,
    columns: Sequence[Field],
    tile: TileFrame,
    most: int,
) -> bytes | None:
    """Return a tile with the layer of label points, at most so many; None when edits are not known. Blocks."""
    edited = freshness.edited()
    if edited is None:
        return None
    on = window(pack.frame, tile)
    if on is None:
        return b""
    smallest = smallest_size(tile, collection.storage)
    rows = labels.near(on.box, smallest)
    plane = overlay.plane(tile, collection.storage) if len(edited.keys) else None
    near = edited.near(plane.bounds) if plane else []
    if near:
        rows = rows[~np.isin(rows, pack.rows(near))]
    within, steps = placed(labels.points(rows), collection.storage, tile)
    rows, steps = labels.largest(rows[within], steps, most)
    names = [item.name for item in columns]
    changed = _edited(freshness.features(near), collection, columns, tile, plane, smallest) if plane and near else None
    if changed is None and len(rows) <= few.FEW:
        return few.written(pack.columns, collection.label_layer, names, _geometries(rows, steps), POINT)
    made = [Drawn(pack.columns.table(rows, names), [_shape(steps)]), *([changed] if changed else [])]
    return layer(collection.label_layer, names, made)


def _geometries(rows: Ints, steps: Ints) -> Iterator[tuple[int, bytes]]:
    """Yield each attribute row with its point as it is written into a tile."""
    for row, (x, y) in zip(rows.tolist(), zigzag(steps).tolist(), strict=True):
        yield row, bytes((_MOVE_TO,)) + varint(x) + varint(y)


def _shape(steps: Ints) -> Shape:
    """Return features of one point each, at whole tile units (n, 2)."""
    words = np.empty((len(steps), 3), dtype=np.int64)
    words[:, 0] = _MOVE_TO
    words[:, 1:] = zigzag(steps)
    count = len(steps)
    nothing = np.zeros(count, np.int64), np.empty(0, np.uint8)
    return Shape(np.arange(count), np.full(count, POINT, np.uint8), words, *nothing)


def _edited(
    batches: Sequence[Batch],
    collection: Collection,
    columns: Sequence[Field],
    tile: TileFrame,
    on: Plane,
    smallest: float,
) -> Drawn | None:
    """Return the label points of edited features (batches of one); None where none of them is large enough."""

    def make(found: Geometries) -> list[Shapes]:
        there, points = label_points(found)
        within, steps = placed(shapely.get_coordinates(points), collection.storage, tile)
        return [Shapes(POINT, shapely.points(steps), there[within])]

    large = [batch for batch in batches if sizes_of(batch.geometries)[0] >= smallest]
    return overlay.drawn(large, collection, columns, on, 0.0, make) if large else None
