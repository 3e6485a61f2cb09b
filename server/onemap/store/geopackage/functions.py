"""The SQL functions that the triggers of a GeoPackage call (OGC 12-128r19, Annex F.3), for connections that write."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from functools import lru_cache

import shapely

from onemap.store.geopackage.blob import header_length

Corner = Callable[[bytes | None], float | None]


def register_geometry(connection: sqlite3.Connection) -> None:
    """Add ST_MinX, ST_MaxX, ST_MinY, ST_MaxY and ST_IsEmpty to a connection."""
    for name, place in (("ST_MinX", 0), ("ST_MinY", 1), ("ST_MaxX", 2), ("ST_MaxY", 3)):
        connection.create_function(name, 1, _corner(place), deterministic=True)
    connection.create_function("ST_IsEmpty", 1, _is_empty, deterministic=True)


def _corner(place: int) -> Corner:
    def corner(blob: bytes | None) -> float | None:
        value = _bounds(blob)[place] if blob is not None else math.nan
        return None if math.isnan(value) else value

    return corner


def _is_empty(blob: bytes | None) -> int | None:
    return None if blob is None else int(math.isnan(_bounds(blob)[0]))


@lru_cache(maxsize=8)
def _bounds(blob: bytes) -> tuple[float, float, float, float]:
    """Return minx, miny, maxx, maxy of a blob; not numbers for an empty geometry."""
    low_x, low_y, high_x, high_y = shapely.from_wkb(blob[header_length(blob) :]).bounds
    return low_x, low_y, high_x, high_y
