"""Generalised features for a store that keeps them itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from onemap.geo.crs import WEB_MERCATOR, Bounds, Crs, transform_bounds
from onemap.store import FeatureQuery
from onemap.store.tiling import GeneralisingStore, Grid
from onemap.tiles.generalise import PIXELS, Level, Report, generalise
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack.build import Plan, whole_view
from onemap.tiles.pack.frame import WORLD

_EVERYTHING = 2**31 - 1


def keep_generalised(
    store: GeneralisingStore, plan: Plan, finest: int, coarsest: int, *, drop: bool = False
) -> Iterator[Report]:
    """Make the generalised features of a layer for zooms of WebMercatorQuad and have the store keep them. Blocks.

    Raises ConfigError where they cannot be written.
    """
    view = whole_view(plan.collection)
    if drop:
        store.drop_generalised(view)
        return
    storage, extent = plan.collection.storage, store.extent(view)
    if extent is None:
        return
    mark = store.mark(view)
    columns = (plan.settings.class_column,) if plan.settings.class_column else ()
    source = store.batches(view, FeatureQuery(limit=_EVERYTHING, columns=columns))
    levels = [Level(zoom, pixel(zoom, extent, storage)) for zoom in range(coarsest, finest + 1)]
    for made in generalise(source, levels, plan.settings):
        grid = Grid(WEB_MERCATOR, (-WORLD / 2, WORLD / 2), WORLD / 2**made.level.zoom / EXTENT)
        note = {"method": "coverage" if plan.settings.coverage else "size", "moved": round(made.report.moved, 6)}
        store.write_generalised(view, grid, made.batches, mark, note)
        yield made.report


def pixel(zoom: int, extent: Bounds, storage: Crs) -> float:
    """Return the side of a pixel of a zoom of WebMercatorQuad in units of a CRS, about the middle of an extent."""
    mercator = transform_bounds(extent, storage, WEB_MERCATOR)
    if mercator is None:
        return 0.0
    ours = math.hypot(extent[2] - extent[0], extent[3] - extent[1])
    theirs = math.hypot(mercator[2] - mercator[0], mercator[3] - mercator[1])
    return math.ldexp(WORLD / PIXELS, -zoom) * (ours / theirs if theirs else 1.0)
