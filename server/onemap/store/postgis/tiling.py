"""The part of the store that makes tiles and keeps generalised features."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import anyio.to_thread

from onemap.catalog.model import Collection, TableInfo
from onemap.config import PostgisSettings
from onemap.store.base import FeatureQuery, View
from onemap.store.postgis.content import Content
from onemap.store.postgis.generalised import GeneralisedTables, Kept
from onemap.store.postgis.lonlat import carry_out, lonlat_steps
from onemap.store.postgis.memory import Memory
from onemap.store.postgis.relation import Relation
from onemap.store.postgis.select import Select
from onemap.store.postgis.sessions import Sessions
from onemap.store.postgis.tiles import TileMaker
from onemap.store.tiling import Frame, Generalised, GeneralisedTable, Grid


class Tiling(ABC):
    """See ``TileStore``, ``GeneralisingStore`` and ``PreparedStore``."""

    _settings: PostgisSettings
    _sessions: Sessions
    _content: Content

    def __init__(self, generalised: GeneralisedTables) -> None:
        # Half of the connections: requests for one thing each find others.
        self._spare = threading.Semaphore(self._settings.connections // 2)
        self._generalised = generalised
        self._stamp = ""
        # Of a moment ago: what was edited since is looked up in the log by each statement.
        self._lately = Memory(self._content.token)
        self._tiles = TileMaker(self._sessions, self._select)

    def spare(self) -> threading.Semaphore:
        """Return the places for drawing further layers of a tile beside its first one."""
        return self._spare

    def tile(self, view: View, frame: Frame, query: FeatureQuery) -> bytes | None:
        """Return a layer of a vector tile; None for what PostGIS cannot draw.

        Generalised features are drawn where shapes may be simplified.
        """
        return self._tiles.tile(view, frame, query, self._kept(view) if frame.tolerance > 0 else ())

    async def tile_soon(self, view: View, frame: Frame, query: FeatureQuery) -> bytes | None:
        """Return the same while the event loop goes on."""
        kept: tuple[Kept, ...] | None = ()
        if frame.tolerance > 0:
            kept = self._lately.known(_question(self._relation(view.collection.table)))
        if kept is None:
            return await anyio.to_thread.run_sync(self.tile, view, frame, query)
        return await self._tiles.tile_soon(view, frame, query, kept)

    def mark(self, view: View) -> str:
        """Return a mark of the present content of a layer."""
        return self._generalised.mark(self._relation(view.collection.table))

    def write_generalised(
        self, view: View, grid: Grid, batches: Iterable[Generalised], mark: str, note: Mapping[str, Any]
    ) -> None:
        """Keep the generalised features of a whole layer for one grid. Raises ConfigError."""
        relation = self._relation(view.collection.table)
        self._generalised.write(view, relation, grid, batches, mark, note)
        self._content.refresh()

    def generalised(self, view: View) -> tuple[GeneralisedTable, ...]:
        """Return the tables of generalised features of a layer, the finest grid first."""
        return tuple(kept.table for kept in self._kept(view))

    def prepared(self) -> str:
        """Return a token that is another one after any layer was generalised anew, or forgotten. Blocks."""
        stamp = self._generalised.stamp()
        if stamp != self._stamp:
            self._content.refresh()
            self._stamp = stamp
        return stamp

    def drop_generalised(self, view: View) -> None:
        """Forget all generalised features of a layer. Raises ConfigError."""
        self._generalised.drop(self._relation(view.collection.table))
        self._content.refresh()

    def tile_preparation(self, collection: Collection, *, undo: bool = False) -> tuple[str, ...]:
        """Return the statements of ``prepare_tiles``. Raises ConfigError."""
        return lonlat_steps(self._relation(collection.table), collection.storage, undo=undo)

    def prepare_tiles(self, collection: Collection, *, undo: bool = False) -> None:
        """Store longitudes and latitudes beside projected geometries. Raises ConfigError."""
        steps = self.tile_preparation(collection, undo=undo)
        if steps:
            carry_out(self._settings, self._relation(collection.table), steps)

    def _kept(self, view: View) -> tuple[Kept, ...]:
        table = view.collection.table
        relation = self._relation(table)
        found: tuple[Kept, ...] = self._lately.get(_question(relation), lambda: self._generalised.find(table, relation))
        return found

    @abstractmethod
    def _select(self, view: View, query: FeatureQuery | None = None) -> Select: ...

    @abstractmethod
    def _relation(self, table: TableInfo) -> Relation: ...


def _question(relation: Relation) -> tuple[str, int]:
    return ("generalised", relation.oid)
