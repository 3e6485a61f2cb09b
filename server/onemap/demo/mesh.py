"""Cells that share their edges, and polygons traced around groups of cells: a coverage by construction.

Both neighbours of an edge use the same vertices, and the winding given to an edge is stored once. So every layer that
is traced from the same mesh fits every other one, vertex by vertex.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.grid import Flags, Floats, Integers

_PRECISION = 1e-4
_SHORTEST = 0.4


@dataclass(frozen=True)
class Mesh:
    """Half-edges of cells, counter-clockwise: each belongs to one cell, its twin to the neighbour.

    ``xy``: vertices (v, 2). Per half-edge: ``start`` and ``end`` vertex, ``cell``, ``following`` one in the cell,
    ``twin`` (-1 on the border). ``cells``: number of cells.
    """

    xy: Floats
    start: Integers
    end: Integers
    cell: Integers
    following: Integers
    twin: Integers
    cells: int

    @property
    def pairs(self) -> Integers:
        """Return one half-edge of each edge between two cells."""
        return np.flatnonzero(self.twin > np.arange(len(self.twin)))

    def length(self, half_edges: Integers) -> Floats:
        """Return lengths of half-edges in metres."""
        gap = self.xy[self.end[half_edges]] - self.xy[self.start[half_edges]]
        return np.asarray(np.hypot(*gap.T))

    def centroids(self) -> Floats:
        """Return the centre of gravity (n, 2) of each cell."""
        origin = self.xy[0]
        a, b = self.xy[self.start] - origin, self.xy[self.end] - origin
        cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        moments = [np.bincount(self.cell, weights=(a + b)[:, i] * cross / 6, minlength=self.cells) for i in (0, 1)]
        return np.asarray(np.column_stack(moments) / self.areas()[:, None] + origin)

    def areas(self) -> Floats:
        """Return the plane area of each cell in square metres."""
        origin = self.xy[0]
        a, b = self.xy[self.start] - origin, self.xy[self.end] - origin
        return np.bincount(self.cell, weights=(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2, minlength=self.cells)


def grow(sites: Floats, kept: Flags) -> Mesh:
    """Build the mesh of the cells (Voronoi) around the sites that are kept; cells are numbered in that order."""
    origin = np.floor(sites.mean(axis=0))
    diagram = shapely.voronoi_polygons(shapely.multipoints(sites - origin), ordered=True)
    cells = shapely.get_parts(diagram)[kept]
    coordinates, cell = shapely.get_coordinates(cells, return_index=True)
    first = np.searchsorted(cell, np.arange(len(cells)))
    last = np.append(first[1:], len(cell)) - 1
    open_ring = np.ones(len(cell), dtype=bool)
    open_ring[last] = False
    xy, vertex = _vertices(coordinates[open_ring])
    cell = cell[open_ring]
    # The diagram's rings run clockwise.
    return _linked(xy + origin, vertex[::-1], cell[::-1], len(cells))


def _vertices(coordinates: Floats) -> tuple[Floats, Integers]:
    """Return the distinct vertices and the vertex of each coordinate; vertices almost in one place become one."""
    keys = np.round(coordinates / _PRECISION).astype(np.int64)
    code = (keys[:, 0] - keys[:, 0].min()) * (int(np.ptp(keys[:, 1])) + 1) + keys[:, 1] - keys[:, 1].min()
    _, index, vertex = np.unique(code, return_index=True, return_inverse=True)
    return np.asarray(keys[index] * _PRECISION, dtype=np.float64), vertex


def _linked(xy: Floats, vertex: Integers, cell: Integers, cells: int) -> Mesh:
    following = _following(cell)
    vertex = _collapsed(xy, vertex, vertex[following])
    stays = vertex != vertex[following]
    # A vertex that was joined with the next one leaves the ring.
    vertex, cell = vertex[stays], cell[stays]
    following = _following(cell)
    end = vertex[following]
    return Mesh(xy, vertex, end, cell, following, _twins(vertex, end), cells)


def _following(cell: Integers) -> Integers:
    """Return for each place in the rings of consecutive cells the place that comes next in the ring."""
    following = np.arange(1, len(cell) + 1)
    new = np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))
    following[np.append(new[1:], len(cell)) - 1] = new
    return following


def _collapsed(xy: Floats, start: Integers, end: Integers) -> Integers:
    """Join the two vertices of very short edges; return the vertex that takes each one's place."""
    short = np.flatnonzero(np.hypot(*(xy[end] - xy[start]).T) < _SHORTEST)
    head = np.arange(len(xy))
    while True:
        low = np.minimum(head[start[short]], head[end[short]])
        before = head.copy()
        np.minimum.at(head, head[start[short]], low)
        np.minimum.at(head, head[end[short]], low)
        head = head[head]
        if np.array_equal(before, head):
            return head[start]


def _twins(start: Integers, end: Integers) -> Integers:
    count = int(max(start.max(), end.max())) + 1
    forward, backward = start * count + end, end * count + start
    order = np.argsort(forward, kind="stable")
    place = np.minimum(np.searchsorted(forward[order], backward), len(order) - 1)
    twin = order[place]
    return np.where(forward[twin] == backward, twin, -1)


