"""A PostGIS table as the overlay kernel reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from psycopg import sql

from onemap.geo.area import measure_for
from onemap.geo.cover import Boxes, Mask
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Floats, Geometries, Ids, repair
from onemap.geo.pieces import PieceMemory
from onemap.store.postgis.areas import AreaMemory
from onemap.store.postgis.connect import GuardedConnection
from onemap.store.postgis.select import Select, Statement, decode
from onemap.store.postgis.sessions import Row, Sessions, run

_CELLS = 32
_ALL_SHARE = 0.9
# One value for all rows, in the binary form of each number: tens of thousands of rows as objects would cost more than
# finding them. The inner OFFSET keeps the box from being worked out five times.
_CANDIDATES = sql.SQL(
    "SELECT string_agg(int8send({id}::int8) || {written} || float8send(ST_XMin(b)) || float8send(ST_YMin(b))"
    " || float8send(ST_XMax(b)) || float8send(ST_YMax(b)), ''::bytea)"
    " FROM unnest(%(x1)s::float8[], %(y1)s::float8[], %(x2)s::float8[], %(y2)s::float8[]) AS c(x1, y1, x2, y2)"
    " JOIN {table} t ON {geom} && ST_MakeEnvelope(c.x1, c.y1, c.x2, c.y2, {srid})"
    " CROSS JOIN LATERAL (SELECT box2d({geom}) AS b OFFSET 0) s WHERE {where}"
)
_WRITTEN = sql.SQL("xidsend(t.xmin)")
_UNKNOWN = sql.SQL("int4send(0)")
_CANDIDATE = np.dtype([("id", ">i8"), ("written", ">u4"), ("box", ">f8", 4)])


class PostgisOverlaySource:
    """Read candidates by their boxes, and the geometries that are cut. Ids are primary keys, or hashes of them."""

    def __init__(self, sessions: Sessions, select: Select, srid: int, areas: AreaMemory, memory: PieceMemory) -> None:
        self.srid = srid
        self.memory = memory
        self._sessions = sessions
        self._select = select
        self._relation = select.relation
        self._areas = areas
        self._held: GuardedConnection | None = None
        self._seen = (np.empty(0, np.int64), np.empty(0, np.int64))

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
                self._seen = (np.empty(0, np.int64), np.empty(0, np.int64))

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return the primary keys whose boxes meet ``bounds``, and the boxes; those ``meets`` denies are left out."""
        cells = _cells(bounds, meets)
        if not len(cells):
            return np.empty(0, np.int64), np.empty((0, 4))
        relation = self._relation
        statement = _CANDIDATES.format(
            id=relation.id, table=relation.table, geom=relation.geometry,
            written=_WRITTEN if relation.numbered else _UNKNOWN,
            srid=sql.Literal(relation.srid), where=self._select.where or sql.SQL("TRUE"),
        )  # fmt: skip
        corners = dict(zip(("x1", "y1", "x2", "y2"), cells.T.tolist(), strict=True))
        packed = self._rows((statement.as_bytes(None), {**self._select.values, **corners}))[0][0]
        rows = np.frombuffer(packed or b"", _CANDIDATE)
        ids, first = np.unique(rows["id"].astype(np.int64), return_index=True)
        boxes = rows["box"][first].astype(np.float64)
        self._seen = (ids, rows["written"][first].astype(np.int64))
        if meets is None or not len(ids):
            return ids, boxes
        kept = meets(boxes)
        return ids[kept], boxes[kept]

    def areas(self, ids: Ids) -> Floats:
        """Return the whole areas in m2, measured once for each version of a feature; 0 for one that is not there."""
        numbered, table = self._relation.numbered, self._relation.oid
        written = self._written(ids) if numbered else np.full(len(ids), -1)
        areas = self._areas.known(table, ids, written) if numbered else np.full(len(ids), np.nan)
        missing = np.flatnonzero(np.isnan(areas))
        if len(missing):
            areas[missing] = measure_for(self.srid).areas(repair(self.geometries(ids[missing])))
            fresh = missing[written[missing] >= 0]
            self._areas.keep(table, ids[fresh], written[fresh], areas[fresh])
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

    def _written(self, ids: Ids) -> Ids:
        """Return the transaction that wrote each feature, -1 for one that is not there."""
        seen, written = self._seen
        if self._held is not None and len(seen):
            row = np.searchsorted(seen, ids)
            row[row == len(seen)] = 0
            if (seen[row] == ids).all():
                return written[row]
        found = self._values(ids, [sql.SQL("xmin::text::int8")])[0]
        return np.array([-1 if number is None else number for number in found], dtype=np.int64)

    def _values(self, ids: Ids, columns: Sequence[sql.Composable]) -> list[list[Any]]:
        """Return expressions of features, each in the order of the ids."""
        if not len(ids):
            return [[] for _ in columns]
        rows = self._rows(self._select.some(columns, ids.tolist()))
        if not rows:
            return [[None] * len(ids) for _ in columns]
        keys, *found = zip(*rows, strict=True)
        order = np.argsort(np.array(keys, dtype=np.int64), kind="stable")
        ordered = np.array(keys, dtype=np.int64)[order]
        row = np.searchsorted(ordered, ids)
        row[row == len(ordered)] = 0
        there = (ordered[row] == ids).tolist()
        places = order[row].tolist()
        if all(there):
            return [[values[place] for place in places] for values in found]
        return [[values[at] if here else None for at, here in zip(places, there, strict=True)] for values in found]

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
