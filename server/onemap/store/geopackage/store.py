"""The GeoPackage store."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Several
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio.to_thread
import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.catalog.model import Collection, Coverage, TableInfo
from onemap.errors import ConfigError, Unavailable
from onemap.geo.crs import Bounds
from onemap.geo.overlay import OverlaySource
from onemap.geo.pieces import MEMORY, PieceMemory
from onemap.store.base import Batch, FeatureQuery, Key, LeftOut, Modified, View
from onemap.store.changelog import Changes, Listeners
from onemap.store.geopackage import changelog
from onemap.store.geopackage.blob import decode
from onemap.store.geopackage.changes import enable_log, last_change, logged, modified
from onemap.store.geopackage.connect import Connections, use_wal
from onemap.store.geopackage.discover import discover
from onemap.store.geopackage.edit import apply
from onemap.store.geopackage.index import Hits, SpatialIndex
from onemap.store.geopackage.logindex import log_header
from onemap.store.geopackage.overlay import GeoPackageOverlaySource
from onemap.store.geopackage.prune import prune
from onemap.store.geopackage.select import Select
from onemap.store.sql import compose, identifier
from onemap.store.writing import Edit, Pruned, shows_all

_BATCH = 1000
_SPARE = 50
_LOOK_SECONDS = 0.1
_TRIES = 5


def _stamp(path: str | Path) -> str:
    """Return the time and size of a file, an empty text where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - asked for every tile; a Path takes three times as long
    except OSError:
        return ""
    return f"{stat.st_mtime_ns:x}.{stat.st_size:x}-"


