"""What the cache counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Events since the start of the process; see ``NAMES`` for what each one means."""

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
