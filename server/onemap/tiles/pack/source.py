"""The packs of an instance: which there are, and tiles from them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onemap.catalog import Collection
from onemap.geo.crs import CRS84, WEB_MERCATOR
from onemap.store import FeatureQuery, Store, View
from onemap.store.tiling import Frame as TileFrame
from onemap.store.tiling import GeneralisedTable, Grid
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack import few, overlay
from onemap.tiles.pack.draw import window
from onemap.tiles.pack.frame import WORLD
from onemap.tiles.pack.fresh import Freshness
from onemap.tiles.pack.label_tile import label_layer
from onemap.tiles.pack.layer import layer
from onemap.tiles.pack.pack import Pack, largest

_LOOK_SECONDS = 1.0


class PackSource:
    """Tiles of one collection from its pack."""

    def __init__(self, pack: Pack, store: Store, collection: Collection) -> None:
        self.pack = pack
        self.freshness = Freshness(pack, store, collection)

    @property
    def stamp(self) -> str:
        """What differs between packs of different content, for the keys of caches."""
        return self.pack.stamp

    def tile(self, view: View, tile: TileFrame, query: FeatureQuery) -> bytes | None:
        """Return a tile with one layer, empty when nothing is there; None when the pack cannot make it. Blocks.

        The layer is that of the shapes, or that of the label points where the tile is one of ``labels``. It is None
        when it is not known what was changed since the pack was built, and when the view or the query choose among the
        features: a generalised shape would show what was not chosen.
        """
        if view.rows is not None or query.filter is not None:
            return None
        pack, columns = self.pack, view.only(query.columns)
        if tile.labels:
            if pack.labels is None:
                return None
            return label_layer(pack, pack.labels, self.freshness, view.collection, columns, tile, query.limit)
        edited = self.freshness.edited()
        if edited is None:
            return None
        names = [item.name for item in columns]
        on = window(pack.frame, tile)
        if on is None:
            return b""
        lod, rows = pack.chosen(on, tile, query.limit)
        plane = overlay.plane(tile, view.collection.storage) if len(edited.keys) else None
        near = edited.near(plane.bounds) if plane else []
        rows, others = overlay.without(pack, lod, rows, near, edited)
        if not near and not len(rows):
            return b""
        if not near and few.suits(lod, rows, on):
            return few.layer(pack, view.collection.id, lod, rows, on, names)
        made = [pack.drawn(lod, rows, on, names)]
        if len(others):
            others = others[pack.full.within(others, on.box)]
            made.append(pack.drawn(pack.full, largest(pack.full, others, query.limit), on, names, tile.tolerance))
        if plane and near:
            batches = self.freshness.features(near)
            smallest = 0.0 if pack.coverage else tile.smallest
            drawn = overlay.drawn(batches, view.collection, columns, plane, smallest) if batches else None
            made += [drawn] if drawn else []
        return layer(view.collection.id, names, made)

    def tables(self) -> tuple[GeneralisedTable, ...]:
        """Return what is generalised, for the grids of Web Mercator and of degrees. Blocks."""
        edited = self.freshness.edited()
        if edited is None or not self.pack.coverage:
            return ()
        changed = len(np.unique(edited.keys))
        return tuple(table for note in self.pack.file.meta["reports"] for table in _tables(self.pack, note, changed))


def _tables(pack: Pack, report: Mapping[str, Any], changed: int) -> Iterator[GeneralisedTable]:
    note = {"method": "coverage", "moved": report["moved"]}
    side = math.ldexp(1.0, -int(report["zoom"])) / EXTENT
    for crs, left, top, width in ((WEB_MERCATOR, -WORLD / 2, WORLD / 2, WORLD), (CRS84, -180.0, 90.0, 360.0)):
        grid = Grid(crs, (left, top), width * side)
        yield GeneralisedTable(grid, int(report["features"]), pack.file.meta["made"], changed, note=note)


class Packs:
    """The packs in a folder, opened when they are asked for and again when they were built anew."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, tuple[float, Any, PackSource | None]] = {}

    def path(self, collection: Collection) -> Path | None:
        """Return where the pack of a collection belongs."""
        return self._folder / f"{collection.id}.pack" if self._folder else None

    def get(self, collection: Collection, store: Store) -> PackSource | None:
        """Return the pack of a collection, None when there is none. Looks at the file once a second."""
        known = self._open.get(collection.id)
        if self._folder is None or (known and time.monotonic() < known[0]):
            return known[2] if known else None
        with self._lock:
            return self._look(collection, store)

    def _look(self, collection: Collection, store: Store) -> PackSource | None:
        path = self.path(collection)
        assert path is not None
        try:
            stat = path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            mark = None
        known = self._open.get(collection.id)
        found = known[2] if known and known[1] == mark else mark and self._opened(path, collection, store)
        self._open[collection.id] = (time.monotonic() + _LOOK_SECONDS, mark, found)
        return found

    def _opened(self, path: Path, collection: Collection, store: Store) -> PackSource | None:
        try:
            return PackSource(Pack(path, collection), store, collection)
        except (OSError, ValueError, KeyError):
            return None