@dataclass(frozen=True)
class Winding:
    """Points inserted along edges: ``count`` and ``offset`` per half-edge (0 on the twin), ``xy`` (m, 2)."""

    count: Integers
    offset: Integers
    xy: Floats


def straight(mesh: Mesh) -> Winding:
    """Return the winding of a mesh whose edges stay as they are."""
    nothing = np.zeros(len(mesh.start), dtype=np.int64)
    return Winding(nothing, nothing, np.empty((0, 2)))


def wind(mesh: Mesh, strength: Floats, seed: int) -> Winding:
    """Displace the middles of edges, again and again, by ``strength`` (per half-edge, share of the edge's length).

    Seven points are inserted into long and rough edges, three into other rough ones, one into almost straight ones,
    none where the strength is 0.
    """
    own = np.arange(len(mesh.start))
    chosen = np.flatnonzero((strength > 0) & ((mesh.twin < 0) | (own < mesh.twin)))
    a, b = mesh.xy[mesh.start[chosen]], mesh.xy[mesh.end[chosen]]
    random = np.random.default_rng((seed, 40)).uniform(-1, 1, (len(chosen), 7))
    level = strength[chosen]
    middle = _between(a, b, random[:, 0] * level)
    quarters = _between(a, middle, random[:, 1] * level), _between(middle, b, random[:, 2] * level)
    eighths = [
        _between(p, q, random[:, 3 + i] * level)
        for i, (p, q) in enumerate(((a, quarters[0]), (quarters[0], middle), (middle, quarters[1]), (quarters[1], b)))
    ]
    points = np.stack([eighths[0], quarters[0], eighths[1], middle, eighths[2], quarters[1], eighths[3]], axis=1)
    wide = np.hypot(*(b - a).T) > 90
    used = np.where(wide[:, None], True, np.arange(7) % 2 == 1) & (level > 0.06)[:, None]
    used[:, 3] = True
    count = np.zeros(len(mesh.start), dtype=np.int64)
    count[chosen] = used.sum(axis=1)
    offset = np.cumsum(count) - count
    return Winding(count, offset, points[used])


def _between(a: Floats, b: Floats, share: Floats) -> Floats:
    gap = b - a
    return np.asarray((a + b) / 2 + np.column_stack([-gap[:, 1], gap[:, 0]]) * share[:, None])


def unwound(winding: Winding, edges: Flags) -> Winding:
    """Return the winding without the inserted points of the edges told."""
    count = np.where(edges, 0, winding.count)
    kept = np.repeat(~edges, winding.count)
    return Winding(count, np.cumsum(count) - count, winding.xy[kept])


def drawn(mesh: Mesh, winding: Winding, label: Integers) -> tuple[Winding, NDArray[Any]]:
    """Trace the groups of cells and straighten the edges of those whose winding crosses itself.

    Return the winding that makes all of them valid, and the geometries in the order of the labels (0, 1, 2 ...).
    When every ring is simple the whole is a coverage: edges that cross share a group at the place where they cross.
    """
    own = label[mesh.cell]
    other = np.where(mesh.twin >= 0, own[mesh.twin], own)
    while True:
        labels, geometry = trace(mesh, winding, label)
        bad = np.zeros(int(labels.max()) + 1, dtype=bool)
        bad[labels] = ~shapely.is_valid(geometry)
        if not bad.any() or not winding.count.any():
            return winding, geometry
        winding = unwound(winding, bad[own] | bad[other])


def trace(mesh: Mesh, winding: Winding, label: Integers) -> tuple[Integers, NDArray[Any]]:
    """Return the labels (0 and above) that occur, in order, and one polygon or multi-polygon around the cells of each.

    ``label``: per cell, negative for cells that belong to nothing. Shells run counter-clockwise.
    """
    own = label[mesh.cell]
    other = np.where(mesh.twin >= 0, own[mesh.twin], -1)
    border = (own >= 0) & ((mesh.twin < 0) | (own != other))
    order, ring_start = _rings(_next_on_border(mesh, border), border, mesh.start)
    coordinates, ring_offset = _expanded(mesh, winding, order, ring_start)
    # The straight edges tell shells from holes even where the winding crosses itself and is taken back later.
    a, b = mesh.xy[mesh.start[order]] - mesh.xy[0], mesh.xy[mesh.end[order]] - mesh.xy[0]
    shell = np.add.reduceat(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], ring_start) > 0
    return _assembled(coordinates, ring_offset, own[order[ring_start]], shell)


def _next_on_border(mesh: Mesh, border: Flags) -> Integers:
    """Return for each border half-edge the one that follows it around its group of cells."""
    following = mesh.following.copy()
    turning = np.flatnonzero(border)
    while len(turning):
        turning = turning[~border[following[turning]]]
        following[turning] = mesh.following[mesh.twin[following[turning]]]
    return following


