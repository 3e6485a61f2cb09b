"""Following the changes of a store, so that no tile outlives what it shows."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from onemap.errors import OneMapError
from onemap.store import Store
from onemap.store.changelog import Changes, LoggedStore
from onemap.tiles.cache import seeds
from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.cover import Cover, boxes_of
from onemap.tiles.cache.entry import Source
from onemap.tiles.cache.logs import Log, log_of
from onemap.tiles.cache.memory import Memory
from onemap.tiles.cache.seeds import CatchUp, Seeds
from onemap.tiles.cache.shared import SharedTiles
from onemap.tiles.matrixset import TileMatrixSet

_LOOK_SECONDS = 0.4
_NOTE_SECONDS = 30.0
# More changes of a table at once than these: all of its tiles go.
MOST_CHANGES = 500
_log = logging.getLogger("onemap.tiles")
Covers = Mapping[Source, Cover | None]


@dataclass(frozen=True, slots=True)
class Levels:
    """Where tiles are kept. ``shared`` and ``seeds``: None where there is no folder for them."""

    memory: Memory
    shared: SharedTiles | None
    seeds: Seeds | None
    matrix_sets: Mapping[str, TileMatrixSet]
    counters: Counters


class Follower:
    """Reads what changes in one store and purges it: first the tiles that processes share, then those in memory.

    ``state``: the state of the store as of the last look, which costs nothing to ask for. ``sources``: those whose
    changes are looked for.
    """

    def __init__(self, name: str, store: Store, levels: Levels) -> None:
        self._name = name
        self._store = store
        self._log = log_of(store)
        self._levels = levels
        self._lock = threading.Lock()
        self.sources: set[Source] = set()
        self._shared_at: str | None = None
        self._noted = time.monotonic()
        self.position = self._log.position()
        self.state = store.state()

    def start(self) -> None:
        """Follow in a thread of its own as long as this object lives, and hear of edits made in this process."""
        if isinstance(self._store, LoggedStore):
            self._store.listen(self.look)
        self.look()
        target = _follow
        thread = threading.Thread(
            target=target, args=(weakref.ref(self), self._log), name=f"onemap-follow-{self._name}", daemon=True
        )
        thread.start()

    def add(self, sources: Iterable[Source]) -> None:
        """Look for changes of these sources too; to be called before their data is read."""
        new = {source for source in sources if source.store == self._name} - self.sources
        if new:
            with self._lock:
                self.sources = self.sources | new

    def catch_up(self, source: Source, since: str, take: Callable[[Changes], None]) -> None:
        """Give the changes of a source since a position to ``take``, before any later ones are purged."""
        with self._lock:
            take(self._log.changes(since, {source.table}, seeds.MOST_CHANGES))

    def look(self) -> None:
        """Purge what changed since the last look; a store that is away is asked again at the next one."""
        try:
            with self._lock:
                self._look()
        except OneMapError:
            return
        except Exception:
            _log.exception("The changes of the store '%s' cannot be followed.", self._name)

    def _look(self) -> None:
        shared = self._levels.shared
        sources = self.sources | (shared.sources(self._name) if shared else set())
        found = self._changes(self.position, sources)
        if shared is not None:
            self._share(shared, found, sources)
        self.state = self._store.state()
        covers = _covers(found, sources, self._levels.matrix_sets)
        for source, cover in covers.items():
            if self._levels.seeds is not None:
                self._levels.seeds.apply(source, cover)
            self._purge(source, cover)
        if covers:
            self._levels.memory.forget_addresses()
        self.position = found.position

    def _changes(self, since: str, sources: Iterable[Source]) -> Changes:
        return self._log.changes(since, {source.table for source in sources}, MOST_CHANGES)

    def _share(self, shared: SharedTiles, found: Changes, sources: set[Source]) -> None:
        """Purge the shared tiles up to where this process is, from where they were purged to last."""
        if self._shared_at is None:
            self._shared_at = shared.adopt(self._name, self.position)
        if self._shared_at is None:
            return
        news = found if self._shared_at == self.position else self._changes(self._shared_at, sources)
        covers = _covers(news, sources, self._levels.matrix_sets)
        late = time.monotonic() - self._noted > _NOTE_SECONDS
        if covers or not shared.trusts(self._name) or (late and news.position != self._shared_at):
            if not shared.purge(self._name, news.position, covers, sources):
                return
            self._noted = time.monotonic()
        self._shared_at = news.position

    def _purge(self, source: Source, cover: Cover | None) -> None:
        memory, counters = self._levels.memory, self._levels.counters
        if cover is None:
            counters.dropped += 1
            counters.purged += memory.drop(source)
        else:
            counters.purged += memory.purge(source, cover)


class Followers:
    """The followers of all stores, each from the first tile of its store on."""

    def __init__(self, levels: Callable[[CatchUp], Levels]) -> None:
        self._levels = levels(self.catch_up)
        self._lock = threading.Lock()
        self._known: dict[str, Follower] = {}
        self._by_store: dict[int, Follower] = {}

    def follow(self, stores: Mapping[str, Store], sources: Iterable[Source]) -> None:
        """Follow the stores of these sources; to be called before their data is read. Raises Unavailable."""
        every = tuple(sources)
        for name, store in stores.items():
            follower = self._known.get(name) or self._begin(name, store)
            follower.add(every)

    def catch_up(self, source: Source, since: str, take: Callable[[Changes], None]) -> None:
        """Give the changes of a followed source since a position to ``take``. Raises Unavailable."""
        self._known[source.store].catch_up(source, since, take)

    def know(self, sources: Iterable[Source]) -> bool:
        """Whether all these sources are followed. Does not block."""
        for source in sources:
            follower = self._known.get(source.store)
            if follower is None or source not in follower.sources:
                return False
        return True

    def state(self, store: Store) -> str:
        """Return the state of a store as of the last look; one that is not followed yet is asked for it."""
        follower = self._by_store.get(id(store))
        return store.state() if follower is None else follower.state

    def _begin(self, name: str, store: Store) -> Follower:
        with self._lock:
            if name not in self._known:
                follower = Follower(name, store, self._levels)
                follower.start()
                self._by_store[id(store)] = self._known[name] = follower
            return self._known[name]


def _follow(reference: weakref.ref[Follower], log: Log) -> None:
    """Look again and again until nobody needs it any more."""
    while (follower := reference()) is not None:
        position = follower.position
        del follower
        try:
            log.wait(position, _LOOK_SECONDS)
        except Exception:
            time.sleep(_LOOK_SECONDS)
        follower = reference()
        if follower is not None:
            follower.look()
        del follower


def _covers(found: Changes, sources: Iterable[Source], matrix_sets: Mapping[str, TileMatrixSet]) -> Covers:
    """Return what changes cover of each source that they touch, None for all of it."""
    by_table: dict[str, list[tuple[float, float, float, float]]] = {}
    for change in found.changed:
        by_table.setdefault(change.table, []).extend(boxes_of([change]))
    covers: dict[Source, Cover | None] = {}
    for source in sources:
        if source.table in found.unknown:
            covers[source] = None
        elif boxes := by_table.get(source.table):
            covers[source] = Cover(boxes, source.srid, matrix_sets)
    return covers
