"""Partitions as a store: what processes ask of one. It serves one thread, and answers no box or order of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from pygeofilter import ast

from onemap.catalog import Collection
from onemap.catalog.model import Coverage, TableInfo
from onemap.errors import ConfigError
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Ids
from onemap.store.base import Batch, FeatureQuery, LeftOut, View
from onemap.store.partitions.dataset import KEPT_BYTES, Dataset
from onemap.store.partitions.folder import Folder
from onemap.store.partitions.manifest import Partition, read_manifest
from onemap.store.partitions.source import PartitionsSource

_BATCH = 1000
_COMPARISONS: dict[type[Any], Callable[[Any, Any], bool]] = {
    ast.Equal: lambda left, right: left == right,
    ast.NotEqual: lambda left, right: left != right,
    ast.LessThan: lambda left, right: left < right,
    ast.LessEqual: lambda left, right: left <= right,
    ast.GreaterThan: lambda left, right: left > right,
    ast.GreaterEqual: lambda left, right: left >= right,
}


class PartitionsStore:
    """The features of one folder of partitions. ``kept``: bytes of files that may stay in memory."""

    def __init__(self, folder: Folder, kept: int = KEPT_BYTES) -> None:
        self._dataset = Dataset(folder, read_manifest(folder), kept)
        self._source = PartitionsSource(self._dataset)
        self.collection = self._dataset.collection
        self._coverage: tuple[shapely.Geometry, int] | None = None

    def tables(self) -> tuple[list[TableInfo], list[LeftOut]]:
        """Return the one table."""
        return [self.collection.table], []

    def ready(self) -> bool:
        """Whether the store can be read: its manifest was."""
        return True

    def state(self) -> str:
        """Return the version of the data: files do not change."""
        return self._dataset.manifest.version

    def version(self, collection: Collection) -> str:
        """Return the version that the data had where it was exported from."""
        return self._dataset.manifest.version

    def extent(self, view: View) -> Bounds | None:
        """Return the bounds of the features in x, y of the storage CRS."""
        bounds = np.array([item.bounds for item in self._dataset.manifest.partitions]).reshape(-1, 4)
        if not len(bounds):
            return None
        low_x, low_y = bounds[:, :2].min(axis=0).tolist()
        high_x, high_y = bounds[:, 2:].max(axis=0).tolist()
        return (low_x, low_y, high_x, high_y)

    def interval(self, view: View) -> tuple[str | int | None, str | int | None] | None:
        """Return None: nobody asks a batch for it."""
        return None

    def count(self, view: View, query: FeatureQuery, most: int) -> int | None:
        """Return how many features the query matches."""
        return len(self._matching(view, query))

    def batches(self, view: View, query: FeatureQuery) -> Iterator[Batch]:
        """Yield the features of a query in the order of their primary keys. Raises ConfigError for a box or an order.

        Filters are comparisons of a property with a value, joined by AND and OR.
        """
        ids = self._matching(view, query)[query.offset :][: query.limit]
        for start in range(0, len(ids), _BATCH):
            yield self._batch(view, ids[start : start + _BATCH], query)

    def rows(self, partition: Partition) -> Iterator[Batch]:
        """Yield the features of one file in the order of their primary keys, in batches of a thousand."""
        view = View(self.collection, self.collection.fields)
        ids = self._dataset.ids(partition)
        for start in range(0, len(ids), _BATCH):
            yield self._batch(view, ids[start : start + _BATCH], FeatureQuery(limit=_BATCH))

    def feature(self, view: View, key: str) -> Batch:
        """Return the feature with this id as a batch of one, or an empty batch."""
        query = FeatureQuery(limit=1)
        found = [np.empty(0, np.int64)]
        for loaded in self._dataset.all():
            keys = loaded.ids.tolist() if self._numbered else loaded.column(self.collection.key).to_pylist()
            found.append(loaded.ids[[str(item) == key for item in keys]])
        return self._batch(view, np.concatenate(found), query)

    async def feature_soon(self, view: View, key: str) -> Batch:
        """Return the same; blocks, as no server asks for it."""
        return self.feature(view, key)

    def within(self, view: View, bounds: Bounds, smallest: float, query: FeatureQuery) -> Batch:
        """Return the features whose box meets ``bounds``, the ``query.limit`` largest of them."""
        ids, boxes = self._dataset.candidates(bounds)
        sizes = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        kept = np.flatnonzero(sizes >= smallest)
        if query.filter is not None:
            kept = kept[self._meets(query.filter, ids[kept])]
        if len(kept) > query.limit:
            kept = kept[np.argsort(-sizes[kept], kind="stable")[: query.limit]]
        return self._batch(view, np.sort(ids[kept]), query)

    def attributes(self, view: View, keys: Sequence[int], names: Sequence[str]) -> dict[str, list[object]]:
        """Return visible columns of the features with these primary keys, in the order of the keys."""
        return self._source.attributes(np.asarray(keys, dtype=np.int64), [name for name in names if view.column(name)])

    def overlay_source(self, view: View) -> PartitionsSource:
        """Return the layer as the overlay kernel reads it; ids are primary keys."""
        return self._source

    def coverage(self, coverage: Coverage) -> tuple[shapely.Geometry, int] | None:
        """Return the extent of validity that was exported, and its EPSG code."""
        entry = self._dataset.manifest.coverage
        if self._coverage is None and entry is not None:
            self._coverage = (shapely.from_wkb(self._dataset.folder.read(entry.file)), entry.srid)
        return self._coverage

    @property
    def _numbered(self) -> bool:
        """Whether the primary key is the key."""
        return self.collection.key == self.collection.table.primary_key

    def _matching(self, view: View, query: FeatureQuery) -> Ids:
        if query.box is not None or query.order or query.after is not None:
            raise ConfigError("Partitions answer neither boxes nor orders of requests.")
        found = [np.empty(0, np.int64)]
        for loaded in self._dataset.all():
            kept = slice(None) if query.filter is None else self._meets(query.filter, loaded.ids)
            found.append(loaded.ids[kept])
        return np.sort(np.concatenate(found))

    def _batch(self, view: View, ids: Ids, query: FeatureQuery) -> Batch:
        names = [item.name for item in view.only(query.columns)]
        read = names if self._numbered else [*names, self.collection.key]
        columns = self._source.attributes(ids, list(dict.fromkeys(read)))
        keys = ids.tolist() if self._numbered else columns[self.collection.key]
        return Batch(keys, self._source.geometries(ids), {name: columns[name] for name in names})

    def _meets(self, node: ast.Node, ids: Ids) -> Any:
        columns = self._source.attributes(ids, sorted(_names(node)))
        rows = zip(*columns.values(), strict=True) if columns else ([()] * len(ids))
        return np.array([_holds(node, dict(zip(columns, row, strict=True))) for row in rows], dtype=bool)


def _names(node: Any) -> set[str]:
    if isinstance(node, ast.Attribute):
        return {str(node.name)}
    return set().union(*map(_names, node.get_sub_nodes())) if isinstance(node, ast.Node) else set()


def _holds(node: Any, row: dict[str, Any]) -> bool:
    """Whether a condition holds for the values of a feature; a comparison with no value does not."""
    if isinstance(node, ast.And):
        return _holds(node.lhs, row) and _holds(node.rhs, row)
    if isinstance(node, ast.Or):
        return _holds(node.lhs, row) or _holds(node.rhs, row)
    if isinstance(node, ast.In) and not node.not_ and isinstance(node.lhs, ast.Attribute):
        return row[node.lhs.name] in node.sub_nodes
    compare = _COMPARISONS.get(type(node))
    if compare is None or not isinstance(node.lhs, ast.Attribute) or isinstance(node.rhs, ast.Node):
        raise ConfigError(f"Partitions do not answer a filter with {type(node).__name__}.")
    value = row[node.lhs.name]
    return value is not None and bool(compare(value, node.rhs))
