"""Rules on rings that cross or touch: G002, G017. The work is bounded whatever is sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.processes.geometry_check.finding import Check

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_PAIRS = 6_000_000
"""Pairs of edges with meeting boxes that are looked at; ordinary outlines have a few for each vertex."""
_PAIRS_AT_ONCE = 400_000
_FIRST_EDGES = 4
_TESTED = 20_000
"""Pairs of one step that are tested exactly."""
_EXAMINED = 500
"""Crossings of one step whose places are computed; more are only counted."""
_SETTLED = 400
"""A parcel with this many crossings is not looked through any further."""


class Edges:
    """The edges of all rings, in metres: ``start`` and ``end`` are numbers of vertices."""

    def __init__(self, check: Check) -> None:
        table = check.table
        following = table.following()
        usable = check.finite & check.finite[following] & (table.length[table.ring] > 1)
        apart = ~(np.hypot(*(check.xy[following] - check.xy).T) <= check.rules.thresholds.resolution)
        self.start: Integers = np.flatnonzero(usable & apart)
        self.end: Integers = _last_of_same(following, apart)[following[self.start]]
        self.ring, self.parcel = table.ring[self.start], table.parcel[self.start]
        self.lines = shapely.linestrings(np.stack([check.xy[self.start], check.xy[self.end]], axis=1))
        self.tree = shapely.STRtree(self.lines)
        self.exhausted = False

    def adjacent(self, one: Integers, other: Integers) -> NDArray[np.bool_]:
        """Tell which pairs share a vertex as neighbours in their ring."""
        return np.asarray((self.end[one] == self.start[other]) | (self.end[other] == self.start[one]))


def _last_of_same(following: Integers, apart: NDArray[np.bool_]) -> Integers:
    """Return for each vertex the last of those that repeat it, so that edges beside them are neighbours."""
    last = np.where(apart, np.arange(len(following)), following)
    for _ in range(len(following).bit_length()):
        last = last[last]
    return last


def check_crossings(check: Check) -> Edges:
    """Report where the rings of a parcel cross or overlap each other or themselves; return the edges.

    Parcels with very many crossings are not looked through to the end; when all edges together have too many pairs,
    the rest of them is left out and their parcels count as opaque.
    """
    edges = Edges(check)
    hits: dict[int, int] = {}
    start, step, seen = 0, _FIRST_EDGES, 0
    while start < len(edges.lines):
        block = np.arange(start, min(start + step, len(edges.lines)))
        block = block[[hits.get(parcel, 0) < _SETTLED for parcel in edges.parcel[block].tolist()]]
        first, second = edges.tree.query(edges.lines[block])
        seen += len(first)
        if len(first) > 2 * _PAIRS_AT_ONCE:  # a few edges beside all others: more than can be looked at
            first, second = first[:_PAIRS_AT_ONCE], second[:_PAIRS_AT_ONCE]
            check.opaque.update(edges.parcel[block].tolist())
        _look(check, edges, block[first], second, hits)
        if seen > MOST_PAIRS:
            edges.exhausted = True
            check.opaque.update(edges.parcel[start + step :].tolist())
            break
        start += step
        step = int(np.clip(step * _PAIRS_AT_ONCE / max(len(first), 1), 1, 4 * step))
    for parcel, count in hits.items():
        if count >= _SETTLED:
            check.opaque.add(parcel)
    return edges


def _look(check: Check, edges: Edges, one: Integers, other: Integers, hits: dict[int, int]) -> None:
    """Examine pairs of edges with meeting boxes; a pair comes twice, once from each side."""
    kept = (one < other) & (edges.parcel[one] == edges.parcel[other])
    one, other = one[kept], other[kept]
    kept = ~edges.adjacent(one, other)
    one, other = one[kept], other[kept]
    kept = np.flatnonzero(_near(check, edges, one, other))
    if len(kept) > _TESTED:
        check.opaque.update(edges.parcel[one[kept[_TESTED:]]].tolist())
    one, other = one[kept[:_TESTED]], other[kept[:_TESTED]]
    met = shapely.intersects(edges.lines[one], edges.lines[other])
    one, other = one[met], other[met]
    if not len(one):
        return
    for parcel, count in Counter(edges.parcel[one[_EXAMINED:]].tolist()).items():
        hits[parcel] = hits.get(parcel, 0) + count
        check.more("G002", count)
        check.broken.add(parcel)
    one, other = one[:_EXAMINED], other[:_EXAMINED]
    places = shapely.intersection(edges.lines[one], edges.lines[other])
    crossing = shapely.crosses(edges.lines[one], edges.lines[other]) | (shapely.get_dimensions(places) == 1)
    touching = ~crossing & (edges.ring[one] == edges.ring[other])
    told: set[tuple[float, float]] = set()
    for at in np.flatnonzero(crossing | touching).tolist():
        parcel = int(edges.parcel[one[at]])
        hits[parcel] = hits.get(parcel, 0) + 1
        check.broken.add(parcel)
        spot = tuple(np.round(shapely.get_coordinates(places[at])[0], 4).tolist())
        if crossing[at]:
            check.tell("G002", parcel, places[at])
        elif spot not in told:
            told.add(spot)
            check.tell("G017", parcel, places[at])


def _near(check: Check, edges: Edges, one: Integers, other: Integers) -> NDArray[np.bool_]:
    """Tell which pairs may meet: neither edge lies clearly on one side of the other."""
    xy = check.xy
    a, b = xy[edges.start[one]], xy[edges.end[one]]
    c, d = xy[edges.start[other]], xy[edges.end[other]]
    return np.asarray(_straddles(a, b, c, d) & _straddles(c, d, a, b))


def _straddles(a: Floats, b: Floats, c: Floats, d: Floats) -> Any:
    (x, y), (cx, cy), (dx, dy) = (b - a).T, (c - a).T, (d - a).T
    left, right = x * cy - y * cx, x * dy - y * dx
    noise = 1e-12 * (np.abs(x) + np.abs(y) + 1) * (np.abs(cx) + np.abs(cy) + np.abs(dx) + np.abs(dy) + 1)
    return ~(((left > noise) & (right > noise)) | ((left < -noise) & (right < -noise)))
