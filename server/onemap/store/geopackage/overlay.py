"""A GeoPackage table as the overlay kernel reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from onemap.block.caller import caller_gone
from onemap.errors import ClientGone
from onemap.geo.cover import Boxes, Mask, box_test
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Floats, Geometries, Ids
from onemap.geo.pieces import MEMORY, PieceMemory
from onemap.store.geopackage.areas import area_table, measured
from onemap.store.geopackage.blob import decode
from onemap.store.sql import Sql, compose, identifier

_CELL = np.dtype([("child", ">i8"), ("box", ">f4", 4)])


@dataclass(frozen=True)
class GeoPackageOverlaySource:
    """Read candidates from the R-tree, whole areas from the area table, and the few geometries that are cut.

    ``rtree_table``: None for a table without one; ``boxes`` then are its ids, shape (n,), and boxes, shape (n, 4),
    where the caller holds them already. ``rows``: a condition and its values; only the rows that meet it exist here.
    A connection serves one thread at a time.
    """

    connection: sqlite3.Connection
    table: str
    geometry_column: str
    primary_key: str
    rtree_table: str | None
    srid: int
    rows: tuple[Sql, Sequence[Any]] | None = None
    boxes: tuple[Ids, Boxes] | None = None
    memory: PieceMemory = MEMORY

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the file for the length of the block."""
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.rollback()

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return the primary keys whose boxes meet ``bounds``, and the boxes; those ``meets`` denies are left out."""
        wanted = box_test(bounds, meets)
        with self.snapshot():
            if self.rtree_table is None:
                ids, boxes = self._listed
                found = wanted(boxes)
                ids, boxes = ids[found], boxes[found]
            else:
                ids, boxes = descend(self.connection, self.rtree_table, wanted)
            allowed = self._allowed(ids)
        return (ids, boxes) if allowed is None else (ids[allowed], boxes[allowed])

    def areas(self, ids: Ids) -> Floats:
        """Return the whole areas in m2: stored ones, and measured ones for features that have none stored."""
        areas = np.full(len(ids), np.nan)
        stored = area_table(self.connection, self.table, self.srid)
        if stored:
            keys, found = self._select(stored, "fid", ["area"], ids)
            row, there = _rows(ids, keys)
            areas[there] = np.array(found[0], dtype=np.float64)[row]
        missing = np.flatnonzero(np.isnan(areas))
        if len(missing):
            areas[missing] = measured(self.geometries(ids[missing]), self.srid)
        return areas

    def geometries(self, ids: Ids) -> Geometries:
        """Return the geometries, None for a feature that has none or is not there."""
        keys, found = self._select(self.table, self.primary_key, [self.geometry_column], ids)
        row, there = _rows(ids, keys)
        geometries = np.full(len(ids), None, dtype=object)
        geometries[there] = decode(found[0])[row]
        return geometries

    def attributes(self, ids: Ids, columns: Sequence[str]) -> dict[str, list[Any]]:
        """Return columns of features, in the order of the ids; None for a feature that is not there."""
        keys, found = self._select(self.table, self.primary_key, columns, ids)
        if np.array_equal(ids, keys):
            return {name: list(values) for name, values in zip(columns, found, strict=True)}
        row, there = _rows(ids, keys)
        places = np.flatnonzero(there).tolist(), row.tolist()
        return {name: _spread(values, *places, len(ids)) for name, values in zip(columns, found, strict=True)}

    def _select(self, table: str, key: str, columns: Sequence[str], ids: Ids) -> tuple[Ids, list[Sequence[Any]]]:
        """Read the keys that are there, ascending, and the columns, each a sequence in the order of the keys."""
        # Columns are qualified: SQLite would read an unknown name in double quotes as a text.
        sql = (
            "SELECT t.{key}{columns} FROM {table} t WHERE t.{key} IN (SELECT value FROM json_each(?)) ORDER BY t.{key}"
        )
        wanted = Sql("".join(f", t.{identifier(name).text}" for name in columns))
        statement = compose(sql, key=identifier(key), columns=wanted, table=identifier(table))
        rows = _asked(self.connection, statement, ids)
        keys, *found = zip(*rows, strict=True) if rows else [()] * (1 + len(columns))
        return np.array(keys, dtype=np.int64), list(found)

    def _allowed(self, ids: Ids) -> Mask | None:
        if self.rows is None:
            return None
        condition, values = self.rows
        sql = "SELECT {key} FROM {table} WHERE {key} IN (SELECT value FROM json_each(?)) AND ({condition})"
        key, table = identifier(self.primary_key), identifier(self.table)
        statement = compose(sql, key=key, table=table, condition=condition)
        found = self.connection.execute(statement, [_json(ids), *values]).fetchall()
        return np.isin(ids, np.array([row[0] for row in found], dtype=np.int64))

    @cached_property
    def _listed(self) -> tuple[Ids, Boxes]:
        if self.boxes is not None:
            return self.boxes
        key, geometry = identifier(self.primary_key), identifier(self.geometry_column)
        sql = compose("SELECT {key}, {geom} FROM {table}", key=key, geom=geometry, table=identifier(self.table))
        rows = self.connection.execute(sql).fetchall()
        boxes = shapely.bounds(decode([row[1] for row in rows])).reshape(-1, 4)
        known = np.isfinite(boxes).all(axis=1)
        return np.array([row[0] for row in rows], dtype=np.int64)[known], boxes[known]


def descend(connection: sqlite3.Connection, rtree: str, wanted: Callable[[Boxes], Mask]) -> tuple[Ids, Boxes]:
    """Return the ids and boxes of an R-tree's entries for which ``wanted`` holds, and holds for all nodes above.

    Reads the nodes of a level at once and judges their cells together, ten times as fast as a query. A node is its
    depth and its number of cells (2 bytes each, big-endian), then cells of an id and the bounds minx, maxx, miny,
    maxy as 32-bit floats rounded outwards (SQLite R*Tree module, shadow table "node").
    """
    sql = "SELECT data FROM {node} WHERE nodeno IN (SELECT value FROM json_each(?))"
    statement = compose(sql, node=identifier(rtree + "_node"))
    level = np.ones(1, dtype=np.int64)
    depth = -1
    while True:
        blobs = [row[0] for row in _asked(connection, statement, level)]
        if not blobs:
            return np.empty(0, np.int64), np.empty((0, 4))
        depth = int.from_bytes(blobs[0][:2], "big") if depth < 0 else depth - 1
        children, boxes = _cells(blobs)
        kept = wanted(boxes)
        level, boxes = children[kept], boxes[kept]
        if depth <= 0:
            return level, boxes


def _asked(connection: sqlite3.Connection, statement: str, ids: Ids) -> list[tuple[Any, ...]]:
    """Return the rows of a statement about ids. Raises ClientGone where nobody waits for the answer any more."""
    if caller_gone():
        raise ClientGone
    return connection.execute(statement, [_json(ids)]).fetchall()


def _cells(blobs: list[bytes]) -> tuple[Ids, Boxes]:
    used = [blob[4 : 4 + _CELL.itemsize * int.from_bytes(blob[2:4], "big")] for blob in blobs]
    cells = np.frombuffer(b"".join(used), _CELL)
    return cells["child"].astype(np.int64), cells["box"][:, [0, 2, 1, 3]].astype(np.float64)


def _rows(ids: Ids, keys: Ids) -> tuple[NDArray[np.intp], Mask]:
    """Tell which ids are among the ascending keys, and at which place those are found."""
    row = np.searchsorted(keys, ids)
    there = row < len(keys)
    there[there] = keys[row[there]] == ids[there]
    return row[there], there


def _spread(values: Sequence[Any], places: list[int], rows: list[int], length: int) -> list[Any]:
    spread: list[Any] = [None] * length
    for place, row in zip(places, rows, strict=True):
        spread[place] = values[row]
    return spread


def _json(ids: Ids) -> str:
    return orjson.dumps(np.ascontiguousarray(ids), option=orjson.OPT_SERIALIZE_NUMPY).decode()
