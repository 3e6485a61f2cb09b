"""Seeded archives below the other levels of the cache: a tile of one is good until a change covers it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from onemap.errors import ConfigError
from onemap.store.changelog import Changes
from onemap.tiles.archive.facts import Facts, facts_path, seed_path
from onemap.tiles.archive.reader import Archive
from onemap.tiles.archive.tileid import tile_id
from onemap.tiles.cache.cover import Cover, boxes_of
from onemap.tiles.cache.entry import Asked, Body, Place, Source
from onemap.tiles.matrixset import TileMatrixSet

MOST_CHANGES = 10_000
_LOOK_SECONDS = 1.0
_MOST_COVERS = 50
_log = logging.getLogger("onemap.tiles")

CatchUp = Callable[[Source, str, Callable[[Changes], None]], None]
"""Tell the changes of a source since a position, before any later change is told to ``Seeds``."""


@dataclass(slots=True, eq=False)
class _Seed:
    """An archive in use. ``covers``: what changed since it was made; ``void``: all of it may have."""

    archive: Archive
    facts: Facts
    source: Source
    covers: list[Cover] = field(default_factory=list)
    void: bool = False


@dataclass(slots=True)
class _Known:
    """What was found of a collection and a tile matrix set when it was looked at last."""

    looked: float
    identity: tuple[int, int, int] | None
    seed: _Seed | None


class Seeds:
    """The archives in the folder of an instance, opened when they are asked for and again when they were made anew."""

    def __init__(self, folder: Path, zone: str, matrix_sets: Mapping[str, TileMatrixSet], catch_up: CatchUp) -> None:
        self._folder = folder
        self._zone = zone
        self._matrix_sets = matrix_sets
        self._catch_up = catch_up
        self._lock, self._opening = Lock(), Lock()
        self._known: dict[tuple[str, str], _Known] = {}
        self._seeds: list[_Seed] = []

    def get(self, asked: Asked) -> Body | None:
        """Return a tile; None where no archive has it, or has it as it was before a change. Blocks.

        The changes of its source must be followed.
        """
        if asked.wish is None or len(asked.sources) != 1:
            return None
        seed = self._seed(asked.wish.collection, asked.place.matrix_set, asked.sources[0])
        level = seed.facts.levels.get(asked.place.level) if seed else None
        if seed is None or level is None or seed.facts.family != asked.wish.family():
            return None
        zoom, top, bottom, left, right, overview = level
        place = asked.place
        if not (top <= place.row <= bottom and left <= place.col <= right) or overview != asked.wish.overview:
            return None
        try:
            content = seed.archive.tile(tile_id(zoom, place.col, place.row))
        except ConfigError as error:
            self._leave(seed, str(error.detail))
            return None
        # What was changed is told before it is purged elsewhere: looked at now, it is known of all that was purged.
        return None if self._changed(seed, place) else Body.of(content or b"")

    def lacks(self, asked: Asked) -> bool:
        """Whether it was found a moment ago that there is no archive for a tile; does not block."""
        if asked.wish is None:
            return True
        known = self._known.get((asked.wish.collection, asked.place.matrix_set))
        return known is not None and known.seed is None and time.monotonic() - known.looked <= _LOOK_SECONDS

    def sources(self, store: str) -> set[Source]:
        """Return the sources of the archives in use."""
        with self._lock:
            return {seed.source for seed in self._seeds if seed.source.store == store}

    def apply(self, source: Source, cover: Cover | None) -> None:
        """Note what changes of a source cover, None for all of it."""
        with self._lock:
            for seed in self._seeds:
                if seed.source == source:
                    self._note(seed, cover)

    def _note(self, seed: _Seed, cover: Cover | None) -> None:
        if cover is None:
            self._leave(seed, "its data was changed in ways that no log tells, or too much")
            return
        seed.covers.append(cover)
        if len(seed.covers) > _MOST_COVERS:
            together = Cover.together(seed.covers)
            if len(together) > MOST_CHANGES:
                self._leave(seed, "too much was changed")
            seed.covers = [together]

    def _leave(self, seed: _Seed, why: str) -> None:
        if not seed.void:
            seed.void = True
            _log.warning(
                "The archive %s is not used any more: %s. Make it anew: onemap tiles seed", seed.archive.path, why
            )

    def _changed(self, seed: _Seed, place: Place) -> bool:
        return seed.void or any(cover.holds(place) for cover in list(seed.covers))

    def _seed(self, collection: str, matrix_set: str, source: Source) -> _Seed | None:
        key = collection, matrix_set
        with self._opening:
            known, now = self._known.get(key), time.monotonic()
            if known is None or now - known.looked > _LOOK_SECONDS:
                path = seed_path(self._folder, self._zone, collection, matrix_set)
                identity = _identity(path)
                if known is None or known.identity != identity:
                    known = _Known(now, identity, self._opened(path, source) if identity else None)
                    self._replace(key, known)
                known.looked = now
            return known.seed

    def _opened(self, path: Path, source: Source) -> _Seed | None:
        try:
            facts, archive = Facts.read(path), Archive(path)
        except ConfigError as error:
            _log.warning("%s", error.detail)
            return None
        seed = _Seed(archive, facts, source)
        here = (source.store, source.table, source.srid)
        if archive.metadata.get("onemap", {}).get("id") != facts.archive or here != (
            facts.store,
            facts.table,
            facts.srid,
        ):
            self._leave(seed, "it is of another state of the collection")
            return seed
        self._catch_up(source, facts.position, lambda found: self._begin(seed, found))
        return seed

    def _begin(self, seed: _Seed, found: Changes) -> None:
        """Take up an archive with what changed since it was made; later changes are told one by one."""
        unknown = seed.source.table in found.unknown
        boxes = boxes_of(change for change in found.changed if change.table == seed.source.table)
        with self._lock:
            if unknown or boxes:
                self._note(seed, None if unknown else Cover(boxes, seed.source.srid, self._matrix_sets))
            self._seeds.append(seed)

    def _replace(self, key: tuple[str, str], known: _Known) -> None:
        with self._lock:
            old = self._known.get(key)
            self._known[key] = known
            if old is not None and old.seed in self._seeds:
                self._seeds.remove(old.seed)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """Return what differs when an archive or the facts beside it were made anew; None where one is missing."""
    try:
        stats = [item.stat() for item in (path, facts_path(path))]
    except OSError:
        return None
    return stats[0].st_ino, stats[0].st_mtime_ns, stats[1].st_mtime_ns
