"""Polygons kept in files: written in turn, read back by number, so that memory does not grow with a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Polygons = NDArray[np.object_]

_COLUMNS = {"source": np.int64, "klass": np.int32, "largest": np.float64, "area": np.float64, "centre": np.int32,
            "rings": np.int64, "points": np.int64}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Faces:
    """Simple polygons on an integer grid.

    ``source``: the row of the layer whose attributes a face has. ``klass``: the code of its class. ``largest``: the
    area of its largest part as it once was; two faces that merge keep the attributes of the larger.
    """

    polygons: Polygons
    source: Ints
    klass: NDArray[np.int32]
    largest: Floats

    def __len__(self) -> int:
        return len(self.source)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Faces:
        """Return some of the faces."""
        return Faces(self.polygons[rows], self.source[rows], self.klass[rows], self.largest[rows])


class FaceFile:
    """Faces in a folder of their own; first all are written, then any are read."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._read: dict[str, NDArray[np.generic]] = {}
        self._count = 0
        for name in (*_COLUMNS, "xy", "ring_points"):
            (folder / name).write_bytes(b"")

    def __len__(self) -> int:
        return self._count

    def append(self, faces: Faces) -> None:
        """Write faces; their coordinates must be whole numbers of 32 bits."""
        if not len(faces):
            return
        _, xy, (ring_ends, face_ends) = shapely.to_ragged_array(faces.polygons)
        boxes = shapely.bounds(faces.polygons)
        values = {
            "source": faces.source,
            "klass": faces.klass,
            "largest": faces.largest,
            "area": shapely.area(faces.polygons),
            "centre": (boxes[:, :2] + boxes[:, 2:]) / 2,
            "rings": np.diff(face_ends),
            "points": np.diff(ring_ends[face_ends]),
        }
        for name, type_ in _COLUMNS.items():
            extend(self._folder / name, np.asarray(values[name]).astype(type_))
        extend(self._folder / "xy", np.rint(xy).astype(np.int32))
        extend(self._folder / "ring_points", np.diff(ring_ends).astype(np.int32))
        self._count += len(faces)

    def finish(self) -> None:
        """End writing; from now on faces can be read."""
        for name, type_ in {**_COLUMNS, "xy": np.int32, "ring_points": np.int32}.items():
            path = self._folder / name
            shape = (-1, 2) if name in ("xy", "centre") else (-1,)
            empty = not path.stat().st_size
            mapped = np.empty(0, type_) if empty else np.memmap(path, type_, mode="r")
            self._read[name] = mapped.reshape(shape)
        self._ring_starts = starts(self._read["rings"])
        self._point_starts = starts(self._read["points"])

    def drop(self) -> None:
        """Remove the files."""
        self._read.clear()
        for name in (*_COLUMNS, "xy", "ring_points"):
            (self._folder / name).unlink(missing_ok=True)
        self._folder.rmdir()

    def column(self, name: str) -> NDArray[np.generic]:
        """Return a column of all faces: source, klass, largest, area, centre (x, y) or points."""
        return self._read[name]

    def faces(self, rows: Ints) -> Faces:
        """Return the faces with these numbers, in that order."""
        columns = {name: np.asarray(self._read[name][rows]) for name in ("source", "klass", "largest")}
        return Faces(self.polygons(rows), **columns)

    def polygons(self, rows: Ints) -> Polygons:
        """Return the shapes of the faces with these numbers, on the grid."""
        if not len(rows):
            return np.empty(0, dtype=object)
        rings = np.asarray(self._read["rings"][rows])
        points = np.asarray(self._read["points"][rows])
        xy = self._read["xy"][spread(self._point_starts[rows], points)].astype(np.float64)
        sizes = self._read["ring_points"][spread(self._ring_starts[rows], rings)]
        ends = (starts(sizes), starts(rings))
        return np.asarray(shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy, ends), dtype=object)

    def each(self, size: int) -> Iterator[Ints]:
        """Yield the numbers of all faces, some at a time."""
        for start in range(0, self._count, size):
            yield np.arange(start, min(start + size, self._count))


def extend(path: Path, array: NDArray[Any]) -> None:
    """Write an array behind what is in a file. No file stays open, whatever becomes of the work."""
    with path.open("ab") as file:
        np.ascontiguousarray(array).tofile(file)


def spread(starts: Ints, counts: NDArray[np.int64] | NDArray[np.int32]) -> Ints:
    """Return the numbers from each start on, as many as counted, one after the other."""
    total = int(counts.sum())
    before = np.cumsum(counts) - counts
    return np.asarray(np.arange(total, dtype=np.int64) + np.repeat(starts - before, counts))


def starts(counts: NDArray[np.generic]) -> Ints:
    """Return where each run of so many begins, and where the last one ends."""
    ends = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends
