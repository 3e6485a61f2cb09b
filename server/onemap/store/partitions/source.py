"""Partitions as the overlay kernel reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from onemap.geo.area import measure_for
from onemap.geo.cover import Boxes, Mask
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Floats, Geometries, Ids, repair
from onemap.geo.pieces import MEMORY, PieceMemory
from onemap.store.partitions.dataset import Dataset
from onemap.store.partitions.form import shapes_of


@dataclass(frozen=True, slots=True)
class PartitionsSource:
    """Candidates by the boxes of files and of their features; areas as they were exported. Ids are primary keys."""

    dataset: Dataset
    memory: PieceMemory = MEMORY

    @property
    def srid(self) -> int:
        """The EPSG code of the coordinates."""
        return self.dataset.manifest.srid

    def snapshot(self) -> AbstractContextManager[None]:
        """Do nothing: files do not change."""
        return nullcontext()

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return the primary keys whose boxes meet ``bounds``, and the boxes; those ``meets`` denies are left out."""
        return self.dataset.candidates(bounds, meets)

    def areas(self, ids: Ids) -> Floats:
        """Return the whole areas in m2: those exported, and measured ones where there are none."""
        areas = np.full(len(ids), np.nan)
        for loaded, places, rows in self.dataset.spread(ids):
            areas[places] = loaded.areas[rows]
        missing = np.flatnonzero(np.isnan(areas))
        if len(missing):
            areas[missing] = measure_for(self.srid).areas(repair(self.geometries(ids[missing])))
        return areas

    def geometries(self, ids: Ids) -> Geometries:
        """Return the geometries, None for a feature that is not there."""
        made = np.full(len(ids), None, dtype=object)
        column = self.dataset.collection.table.geometry_column
        for loaded, places, rows in self.dataset.spread(ids):
            made[places] = shapes_of(loaded.column(column).take(rows))
        return made

    def attributes(self, ids: Ids, columns: Sequence[str]) -> dict[str, list[Any]]:
        """Return columns of features, in the order of the ids; None for a feature that is not there."""
        made: dict[str, list[Any]] = {name: [None] * len(ids) for name in columns}
        for loaded, places, rows in self.dataset.spread(ids):
            for name, values in loaded.columns(columns).items():
                for place, value in zip(places.tolist(), values.take(rows).to_pylist(), strict=True):
                    made[name][place] = value
        return made
