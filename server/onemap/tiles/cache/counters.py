"""What the cache counts."""

from __future__ import annotations

from dataclasses import dataclass, fields

from onemap.block import Metric

_REQUESTS = "onemap_tile_requests_total"
_HELP = "Tiles by where they were found: in memory, in the shared file, in an archive, or made."
_FOUND = ("memory", "shared", "archive", "made")
_OTHERS = {
    "unchanged": ("onemap_tiles_not_modified_total", "Answers 304: the caller had the tile already."),
    "purged": ("onemap_tiles_purged_total", "Tiles dropped from memory because their data changed."),
    "dropped": (
        "onemap_tile_layers_dropped_total",
        "Layers dropped as a whole: too much changed, or nobody knows what.",
    ),
    "discarded": ("onemap_tiles_discarded_total", "Tiles not kept because their data changed while they were made."),
    "evicted": ("onemap_tiles_evicted_total", "Tiles dropped to make room."),
    "faults": ("onemap_tile_cache_faults_total", "Times that the shared file could not be used."),
}


@dataclass(slots=True)
class Counters:
    """Events since the start of the process; what they mean is in their metrics."""

    memory: int = 0
    shared: int = 0
    archive: int = 0
    made: int = 0
    unchanged: int = 0
    purged: int = 0
    dropped: int = 0
    discarded: int = 0
    evicted: int = 0
    faults: int = 0

    def metrics(self) -> list[Metric]:
        """Return the counters as metrics."""
        counted = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        found = [Metric(_REQUESTS, _HELP, counted[name], labels=(("found", name),)) for name in _FOUND]
        return found + [Metric(name, text, counted[key]) for key, (name, text) in _OTHERS.items()]
