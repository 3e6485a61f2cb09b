"""Rows of geometries kept in files while a pack is built, so that memory does not grow with the layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.faces import extend, spread, starts
from onemap.tiles.pack.ragged import FIELDS, Rows

Ints = NDArray[np.int64]


class RowFile:
    """Rows in a folder; first all are written, then any are read."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        for name in FIELDS:
            (folder / name).write_bytes(b"")
        self._read: dict[str, NDArray[Any]] = {}
        self.count = 0

    def append(self, rows: Rows) -> None:
        """Write rows."""
        for name, (dtype, _) in FIELDS.items():
            extend(self._folder / name, np.asarray(getattr(rows, name), dtype=dtype))
        self.count += len(rows)

    def finish(self) -> None:
        """End writing; from now on rows can be read."""
        for name, (dtype, tail) in FIELDS.items():
            path = self._folder / name
            flat = np.memmap(path, dtype, mode="r") if path.stat().st_size else np.empty(0, dtype)
            self._read[name] = flat.reshape(-1, *tail)
        self.ring_starts = starts(self._read["rings"])
        self.point_starts = starts(self._read["points"])

    def drop(self) -> None:
        """Remove the files."""
        self._read.clear()
        for name in FIELDS:
            (self._folder / name).unlink(missing_ok=True)
        self._folder.rmdir()

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of all rows."""
        return self._read[name]

    def rows(self, numbers: Ints) -> Rows:
        """Return the rows with these numbers, in that order."""
        read = self._read
        rings, points = read["rings"][numbers], read["points"][numbers]
        ring = spread(self.ring_starts[numbers], rings)
        point = spread(self.point_starts[numbers], points)
        of_row = {name: read[name][numbers] for name in ("owner", "kind", "box", "clearance")}
        return Rows(
            **of_row,
            rings=rings,
            points=points,
            ring_points=read["ring_points"][ring],
            exterior=read["exterior"][ring],
            xy=read["xy"][point],
        )
