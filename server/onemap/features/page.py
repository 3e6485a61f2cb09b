"""One page of features on its way from the store to the writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from onemap.store import Batch, Position, SortKey
from onemap.store.base import Key


class Page:
    """The batches of an answer with what was asked for, and where in the order each feature stands.

    Columns that were read only to sort by are left out; so are geometries where they are not wanted.
    """

    def __init__(
        self,
        batches: Iterator[Batch],
        order: Sequence[SortKey],
        names: Sequence[str] | None = None,
        *,
        skip_geometry: bool = False,
    ) -> None:
        self._batches = batches
        self._order = order
        self._names = names
        self._skip_geometry = skip_geometry
        self._recent: list[Batch] = []

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            self._recent = [*self._recent[-1:], self._places(batch)]
            yield self._shown(batch)

    def position(self, key: Key) -> Position:
        """Return where a feature of the last two batches stands."""
        for batch in reversed(self._recent):
            if key in batch.keys:
                return batch.position(list(batch.keys).index(key), self._order)
        raise LookupError(f"the feature {key} is not on this page")

    def _places(self, batch: Batch) -> Batch:
        """Return what says where the features of a batch stand, without the rest of it."""
        names = {sort.name for sort in self._order}
        columns = {name: values for name, values in batch.columns.items() if name in names}
        return Batch(batch.keys, batch.geometries[:0], columns)

    def _shown(self, batch: Batch) -> Batch:
        if self._names is None and not self._skip_geometry:
            return batch
        names = batch.columns if self._names is None else self._names
        columns = {name: values for name, values in batch.columns.items() if name in names}
        none = np.full(len(batch), None, dtype=object)
        return Batch(batch.keys, none if self._skip_geometry else batch.geometries, columns)
