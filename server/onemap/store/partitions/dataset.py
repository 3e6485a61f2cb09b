"""A partitioned collection as it is read: columns of files on demand, the latest files kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.geo.cover import Boxes, Mask, box_test
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Ids
from onemap.store.partitions import form
from onemap.store.partitions.folder import Folder
from onemap.store.partitions.manifest import Manifest, Partition

KEPT_BYTES = 512 * 2**20


class Loaded:
    """A file whose columns are read when they are asked for; ``ids`` ascend, and ``boxes`` are theirs."""

    def __init__(self, folder: Folder, partition: Partition, areas: bool) -> None:
        self._folder = folder
        self._file = partition.file
        first = folder.table(self._file, [form.ID, form.BOX, *([form.AREA] if areas else [])])
        self.ids: Ids = first.column(form.ID).to_numpy()
        self.boxes = form.boxes_of(first)
        self.areas = first.column(form.AREA).to_numpy() if areas else np.full(len(self.ids), np.nan)
        self._columns: dict[str, Any] = {}
        self.nbytes = int(first.nbytes)

    def column(self, name: str) -> Any:
        """Return a column as an Arrow array."""
        return self.columns([name])[name]

    def columns(self, names: Sequence[str]) -> dict[str, Any]:
        """Return columns as Arrow arrays; those not yet read are read together."""
        missing = [name for name in names if name not in self._columns]
        if missing:
            table = self._folder.table(self._file, missing)
            self._columns |= {name: table.column(name).combine_chunks() for name in missing}
            self.nbytes += int(table.nbytes)
        return {name: self._columns[name] for name in names}


class Dataset:
    """The partitions of a collection. Files are let go only when a new place is asked about.

    One thread at a time may use it.
    """

    def __init__(self, folder: Folder, manifest: Manifest, kept: int = KEPT_BYTES) -> None:
        self.folder = folder
        self.manifest = manifest
        self.collection = manifest.declared()
        self._kept = kept
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._bounds = np.array([item.bounds for item in manifest.partitions]).reshape(-1, 4)

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return the ids of features whose boxes meet bounds, ascending, and the boxes; see ``OverlaySource``."""
        wanted = box_test(bounds, meets)
        self._let_go()
        ids, boxes = [np.empty(0, np.int64)], [np.empty((0, 4))]
        for at in np.flatnonzero(wanted(self._bounds)).tolist() if len(self._bounds) else []:
            loaded = self._load(self.manifest.partitions[at])
            found = wanted(loaded.boxes)
            ids.append(loaded.ids[found])
            boxes.append(loaded.boxes[found])
        every = np.concatenate(ids)
        order = np.argsort(every, kind="stable")
        return every[order], np.concatenate(boxes)[order]

    def spread(self, ids: Ids) -> Iterator[tuple[Loaded, NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the files that hold features, which places of ``ids`` they hold, and in which rows.

        Files in memory are looked at first; others only while some feature is not found.
        """
        left = np.arange(len(ids))
        for loaded in self._in_order(ids):
            if not len(left):
                return
            row = np.searchsorted(loaded.ids, ids[left])
            row[row == len(loaded.ids)] = 0
            there = loaded.ids[row] == ids[left]
            if there.any():
                yield loaded, left[there], row[there]
                left = left[~there]

    def ids(self, partition: Partition) -> Ids:
        """Return the ids of the features of a file, ascending."""
        self._let_go()
        return self._load(partition).ids

    def all(self) -> Iterator[Loaded]:
        """Yield every file."""
        for partition in self.manifest.partitions:
            self._let_go()
            yield self._load(partition)

    def _in_order(self, ids: Ids) -> Iterator[Loaded]:
        known = set(self._loaded)
        yield from reversed(list(self._loaded.values()))
        low, high = (int(ids.min()), int(ids.max())) if len(ids) else (0, -1)
        for partition in self.manifest.partitions:
            if partition.key not in known and partition.ids[0] <= high and partition.ids[1] >= low:
                yield self._load(partition)

    def _load(self, partition: Partition) -> Loaded:
        if partition.key not in self._loaded:
            self._loaded[partition.key] = Loaded(self.folder, partition, self.manifest.areas)
        self._loaded.move_to_end(partition.key)
        return self._loaded[partition.key]

    def _let_go(self) -> None:
        while len(self._loaded) > 1 and sum(item.nbytes for item in self._loaded.values()) > self._kept:
            self._loaded.popitem(last=False)
