"""What a check works on and what it finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.crs import Crs
from onemap.processes.geometry_check.outlines import Outlines, Table
from onemap.processes.geometry_check.rules import Rules

Floats = NDArray[np.float64]

_METRES_PER_DEGREE = 111_319.490793
_DEGREE = np.pi / 180


@dataclass(frozen=True, slots=True)
class Plane:
    """An affine map of a system's x, y to metres around a place: what crosses there crosses here.

    Lengths are right to the scale of the projection (1e-3), which thresholds do not notice.
    """

    origin: Floats
    scale: Floats

    @classmethod
    def around(cls, xy: Floats, crs: Crs) -> Plane:
        """Return the plane around the middle of some vertices."""
        finite = xy[np.isfinite(xy).all(axis=1)]
        origin = (finite.min(axis=0) + finite.max(axis=0)) / 2 if len(finite) else np.zeros(2)
        if crs.geographic:
            return cls(origin, _METRES_PER_DEGREE * np.array([max(np.cos(origin[1] * _DEGREE), 0.01), 1.0]))
        if crs.cgcs2000_gk:
            return cls(origin, np.ones(2))
        return cls(origin, np.full(2, 1 / np.cosh(origin[1] / 6_378_137.0)))  # Web Mercator

    def forward(self, xy: Floats) -> Floats:
        """Return metres."""
        return (xy - self.origin) * self.scale

    def back(self, geometry: Any) -> Any:
        """Return a geometry, or several, in x, y of the system again."""
        return shapely.transform(geometry, lambda xy: xy / self.scale + self.origin)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault: the rule, the parcel's index, where it is in x, y of the system, the words of its text."""

    rule: str
    parcel: int
    place: Any = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Check:
    """One run: the outlines, the rules, and what is found, at most ``rules.limit`` findings listed for a rule."""

    outlines: Outlines
    rules: Rules
    found: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    listed: Counter[str] = field(default_factory=Counter)
    broken: set[int] = field(default_factory=set)
    """Parcels of which no polygon can be made."""
    opaque: set[int] = field(default_factory=set)
    """Parcels too intricate to be examined completely."""

    def __post_init__(self) -> None:
        self.table: Table = self.outlines.table
        self.plane = Plane.around(self.table.xy, self.outlines.crs)
        self.xy: Floats = self.plane.forward(self.table.xy)
        self.finite = np.isfinite(self.xy).all(axis=1)

    def tell(self, rule: str, parcel: int, place: Any = None, **values: Any) -> None:
        """Report a fault, if there is such a rule; ``place`` in metres of the plane."""
        if rule not in self.rules.numbers:
            return
        self.counts[rule] += 1
        self.listed[rule] += 1
        if self.listed[rule] <= self.rules.limit:
            there = None if place is None else self.plane.back(place)
            self.found.append(Finding(rule, int(parcel), there, values))

    def more(self, rule: str, count: int) -> None:
        """Count faults that are not listed, if there is such a rule."""
        if count and rule in self.rules.numbers:
            self.counts[rule] += count
