"""A feature provider of pygeoapi as a store.

A source of up to ``copy_max`` features is copied as a whole, and the copy answers. Of a larger one, what the provider
can narrow down is copied and decided here; all features in the order of whole-number ids are read page by page where
the provider sorts and filters. A query that would have to look at more raises TooLarge.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Lock

import anyio.to_thread
import shapely
from pygeofilter import ast

from onemap.catalog.model import Collection, Coverage, TableInfo
from onemap.config import PygeoapiSettings
from onemap.cql import Tree, all_of
from onemap.errors import ConfigError, TooLarge, Unavailable
from onemap.geo.bbox import Box
from onemap.geo.crs import Bounds, crs_from_srid
from onemap.geo.overlay import OverlaySource
from onemap.store.base import Batch, FeatureQuery, LeftOut, View
from onemap.store.geopackage import GeoPackageStore
from onemap.store.pygeoapi.ask import PUSHES, Ask, Push, bounds_asked, exactly, filter_asked
from onemap.store.pygeoapi.copied import Copy
from onemap.store.pygeoapi.read import Reader

_COPIES = 8


class PygeoapiStore:
    """The features of one provider. ``folder``: what file names are relative to. Raises ConfigError."""

    def __init__(self, settings: PygeoapiSettings, folder: Path) -> None:
        self._settings = settings
        self._reader = Reader(settings, folder)
        self._crs = crs_from_srid(settings.crs)
        known: frozenset[Push] = PUSHES.get(settings.provider, frozenset())
        self._pushes = known if settings.pushes is None else frozenset(settings.pushes)
        self._copies: OrderedDict[object, Copy] = OrderedDict()
        self._counted: tuple[str, int | None] | None = None
        self._lock = Lock()

    def tables(self) -> tuple[list[TableInfo], list[LeftOut]]:
        """Return the one table, made of the fields that the provider names. Raises Unavailable."""
        return [self._table()], []

    def ready(self) -> bool:
        """Whether the file of the provider is there; a remote source is not asked."""
        return self._reader.path is None or self._reader.path.exists()

    def state(self) -> str:
        """Return a token that changes with the file, or for what is no file with each interval of ``fresh``."""
        if self._reader.path is None:
            return f"{int(time.time() // self._settings.fresh):x}"
        stat = self._reader.path.stat()
        return f"{stat.st_mtime_ns:x}.{stat.st_size:x}"

    def version(self, collection: Collection) -> str:
        """Return a digest of the state and the number of features."""
        text = f"{collection.table.name}|{self.state()}|{self._total()}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def extent(self, view: View) -> Bounds | None:
        """Return the bounds of the features; those of the configuration where they are too many to look at."""
        if self._settings.extent is not None or not self._small():
            return self._settings.extent
        return self._whole(view).store.extent(view)

    def interval(self, view: View) -> tuple[str | int | None, str | int | None] | None:
        """Return the earliest and latest value of the temporal fields; None where they are too many to look at."""
        return self._whole(view).store.interval(view) if self._small() else None

    def count(self, view: View, query: FeatureQuery, most: int) -> int | None:
        """Return the number of matches; None when it is not cheap to know."""
        if query.box is None and query.filter is None and view.rows is None:
            return self._total()
        try:
            copy = self._copy(view, query)
        except TooLarge:
            return None
        return copy.store.count(view, query, most)

    def batches(self, view: View, query: FeatureQuery) -> Iterator[Batch]:
        """Yield the features of a query in its order. Raises TooLarge, Unavailable."""
        ask = None if self._small() else self._direct(view, query)
        if ask is not None:
            for batch in self._ordered(ask, query):
                yield _shown(batch, view, query.columns)
            return
        copy = self._copy(view, query)  # held here: its file goes with it
        yield from copy.store.batches(view, query)

    def feature(self, view: View, key: str) -> Batch:
        """Return the feature with this id as a batch of one, or an empty batch."""
        if self._reader.fields.integer_key and not (key.isascii() and key.isdecimal() and str(int(key)) == key):
            key = ""  # SQLite would take 07 for 7
        if self._small():
            return self._whole(view).store.feature(view, key)
        batch = self._reader.get(key)
        if view.rows is None:
            return _shown(batch, view, None)
        return Copy(view.collection.table, [batch], 1).store.feature(view, key)

    async def feature_soon(self, view: View, key: str) -> Batch:
        """Return the same while the event loop goes on."""
        return await anyio.to_thread.run_sync(self.feature, view, key)

    def within(self, view: View, bounds: Bounds, smallest: float, query: FeatureQuery) -> Batch:
        """Return the features whose box meets ``bounds``, the ``query.limit`` largest of them.

        A provider of a large source may leave out those whose box does and whose geometry does not.
        """
        copy = self._copy(view, FeatureQuery(limit=0, box=Box(bounds, view.collection.storage)))
        return copy.store.within(view, bounds, smallest, query)

    def attributes(self, view: View, keys: Sequence[int], names: Sequence[str]) -> dict[str, list[object]]:
        """Return visible columns of the features with these primary keys, in the order of the keys."""
        return self._whole(view).store.attributes(view, keys, names)

    def overlay_source(self, view: View) -> OverlaySource:
        """Return the layer as the overlay kernel reads it. Raises TooLarge."""
        return self._whole(view).store.overlay_source(view)

    def coverage(self, coverage: Coverage) -> tuple[shapely.Geometry, int] | None:
        """Return the union of the polygons that a coverage names."""
        table = self._table()
        if coverage.table != table.name:
            return None
        source: GeoPackageStore = self._built(table, Ask()).store
        return source.coverage(coverage)

    def _table(self) -> TableInfo:
        fields, key = self._reader.fields.listed, self._settings.id_field
        names = [field.name for field in fields] + ([] if key in self._reader.fields.by_name else [key])
        taken = {name.lower() for name in names}
        if len(taken) < len(names):
            raise ConfigError(f"Two fields of '{self._settings.table}' differ in the case of letters only.")
        geometry = _free("geometry", taken)
        kind, srid = self._settings.geometry_type, self._crs.srid
        return TableInfo(self._settings.table, geometry, kind, srid, _free("onemap_fid", taken), fields, key=key)

    def _total(self) -> int | None:
        state = self.state()
        if self._counted is None or self._counted[0] != state:
            self._counted = (state, self._reader.hits(Ask()))
        return self._counted[1]

    def _small(self) -> bool:
        total = self._total()
        return total is not None and total <= self._settings.copy_max

    def _whole(self, view: View) -> Copy:
        return self._built(view.collection.table, Ask())

    def _copy(self, view: View, query: FeatureQuery) -> Copy:
        """Return a copy of features among which are all that match."""
        return self._whole(view) if self._small() else self._built(view.collection.table, self._narrowed(view, query))

    def _narrowed(self, view: View, query: FeatureQuery) -> Ask:
        bounds = bounds_asked(query.box, self._crs) if "bbox" in self._pushes else None
        conditions = filter_asked(self._conditions(view, query), self._reader.fields.by_name)
        return Ask(bounds, conditions if "filter" in self._pushes else None)

    def _direct(self, view: View, query: FeatureQuery) -> Ask | None:
        """Return the question whose answer is just the features of a query in its order, None when there is none."""
        fields, key = self._reader.fields, self._settings.id_field
        tests, able = self._conditions(view, query), {"filter", "sortby"} <= self._pushes
        by_key = fields.integer_key and view.collection.key == key and not query.order
        if not (able and by_key and query.box is None and exactly(tests, fields.by_name)):
            return None
        after = ast.GreaterThan(ast.Attribute(key), query.after.key) if query.after else None
        return Ask(filter=all_of([tests, after]), sort=key)

    def _ordered(self, ask: Ask, query: FeatureQuery) -> Iterator[Batch]:
        """Yield the pages of a question. Raises Unavailable where the provider does not sort or filter as it should."""
        last = query.after.key if query.after else None
        for batch in self._reader.pages(ask, query.offset, query.limit):
            keys = [*([] if last is None else [last]), *batch.keys]
            if any(low >= high for low, high in pairwise(keys)):  # type: ignore[operator]
                raise Unavailable(f"The source of '{self._settings.table}' is not in the order of its ids.")
            last = keys[-1]
            yield batch

    def _conditions(self, view: View, query: FeatureQuery) -> Tree | None:
        return all_of([view.rows, query.filter])

    def _built(self, table: TableInfo, ask: Ask) -> Copy:
        """Return a copy of the answer to a question, one made before while the source is the same."""
        state = self.state()
        key = (ask.key, state)
        with self._lock:
            if key not in self._copies:
                stale = [known for known in self._copies if known[1] != state]  # type: ignore[index]
                for known in stale:
                    del self._copies[known]
                self._copies[key] = Copy(table, self._reader.pages(ask), self._settings.copy_max)
                while len(self._copies) > _COPIES:
                    self._copies.popitem(last=False)
            self._copies.move_to_end(key)
            return self._copies[key]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


def _shown(batch: Batch, view: View, names: Sequence[str] | None) -> Batch:
    """Return a batch with the visible columns among those asked for."""
    columns = {field.name: batch.columns[field.name] for field in view.only(names)}
    return replace(batch, columns=columns)
