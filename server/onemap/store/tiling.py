"""Making tiles inside a store, and tables of generalised features: what a store may offer beside ``Store``."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from onemap.catalog import Collection
from onemap.geo.crs import Bounds, Crs, same_plane
from onemap.store.base import FeatureQuery, Key, Store, View

_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Grid:
    """The grid of whole numbers of one level of a tile matrix set, x to the right and y downwards.

    ``origin``: the top left corner of the level, x, y of ``crs``. ``unit``: the length of a tile unit there, 1/4096
    of the side of a tile.
    """

    crs: Crs
    origin: tuple[float, float]
    unit: float

    def finer(self, other: Grid) -> float | None:
        """Return how many units of this grid one of the other is long; None for grids that do not lie on each other."""
        if not same_plane(self.crs, other.crs):
            return None
        offsets = [(ours - theirs) / self.unit for ours, theirs in zip(self.origin, other.origin, strict=True)]
        return other.unit / self.unit if all(abs(at - round(at)) < _SAME * max(1, abs(at)) for at in offsets) else None


class Frame(NamedTuple):
    """A tile that is to be drawn: ``extent`` units of ``grid`` wide and high, its top left corner at ``corner``.

    ``buffer``: how far around it is drawn too. ``tolerance``: by how much shapes may be simplified. ``smallest``:
    lines and surfaces smaller in both directions are left out; at fewer than ``few`` features they are left out below
    ``overview`` only, and the ``few`` largest are drawn (0: not at all). All in tile units. ``labels``: of each feature
    a point on it is drawn instead of its shape, in the one tile that has the point within its bounds: the left and the
    upper side are part of a tile, the right and the lower side are not.
    """

    grid: Grid
    corner: tuple[int, int]
    extent: int = 4096
    buffer: int = 64
    tolerance: float = 0.0
    smallest: float = 0.0
    overview: float = 0.0
    few: int = 0
    labels: bool = False

    def at(self, corner: tuple[int, int]) -> Frame:
        """Return the same for another tile of the same size."""
        return Frame(self.grid, corner, *self[2:])

    @property
    def bounds(self) -> Bounds:
        """The bounds of the tile without its buffer, x, y of the CRS of the grid."""
        return self._around(0)

    @property
    def around(self) -> Bounds:
        """The bounds of the tile with its buffer."""
        return self._around(self.buffer)

    def _around(self, margin: int) -> Bounds:
        (x, y), (left, top), unit = self.corner, self.grid.origin, self.grid.unit
        return (
            left + (x - margin) * unit,
            top - (y + self.extent + margin) * unit,
            left + (x + self.extent + margin) * unit,
            top - (y - margin) * unit,
        )


@runtime_checkable
class TileStore(Store, Protocol):
    """A store that makes the layers of vector tiles itself."""

    def spare(self) -> threading.Semaphore:
        """Return the places for drawing further layers of a tile beside its first one; who takes one gives it back."""
        ...

    def tile(self, view: View, frame: Frame, query: FeatureQuery) -> bytes | None:
        """Return a tile with one layer, empty when nothing is there; None when this is a tile it cannot make. Blocks.

        Of the query its filter, columns and limit count: the ``query.limit`` largest features are drawn. The layer has
        the id of the collection, that of label points the name ``label_layer`` of the collection; polygons are valid
        and wound as Mapbox Vector Tile 2.1 asks.
        """
        ...

    async def tile_soon(self, view: View, frame: Frame, query: FeatureQuery) -> bytes | None:
        """Return the same while the event loop goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Generalised:
    """Generalised features: of each the key of its largest part, its shape, and the keys of all that it is made of.

    ``geometries`` are in x, y of the storage CRS. ``members``: None where each feature is made of itself alone.
    """

    keys: Sequence[Key]
    geometries: NDArray[np.object_]
    members: Sequence[Sequence[Key]] | None = None

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class GeneralisedTable:
    """A table of generalised features: for which grid, how it was made (``note``), and when (RFC 3339, UTC).

    ``changed``: how many features were edited since; they are drawn as they are. ``stale``: the data was changed in
    ways that no log tells, and the table is not used until it is made anew.
    """

    grid: Grid
    features: int
    made: str
    changed: int = 0
    stale: bool = False
    note: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class GeneralisingStore(Store, Protocol):
    """A store that keeps generalised features and draws them where a level of the grid is coarse enough."""

    def mark(self, view: View) -> str:
        """Return a mark of the present content of a layer, to be taken before its features are read. Blocks."""
        ...

    def write_generalised(
        self, view: View, grid: Grid, batches: Iterable[Generalised], mark: str, note: Mapping[str, Any]
    ) -> None:
        """Keep the generalised features of a whole layer for one grid, instead of those kept before. Blocks.

        The view has all rows and columns. ``mark``: of the content before the features were read; what changed since
        counts as changed. ``note``: how they were made, for those who ask. Raises ConfigError where they cannot be
        written.
        """
        ...

    def generalised(self, view: View) -> tuple[GeneralisedTable, ...]:
        """Return the tables of generalised features of a layer, the finest grid first. Blocks."""
        ...

    def drop_generalised(self, view: View) -> None:
        """Forget all generalised features of a layer. Raises ConfigError."""
        ...


@runtime_checkable
class PreparedStore(Store, Protocol):
    """A store that keeps projected geometries in a form beside them that is faster to draw."""

    def tile_preparation(self, collection: Collection, *, undo: bool = False) -> tuple[str, ...]:
        """Return the statements that prepare a table for tiles, or undo that; none where it is done. Blocks.

        Raises ConfigError for a table that cannot be prepared, or needs no preparation.
        """
        ...

    def prepare_tiles(self, collection: Collection, *, undo: bool = False) -> None:
        """Carry out the statements. A server uses what they make from its next start on. Blocks. Raises ConfigError."""
        ...


def zoom(grid: Grid) -> float:
    """Return the zoom of WebMercatorQuad whose tile units are as long, for titles and messages."""
    degrees = grid.unit if grid.crs.geographic else grid.unit / 6378137.0 * 180.0 / math.pi
    return math.log2(360.0 / 4096.0 / degrees)
