"""Write a collection as partitions: what is held of all features are their keys and boxes, the rest tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.catalog import Collection
from onemap.cql import write_text
from onemap.errors import ConfigError
from onemap.geo.area import measure_for
from onemap.geo.cover import Boxes
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Ids, OverlaySource
from onemap.store.base import Store, View
from onemap.store.partitions import form, quadtree
from onemap.store.partitions.folder import Folder
from onemap.store.partitions.manifest import MANIFEST, CoverageEntry, Manifest, Partition, collection_data

ROWS = 10_000
_EVERYWHERE: Bounds = (-1e9, -1e9, 1e9, 1e9)  # in degrees and in metres
_COVERAGE = "coverage.wkb"
Progress = Callable[[int, int], None]
"""Told how many features are written, and how many there are."""


class _Source(OverlaySource, Protocol):
    def attributes(self, ids: Ids, columns: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        """Return columns of features, in the order of the ids."""
        ...


@dataclass(frozen=True, slots=True)
class Export:
    """What is written of a view: features whose box meets ``bounds`` (storage x, y), by default all.

    ``columns``: names of columns, by default all that are visible. The view's own condition selects rows.
    """

    view: View
    store: Store
    bounds: Bounds | None = None
    columns: Container[str] | None = None
    rows: int = ROWS

    def collection(self) -> Collection:
        """Return the collection as the partitions have it: with the columns exported."""
        whole = self.view.collection
        kept = self.view.only(self.columns)
        names = {item.name for item in kept}
        hidden = [item for item in whole.fields if item.name == whole.key and whole.key not in names]
        table = replace(whole.table, fields=(*kept, *hidden))
        return replace(whole, fields=kept, table=table, editable=False)


def export(order: Export, folder: Folder, progress: Progress) -> Manifest:
    """Write the features that have a geometry, the manifest last. Raises ConfigError when the data changed meanwhile.

    One state of the data is read, as long as that takes.
    """
    collection = order.collection()
    form.check_names(collection)
    version = order.store.version(order.view.collection)
    source = cast(_Source, order.store.overlay_source(order.view))
    measured = _measurable(collection)
    with source.snapshot():
        ids, boxes = source.candidates(order.bounds or _EVERYWHERE)
        known = np.isfinite(boxes).all(axis=1)
        ids, square, tiles = _tiles(ids[known], boxes[known], order.rows)
        del boxes
        writer = _Writer(collection, source, folder, measured)
        partitions = []
        for key, first, last in tiles:
            partitions.append(writer.write(key, np.sort(ids[first:last])))
            progress(last, len(ids))
    if order.store.version(order.view.collection) != version:
        raise ConfigError(f"'{collection.id}' was changed while it was exported.", "Export it again.")
    manifest = _manifest(order, collection, version, square, partitions, _coverage(order, folder), measured)
    folder.write(MANIFEST, manifest.model_dump_json(indent=1).encode())
    return manifest


def _tiles(ids: Ids, boxes: Boxes, rows: int) -> tuple[Ids, Bounds, list[tuple[str, int, int]]]:
    """Return the ids in the order of the tiles of their centres, the root, and the tiles with their places."""
    if not len(ids):
        return ids, (0.0, 0.0, 1.0, 1.0), []
    square = quadtree.root(boxes)
    codes = quadtree.codes((boxes[:, :2] + boxes[:, 2:]) / 2, square)
    order = np.argsort(codes, kind="stable")
    return ids[order], square, list(quadtree.leaves(codes[order], rows))


@dataclass(frozen=True, slots=True)
class _Writer:
    collection: Collection
    source: _Source
    folder: Folder
    measured: bool

    def write(self, key: str, ids: NDArray[np.int64]) -> Partition:
        geometries = self.source.geometries(ids)
        areas = self.source.areas(ids) if self.measured else None
        names = [item.name for item in self.collection.table.fields]
        content, boxes = form.encode(self.collection, ids, geometries, areas, self.source.attributes(ids, names))
        name = f"tiles/q{key}.parquet"
        self.folder.write(name, content)
        bounds = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
        return Partition(key=key, file=name, rows=len(ids), bounds=bounds, ids=(int(ids[0]), int(ids[-1])))


def _measurable(collection: Collection) -> bool:
    if not collection.table.geometry_type.endswith(("POLYGON", "GEOMETRY")):
        return False
    try:
        measure_for(collection.storage.srid)
    except ConfigError:
        return False
    return True


def _coverage(order: Export, folder: Folder) -> CoverageEntry | None:
    declared = order.view.collection.coverage
    found = order.store.coverage(declared) if declared else None
    if found is None:
        return None
    folder.write(_COVERAGE, shapely.to_wkb(found[0], byte_order=1))
    return CoverageEntry(file=_COVERAGE, srid=found[1])


def _manifest(
    order: Export,
    collection: Collection,
    version: str,
    square: Bounds,
    partitions: list[Partition],
    coverage: CoverageEntry | None,
    measured: bool,
) -> Manifest:
    return Manifest(
        format="onemap-partitions",
        format_version=1,
        id=collection.id,
        version=version,
        crs=collection.storage.uri,
        srid=collection.storage.srid,
        roles={item.role: item.name for item in collection.fields if item.role},
        areas=measured,
        selection=write_text(order.view.rows) if order.view.rows is not None else "",
        square=square,
        most_rows=order.rows,
        features=sum(item.rows for item in partitions),
        coverage=coverage,
        partitions=tuple(sorted(partitions, key=lambda item: item.key)),
        collection=collection_data(collection),
    )
