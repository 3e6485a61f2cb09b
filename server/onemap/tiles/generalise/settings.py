"""What a generalisation is told, and what it says of its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PIXELS = 256
"""A tile is counted as so many pixels wide."""
SMALLEST = 1 / 0.28**2
"""How many pixels a square millimetre of a map has: one is 0.28 mm wide (OGC 17-083r4, 6.1.1). Less cannot be read."""


@dataclass(frozen=True, slots=True)
class Level:
    """One zoom to generalise for. ``pixel``: the side of a pixel, in units of the plane of the coordinates."""

    zoom: int
    pixel: float


@dataclass(frozen=True, slots=True)
class Settings:
    """How a layer is generalised.

    ``coverage``: its surfaces lie side by side without gaps and overlaps, and none is thinned out. Surfaces below
    ``smallest`` pixels squared are merged, lines are simplified by ``tolerance`` pixels (the side of the square that is
    as large as the largest triangle cut off). ``class_column`` names the class; surfaces merge with their like first.
    ``gap``: gaps up to so many pixels wide are faults of the data and are closed. ``chunk``: vertices worked on at a
    time; memory is in proportion to it, not to the layer.
    """

    coverage: bool = False
    class_column: str | None = None
    smallest: float = SMALLEST
    tolerance: float = 0.5
    gap: float = 0.1
    chunk: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a layer at one level. Areas are in squared units of the plane, by class ('' where none is named).

    ``seams``: surfaces below the smallest size that had no neighbour within their partition.
    """

    zoom: int
    features: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    source_features: int = 0
    cleaned: int = 0
    seams: int = 0
    drift: Mapping[str, float] = field(init=False)

    def __post_init__(self) -> None:
        """Work out the drift of each class: what its total gained or lost, as a share of what it was."""
        gained = {
            name: (self.after.get(name, 0.0) - area) / area if area else 0.0 for name, area in self.before.items()
        }
        object.__setattr__(self, "drift", gained)

    @property
    def kept(self) -> float:
        """The share of the area that is still covered."""
        total = sum(self.before.values())
        return sum(self.after.values()) / total if total else 1.0

    @property
    def moved(self) -> float:
        """The share of the area that changed its class: half the sum of what classes gained and lost."""
        total = sum(self.before.values())
        return (
            sum(abs(self.after.get(name, 0.0) - area) for name, area in self.before.items()) / total / 2
            if total
            else 0.0
        )
