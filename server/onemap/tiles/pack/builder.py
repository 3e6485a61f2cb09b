"""Which packs are to be built, and building them: one process for a folder at a time."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from onemap.catalog import Collection
from onemap.errors import OneMapError
from onemap.store import Store
from onemap.store.tiling import TileStore
from onemap.tiles.generalise import Report, Settings
from onemap.tiles.pack.build import Plan, build
from onemap.tiles.pack.source import Packs

Say = Callable[[str], None]
_PROGRESS = "progress.json"
_EVERY = 0.5


def packed(collection: Collection, store: Store) -> bool:
    """Whether a collection is to have a pack."""
    if collection.tiles.pack is not None:
        return collection.tiles.pack
    return not isinstance(store, TileStore)


def plan(collection: Collection) -> Plan:
    """Return how the pack of a collection is built."""
    tiles = collection.tiles
    return Plan(
        collection, Settings(coverage=tiles.coverage, class_column=tiles.class_field if tiles.coverage else None)
    )


@contextmanager
def only_builder(folder: Path) -> Iterator[bool]:
    """Be the only builder of a folder for the length of the block, or learn that another one is."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@dataclass
class Builder:
    """Build packs in a folder. ``edits``: after so many edited features a pack is built again.

    ``look`` is called now and then while building, and may end it by an exception.
    """

    folder: Path
    stores: Mapping[str, Store]
    edits: int = 2_000
    say: Say = print
    look: Callable[[], None] = lambda: None
    _failed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at the packs that there are."""
        self._packs = Packs(self.folder)

    def reason(self, collection: Collection) -> str:
        """Return why a pack is to be built, an empty text when it need not be. Blocks."""
        store = self.stores[collection.store]
        source = self._packs.get(collection, store)
        if source is None:
            return "there is none"
        edited = source.freshness.edited()
        if edited is None:
            return "its store has changed in ways that no log tells, or too much"
        return "many features were edited" if len(set(edited.keys.tolist())) >= self.edits else ""

    def build(self, collection: Collection) -> list[Report]:
        """Build the pack of a collection, whether or not there is one. Blocks, for minutes."""
        path = self._packs.path(collection)
        assert path is not None
        self._sweep(path)
        begun = time.time()
        shown = _Progress(self.folder / _PROGRESS, collection.id, self.look)
        try:
            reports = build(self.stores[collection.store], plan(collection), path, shown)
        finally:
            shown.end()
        size = path.stat().st_size / 1e6
        self.say(f"{collection.id}: pack built in {time.time() - begun:.0f} s, {size:.1f} MB")
        return reports

    def build_wanted(self, collections: Sequence[Collection]) -> None:
        """Build the packs that are missing or out of date; one that fails is tried again ten minutes later."""
        for collection in collections:
            if time.monotonic() < self._failed.get(collection.id, 0.0):
                continue
            try:
                if self.reason(collection):
                    self.build(collection)
            except OneMapError as error:
                self._failed[collection.id] = time.monotonic() + 600.0
                self.say(f"{collection.id}: no pack: {error.detail}")

    def _sweep(self, path: Path) -> None:
        """Remove what builds that were interrupted left."""
        for left in self.folder.glob(f"{path.name}.*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


class _Progress:
    """Keep a file that says how far a build is."""

    def __init__(self, path: Path, name: str, look: Callable[[], None]) -> None:
        self._path, self._name, self._look = path, name, look
        self._begun, self._next = time.time(), 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        """Say that a step is so far."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        self._look()
        begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._begun))
        said = {"collection": self._name, "step": step, "done": done, "total": total, "begun": begun}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.write_text(json.dumps(said), encoding="utf-8")
        draft.replace(self._path)

    def end(self) -> None:
        """Say nothing any more."""
        self._path.unlink(missing_ok=True)


def progress(folder: Path) -> Mapping[str, object] | None:
    """Return how far the build is that goes on in a folder; None when none does."""
    try:
        found: Mapping[str, object] = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
