"""What was edited since a pack was built: taken out of it, and drawn as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.catalog import Collection, Field
from onemap.geo.crs import Array, Bounds, Crs, transform_bounds, transform_xy
from onemap.store import Batch
from onemap.store.tiling import Frame as TileFrame
from onemap.tiles.commands import Shapes, encode_shapes
from onemap.tiles.generalise.faces import spread
from onemap.tiles.mvt import Attributes, dictionary
from onemap.tiles.pack.fresh import Edited
from onemap.tiles.pack.layer import Drawn, Group, Ints, Table, shape_of
from onemap.tiles.pack.lods import Lod
from onemap.tiles.pack.pack import Pack
from onemap.tiles.shapes import Plane, make_shapes
from onemap.tiles.varint import field


def without(pack: Pack, lod: Lod, rows: Ints, near: Sequence[int], edited: Edited) -> tuple[Ints, Ints]:
    """Return the rows of a level of detail that no edit concerns, and what stands for the others: rows of full detail.

    ``near``: the keys of the edited features that concern the tile. A generalised row with one of them among its
    members gives way to its other members as they are.
    """
    none = np.empty(0, dtype=np.int64)
    gone = pack.rows(near) if near else none
    if not len(gone) or not len(rows):
        return rows, none
    if not pack.merged(lod):
        return rows[~np.isin(lod.row[rows], gone)], none
    members, starts = pack.members(lod)
    of, holder = _holders(pack, lod, edited)
    concerned = rows[np.isin(rows, holder[np.isin(of, gone)])]
    if not len(concerned):
        return rows, none
    others = np.unique(members[spread(starts[concerned], starts[concerned + 1] - starts[concerned])]).astype(np.int64)
    others = others[~np.isin(others, gone)]
    full = pack.full.row
    first, last = np.searchsorted(full, others), np.searchsorted(full, others, side="right")
    return rows[~np.isin(rows, concerned)], spread(first, last - first)


def _holders(pack: Pack, lod: Lod, edited: Edited) -> tuple[Ints, Ints]:
    """Return the attribute rows of all edited features, and with each a row of the level that it is a member of."""
    found = edited.holders.get(lod.name)
    if found is None:
        members, starts = pack.members(lod)
        at = np.flatnonzero(np.isin(members, pack.rows(np.unique(edited.keys))))
        found = members[at].astype(np.int64), np.searchsorted(starts, at, side="right") - 1
        edited.holders[lod.name] = found
    return found


def plane(tile: TileFrame, storage: Crs) -> Plane | None:
    """Return how the plane of the store lies under a tile; None outside the reach of its CRS."""
    bounds = transform_bounds(tile.around, tile.grid.crs, storage)
    if bounds is None:
        return None
    corner = np.array([tile.bounds[0], tile.bounds[3]])
    scale = np.array([1 / tile.grid.unit, -1 / tile.grid.unit])

    def to_grid(xy: Array) -> Array:
        return np.asarray((transform_xy(xy, storage, tile.grid.crs) - corner) * scale)

    return Plane(to_grid, bounds, tile.tolerance)


def drawn(
    batches: Sequence[Batch],
    collection: Collection,
    columns: Sequence[Field],
    on: Plane,
    smallest: float,
    make: Callable[[NDArray[np.object_]], list[Shapes]] | None = None,
) -> Drawn | None:
    """Return edited features (batches of one), ready to be written; None when there is nothing to be seen of them.

    ``make``: the shapes of geometries that meet the tile; without it they are drawn as they are.
    """
    geometries = np.array([batch.geometries[0] for batch in batches], dtype=object)
    seen = np.flatnonzero(_large(geometries, on, smallest))
    if not len(seen):
        return None
    chosen = [batches[at] for at in seen.tolist()]
    values = {item.name: [batch.columns[item.name][0] for batch in chosen] for item in columns}
    ids = np.array([_identity(batch, collection) for batch in chosen], dtype=np.int64)
    every = np.arange(len(chosen))
    known, numbers = dictionary(Attributes([batch.keys[0] for batch in chosen], columns, values), every)
    found = make(geometries[seen]) if make else make_shapes(geometries[seen], on)
    shapes = [shape_of(encode_shapes(item)) for item in found if len(item.parts)]
    group = Group(np.arange(len(columns)), numbers, every)
    return Drawn(Table(ids, [group], b"".join(field(4, value) for value in known), len(known)), shapes)


def _identity(batch: Batch, collection: Collection) -> int:
    """Return the id of a feature in a tile, -1 for none."""
    if collection.key == collection.table.primary_key:
        key: object = batch.keys[0]
    else:
        key = batch.columns[collection.key][0]
    return key if isinstance(key, int) and 0 <= key < 2**63 else -1


def _large(geometries: NDArray[np.object_], on: Plane, smallest: float) -> NDArray[np.bool_]:
    """Return which features meet the tile and are large enough to be drawn; points have no size."""
    boxes = shapely.bounds(geometries)
    here = _meets(boxes, on.bounds)
    if not smallest:
        return here
    low, high = on.to_grid(boxes[:, :2]), on.to_grid(boxes[:, 2:])
    large = np.abs(high - low).max(axis=1) >= smallest
    return np.asarray(here & (large | (shapely.get_dimensions(geometries) == 0)))


def _meets(boxes: Array, bounds: Bounds) -> NDArray[np.bool_]:
    return np.asarray((boxes[:, :2] <= bounds[2:]).all(axis=1) & (boxes[:, 2:] >= bounds[:2]).all(axis=1))
