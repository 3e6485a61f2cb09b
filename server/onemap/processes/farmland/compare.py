"""Two states of the land use over the parcels, cut with each other where cultivated land has changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, transform
from onemap.geo.overlay import NOISE_AREA, polygonal, repair
from onemap.processes.accounts import Classes, is_cultivated
from onemap.processes.accounts.once import Touched, touched
from onemap.processes.accounts.split import Split, read, split, text
from onemap.processes.farmland.rules import Rules
from onemap.processes.layers import Layer
from onemap.processes.project import Plane

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
_CHUNK = 5_000
_RESOLUTION_M2 = 1e-4


@dataclass(frozen=True)
class State:
    """One state: the features touched with their classes, crops and deductions; ``shapes`` in x, y of ``crs``."""

    layer: Layer
    found: Touched
    parts: Split
    crops: Sequence[str]
    shapes: Geometries
    crs: Crs

    @classmethod
    def read(cls, layer: Layer, plane: Plane, target: Crs) -> State:
        """Read a layer inside the parcels; shapes are given in the system ``target``."""
        found = touched(layer, plane)
        crops = [text(value) for value in read(layer, found, ["crop"])["crop"]]
        shapes = repair(transform(found.cut(), plane.crs, target))
        return cls(layer, found, split(layer, found), crops, shapes, target)

    @property
    def codes(self) -> list[str]:
        """The class of each feature."""
        return [cell.code for cell in self.parts.cells]

    def cultivated(self) -> NDArray[np.bool_]:
        """Tell which features are cultivated land."""
        return np.array([is_cultivated(code) for code in self.codes], dtype=bool)

    def net(self) -> float:
        """Return the area of the cultivated land without what is deducted from it, m2."""
        return math.fsum((self.parts.areas * (1 - self.parts.share))[self.cultivated()].tolist())


@dataclass(frozen=True)
class Changes:
    """Places that changed: for each the feature before and now, the kind (index in the rules), shape and area in m2.

    ``net``: without what was deducted from cultivated land before, or is now where it is new.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    kind: NDArray[np.int64]
    shapes: Geometries
    areas: Floats
    net: Floats


def compare(
    before: State, after: State, classes: Classes, rules: Rules, progress: Callable[[float, str], None]
) -> Changes:
    """Cut the two states with each other where a kind of change applies."""
    one, other, kind = _pairs(before, after, classes, rules)
    measure = measure_for(after.crs.srid)
    shapes = np.empty(len(one), dtype=object)
    for start in range(0, len(one), _CHUNK):
        part = slice(start, start + _CHUNK)
        shapes[part] = shapely.intersection(before.shapes[one[part]], after.shapes[other[part]])
        progress(0.4 + 0.4 * start / len(one), "changes")
    areas = measure.areas(shapes)
    kept = areas >= _RESOLUTION_M2
    doubtful = np.flatnonzero(kept & (areas < NOISE_AREA))
    # Neighbours that only share an edge may seem to share a sliver by the rounding of the cut.
    pattern = shapely.relate_pattern(before.shapes[one[doubtful]], after.shapes[other[doubtful]], "T********")
    kept[doubtful] = pattern
    one, other, kind, shapes, areas = one[kept], other[kept], kind[kept], shapes[kept], areas[kept]
    lost = before.cultivated()[one]
    share = np.where(lost, before.parts.share[one], after.parts.share[other])
    return Changes(one, other, kind, polygonal(shapes), areas, areas * (1 - share))


def _pairs(
    before: State, after: State, classes: Classes, rules: Rules
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of features that meet and whose states are a kind of change, in the order of the features."""
    states = [
        np.unique(np.array([f"{code}|{crop}" for code, crop in zip(state.codes, state.crops, strict=True)]),
                  return_inverse=True)
        for state in (before, after)
    ]  # fmt: skip
    (names, was), (others, now) = states
    table = np.array([[_kind(a, b, classes, rules) for b in others] for a in names]).reshape(len(names), len(others))
    mine = np.flatnonzero((table >= 0).any(axis=1)[was]) if table.size else np.empty(0, np.int64)
    theirs = np.flatnonzero((table >= 0).any(axis=0)[now]) if table.size else np.empty(0, np.int64)
    one, other = shapely.STRtree(after.shapes[theirs]).query(before.shapes[mine], predicate="intersects")
    one, other = mine[one], theirs[other]
    kind = table[was[one], now[other]] if len(one) else np.empty(0, np.int64)
    order = np.lexsort((after.found.ids[other], before.found.ids[one]))
    order = order[kind[order] >= 0]
    return one[order], other[order], kind[order]


def _kind(was: str, now: str, classes: Classes, rules: Rules) -> int:
    """Return the index of the first kind of change that fits, -1 for none."""
    (code, crop), (code_now, crop_now) = was.split("|", 1), now.split("|", 1)
    for at, kind in enumerate(rules.kinds):
        before = kind.before.holds(code, classes.group(code), crop)
        if before and kind.after.holds(code_now, classes.group(code_now), crop_now):
            return at
    return -1
