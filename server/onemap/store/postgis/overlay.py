"""A PostGIS table as the overlay kernel reads it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
from psycopg import sql

from onemap.geo.area import measure_for
from onemap.geo.cover import Boxes, Mask
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Floats, Geometries, Ids, repair
from onemap.store.postgis.connect import GuardedConnection
from onemap.store.postgis.select import Select, Statement, decode
from onemap.store.postgis.sessions import Row, Sessions, run

_CELLS = 32
_ALL_SHARE = 0.5
_REMEMBERED = 2_000_000
_CANDIDATES = sql.SQL(
    "SELECT DISTINCT ON ({id}) {id}, ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)"
    " FROM unnest(%(x1)s::float8[], %(y1)s::float8[], %(x2)s::float8[], %(y2)s::float8[]) AS c(x1, y1, x2, y2)"
    " JOIN {table} t ON {geom} && ST_MakeEnvelope(c.x1, c.y1, c.x2, c.y2, {srid})"
    " CROSS JOIN LATERAL (SELECT box2d({geom}) AS b OFFSET 0) s WHERE {where}"
)


class AreaMemory:
    """Areas of whole features by table, key and the transaction that wrote the row: an edit makes a new entry."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._areas: OrderedDict[tuple[int, int, int], float] = OrderedDict()

    def known(self, keys: Sequence[tuple[int, int, int]]) -> list[float | None]:
        """Return what is known."""
        return [self._areas.get(key) for key in keys]

    def keep(self, keys: Sequence[tuple[int, int, int]], areas: Sequence[float]) -> None:
        """Remember areas; the oldest are forgotten."""
        with self._lock:
            self._areas.update(zip(keys, areas, strict=True))
            while len(self._areas) > _REMEMBERED:
                self._areas.popitem(last=False)


class PostgisOverlaySource:
    """Read candidates by their boxes, and the geometries that are cut. Ids are primary keys, or hashes of them."""

    def __init__(self, sessions: Sessions, select: Select, srid: int, areas: AreaMemory) -> None:
        self.srid = srid
        self._sessions = sessions
        self._select = select
        self._relation = select.relation
        self._areas = areas
        self._held: GuardedConnection | None = None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the database for the length of the block."""
        if self._held is not None:
            yield
            return
        with self._sessions.snapshot() as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return the primary keys whose boxes meet ``bounds``, and the boxes; those ``meets`` denies are left out."""
        cells = _cells(bounds, meets)
        if not len(cells):
            return np.empty(0, np.int64), np.empty((0, 4))
        relation = self._relation
        statement = _CANDIDATES.format(
            id=relation.id, table=relation.table, geom=relation.geometry,
            srid=sql.Literal(relation.srid), where=self._select.where or sql.SQL("TRUE"),
        )  # fmt: skip
        corners = dict(zip(("x1", "y1", "x2", "y2"), cells.T.tolist(), strict=True))
        rows = self._rows((statement.as_bytes(None), {**self._select.values, **corners}))
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        boxes = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 4)
        if meets is None or not len(ids):
            return ids, boxes
        kept = meets(boxes)
        return ids[kept], boxes[kept]

    def areas(self, ids: Ids) -> Floats:
        """Return the whole areas in m2, measured once for each version of a feature; 0 for one that is not there."""
        areas = np.full(len(ids), np.nan)
        if self._relation.numbered:
            keys = self._versions(ids)
            areas = np.array([np.nan if area is None else area for area in self._areas.known(keys)], dtype=np.float64)
        missing = np.flatnonzero(np.isnan(areas))
        if len(missing):
            areas[missing] = measure_for(self.srid).areas(repair(self.geometries(ids[missing])))
            if self._relation.numbered:
                fresh = [at for at in missing.tolist() if keys[at][2] >= 0]
                self._areas.keep([keys[at] for at in fresh], areas[fresh].tolist())
        return areas

    def geometries(self, ids: Ids) -> Geometries:
        """Return the geometries, None for a feature that has none or is not there."""
        return decode(self._values(ids, [self._relation.shape])[0])

    def attributes(self, ids: Ids, columns: Sequence[str]) -> dict[str, list[Any]]:
        """Return columns of features, in the order of the ids; None for a feature that is not there."""
        if not columns:
            return {}
        read = [self._relation.columns[name].read() for name in columns]
        return dict(zip(columns, self._values(ids, read), strict=True))

    def _versions(self, ids: Ids) -> list[tuple[int, int, int]]:
        """Return table, id and writing transaction of each feature, -1 for one that is not there."""
        written = self._values(ids, [sql.SQL("xmin::text::int8")])[0]
        oid = self._relation.oid
        pairs = zip(ids.tolist(), written, strict=True)
        return [(oid, identity, -1 if number is None else number) for identity, number in pairs]

    def _values(self, ids: Ids, columns: Sequence[sql.Composable]) -> list[list[Any]]:
        """Return expressions of features, each in the order of the ids."""
        if not len(ids):
            return [[] for _ in columns]
        rows = self._rows(self._select.some(columns, ids.tolist()))
        nothing = (None,) * (1 + len(columns))
        by_id = {row[0]: row for row in rows}
        found = [by_id.get(identity, nothing) for identity in ids.tolist()]
        return [[row[at] for row in found] for at in range(1, 1 + len(columns))]

    def _rows(self, statement: Statement) -> list[Row]:
        if self._held is None:
            return self._sessions.rows(*statement)
        self._held.begin(self._sessions.timeouts.items)
        return run(self._held, *statement)


def _cells(bounds: Bounds, meets: Callable[[Boxes], Mask] | None) -> Boxes:
    """Return boxes that hold what is wanted of the bounds: all of it, or runs of the cells of a grid that ``meets``."""
    whole = np.array([bounds])
    if meets is None:
        return whole
    x, y = (np.linspace(bounds[at], bounds[at + 2], _CELLS + 1) for at in (0, 1))
    column, row = (index.ravel() for index in np.meshgrid(np.arange(_CELLS), np.arange(_CELLS)))
    wanted = np.asarray(meets(np.column_stack([x[column], y[row], x[column + 1], y[row + 1]]))).reshape(_CELLS, _CELLS)
    if wanted.mean() > _ALL_SHARE:
        return whole
    edges = np.diff(np.pad(wanted.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    first_row, first = np.nonzero(edges == 1)
    _, last = np.nonzero(edges == -1)
    return np.column_stack([x[first], y[first_row], x[last], y[first_row + 1]])
