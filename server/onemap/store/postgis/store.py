"""The PostGIS store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Several
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import shapely
from psycopg import sql

from onemap.catalog.model import Collection, Coverage, TableInfo
from onemap.config import PostgisSettings
from onemap.cql import write_text
from onemap.errors import ConfigError, InvalidParameter, OneMapError, TooSlow, Unavailable
from onemap.geo.bbox import Box
from onemap.geo.crs import CRS84, Bounds, transform_bounds
from onemap.geo.overlay import OverlaySource
from onemap.geo.pieces import MEMORY, PieceMemory
from onemap.store.base import Batch, FeatureQuery, LeftOut, Modified, View
from onemap.store.changelog import Changes, Listeners
from onemap.store.postgis.areas import AreaMemory
from onemap.store.postgis.changelog import Bell, ChangeLog
from onemap.store.postgis.changes import enable_log, modified, modified_statement
from onemap.store.postgis.content import Content
from onemap.store.postgis.discover import Discovery, read_sql
from onemap.store.postgis.edit import apply
from onemap.store.postgis.generalised import GeneralisedTables
from onemap.store.postgis.interval import interval_of
from onemap.store.postgis.memory import Memory
from onemap.store.postgis.overlay import PostgisOverlaySource
from onemap.store.postgis.prune import prune
from onemap.store.postgis.regions import Where, box_condition, whole_box
from onemap.store.postgis.relation import Relation
from onemap.store.postgis.select import Select, decode
from onemap.store.postgis.sessions import Row, Sessions
from onemap.store.postgis.target import Target, obstacle, target_of
from onemap.store.postgis.tiling import Tiling
from onemap.store.writing import Edit, Pruned, shows_all

_MOST = 1000
_BYTES = 4 * 1024 * 1024
_COUNTED = 10_000
_MOST_SELECTS = 4096
_COUNT_SECONDS = 0.2
_EXTENT_SECONDS = 2.0
_VERSION_SECONDS = 5.0
_ESTIMATE = (
    b"SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)"
    b" FROM ST_EstimatedExtent(%(schema)s::text, %(name)s::text, %(geom)s::text) b"
)
_EXTENT = sql.SQL(
    "SELECT ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) FROM (SELECT ST_Extent({geom}) b FROM {table} t) s"
)
_VERSION = sql.SQL(
    "SELECT count(*), coalesce(sum(hashint8extended({id}::int8, xmin::text::int8)), 0)::text FROM {table} t"
)
_COVERAGE = sql.SQL("SELECT {shape} FROM {table} t{where}")


class PostgisStore(Tiling):
    """Features of one database.

    ``keys``: for tables and views whose key cannot be found, the column that a declaration names. ``own``: the
    database is a store of this instance, in which features may be changed. ``memory``: of the pieces of its huge
    features.
    """

    def __init__(
        self,
        settings: PostgisSettings,
        keys: Mapping[str, str] | None = None,
        *,
        own: bool = False,
        memory: PieceMemory = MEMORY,
    ) -> None:
        self._settings = settings
        self._own = own
        self._memory = memory
        self._keys = dict(keys or {})
        self._sessions = Sessions(settings)
        self._content = Content(self._sessions)
        self._known = Memory(self._content.current)
        self._areas = AreaMemory()
        self._log = ChangeLog(self._sessions, lambda: self._discovered().relations)
        self._bell = Bell(settings)
        self._listeners = Listeners()
        self._selects: dict[object, Select] = {}
        Tiling.__init__(self, GeneralisedTables(settings, self._sessions, self._log))
        self._found: Discovery | None = None
        self._logged: frozenset[int] = frozenset()
        self._targets: dict[int, Target] = {}

    def close(self) -> None:
        """Close all connections."""
        self._content.close()
        self._bell.close()
        self._sessions.close()

    def patient(self, seconds: float) -> None:
        """Let statements take so long from now on, and have the state of the content as of now, not of a moment ago."""
        self._sessions.patient(seconds)
        self._content.prompt = True

    def tables(self) -> tuple[list[TableInfo], list[LeftOut]]:
        """Return the tables and views that can be published, and those that cannot or could do better."""
        self._selects.clear()
        self._targets.clear()
        self._found = Discovery(self._sessions, self._settings.schemas, self._keys)
        self._content.refresh()
        return self._found.tables, self._found.left_out

    def ready(self) -> bool:
        """Whether the database answers."""
        try:
            self._sessions.row(b"SELECT 1", seconds=self._settings.timeouts.connect)
        except OneMapError:
            return False
        return True

    def state(self) -> str:
        """Return a token that changes within about a second of a change; see ``Content``."""
        return self._content.token()

    def version(self, collection: Collection) -> str:
        """Return a digest of the number of rows, their keys and the transactions that wrote them.

        It outlives restarts and VACUUM. Views and very large tables have the state of the database instead.
        """
        relation = self._relation(collection.table)
        return str(self._known.get(("version", relation.oid), lambda: self._version(relation)))

    def extent(self, view: View) -> Bounds | None:
        """Return bounds that hold all features, x, y of the storage CRS: those of the spatial index if there is one."""
        relation = self._relation(view.collection.table)
        found: Bounds | None = self._known.get(("extent", relation.oid), lambda: self._extent(relation))
        return found

    def interval(self, view: View) -> tuple[str | int | None, str | int | None] | None:
        """Return the earliest and latest value of the temporal fields."""
        names = [name for name in view.collection.temporal if view.column(name)]
        if not names:
            return None
        relation = self._relation(view.collection.table)
        key = ("interval", relation.oid, names[0], names[-1])
        ask = partial(interval_of, self._sessions, relation, names[0], names[-1])
        found: tuple[Any, Any] = self._known.get(key, ask)
        return found

    def count(self, view: View, query: FeatureQuery, most: int) -> int | None:
        """Return the number of matches; None beyond ``most``, and when counting takes a fifth of a second."""
        key = ("count", view.digest, repr(query.box), None if query.filter is None else write_text(query.filter), most)
        found: int | None = self._known.get(key, lambda: self._count(view, query, most))
        return found

    def batches(self, view: View, query: FeatureQuery) -> Iterator[Batch]:
        """Yield the features of a query in its order.

        Each batch is a statement of its own, so that a slow reader holds neither a connection nor a transaction. A
        batch after the first is as large as 4 MiB allow by the size of the features so far.
        """
        select = self._select(view, query)
        box = self._box(view, query.box)
        few = box is not None and not box.everything and self.count(view, query, _COUNTED) is not None
        wanted, after, offset = query.limit, query.after, query.offset
        size = min(wanted, _MOST)
        while wanted > 0:
            rows = self._sessions.rows(*select.page(box, few, after, offset, size))
            wanted = wanted - size if len(rows) == size else 0
            if rows:
                after, offset, size = select.position(rows[-1]), 0, min(wanted, _next_size(rows))
                yield _let_go(rows, select)

    def feature(self, view: View, key: str) -> Batch:
        """Return the feature with this id as a batch of one, or an empty batch."""
        select = self._select(view)
        statement = select.by_key(key)
        try:
            return select.batch(self._sessions.rows(*statement) if statement else [])
        except InvalidParameter:
            return select.batch([])

    async def feature_soon(self, view: View, key: str) -> Batch:
        """Return the same while the event loop goes on."""
        select = self._select(view)
        statement = select.by_key(key)
        try:
            return select.batch(await self._sessions.rows_soon(*statement) if statement else [])
        except InvalidParameter:
            return select.batch([])

    def within(self, view: View, bounds: Bounds, smallest: float, query: FeatureQuery) -> Batch:
        """Return the features whose box meets ``bounds``, the ``query.limit`` largest of them."""
        select = self._select(view, query)
        statement = select.within(bounds, smallest, query.limit)
        return select.batch(self._sessions.rows(*statement, seconds=self._settings.timeouts.tiles))

    def attributes(self, view: View, keys: Sequence[int], names: Sequence[str]) -> dict[str, list[object]]:
        """Return visible columns of the features with these primary keys, in the order of the keys."""
        visible = [name for name in names if view.column(name)]
        return self._source(view).attributes(np.asarray(keys, dtype=np.int64), visible)

    def overlay_source(self, view: View) -> OverlaySource:
        """Return the layer as the overlay kernel reads it."""
        return self._source(view)

    def coverage(self, coverage: Coverage) -> tuple[shapely.Geometry, int] | None:
        """Return the union of the polygons that a coverage names."""
        found = self._discovered()
        table = next((item for item in found.tables if item.name == coverage.table), None)
        if table is None:
            return None
        relation = found.relations[table.name]
        known = {field.name for field in table.fields}
        if unknown := [name for name, _ in coverage.where if name not in known]:
            raise ConfigError(f"The coverage table '{table.name}' has no field '{unknown[0]}'.")
        tests = [
            sql.SQL("{} = {}").format(relation.columns[name].read(), sql.Placeholder(f"v{at}"))
            for at, (name, _) in enumerate(coverage.where)
        ]
        where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(tests) if tests else sql.SQL("")
        values = {f"v{at}": value for at, (_, value) in enumerate(coverage.where)}
        rows = self._sessions.rows(_COVERAGE.format(shape=relation.shape, table=relation.table, where=where), values)
        return (shapely.union_all(decode([row[0] for row in rows])), table.srid) if rows else None

    def read_only(self, table: TableInfo) -> str:
        """Return why the features of a table cannot be changed, an empty text when they can."""
        relation = self._relation(table)
        if not self._own:
            return "its database is published as it is"
        if reason := obstacle(self._sessions.rows, relation):
            return reason
        target = self._target(relation)
        if target is None:
            return "the user of the server may not write to its table"
        writable, logged = self._sessions.row(read_sql("writable"), {"oid": relation.oid, "target": target.oid})
        self._logged = self._logged | {relation.oid} if logged else self._logged - {relation.oid}
        if not writable:
            return "the user of the server may not write to its table"
        self._content.logged = self._content.logged or logged
        return "" if logged else "its changes are not logged yet (onemap editing enable)"

    def enable_editing(self, table: TableInfo) -> None:
        """Log the changes of a table from now on. Raises ConfigError."""
        enable_log(self._settings, self._relation(table))

    def prune(self, keep: timedelta) -> Pruned:
        """Drop changes older than ``keep`` from the log, but none that a reader still needs. Raises ConfigError."""
        return prune(self._settings, keep)

    def modified(self, view: View, key: str) -> Modified | None:
        """Return when a feature was last changed, as far as the log of changes tells."""
        relation = self._relation(view.collection.table)
        select = self._select(view)
        bound = select.by_key(key)
        if bound is None or relation.kind == "v" or not shows_all(view):
            return None
        if relation.oid not in self._logged and self.read_only(view.collection.table):
            return None
        try:
            rows = self._sessions.rows(modified_statement(relation, select.key), {"one": bound[1]["one"]})
        except (Unavailable, InvalidParameter):
            self._logged = self._logged - {relation.oid}
            return None
        return modified(rows)

    def edit(self, view: View, edits: Sequence[Edit]) -> list[Batch]:
        """Make changes in one transaction, all or none, and return each feature as it then is."""
        made = apply(self._sessions, view, self._select(view), edits)
        self._content.logged = True
        self._content.refresh()
        self._listeners.call()
        return made

    def position(self) -> str:
        """Return the present position in the log of changes; see ``LoggedStore``. Raises Unavailable."""
        return self._log.position()

    def changes(self, since: str, tables: Several[str], most: int = 10_000) -> Changes:
        """Return the changes of these tables since a position; see ``LoggedStore``. Raises Unavailable."""
        found = self._log.changes(since, tables, most)
        if found.changed or found.unknown:
            # Whoever reads on, reads what is remembered of the content as of this position or later.
            self._content.logged = self._content.logged or bool(found.changed)
            self._content.refresh()
        return found

    def wait(self, since: str, seconds: float) -> None:
        """Wait until the database says that changes were logged, which it does for those of its own log only."""
        self._bell.wait(seconds)

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a bound method after every edit made here; see ``LoggedStore``."""
        self._listeners.add(listener)

    def _target(self, relation: Relation) -> Target | None:
        """Return the table that changes of a relation reach; None where this user may not change it."""
        if relation.oid not in self._targets:
            try:
                self._targets[relation.oid] = target_of(self._sessions.rows, relation)
            except Unavailable:
                return None
        return self._targets[relation.oid]

    def _select(self, view: View, query: FeatureQuery | None = None) -> Select:
        relation = self._relation(view.collection.table)
        if query is not None and (query.filter is not None or query.order):
            return Select(view, relation, query)
        key = (relation.oid, view.digest, query.columns if query else None)
        if key not in self._selects:
            if len(self._selects) > _MOST_SELECTS:
                self._selects.clear()
            self._selects[key] = Select(view, relation, query)
        return self._selects[key]

    def _source(self, view: View) -> PostgisOverlaySource:
        srid = view.collection.table.srid
        return PostgisOverlaySource(self._sessions, self._select(view), srid, self._areas, self._memory)

    def _discovered(self) -> Discovery:
        if self._found is None:
            self.tables()
        assert self._found is not None
        return self._found

    def _relation(self, table: TableInfo) -> Relation:
        relation = (self._found or self._discovered()).relations.get(table.name)
        if relation is None:
            raise Unavailable(f"The table '{table.name}' is no longer there.")
        return relation

    def _box(self, view: View, box: Box | None) -> Where | None:
        if box is None:
            return None
        storage, relation = view.collection.storage, self._relation(view.collection.table)
        extent = self.extent(view)
        if extent is None and relation.kind in ("v", "f", "p"):
            extent = whole_box(box, storage) or transform_bounds(storage.domain, CRS84, storage)
        return box_condition(box, storage, extent)

    def _count(self, view: View, query: FeatureQuery, most: int) -> int | None:
        select, box = self._select(view, FeatureQuery(0, filter=query.filter)), self._box(view, query.box)
        plain = (box is None or box.everything) and select.where is None
        try:
            # Of a whole table the number is given as long as counting is quick, of a selection up to ``most``.
            limit = 2**62 if plain else most
            found = int(self._sessions.row(*select.count(box, limit), seconds=_COUNT_SECONDS)[0])
        except TooSlow:
            return None
        return found if found <= limit else None

    def _version(self, relation: Relation) -> str:
        if relation.numbered:
            try:
                statement = _VERSION.format(id=relation.id, table=relation.table)
                rows, written = self._sessions.row(statement, seconds=_VERSION_SECONDS)
                return _digest(relation.name, rows, written)
            except TooSlow:
                pass
        return _digest(relation.name, self._content.refresh())

    def _extent(self, relation: Relation) -> Bounds | None:
        """Return the bounds in the spatial index: too large after a deletion, never too small; else exact ones."""
        if relation.indexed and relation.kind in ("r", "m"):
            names = {"schema": relation.schema, "name": relation.name, "geom": relation.geometry_column}
            row = self._sessions.row(_ESTIMATE, names)
        else:
            statement = _EXTENT.format(geom=relation.geometry, table=relation.table)
            try:
                row = self._sessions.row(statement, seconds=_EXTENT_SECONDS)
            except TooSlow:
                beneath = relation.beneath and self._discovered().relations.get(relation.beneath.name)
                return self._extent(beneath) if beneath else None
        return None if row[0] is None else (float(row[0]), float(row[1]), float(row[2]), float(row[3]))


def _let_go(rows: list[Row], select: Select) -> Batch:
    """Return rows as a batch and empty the list: they are not held while the next ones are read."""
    batch = select.batch(rows)
    rows.clear()
    return batch


def _next_size(rows: list[Row]) -> int:
    """Return how many features of the size of these are about 4 MiB."""
    shapes = sum(len(row[1]) for row in rows[::20] if row[1] is not None) * 20 // len(rows)
    return max(100, min(_MOST, _BYTES // (shapes + 100 * len(rows[0]))))


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]
