"""Groups of neighbouring cells: connected parts, growing from seeds, joining what is left over."""

import numpy as np

from onemap.demo.grid import Flags, Floats, Integers
from onemap.demo.mesh import Mesh


def neighbours(mesh: Mesh) -> tuple[Integers, Integers, Floats]:
    """Return both cells of every shared edge, in both directions, and the length of the edge."""
    pairs = mesh.pairs
    one, other = mesh.cell[pairs], mesh.cell[mesh.twin[pairs]]
    length = mesh.length(pairs)
    return np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([length, length])


def connected(one: Integers, other: Integers, group: Integers) -> Integers:
    """Return for each cell the smallest cell of its connected part of its group."""
    same = group[one] == group[other]
    one, other = one[same], other[same]
    head = np.arange(len(group))
    while True:
        before = head.copy()
        low = np.minimum(head[one], head[other])
        np.minimum.at(head, head[one], low)
        np.minimum.at(head, one, low)
        head = head[head]
        if np.array_equal(before, head):
            return head


def dense(labels: Integers) -> Integers:
    """Return labels renumbered 0, 1, 2 ... in their order."""
    return np.unique(labels, return_inverse=True)[1]


def grown(one: Integers, other: Integers, group: Integers, seeds: Flags, seed: int) -> Integers:
    """Divide each group of cells among its seeds, each part connected; parts without a seed stay whole.

    A seed takes one more ring of cells in each round, where two compete by chance.
    """
    rng = np.random.default_rng((seed, 41))
    same = group[one] == group[other]
    one, other = one[same], other[same]
    label = np.where(seeds, np.arange(len(group)), -1)
    while True:
        open_edges = label[other] < 0
        one, other = one[open_edges], other[open_edges]
        active = np.flatnonzero(label[one] >= 0)
        if not len(active):
            break
        active = rng.permutation(active[rng.random(len(active)) < 0.6])
        label[other[active]] = label[one[active]]
    free = label < 0
    rest = connected(one, other, np.where(free, group, -1 - np.arange(len(group))))
    return np.where(free, rest, label)


def gathered(one: Integers, other: Integers, length: Floats, group: Integers) -> Integers:
    """Return groups each of which is one connected part: smaller parts go over to the neighbour they touch longest."""
    group = group.copy()
    for _ in range(20):
        part = dense(connected(one, other, group))
        size = np.bincount(part)
        owner = np.zeros(len(size), dtype=np.int64)
        owner[part] = group
        order = np.lexsort([-size, owner])
        main = np.zeros(len(size), dtype=bool)
        main[order[np.append(True, owner[order][1:] != owner[order][:-1])]] = True
        if main.all():
            break
        moved = strongest(part[one], part[other], length, ~main)
        target = np.where(moved >= 0, owner[np.maximum(moved, 0)], owner)
        group = target[part]
    return group


def strongest(one: Integers, other: Integers, length: Floats, wanted: Flags, allowed: Flags | None = None) -> Integers:
    """Return for each wanted part the (allowed) part it shares the longest border with, -1 where there is none."""
    result = np.full(len(wanted), -1)
    use = wanted[one] & (one != other)
    if allowed is not None:
        use &= allowed[other]
    one, other, length = one[use], other[use], length[use]
    code = one * len(wanted) + other
    pairs, place = np.unique(code, return_inverse=True)
    total = np.bincount(place, weights=length)
    order = np.lexsort([pairs, total])
    result[pairs[order] // len(wanted)] = pairs[order] % len(wanted)
    return result
