"""Tiles in the memory of one process: bounded by bytes, and purged by place."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from time import monotonic

import numpy as np

from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.cover import Cover
from onemap.tiles.cache.entry import Asked, Body, Entry, Fill, Source

_FEW = 2000
_MOST_ADDRESSES = 200_000
REMEMBERED_SECONDS = 10.0
"""What else decides what is at an address (which collections reach a tile, say) is looked at again after so long."""
_Layer = tuple[Source, str, str]


class Memory:
    """Entries by key, the least recently used dropped first; safe to use from several threads.

    ``capacity`` is in bytes.
    """

    def __init__(self, capacity: int, counters: Counters) -> None:
        self._capacity = capacity
        self._counters = counters
        self._lock = Lock()
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._layers: dict[_Layer, dict[tuple[int, int], set[Entry]]] = {}
        self._fills: set[Fill] = set()
        self._size = 0
        self._addresses: dict[bytes, tuple[Entry, float]] = {}
        self.era = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """About how many bytes the entries take."""
        return self._size

    def get(self, key: Hashable) -> Entry | None:
        """Return an entry and count it as used."""
        entry = self._entries.get(key)
        if entry is not None:
            self._used(key)
        return entry

    def at(self, address: bytes) -> Entry | None:
        """Return the entry that was last found under an address, as long as it is there, and count it as used."""
        known = self._addresses.get(address)
        if known is None:
            return None
        entry, until = known
        if self._entries.get(entry.key) is not entry or monotonic() > until:
            return None
        self._used(entry.key)
        return entry

    def remember(self, address: bytes, entry: Entry, era: int) -> None:
        """Find an entry by this address from now on; ``era``: that in which it was found out what is there."""
        with self._lock:
            if era == self.era and self._entries.get(entry.key) is entry:
                if len(self._addresses) > _MOST_ADDRESSES:
                    self._addresses = {}
                self._addresses[address] = (entry, monotonic() + REMEMBERED_SECONDS)

    def forget_addresses(self) -> None:
        """Begin a new era: what is where has to be found out again."""
        with self._lock:
            self.era += 1
            self._addresses = {}

    def _used(self, key: Hashable) -> None:
        with contextlib.suppress(KeyError):  # dropped a moment ago
            self._entries.move_to_end(key)

    def begin(self, asked: Asked) -> Fill:
        """Announce a tile that is going to be made, before its data is read."""
        fill = Fill(asked.sources, asked.place)
        with self._lock:
            self._fills.add(fill)
        return fill

    def end(self, fill: Fill, asked: Asked, body: Body | None) -> Entry | None:
        """Take a tile that was made; it is kept unless its data changed meanwhile. None: it could not be made."""
        with self._lock:
            self._fills.discard(fill)
            if body is None:
                return None
            entry = Entry(asked.key, asked.sources, asked.place, body)
            if fill.spoiled:
                self._counters.discarded += 1
            else:
                self._put(entry)
            return entry

    def purge(self, source: Source, cover: Cover) -> int:
        """Drop the tiles of a source that a change covers, and spoil those in the making; return how many."""
        with self._lock:
            for fill in self._fills:
                fill.spoiled = fill.spoiled or (source in fill.sources and cover.holds(fill.place))
            layers = [(layer, tiles) for layer, tiles in self._layers.items() if layer[0] == source]
            gone = [entry for layer, tiles in layers for entry in _covered(layer, tiles, cover)]
            for entry in gone:
                self._remove(entry)
        return len(gone)

    def drop(self, source: Source) -> int:
        """Drop all tiles of a source, and spoil those in the making; return how many."""
        with self._lock:
            for fill in self._fills:
                fill.spoiled = fill.spoiled or source in fill.sources
            layers = [tiles for layer, tiles in self._layers.items() if layer[0] == source]
            gone = {entry for tiles in layers for entries in tiles.values() for entry in entries}
            for entry in gone:
                self._remove(entry)
        return len(gone)

    def _put(self, entry: Entry) -> None:
        size = entry.size
        if size > self._capacity:
            return
        known = self._entries.get(entry.key)
        if known is not None:
            self._remove(known)
        self._entries[entry.key] = entry
        self._size += size
        place = entry.place
        for source in entry.sources:
            tiles = self._layers.setdefault((source, place.matrix_set, place.level), {})
            tiles.setdefault((place.row, place.col), set()).add(entry)
        while self._size > self._capacity:
            self._counters.evicted += 1
            self._remove(next(iter(self._entries.values())))

    def _remove(self, entry: Entry) -> None:
        if self._entries.pop(entry.key, None) is None:
            return
        self._size -= entry.size
        place = entry.place
        for source in entry.sources:
            layer = (source, place.matrix_set, place.level)
            tiles = self._layers[layer]
            entries = tiles[place.row, place.col]
            entries.discard(entry)
            if not entries:
                del tiles[place.row, place.col]
            if not tiles:
                del self._layers[layer]


def _covered(layer: _Layer, tiles: dict[tuple[int, int], set[Entry]], cover: Cover) -> list[Entry]:
    """Return the entries that are covered, looking at the covered places or at the tiles there are: the fewer."""
    _, matrix_set, level = layer
    ranges = cover.ranges(matrix_set, level)
    if ranges is not None:
        sizes = (ranges[:, 1] - ranges[:, 0] + 1) * (ranges[:, 3] - ranges[:, 2] + 1)
        if sizes.sum() <= min(_FEW, len(tiles)):
            places = {
                (row, col)
                for first, last, left, right in ranges.tolist()
                for row in range(first, last + 1)
                for col in range(left, right + 1)
            }
            return [entry for place in places for entry in tiles.get(place, ())]
    hit = cover.covered(matrix_set, level, np.array(list(tiles), dtype=np.int64))
    return [entry for entries, gone in zip(tiles.values(), hit.tolist(), strict=True) if gone for entry in entries]