class GeoPackageStore:
    """Features of one GeoPackage file.

    ``own``: the file belongs to this instance: write-ahead logging may be turned on in it, and features changed.
    ``memory``: of the pieces of its huge features.
    """

    def __init__(self, path: Path, *, own: bool = False, memory: PieceMemory = MEMORY) -> None:
        self._connections = Connections(path)
        self._counts: dict[tuple[str, str], int] = {}
        self._discovered: tuple[str, tuple[list[TableInfo], list[LeftOut]]] | None = None
        self._index = SpatialIndex(self._connections, self.state)
        self._own = own
        self._memory = memory
        self._listeners = Listeners()
        self._reader = secrets.token_hex(4)
        if own:
            use_wal(path)

    def tables(self) -> tuple[list[TableInfo], list[LeftOut]]:
        """Return the feature tables that can be published, and those that cannot."""
        state = self.state()
        if self._discovered is None or self._discovered[0] != state:
            self._discovered = (state, discover(self._connections.get()))
        return self._discovered[1]

    def ready(self) -> bool:
        """Whether the file is there."""
        return self._connections.path.is_file()

    def state(self) -> str:
        """Return a token that changes with every commit: sizes and times of the file and its log, and their index.

        Times alone are too coarse for commits in quick succession, and a log that began anew keeps its size; the
        header of the index to the log counts the commits (SQLite, Write-Ahead Log File Format, 2.1).
        """
        path = self._connections.path
        return f"{_stamp(path)}{_stamp(f'{path}-wal')}{log_header(path)}"

    def settled(self) -> str | None:
        """Return the number, size and time of the file while nothing waits in its write-ahead log, else None."""
        log = self._connections.path.with_name(self._connections.path.name + "-wal")
        try:
            if log.exists() and log.stat().st_size:
                return None
            stat = self._connections.path.stat()
        except OSError:
            return None
        return f"{stat.st_dev:x}.{stat.st_ino:x}.{stat.st_mtime_ns:x}.{stat.st_size:x}"

    def version(self, collection: Collection) -> str:
        """Return a digest of the table's last change (gpkg_contents, log of changes) and its number of features."""
        row = (
            self._connections.get()
            .execute("SELECT last_change FROM gpkg_contents WHERE table_name = ?", [collection.table.name])
            .fetchone()
        )
        text = f"{collection.table.name}|{row[0] if row else ''}|{self._total(collection.table)}"
        if logged(self._connections.get(), collection.table.name):
            text += f"|{last_change(self._connections.get(), collection.table)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def extent(self, view: View) -> Bounds | None:
        """Return the bounds of the features, x, y of the storage CRS."""
        return self._index.extent(view.collection.table)

    def interval(self, view: View) -> tuple[str | int | None, str | int | None] | None:
        """Return the earliest and latest value of the temporal fields."""
        names = [name for name in view.collection.temporal if view.column(name)]
        if not names:
            return None
        sql = compose(
            "SELECT min({start}), max({end}) FROM {table}",
            start=identifier(names[0]),
            end=identifier(names[-1]),
            table=identifier(view.collection.table.name),
        )
        start, end = self._connections.get().execute(sql).fetchone()
        return (start, end)

    def count(self, view: View, query: FeatureQuery, most: int) -> int | None:
        """Return the number of matches; None when more than ``most`` candidates would have to be looked at."""
        matching = FeatureQuery(limit=0, filter=query.filter, columns=())
        select = Select(view, matching, self._index.rtree(view.collection.table))
        hits = self._index.meeting(view.collection, query.box) if query.box else None
        if hits is None:
            connection = self._connections.get()
            return self._total(view.collection.table) if select.where is None else select.count(connection)
        if len(hits.ids) > most:
            return None
        unsure = replace(hits, ids=hits.ids[~hits.sure], sure=hits.sure[~hits.sure])
        known = select.count_of(self._connections.get(), hits.ids[hits.sure].tolist())
        order = select.ordered(self._connections.get(), unsure.ids.tolist(), None)
        return known + sum(len(batch) for batch in self._picked(select, order, unsure))

    def batches(self, view: View, query: FeatureQuery) -> Iterator[Batch]:
        """Yield the features of a query in its order, in batches of a thousand."""
        select = Select(view, query, self._index.rtree(view.collection.table))
        hits = self._index.meeting(view.collection, query.box) if query.box else None
        after = query.after.key if query.after else None
        wanted = query.offset + query.limit
        if hits is not None:
            order = select.ordered(self._connections.get(), hits.ids.tolist(), after)
            source = self._picked(select, order, hits, min(_BATCH, wanted + _SPARE))
        elif query.order:
            source = self._picked(select, select.first(self._connections.get(), wanted), None)
        else:
            source = self._scan(select, after, wanted)
        yield from _page(source, query.offset, query.limit)

    def feature(self, view: View, key: str) -> Batch:
        """Return the feature with this id as a batch of one, or an empty batch."""
        return Select(view).by_key(self._connections.get(), key)

    async def feature_soon(self, view: View, key: str) -> Batch:
        """Return the same while the event loop goes on."""
        return await anyio.to_thread.run_sync(self.feature, view, key)

    def within(self, view: View, bounds: Bounds, smallest: float, query: FeatureQuery) -> Batch:
        """Return the features whose box meets ``bounds``, the ``query.limit`` largest of them."""
        select, connection = Select(view, query), self._connections.get()
        ids, boxes = self._index.candidates(view.collection.table, bounds)
        sizes = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        kept = np.flatnonzero(sizes >= smallest)
        if len(kept) > query.limit and select.where is not None:
            kept = kept[np.isin(ids[kept], select.matching(connection, ids[kept].tolist()))]
        if len(kept) > query.limit:
            kept = kept[np.argpartition(-sizes[kept], query.limit)[: query.limit]]
        return select.by_primary_keys(connection, np.sort(ids[kept]).tolist())

    def attributes(self, view: View, keys: Sequence[int], names: Sequence[str]) -> dict[str, list[object]]:
        """Return visible columns of the features with these primary keys, in the order of the keys."""
        fields = {field.name: field for field in view.columns}
        visible = [name for name in names if name in fields]
        found = self._source(view).attributes(np.asarray(keys, dtype=np.int64), visible)
        for name in visible:
            if fields[name].type == "boolean":  # numbers in SQLite
                found[name] = [None if value is None else bool(value) for value in found[name]]
        return found

    def overlay_source(self, view: View) -> OverlaySource:
        """Return the layer as the overlay kernel reads it."""
        return self._source(view)

    def coverage(self, coverage: Coverage) -> tuple[shapely.Geometry, int] | None:
        """Return the union of the polygons that a coverage names."""
        table = next((item for item in self.tables()[0] if item.name == coverage.table), None)
        if table is None:
            return None
        known = {field.name for field in table.fields}
        if unknown := [name for name, _ in coverage.where if name not in known]:
            raise ConfigError(f"The coverage table '{table.name}' has no field '{unknown[0]}'.")
        sql = compose(
            "SELECT {geom} FROM {table}", geom=identifier(table.geometry_column), table=identifier(table.name)
        )
        tests = [compose("{column} = ?", column=identifier(name)) for name, _ in coverage.where]
        where = " WHERE " + " AND ".join(tests) if tests else ""
        rows = self._connections.get().execute(sql + where, [value for _, value in coverage.where]).fetchall()
        return (shapely.union_all(decode([row[0] for row in rows])), table.srid) if rows else None

    def read_only(self, table: TableInfo) -> str:
        """Return why the features of a table cannot be changed, an empty text when they can."""
        if not self._own:
            return "its file is published as it is"
        if not os.access(self._connections.path, os.W_OK) or not os.access(self._connections.path.parent, os.W_OK):
            return "its file cannot be written"
        if not table.flat:
            return "its geometries may have heights, which would be lost"
        if not logged(self._connections.get(), table.name):
            return "its changes are not logged yet (onemap editing enable)"
        return ""

    def enable_editing(self, table: TableInfo) -> None:
        """Log the changes of a table from now on. Raises ConfigError."""
        enable_log(self._connections.path, table)

    def prune(self, keep: timedelta) -> Pruned:
        """Drop changes older than ``keep`` from the log, but none that a reader still needs. Raises ConfigError."""
        return prune(self._connections.path, keep)

    def modified(self, view: View, key: str) -> Modified | None:
        """Return when a feature was last changed, as far as the log of changes tells."""
        connection = self._connections.get()
        if not shows_all(view) or not logged(connection, view.collection.table.name):
            return None
        return modified(connection, view.collection, key)

    def edit(self, view: View, edits: Sequence[Edit]) -> list[Batch]:
        """Make changes in one transaction, all or none, and return each feature as it then is."""
        made = apply(self._connections.path, view, edits, self._index.rtree(view.collection.table))
        self._listeners.call()
        return made

    def position(self) -> str:
        """Return the present position in the log of changes; see ``LoggedStore``."""
        here = self._here()
        return str(changelog.position(self._connections.get(), here))

    def changes(self, since: str, tables: Several[str], most: int = 10_000) -> Changes:
        """Return the changes of these tables since a position; see ``LoggedStore``."""
        then, connection = changelog.Place.read(since), self._connections.get()
        for _ in range(_TRIES):
            here = self._here()
            found = changelog.changes(connection, then, here, tables, most)
            if self.state() == here.state:
                break
        return found

    def wait(self, since: str, seconds: float) -> None:
        """Look at the file every tenth of a second until it is not as it was at the position."""
        state, end = changelog.Place.read(since).state, time.monotonic() + seconds
        while self.state() == state and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a bound method after every edit made here; see ``LoggedStore``."""
        self._listeners.add(listener)

    def _here(self) -> changelog.Place:
        """Return the present position but for the number of the last change."""
        return changelog.Place(self._file(), 0, self._reader, self.settled() or "", self.state())

    def _file(self) -> str:
        try:
            stat = self._connections.path.stat()
        except OSError:
            raise Unavailable("The file of this collection is away at the moment.") from None
        return f"{stat.st_dev:x}.{stat.st_ino:x}"

    def _source(self, view: View) -> GeoPackageOverlaySource:
        table = view.collection.table
        rtree = self._index.rtree(table)
        select = Select(view)
        return GeoPackageOverlaySource(
            self._connections.get(),
            table.name,
            table.geometry_column,
            table.primary_key,
            rtree,
            table.srid,
            rows=(select.where, select.values) if select.where else None,
            boxes=None if rtree else self._index.memory(table),
            memory=self._memory,
        )

    def _total(self, table: TableInfo) -> int:
        key = (table.name, self.state())
        if key not in self._counts:
            sql = compose("SELECT count(*) FROM {table}", table=identifier(table.name))
            self._counts = {known: count for known, count in self._counts.items() if known[1] == key[1]}
            self._counts[key] = int(self._connections.get().execute(sql).fetchone()[0])
        return self._counts[key]

    def _scan(self, select: Select, after: Key | None, wanted: int) -> Iterator[Batch]:
        """Yield all matching features in key order, each batch beginning where the last one ended."""
        while wanted > 0:
            asked = min(wanted, _BATCH)
            batch = select.after(self._connections.get(), after, asked)
            yield batch
            if len(batch) < asked:
                return
            after, wanted = batch.keys[-1], wanted - asked

    def _picked(self, select: Select, order: Sequence[int], hits: Hits | None, size: int = _BATCH) -> Iterator[Batch]:
        """Yield the features with these primary keys that match, and whose geometries meet the regions of ``hits``."""
        sure = set(hits.ids[hits.sure].tolist()) if hits else set()
        for start in range(0, len(order), size):
            ids = order[start : start + size]
            batch = select.by_primary_keys(self._connections.get(), ids)
            yield batch if hits is None or sure.issuperset(ids) else _kept(batch, _meets(batch, hits))


def _meets(batch: Batch, hits: Hits) -> NDArray[np.bool_]:
    met = np.zeros(len(batch), dtype=bool)
    for area in hits.areas:
        shapely.prepare(area.polygon)
        met |= shapely.intersects(area.polygon, batch.geometries)
    return met


def _kept(batch: Batch, keep: NDArray[np.bool_]) -> Batch:
    where = np.flatnonzero(keep).tolist()
    columns = {name: [values[at] for at in where] for name, values in batch.columns.items()}
    return Batch([batch.keys[at] for at in where], batch.geometries[keep], columns)


def _page(source: Iterator[Batch], offset: int, limit: int) -> Iterator[Batch]:
    """Yield the features from ``offset`` on, at most ``limit``, reading no further than needed."""
    for batch in source:
        first, last = min(offset, len(batch)), min(len(batch), offset + limit)
        offset, limit = offset - first, limit - (last - first)
        if last > first:
            yield _slice(batch, first, last)
        if limit <= 0:
            return


def _slice(batch: Batch, first: int, last: int) -> Batch:
    if first == 0 and last == len(batch):
        return batch
    columns = {name: values[first:last] for name, values in batch.columns.items()}
    return Batch(batch.keys[first:last], batch.geometries[first:last], columns)
