"""Label points in a pack: of each feature one point and its size, in the order of the attributes.

Points are kept in x, y of the storage CRS as they are, so that a tile on any grid has the very points that are made
from the store, and in steps to look for them: boxes of 64 features each, as neighbours in the order are neighbours on
the map.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Crs
from onemap.tiles.generalise.faces import extend
from onemap.tiles.labels import label_points, sizes_of
from onemap.tiles.pack.format import PackFile, PackWriter
from onemap.tiles.pack.frame import Frame
from onemap.tiles.pack.layer import Ints
from onemap.tiles.pack.lods import Box
from onemap.tiles.shapes import Geometries

_BLOCK = 64
_AT_ONCE = 200_000
_COLUMNS = 5
Rows = NDArray[np.float64]


class LabelFile:
    """The label points and sizes of all features while a pack is built, in the order in which they are read."""

    def __init__(self, path: Path, frame: Frame, storage: Crs) -> None:
        self._path, self._frame, self._storage = path, frame, storage
        path.write_bytes(b"")

    def append(self, geometries: Geometries) -> None:
        """Write the point of each geometry and the longer side of its box; NaN where there is none."""
        made = np.full((len(geometries), _COLUMNS), np.nan)
        there, points = label_points(geometries)
        made[there, :2] = shapely.get_coordinates(points)
        made[there, 2] = sizes_of(geometries[there])
        made[there, 3:] = self._frame.steps(made[there, :2], self._storage)
        extend(self._path, made)

    def store(self, writer: PackWriter, order: Ints) -> None:
        """Write the points into a pack, in the order given."""
        every = np.memmap(self._path, np.float64, mode="r") if len(order) else np.empty(0)
        rows = every.reshape(-1, _COLUMNS)
        writer.extend("labels", (part[:, :3] for part in _parts(rows, order)), np.float64, (3,))
        writer.extend("labels.at", (np.nan_to_num(part[:, 3:]) for part in _parts(rows, order)), np.int32, (2,))
        writer.extend("labels.blocks", map(_blocks, _parts(rows, order)), np.float64, (5,))


def _parts(rows: Rows, order: Ints) -> Iterator[Rows]:
    return (rows[order[at : at + _AT_ONCE]] for at in range(0, len(order), _AT_ONCE))


def _blocks(rows: Rows) -> Rows:
    """Return for each block the box of its points in steps and its largest size; all parts but the last are whole."""
    first = np.arange(0, len(rows), _BLOCK)
    low, high = np.fmin.reduceat(rows[:, 3:], first), np.fmax.reduceat(rows[:, 3:], first)
    return np.hstack([low, high, np.fmax.reduceat(rows[:, 2:3], first)])


class Labels:
    """The label points of a pack."""

    def __init__(self, file: PackFile) -> None:
        self._rows: Rows = file.array("labels")
        self._at: NDArray[np.int32] = file.array("labels.at")
        self._blocks: Rows = file.array("labels.blocks")

    def near(self, box: Box, smallest: float) -> Ints:
        """Return the attribute rows with points in a box (steps) of features so large (storage CRS), ascending."""
        of = self._blocks
        blocks = np.flatnonzero(_meets(of[:, :2], of[:, 2:4], box) & (of[:, 4] >= smallest))
        if not len(blocks):
            return blocks
        rows = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
        if rows[-1] >= len(self._rows):
            rows = rows[: np.searchsorted(rows, len(self._rows))]
        at = self._at[rows]
        return np.asarray(rows[_meets(at, at, box) & (self._rows[rows, 2] >= smallest)])

    def points(self, rows: Ints) -> Rows:
        """Return the points of attribute rows (storage x, y)."""
        return np.asarray(self._rows[rows, :2])

    def largest(self, rows: Ints, steps: Ints, most: int) -> tuple[Ints, Ints]:
        """Return the largest of the rows and their points, at most so many, in the order given."""
        if len(rows) <= most:
            return rows, steps
        kept = np.sort(np.argpartition(-self._rows[rows, 2], most)[:most])
        return rows[kept], steps[kept]


def _meets(low: NDArray[Any], high: NDArray[Any], box: Box) -> NDArray[np.bool_]:
    return np.asarray((low[:, 0] <= box[2]) & (high[:, 0] >= box[0]) & (low[:, 1] <= box[3]) & (high[:, 1] >= box[1]))
