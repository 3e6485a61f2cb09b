"""A pack opened: tiles of a collection from a file mapped into memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.catalog import Collection
from onemap.store.tiling import Frame as TileFrame
from onemap.tiles.commands import POINT
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack.attributes import Columns
from onemap.tiles.pack.build import describe
from onemap.tiles.pack.draw import Window, shapes
from onemap.tiles.pack.format import PackFile
from onemap.tiles.pack.frame import Frame
from onemap.tiles.pack.labels import Labels
from onemap.tiles.pack.layer import Drawn, Ints
from onemap.tiles.pack.lods import Lod
from onemap.tiles.pack.sizes import sizes

_MUCH = 1.01


class Pack:
    """A pack, opened for reading. Raises ValueError, OSError for what is not one, or not one of this collection."""

    def __init__(self, path: Path, collection: Collection) -> None:
        self.file = PackFile(path)
        meta = self.file.meta
        if any(meta.get(name) != value for name, value in describe(collection).items()):
            raise ValueError(f"{path} was made from another declaration of '{collection.id}'.")
        self.frame = Frame(*meta["frame"])
        self.coverage: bool = meta["coverage"]
        self.columns = Columns(self.file)
        self.lods = [self._opened(item) for item in meta["lods"]]
        self.position: str | None = meta["position"]
        own = [lod.name for lod in self.lods if f"{lod.name}/record" in self.file]
        self._own = {name: Columns(self.file, f"{name}/") for name in own}
        self.labels = Labels(self.file) if "labels" in self.file else None

    def _opened(self, item: Mapping[str, Any]) -> Lod:
        units = {zoom: math.ldexp(1.0, self.frame.bits - zoom) / EXTENT for zoom in item["encoded"]}
        return Lod(self.file, item["name"], item["pixel"], units)

    @property
    def full(self) -> Lod:
        """The features as they are."""
        return self.lods[0]

    @cached_property
    def stamp(self) -> str:
        """What differs between packs of different content."""
        return f"{self.file.meta['made']}.{self.file.size:x}"

    def lod(self, pixel: float) -> Lod:
        """Return the coarsest level of detail for pixels of this many steps."""
        fitting = [lod for lod in self.lods if lod.pixel <= pixel * _MUCH]
        return max(fitting, key=lambda lod: lod.pixel)

    def rows(self, keys: Sequence[int] | Ints) -> Ints:
        """Return the attribute rows of primary keys, of those that there are."""
        ordered, order = self.file.array("keys.sorted"), self.file.array("keys.order")
        wanted = np.array(keys, dtype=np.int64)
        at = np.minimum(np.searchsorted(ordered, wanted), max(len(ordered) - 1, 0))
        return np.asarray(order[at[ordered[at] == wanted]]) if len(ordered) else np.empty(0, np.int64)

    @property
    def keyed(self) -> bool:
        """Whether features can be told by their primary keys, as edits need it."""
        return "keys.sorted" in self.file

    def merged(self, lod: Lod) -> bool:
        """Whether the rows of a level of detail are made of several features each."""
        return f"{lod.name}/members" in self.file

    def members(self, lod: Lod) -> tuple[NDArray[np.uint32], Ints]:
        """Return the attribute rows that the rows of a level are made of, and where those of each begin."""
        return self.file.array(f"{lod.name}/members"), self.file.array(f"{lod.name}/members.starts")

    def attributes(self, lod: Lod, rows: Ints) -> tuple[Columns, Ints]:
        """Return the columns with the attributes of a level of detail, and the place of each of its rows in them.

        A level of few rows has its own: to read them from those of all takes a page of the file for each row.
        """
        own = self._own.get(lod.name)
        return (own, rows) if own is not None else (self.columns, lod.row[rows].astype(np.int64))

    def chosen(self, on: Window, tile: TileFrame, most: int) -> tuple[Lod, Ints]:
        """Return the level of detail for a tile and its rows that meet the tile, ascending, at most so many."""
        lod = self.lod(on.pixel)
        rows = self._large(lod, lod.meeting(on.box), on, tile.smallest)
        if tile.few and len(rows) < tile.few and not self.coverage:
            lod = self.lod(on.unit * tile.overview * 2)
            rows = self._large(lod, lod.meeting(on.box), on, tile.overview)
            most = tile.few
        return lod, largest(lod, rows, most)

    def _large(self, lod: Lod, rows: Ints, on: Window, smallest: float) -> Ints:
        if self.coverage or not smallest or not len(rows):
            return rows
        return np.asarray(rows[(on.sizes(lod.box[rows]) >= smallest) | (lod.kind[rows] == POINT)])

    def drawn(self, lod: Lod, rows: Ints, on: Window, names: Sequence[str], tolerance: float = 0.0) -> Drawn:
        """Return rows of a level of detail, ready to be written into a tile."""
        columns, at = self.attributes(lod, rows)
        return Drawn(columns.table(at, names), shapes(lod, rows, np.arange(len(rows)), on, tolerance))


def largest(lod: Lod, rows: Ints, most: int) -> Ints:
    """Return the largest rows, at most so many, in the order given."""
    if len(rows) <= most:
        return rows
    return np.asarray(np.sort(rows[np.argpartition(-sizes(lod.box[rows]), most)[:most]]))
