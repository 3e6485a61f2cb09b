"""Tiles of two grids by the numbers of their definitions alone, and how exactly their borders must be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyproj
from numpy.typing import NDArray

GRIDS = {"WebMercatorQuad": 3857, "CGCS2000Quad": 4490}
"""EPSG code by tile matrix set."""
UNIT = 2**0.5
HALF_PIXEL = 8.0
_EXTENT = 4096
_HALF = np.pi * 6378137.0
_SIMPLIFIED_FROM = 100_000.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """One tile of a grid, defined by the numbers of its matrix set alone."""

    grid: str
    level: int
    row: int
    col: int

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in the CRS of the grid."""
        left, top, size = _grid(self.grid, self.level)
        return left + self.col * size, top - (self.row + 1) * size, left + (self.col + 1) * size, top - self.row * size

    @property
    def slack(self) -> float:
        """How far a border may be off, in tile units."""
        metres = 1.0 if self.grid == "WebMercatorQuad" else np.pi * 6378137.0 / 180
        denominator = _grid(self.grid, self.level)[2] * metres / 256 / 0.00028
        return UNIT + (HALF_PIXEL if denominator > _SIMPLIFIED_FROM else 0.0)

    def units(self, xy: Floats) -> Floats:
        """Return x, y of the CRS of the grid in tile units."""
        left, _, right, top = self.box
        return np.asarray((xy - [left, top]) * np.array([1, -1]) * _EXTENT / (right - left))

    @property
    def path(self) -> str:
        """The tail of its address."""
        return f"{self.grid}/{self.level}/{self.row}/{self.col}"

    def beside(self, rows: int, cols: int) -> Place:
        """Return a tile so many rows below and columns to the right."""
        return Place(self.grid, self.level, self.row + rows, self.col + cols)


def _grid(grid: str, level: int) -> tuple[float, float, float]:
    """Return left, top and the side of a tile."""
    return (-_HALF, _HALF, 2 * _HALF / 2**level) if grid == "WebMercatorQuad" else (-180.0, 90.0, 180.0 / 2**level)


def place_at(grid: str, level: int, x: float, y: float) -> Place:
    """Return the tile that holds a point of the CRS of the grid."""
    left, top, size = _grid(grid, level)
    return Place(grid, level, int((top - y) // size), int((x - left) // size))


def place_xy(xy: Floats, table: str, grid: str) -> Floats:
    """Return x, y of a table in the CRS of a grid."""
    return np.column_stack(_transformer(int(table.partition("_")[2]), GRIDS[grid]).transform(xy[:, 0], xy[:, 1]))


@cache
def _transformer(storage: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(storage, target, always_xy=True)
