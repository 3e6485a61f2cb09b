"""Whether a pack still says what its store holds, and what was edited since it was built."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from onemap.catalog import Collection
from onemap.geo.crs import Bounds
from onemap.store import Batch, Store
from onemap.store.changelog import Change, LoggedStore
from onemap.tiles.pack.build import whole_view
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.settled import settled

MOST = 20_000
"""So many features may have been edited; with more a pack is not used until it is built again."""


@dataclass(frozen=True)
class Edited:
    """The features edited since a pack was built: where each was and is, one pair of key and box (storage x, y) each.

    A tile shows of an edit what lies in its own reach: one that no such box meets is as it was, and so are the copies
    of it in caches.
    """

    keys: NDArray[np.int64]
    boxes: NDArray[np.float64]
    holders: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict, compare=False)

    def near(self, bounds: Bounds) -> list[int]:
        """Return the keys of the features that were or are within bounds."""
        boxes = self.boxes
        meets = (boxes[:, :2] <= bounds[2:]).all(axis=1) & (boxes[:, 2:] >= bounds[:2]).all(axis=1)
        found: list[int] = np.unique(self.keys[meets]).tolist()
        return found


Places = dict[int, set[Bounds]]


@dataclass
class _Known:
    """What is known of the edits, as of a state of the store."""

    state: str
    since: str | None
    places: Places = field(default_factory=dict)


class Freshness:
    """The edits since one pack was built. The log of changes is read when the state of the store is another one."""

    def __init__(self, pack: Pack, store: Store, collection: Collection) -> None:
        self._pack, self._store, self._collection = pack, store, collection
        self._view = whole_view(collection)
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._edited: Edited | None = None
        self._features: dict[int, Batch] = {}
        self._looks = 0

    def edited(self) -> Edited | None:
        """Return what was edited; None when the pack must not be used. Blocks."""
        state = self._store.state()
        with self._lock:
            if self._known is None or self._known.state != state:
                self._edited = self._look(state)
            return self._edited

    def features(self, keys: Sequence[int]) -> list[Batch]:
        """Return features as they are now, those that are there, each as a batch of one with all columns."""
        found = []
        for key in keys:
            batch = self._features.get(key)
            if batch is None:
                looks = self._looks
                batch = self._store.feature(self._view, str(key))
                with self._lock:
                    # What was read before a later change was noticed must not be remembered.
                    if looks == self._looks:
                        self._features[key] = batch
            if len(batch):
                found.append(batch)
        return found

    def _look(self, state: str) -> Edited | None:
        """Read what changed since the last time."""
        self._looks += 1
        before = self._known if self._edited is not None else None
        since = before.since if before else self._pack.position
        places: Places = dict(before.places) if before else {}
        self._known = _Known(state, None)
        changes = self._changes(since, first=before is None)
        if changes is None:
            return None
        now, changed = changes
        for change in changed:
            boxes = {box for box in (change.before, change.after) if box is not None}
            places[change.key] = places.get(change.key, set()) | boxes
            self._features.pop(change.key, None)
        if len(places) > MOST or (places and not self._pack.keyed):
            return None
        self._known = _Known(state, now, places)
        return _edited(places)

    def _changes(self, since: str | None, *, first: bool) -> tuple[str | None, Sequence[Change]] | None:
        """Return the position and what changed up to it; None when that cannot be known."""
        if not isinstance(self._store, LoggedStore):
            return (None, ()) if self._unchanged() else None
        table = self._collection.table.name
        if since is not None:
            changes = self._store.changes(since, [table], MOST)
            if table not in changes.unknown:
                return changes.position, changes.changed
        now = self._store.position()
        return (now, ()) if first and self._unchanged() else None

    def _unchanged(self) -> bool:
        """Whether the store as a whole is as it was when the pack was built."""
        then, now = self._pack.file.meta.get("settled"), settled(self._store)
        if then is not None and then == now:
            return True
        return bool(self._pack.file.meta["state"] == self._store.state())


def _edited(places: Places) -> Edited:
    pairs = [(key, box) for key, boxes in places.items() for box in boxes]
    keys = np.array([key for key, _ in pairs], dtype=np.int64)
    return Edited(keys, np.array([box for _, box in pairs], dtype=np.float64).reshape(-1, 4))
