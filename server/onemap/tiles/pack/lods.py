"""Levels of detail of a pack: rows along a Hilbert curve with boxes in blocks, for tiles of a range of zooms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import spread, starts
from onemap.tiles.pack.borders import CutRows
from onemap.tiles.pack.encoded import EncodedShapes
from onemap.tiles.pack.format import PackFile, PackWriter
from onemap.tiles.pack.ragged import Rows
from onemap.tiles.pack.rowfile import RowFile

BLOCK = 64
_AT_ONCE = 50_000
Ints = NDArray[np.int64]
Box = tuple[float, float, float, float]


def write_lod(writer: PackWriter, name: str, file: RowFile, features: Ints) -> tuple[Ints, Ints]:
    """Write rows in the order of their attributes, which is along a Hilbert curve.

    Return that order, and in it the row of the attributes of each. ``features``: that row of each owner.
    """
    row = features[np.asarray(file.column("owner"))]
    order = np.argsort(row, kind="stable")
    box = np.asarray(file.column("box"))[order]
    for column in ("kind", "clearance"):
        writer.write(f"{name}/{column}", np.asarray(file.column(column))[order])
    writer.write(f"{name}/row", row[order].astype(np.uint32))
    writer.write(f"{name}/box", box)
    writer.write(f"{name}/blocks", _blocks(box))
    writer.write(f"{name}/rings", starts(np.asarray(file.column("rings"))[order]))
    writer.extend(f"{name}/xy", (rows.xy for rows in each_row(file, order)), np.int32, (2,))
    writer.extend(f"{name}/exterior", (rows.exterior for rows in each_row(file, order)), np.bool_)
    writer.extend(f"{name}/points", _ring_starts(file, order), np.int64)
    return order, row[order]


def each_row(file: RowFile, order: Ints) -> Iterator[Rows]:
    """Yield rows in an order, some at a time."""
    for start in range(0, len(order), _AT_ONCE):
        yield file.rows(order[start : start + _AT_ONCE])


def _ring_starts(file: RowFile, order: Ints) -> Iterator[Ints]:
    at = 0
    for rows in each_row(file, order):
        ends = starts(rows.ring_points) + at
        yield ends[:-1]
        at = int(ends[-1])
    yield np.array([at])


def _blocks(box: NDArray[np.int32]) -> NDArray[np.int32]:
    if not len(box):
        return np.empty((0, 4), np.int32)
    first = np.arange(0, len(box), BLOCK)
    return np.hstack([np.minimum.reduceat(box[:, :2], first), np.maximum.reduceat(box[:, 2:], first)])


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows of a level of detail, encoded for one zoom: as a whole, and cut at the borders of tiles.

    ``unit``: the length of a tile unit in steps.
    """

    unit: float
    shapes: EncodedShapes
    cuts: CutRows


class Lod:
    """One level of detail. ``pixel``: the side of the pixels it is made for, in steps; 0 for full detail."""

    def __init__(self, file: PackFile, name: str, pixel: float, encoded: Mapping[int, float]) -> None:
        self.pixel, self.name = pixel, name
        of_zooms = ((f"{name}/at{zoom}", unit) for zoom, unit in encoded.items())
        self.encoded = [EncodedRows(unit, EncodedShapes(file, of), CutRows(file, f"{of}/cut")) for of, unit in of_zooms]
        self.row: NDArray[np.uint32] = file.array(f"{name}/row")
        self.kind: NDArray[np.uint8] = file.array(f"{name}/kind")
        self.clearance: NDArray[np.float32] = file.array(f"{name}/clearance")
        self.box: NDArray[np.int32] = file.array(f"{name}/box")
        self._blocks: NDArray[np.int32] = file.array(f"{name}/blocks")
        self.rings: Ints = file.array(f"{name}/rings")
        self.points: Ints = file.array(f"{name}/points")
        self.exterior: NDArray[np.bool_] = file.array(f"{name}/exterior")
        self.xy: NDArray[np.int32] = file.array(f"{name}/xy")

    def __len__(self) -> int:
        return len(self.row)

    def meeting(self, box: Box) -> Ints:
        """Return the rows whose boxes meet a box in steps, ascending."""
        blocks = np.flatnonzero(_meets(self._blocks, box))
        if not len(blocks):
            return blocks
        rows = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        if rows[-1] >= len(self):
            rows = rows[: np.searchsorted(rows, len(self))]
        return np.asarray(rows[_meets(self.box.take(rows, axis=0), box)])

    def within(self, rows: Ints, box: Box) -> NDArray[np.bool_]:
        """Return which of the rows have boxes that meet a box."""
        return _meets(self.box[rows], box)

    def gather(self, rows: Ints) -> tuple[NDArray[np.float64], Ints, Ints, NDArray[np.bool_]]:
        """Return points, points of each ring, rings of each row, and which rings are exterior."""
        first = self.rings[rows]
        rings = self.rings[rows + 1] - first
        ring = spread(first, rings)
        begin = self.points[first]
        points = self.points[first + rings] - begin
        ring_points = self.points[ring + 1] - self.points[ring]
        return self.xy[spread(begin, points)].astype(np.float64), ring_points, rings, self.exterior[ring]


def _meets(boxes: NDArray[Any], box: Box) -> NDArray[np.bool_]:
    return np.asarray(
        (boxes[:, 0] <= box[2]) & (boxes[:, 2] >= box[0]) & (boxes[:, 1] <= box[3]) & (boxes[:, 3] >= box[1])
    )
