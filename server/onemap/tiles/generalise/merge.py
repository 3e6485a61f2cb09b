"""Merging what is too small to be seen into its neighbours, in rounds over arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onemap.tiles.generalise.borders import Borders, add_up
from onemap.tiles.generalise.faces import Floats, Ints

_ROUNDS = 200


@dataclass(slots=True)
class _Regions:
    """Regions by number, each at first one face. ``speaker``: the face whose attributes a region has."""

    area: Floats
    around: Floats
    klass: NDArray[np.int32]
    largest: Floats
    speaker: Ints


@dataclass(frozen=True, slots=True)
class Merged:
    """To which region each face belongs (numbers from 0 without gaps), and of each region what it is."""

    region: Ints
    klass: NDArray[np.int32]
    largest: Floats
    speaker: Ints


def merge(
    borders: Borders, area: Floats, around: Floats, klass: NDArray[np.int32], largest: Floats, smallest: float
) -> Merged:
    """Merge regions smaller than ``smallest`` until none has a neighbour, the smallest among neighbours first.

    A region merges with the neighbour of its own class with which it shares the longest border; without one, with the
    neighbour of the longest border, where it can with one that is not narrow: a road borders on everything, and would
    grow to many times its width. What is merged has the class that covers most of it, and the attributes of the face
    of that class with the ``largest`` part. ``around``: the perimeter of each face.
    """
    count = len(area)
    label = np.arange(count)
    regions = _Regions(area.copy(), around.copy(), klass.copy(), largest.copy(), np.arange(count))
    a, b, length = borders.a, borders.b, borders.length
    for _ in range(_ROUNDS):
        near = (regions.area[a] < smallest) | (regions.area[b] < smallest)
        goes, to, shared = _choose(a[near], b[near], length[near], regions, smallest)
        if not len(goes):
            break
        _join(regions, goes, to)
        np.add.at(regions.around, to, regions.around[goes] - 2 * shared)
        moved = np.arange(count)
        moved[goes] = to
        label = moved[label]
        a, b = moved[a], moved[b]
        apart = a != b
        a, b, length = add_up(a[apart], b[apart], length[apart])
    kept, region = np.unique(label, return_inverse=True)
    return Merged(region, regions.klass[kept], regions.largest[kept], regions.speaker[kept])


def _choose(a: Ints, b: Ints, length: Floats, regions: _Regions, smallest: float) -> tuple[Ints, Ints, Floats]:
    """Return which regions merge in this round, into which, and along which length; no host goes elsewhere itself.

    A region waits while a smaller one wants to join it, and while the one that it wants to join goes elsewhere: chains
    of small regions would else run together into one.
    """
    one, other = np.concatenate([a, b]), np.concatenate([b, a])
    length = np.concatenate([length, length])
    small = regions.area[one] < smallest
    one, other, length = one[small], other[small], length[small]
    like = regions.klass[one] == regions.klass[other]
    narrow = 4 * regions.area[other] < math.sqrt(smallest) * regions.around[other]
    order = np.lexsort((other, -length, narrow, ~like, one))
    first = order[np.flatnonzero(np.diff(one[order], prepend=-1))]
    goes, to, length = one[first], other[first], length[first]
    rank = _ranks(goes, regions.area, len(regions.area))
    wooed = np.full(len(regions.area), len(rank) + 1)
    np.minimum.at(wooed, to, rank[goes])
    ready = wooed[goes] > rank[goes]
    leaving = np.zeros(len(regions.area), dtype=bool)
    leaving[goes[ready]] = True
    ready &= ~leaving[to]
    return goes[ready], to[ready], length[ready]


def _ranks(goes: Ints, area: Floats, count: int) -> Ints:
    """Return the place of each small region in the order of their areas; larger ones come after all."""
    rank = np.full(count, count)
    rank[goes[np.argsort(area[goes], kind="stable")]] = np.arange(len(goes))
    return rank


def _join(regions: _Regions, goes: Ints, to: Ints) -> None:
    """Add regions to others: class by class the areas, and the attributes of the class that covers most."""
    hosts = np.unique(to)
    members = np.concatenate([hosts, goes])
    host = np.concatenate([hosts, to])
    order = np.lexsort((regions.klass[members], host))
    members, host = members[order], host[order]
    klass, area = regions.klass[members], regions.area[members]
    first = np.flatnonzero(np.diff(host, prepend=-1).astype(bool) | np.diff(klass, prepend=-1).astype(bool))
    sums = np.add.reduceat(area, first)
    runs = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(members))))
    speakers = np.lexsort((-regions.largest[members], runs))[first]
    ranked = np.lexsort((-sums, host[first]))
    winners = ranked[np.flatnonzero(np.diff(host[first][ranked], prepend=-1))]
    chosen = members[speakers[winners]]
    klass, largest, speaker = regions.klass[chosen], regions.largest[chosen], regions.speaker[chosen]
    regions.klass[hosts], regions.largest[hosts], regions.speaker[hosts] = klass, largest, speaker
    np.add.at(regions.area, to, regions.area[goes])
