"""What the data files hold, read with sqlite3 and shapely alone: the answers that tests of the server expect."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

Row = dict[str, Any]
_TYPES = {"TEXT": "string", "INTEGER": "integer", "REAL": "number", "BOOLEAN": "boolean"}
_ENVELOPES = (0, 32, 48, 48, 64)


@dataclass(frozen=True)
class Truth:
    """A feature table: rows in the order of the integer key ``fid``, geometries in x, y of the storage CRS."""

    srid: int
    types: dict[str, str]
    rows: list[Row]
    shapes: np.ndarray

    @property
    def ids(self) -> list[int]:
        """The ids of all features."""
        return [row["fid"] for row in self.rows]

    @cached_property
    def lonlat(self) -> np.ndarray:
        """The geometries in longitude and latitude; CGCS2000 equals WGS 84 here."""
        if self.srid in (4326, 4490):
            return self.shapes
        moved = pyproj.Transformer.from_crs(f"EPSG:{self.srid}", "EPSG:4490", always_xy=True)
        return np.array(shapely.transform(self.shapes, lambda xy: np.column_stack(moved.transform(*xy.T))))

    def where(self, test: Callable[[Row], Any]) -> list[int]:
        """Return the ids of the features whose row a test finds true."""
        return [row["fid"] for row in self.rows if test(row) is True]

    def at(self, found: np.ndarray) -> list[int]:
        """Return the ids of the features at which an array over the shapes is true."""
        return [row["fid"] for row, is_one in zip(self.rows, found, strict=True) if is_one]

    def values(self, name: str) -> list[Any]:
        """Return the values that a column has, each once, in order."""
        return sorted({row[name] for row in self.rows} - {None})

    def sorted_by(self, *keys: tuple[str, bool]) -> list[int]:
        """Return the ids in the order of columns (name, descending), missing values last, then of the key."""
        rows = list(self.rows)
        for name, descending in reversed(keys):
            known = [row for row in rows if row[name] is not None]
            known.sort(key=lambda row: row[name], reverse=descending)
            rows = known + [row for row in rows if row[name] is None]
        return [row["fid"] for row in rows]


@cache
def read(path: Path, table: str) -> Truth:
    """Return a table of a GeoPackage."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        column, srid = connection.execute(
            "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", [table]
        ).fetchone()
        declared = {row["name"]: row["type"] for row in connection.execute(f'PRAGMA table_info("{table}")')}
        rows = [dict(row) for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY fid')]
    shapes = np.array([_shape(row.pop(column)) for row in rows], dtype=object)
    types = {name: _type(kind) for name, kind in declared.items() if name not in ("fid", column)}
    return Truth(srid, types, rows, shapes)


def _type(declared: str) -> str:
    kind = declared.split("(", maxsplit=1)[0]
    return _TYPES.get(kind, kind.lower())


def _shape(blob: bytes | None) -> shapely.Geometry | None:
    return None if blob is None else shapely.from_wkb(blob[8 + _ENVELOPES[blob[3] >> 1 & 7] :])


def polygon(corners: Iterable[Iterable[float]]) -> str:
    """Return a ring of corners as the text of a polygon."""
    ring = [*corners]
    return "POLYGON((" + ",".join(" ".join(map(repr, map(float, corner))) for corner in [*ring, ring[0]]) + "))"
