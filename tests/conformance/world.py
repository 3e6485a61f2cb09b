"""A small world-wide GeoPackage: features where the official Features suite looks for some, and wherever else asked.

The suite asks for boxes over England, over the equator, across the antimeridian and at both poles, and checks paging
only up to ten features.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

_ENGLAND = [(-0.1, 51.5), (0.9, 52.2)]
_EQUATOR = [(-78.0, 0.0), (-72.0, 2.0)]
_ANTIMERIDIAN = [(178.5, 67.0), (-178.5, 68.0)]
_POLES = [(0.0, 89.5), (30.0, -89.5)]
_ELSEWHERE = [(110.0, 30.0), (-20.0, -40.0)]
PLACES = np.array(_ENGLAND + _EQUATOR + _ANTIMERIDIAN + _POLES + _ELSEWHERE)


def grid(columns: int, rows: int) -> NDArray[np.float64]:
    """Return points spread over the world, longitude and latitude in degrees, shape (columns * rows, 2)."""
    lon, lat = np.meshgrid(np.linspace(-179, 179, columns), np.linspace(-88, 88, rows))
    return np.column_stack([lon.ravel(), lat.ravel()])


def write_world(path: Path, lonlat: NDArray[np.float64] = PLACES, srid: int = 4326) -> None:
    """Write places, squares and lines at the points given; x, y = longitude, latitude in degrees."""
    half = np.array([0.4, 0.05])
    shapes = {
        "places": ("POINT", shapely.points(lonlat)),
        "squares": ("POLYGON", shapely.box(*(lonlat - half).T, *(lonlat + half).T)),
        "lines": ("LINESTRING", shapely.linestrings(np.stack([lonlat - 0.3, lonlat + 0.3], axis=1))),
    }
    numbers = range(len(lonlat))
    columns = {
        "name": [f"place {number}" for number in numbers],
        "number": list(numbers),
        "day": [f"20{10 + number % 15:02d}-06-{1 + number % 28:02d}" for number in numbers],
    }
    fields = (FieldSpec("name", "TEXT(40)"), FieldSpec("number", "INTEGER"), FieldSpec("day", "DATE"))
    with GeoPackageWriter(path) as writer:
        for table, (kind, geometries) in shapes.items():
            writer.create_table(TableSpec(table, kind, srid, fields, title=table))
            writer.insert(table, geometries, columns)
            writer.finish(table, "2026-01-01T00:00:00.000Z")
