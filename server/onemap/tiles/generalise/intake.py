"""A layer read once, batch by batch, into files that each level is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import ConfigError
from onemap.store import Batch
from onemap.store.base import Key
from onemap.tiles.generalise.clean import Grid, onto_grid
from onemap.tiles.generalise.faces import FaceFile, Faces, Ints

_MOST = 2**31 - 1


@dataclass(slots=True)
class Rows:
    """The features of a layer by row: their keys and classes."""

    codes: dict[object, int] = field(default_factory=dict)
    _keys: list[NDArray[np.generic]] = field(default_factory=list)
    count: int = 0

    def add(self, batch: Batch, class_column: str | None) -> NDArray[np.int32]:
        """Add the features of a batch and return the codes of their classes."""
        whole = all(isinstance(key, int) for key in batch.keys)
        self._keys.append(np.array(batch.keys, dtype=np.int64 if whole else object))
        self.count += len(batch)
        values: Sequence[object] = batch.columns[class_column] if class_column else [None] * len(batch)
        codes = self.codes
        return np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int32)

    def keys(self, rows: Ints) -> list[Key]:
        """Return the keys of rows."""
        if len(self._keys) > 1:
            self._keys = [np.concatenate(self._keys)]
        found: list[Key] = self._keys[0][rows].tolist() if self._keys else []
        return found

    @property
    def numbered(self) -> bool:
        """Whether all keys are whole numbers."""
        return all(part.dtype == np.int64 for part in self._keys)

    def numbers(self, rows: Ints) -> Ints:
        """Return the keys of rows, which must be whole numbers."""
        return np.concatenate([np.empty(0, np.int64), *self._keys])[rows]

    def by_class(self, areas: NDArray[np.float64]) -> dict[str, float]:
        """Return values by code as values by the name of the class."""
        return {"" if name is None else str(name): float(areas[code]) for name, code in self.codes.items()}


def grid_for(first: Batch, pixel: float) -> Grid:
    """Return a grid of 1/512 of a pixel around the features of the first batch."""
    bounds = shapely.total_bounds(first.geometries)
    middle = (bounds[:2] + bounds[2:]) / 2 if np.isfinite(bounds).all() else np.zeros(2)
    step = pixel / 512
    return Grid((float(np.rint(middle[0] / step) * step), float(np.rint(middle[1] / step) * step)), step)


def read(source: Iterable[Batch], file: FaceFile, grid: Grid, class_column: str | None) -> Rows:
    """Write the polygons of a layer to a file, and return its rows. Raises ConfigError for a layer that is too wide."""
    rows = Rows()
    for batch in source:
        at = rows.count
        codes = rows.add(batch, class_column)
        polygons, owners = onto_grid(batch.geometries, grid)
        if len(polygons) and np.abs(shapely.total_bounds(polygons)).max() > _MOST:
            raise ConfigError("A layer that wide cannot be generalised at such a fine level.")
        file.append(Faces(polygons, owners + at, codes[owners], shapely.area(polygons)))
    file.finish()
    return rows
