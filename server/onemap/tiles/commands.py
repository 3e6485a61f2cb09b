"""Geometry commands of Mapbox Vector Tile 2.1 (4.3), for all features of a tile at once with numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.varint import varints, zigzag

POINT, LINE, POLYGON = 1, 2, 3
_MOVE_TO, _LINE_TO, _CLOSE_PATH = 1, 2, 15

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Simple geometries of one kind on the integer grid of a tile, y pointing down.

    ``parts``: points, lines of positive length, or valid polygons. ``owners``: to which feature each
    belongs, ascending; several parts of one feature make a multi-part geometry.
    """

    kind: int
    parts: NDArray[np.object_]
    owners: Ints


@dataclass(frozen=True, slots=True)
class Encoded:
    """The geometry field of each feature: that of ``owners[i]`` is ``data[starts[i]:starts[i + 1]]``."""

    kind: int
    owners: Ints
    data: bytes
    starts: Ints


@dataclass(frozen=True, slots=True)
class Rings:
    """Lines or open rings as whole numbers: points (n, 2), how many each has, and to which feature each belongs.

    Owners ascend. The rings of a polygon follow each other, the exterior one first and of positive area.
    """

    xy: Ints
    counts: Ints
    owners: Ints


def encode_shapes(shapes: Shapes) -> Encoded:
    """Return the encoded commands of the shapes, a geometry for each owner."""
    return encode_words(shapes.kind, *words_of(shapes))


def encode_words(kind: int, words: NDArray[np.uint64], owners: Ints) -> Encoded:
    """Return command words, whose owners are given word by word, as the geometry of each owner."""
    data, ends = varints(words)
    changes = np.flatnonzero(np.diff(owners)) + 1
    firsts = np.concatenate([[0], changes]) if len(owners) else changes
    starts = np.concatenate([[0], ends])[np.concatenate([firsts, [len(owners)]])]
    return Encoded(kind, owners[firsts], data, starts)


def words_of(shapes: Shapes) -> tuple[NDArray[np.uint64], Ints]:
    """Return the command words of the shapes, and the owner of each word."""
    if shapes.kind == POINT:
        return point_words(_integers(shapely.get_coordinates(shapes.parts)), shapes.owners)
    rings = line_rings(shapes) if shapes.kind == LINE else polygon_rings(shapes)
    return ring_words(rings, closed=shapes.kind == POLYGON)


def point_words(xy: Ints, owners: Ints) -> tuple[NDArray[np.uint64], Ints]:
    """Return the command words and the owner of each word: one MoveTo with all points of a feature."""
    firsts, counts = _runs(owners)
    sizes = 1 + 2 * counts
    begins = np.cumsum(sizes) - sizes
    words = np.empty(int(sizes.sum()), dtype=np.uint64)
    words[begins] = (counts << 3 | _MOVE_TO).astype(np.uint64)
    rank = np.arange(len(xy)) - np.repeat(firsts, counts)
    places = np.repeat(begins, counts) + 1 + 2 * rank
    _write(words, places, _deltas(xy, firsts))
    return words, np.repeat(owners[firsts], sizes)


def line_rings(shapes: Shapes) -> Rings:
    """Return the points of lines without repeated ones."""
    coordinates, index = shapely.get_coordinates(shapes.parts, return_index=True)
    xy = _integers(coordinates)
    kept = _not_repeated(xy, index)
    return Rings(xy[kept], _runs(index[kept])[1], shapes.owners)


def polygon_rings(shapes: Shapes) -> Rings:
    """Return the open rings of polygons, exterior ones of positive area (clockwise on screen), holes negative."""
    if not len(shapes.parts):
        return Rings(np.empty((0, 2), np.int64), np.empty(0, np.int64), shapes.owners)
    rings, ring_part = shapely.get_rings(shapes.parts, return_index=True)
    coordinates, index = shapely.get_coordinates(rings, return_index=True)
    xy = _integers(coordinates)
    kept = _not_repeated(xy, index)
    xy, index = xy[kept], index[kept]
    # A ring is closed by ClosePath, so its last vertex, which repeats the first, is left out.
    open_ring = np.append(np.diff(index) == 0, False)
    xy, index = xy[open_ring], index[open_ring]
    exterior = np.append(True, np.diff(ring_part) != 0)
    firsts, counts = _runs(index)
    turned = (_areas(xy, firsts, counts) > 0) != exterior
    order = np.arange(len(xy))
    backwards = np.repeat(2 * firsts + counts - 1, counts) - order
    return Rings(xy[np.where(np.repeat(turned, counts), backwards, order)], counts, shapes.owners[ring_part])


def ring_words(rings: Rings, *, closed: bool) -> tuple[NDArray[np.uint64], Ints]:
    """Return MoveTo, LineTo (and ClosePath) of each ring, and the owner of each word."""
    xy, counts = rings.xy, rings.counts
    firsts = np.cumsum(counts) - counts
    sizes = 2 + 2 * counts + closed
    begins = np.cumsum(sizes) - sizes
    words = np.empty(int(sizes.sum()), dtype=np.uint64)
    words[begins] = 1 << 3 | _MOVE_TO
    words[begins + 3] = ((counts - 1) << 3 | _LINE_TO).astype(np.uint64)
    if closed:
        words[begins + sizes - 1] = _CLOSE_PATH
    rank = np.arange(len(xy)) - np.repeat(firsts, counts)
    places = np.repeat(begins, counts) + np.where(rank == 0, 1, 2 * rank + 2)
    features, _ = _runs(rings.owners)
    _write(words, places, _deltas(xy, firsts[features]))
    return words, np.repeat(rings.owners, sizes)


def _integers(coordinates: NDArray[np.float64]) -> Ints:
    return np.rint(coordinates).astype(np.int64)


def _runs(index: Ints) -> tuple[Ints, Ints]:
    """Return where each run of equal values begins and how long it is."""
    if not len(index):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(index)) + 1])
    return firsts, np.diff(np.append(firsts, len(index)))


def _not_repeated(xy: Ints, index: Ints) -> NDArray[np.bool_]:
    """Return which vertices differ from the one before them on the same path."""
    differs = (np.diff(xy, axis=0) != 0).any(axis=1) | (np.diff(index) != 0)
    return np.concatenate([np.ones(min(len(xy), 1), dtype=bool), differs])


def _areas(xy: Ints, firsts: Ints, counts: Ints) -> Ints:
    """Return twice the signed area of each ring by the surveyor's formula."""
    following = np.arange(1, len(xy) + 1)
    following[firsts + counts - 1] = firsts
    crossed = xy[:, 0] * xy[following, 1] - xy[following, 0] * xy[:, 1]
    return np.asarray(np.add.reduceat(crossed, firsts) if len(firsts) else crossed)


def _deltas(xy: Ints, features: Ints) -> NDArray[np.uint64]:
    """Return the moves from vertex to vertex, each feature beginning at the origin; shape (n, 2)."""
    moves = np.diff(xy, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    moves[features] = xy[features]
    return zigzag(moves)


def _write(words: NDArray[np.uint64], places: Ints, moves: NDArray[np.uint64]) -> None:
    words[places] = moves[:, 0]
    words[places + 1] = moves[:, 1]
