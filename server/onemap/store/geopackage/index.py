"""The spatial index of a GeoPackage table: its R-tree, or boxes held in memory where a file has none."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.catalog.model import Collection, TableInfo
from onemap.geo.bbox import Box, Region, regions
from onemap.geo.crs import Bounds
from onemap.store.geopackage.blob import decode
from onemap.store.geopackage.connect import Connections
from onemap.store.sql import compose, identifier

Ids = NDArray[np.int64]
Boxes = NDArray[np.float64]
_REMEMBERED = 16
_CELL = np.dtype([("child", ">i8"), ("box", ">f4", 4)])


@dataclass(frozen=True, slots=True)
class Hits:
    """Primary keys in ascending order whose boxes meet a request's box; ``sure``: no geometry test is needed."""

    ids: Ids
    sure: NDArray[np.bool_]
    areas: tuple[Region, ...]


class SpatialIndex:
    """Candidates by bounding box, for all tables of one file."""

    def __init__(self, connections: Connections, state: Callable[[], str]) -> None:
        self._connections = connections
        self._state = state
        self._lock = Lock()
        self._in_memory: dict[tuple[str, str], tuple[Ids, Boxes]] = {}
        self._hits: OrderedDict[object, Hits] = OrderedDict()

    def rtree(self, table: TableInfo) -> str | None:
        """Return the name of the table's R-tree, or None when it has none."""
        name = f"rtree_{table.name}_{table.geometry_column}"
        found = self._connections.get().execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [name])
        return name if found.fetchone() else None

    def extent(self, table: TableInfo) -> Bounds | None:
        """Return the bounds of all features, x, y of the storage CRS."""
        rtree = self.rtree(table)
        boxes = _root(self._connections.get(), rtree) if rtree else self.memory(table)[1]
        if not len(boxes):
            return None
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def candidates(self, table: TableInfo, bounds: Bounds) -> tuple[Ids, Boxes]:
        """Return the primary keys whose boxes meet ``bounds`` and the boxes (minx, miny, maxx, maxy), shape (n, 4)."""
        rtree = self.rtree(table)
        if rtree is None:
            ids, boxes = self.memory(table)
            meets = (boxes[:, :2] <= bounds[2:]).all(axis=1) & (boxes[:, 2:] >= bounds[:2]).all(axis=1)
            return ids[meets], boxes[meets]
        sql = compose(
            "SELECT id, minx, miny, maxx, maxy FROM {rtree} WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?",
            rtree=identifier(rtree),
        )
        rows = self._connections.get().execute(sql, [bounds[0], bounds[2], bounds[1], bounds[3]]).fetchall()
        if not rows:
            return np.empty(0, np.int64), np.empty((0, 4))
        ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        return ids, np.array([row[1:] for row in rows], dtype=np.float64)

    def meeting(self, collection: Collection, box: Box) -> Hits | None:
        """Return the features whose boxes meet a request's box; None when that is every feature for certain."""
        extent = self.extent(collection.table)
        areas = tuple(regions(box, collection.storage, extent))
        if extent and any(area.rectangle and _holds(area.bounds, np.array([extent]))[0] for area in areas):
            return None
        key = (collection.table.name, self._state(), box)
        with self._lock:
            if key in self._hits:
                self._hits.move_to_end(key)
                return self._hits[key]
        hits = self._search(collection.table, areas)
        with self._lock:
            self._hits[key] = hits
            while len(self._hits) > _REMEMBERED:
                self._hits.popitem(last=False)
        return hits

    def _search(self, table: TableInfo, areas: tuple[Region, ...]) -> Hits:
        found: dict[int, bool] = {}
        for area in areas:
            ids, boxes = self.candidates(table, area.bounds)
            sure = _holds(area.bounds, boxes) if area.rectangle else _covers(area, boxes)
            for identity, certain in zip(ids.tolist(), sure.tolist(), strict=True):
                found[identity] = certain or found.get(identity, False)
        ids = np.array(sorted(found), dtype=np.int64)
        return Hits(ids, np.array([found[identity] for identity in ids.tolist()], dtype=bool), areas)

    def memory(self, table: TableInfo) -> tuple[Ids, Boxes]:
        """Return the primary keys and boxes of a table without R-tree, read once for each state of the file."""
        key = (table.name, self._state())
        if key not in self._in_memory:
            self._in_memory = {known: boxes for known, boxes in self._in_memory.items() if known[1] == key[1]}
            self._in_memory[key] = _read_boxes(self._connections.get(), table)
        return self._in_memory[key]


def _holds(bounds: Bounds, boxes: Boxes) -> NDArray[np.bool_]:
    inside = (boxes[:, :2] >= bounds[:2]).all(axis=1) & (boxes[:, 2:] <= bounds[2:]).all(axis=1)
    return np.asarray(inside, dtype=bool)


def _covers(area: Region, boxes: Boxes) -> NDArray[np.bool_]:
    shapely.prepare(area.polygon)
    return np.asarray(shapely.contains(area.polygon, shapely.box(*boxes.T)), dtype=bool)


def _root(connection: sqlite3.Connection, rtree: str) -> Boxes:
    """Return the boxes in the root node of an R-tree: their union is the extent, without reading every entry.

    A node is its depth and cell count (2 bytes each, big-endian), then cells of an id and the
    interleaved bounds minx, maxx, miny, maxy as 32-bit floats (SQLite R*Tree shadow table format).
    """
    sql = compose("SELECT data FROM {node} WHERE nodeno = 1", node=identifier(rtree + "_node"))
    row = connection.execute(sql).fetchone()
    if row is None:
        return np.empty((0, 4))
    cells = np.frombuffer(row[0], _CELL, count=int.from_bytes(row[0][2:4], "big"), offset=4)
    return np.asarray(cells["box"][:, [0, 2, 1, 3]], dtype=np.float64)


def _read_boxes(connection: sqlite3.Connection, table: TableInfo) -> tuple[Ids, Boxes]:
    sql = compose(
        "SELECT {key}, {geom} FROM {table} WHERE {geom} IS NOT NULL ORDER BY {key}",
        key=identifier(table.primary_key),
        geom=identifier(table.geometry_column),
        table=identifier(table.name),
    )
    rows = connection.execute(sql).fetchall()
    boxes = shapely.bounds(decode([row[1] for row in rows])).reshape(-1, 4)
    known = np.isfinite(boxes).all(axis=1)
    return np.array([row[0] for row in rows], dtype=np.int64)[known], boxes[known]