def _rings(following: Integers, border: Flags, start: Integers) -> tuple[Integers, Integers]:
    """Put border half-edges into the order of their rings; return the order and where each ring begins.

    A ring that comes to a vertex twice is cut there, for a ring of a valid polygon does not touch itself.
    """
    places = np.flatnonzero(border)
    rank = np.full(len(border), -1)
    rank[places] = np.arange(len(places))
    nexts: list[int] = rank[following[places]].tolist()
    vertex: list[int] = start[places].tolist()
    seen = bytearray(len(nexts))
    order: list[int] = []
    begins: list[int] = []
    for first in range(len(nexts)):
        if seen[first]:
            continue
        ring = []
        place = first
        while not seen[place]:
            seen[place] = 1
            ring.append(place)
            place = nexts[place]
        for part in _cut(ring, vertex):
            begins.append(len(order))
            order += part
    return places[np.array(order, dtype=np.int64)], np.array(begins, dtype=np.int64)


def _cut(ring: list[int], vertex: list[int]) -> list[list[int]]:
    if len({vertex[place] for place in ring}) == len(ring):
        return [ring]
    parts: list[list[int]] = []
    stack: list[int] = []
    at: dict[int, int] = {}
    for place in ring:
        here = vertex[place]
        if here in at:
            parts.append(stack[at[here] :])
            for gone in parts[-1]:
                at.pop(vertex[gone], None)
            del stack[len(stack) - len(parts[-1]) :]
        at[here] = len(stack)
        stack.append(place)
    return [*parts, stack]


def _expanded(mesh: Mesh, winding: Winding, order: Integers, ring_start: Integers) -> tuple[Floats, Integers]:
    """Return the coordinates of the rings, closed, rounded to a tenth of a millimetre, and where each begins."""
    stored = np.where((mesh.twin[order] >= 0) & (mesh.twin[order] < order), mesh.twin[order], order)
    reverse = stored != order
    count = winding.count[stored] + 1
    ring = np.repeat(np.arange(len(ring_start)), np.diff(np.append(ring_start, len(order))))
    # One place more per ring for its closing point.
    place = np.cumsum(count) - count + ring
    total = int(count.sum()) + len(ring_start)
    coordinates = np.empty((total, 2))
    coordinates[place] = mesh.xy[mesh.start[order]]
    inner = np.repeat(np.arange(len(order)), count - 1)
    step = np.arange(len(inner)) - np.repeat(np.cumsum(count - 1) - (count - 1), count - 1)
    source = winding.offset[stored[inner]] + np.where(reverse[inner], count[inner] - 2 - step, step)
    coordinates[place[inner] + 1 + step] = winding.xy[source]
    offset = place[ring_start]
    coordinates[np.append(offset[1:], total) - 1] = coordinates[offset]
    return np.round(coordinates, 4), np.append(offset, total)


def _assembled(coordinates: Floats, offset: Integers, label: Integers, shell: Flags) -> tuple[Integers, NDArray[Any]]:
    order = np.argsort(label, kind="stable")
    rings = shapely.linearrings(coordinates, indices=np.repeat(np.arange(len(label)), np.diff(offset)))
    labels, first = np.unique(label[order], return_index=True)
    shells = np.bincount(np.searchsorted(labels, label), weights=shell)
    result = np.empty(len(labels), dtype=object)
    simple = shells[np.searchsorted(labels, label)] == 1
    lone = order[simple[order]]
    # The shell goes before the holes of its polygon.
    lone = lone[np.lexsort([~shell[lone], label[lone]])]
    group = np.searchsorted(labels, label[lone])
    found = np.unique(group)
    result[found] = _polygons(rings, lone, group)
    for number in np.flatnonzero(shells != 1).tolist():
        bound = order[first[number] : (np.append(first, len(order))[number + 1])]
        result[number] = _parts(rings[bound[shell[bound]]], rings[bound[~shell[bound]]])
    return labels, result


def _polygons(rings: NDArray[Any], order: Integers, group: Integers) -> NDArray[Any]:
    """Return polygons whose rings stand together in ``order``, the shell first."""
    coordinates, ring = shapely.get_coordinates(rings[order], return_index=True)
    ring_offset = np.append(np.searchsorted(ring, np.arange(len(order))), len(ring))
    polygon_offset = np.append(np.flatnonzero(np.append(True, group[1:] != group[:-1])), len(group))
    made = shapely.from_ragged_array(shapely.GeometryType.POLYGON, coordinates, (ring_offset, polygon_offset))
    return np.asarray(made, dtype=object)


def _parts(shells: NDArray[Any], holes: NDArray[Any]) -> Any:
    """Return the multi-polygon of several shells, each with the holes that lie in it."""
    bodies = shapely.polygons(shells)
    inner: list[list[Any]] = [[] for _ in shells]
    tree = shapely.STRtree(bodies)
    for hole in holes:
        within = tree.query(shapely.polygons(hole), predicate="within")
        inner[min(within.tolist(), key=lambda body: shapely.area(bodies[body]))].append(hole)
    polygons = [shapely.polygons(shell, inside or None) for shell, inside in zip(shells, inner, strict=True)]
    return shapely.multipolygons(polygons)
