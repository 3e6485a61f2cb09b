"""Geometries encoded beforehand for the tiles of one zoom of WebMercatorQuad.

The moves from vertex to vertex are the same in every tile; only where a geometry begins depends on the tile. So a row
is kept as its first command and its first place, counted in tile units from the corner of the frame, and the bytes of
all that follows. It serves tiles in which the row lies as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.commands import (
    LINE,
    POINT,
    POLYGON,
    Rings,
    Shapes,
    line_rings,
    point_words,
    polygon_rings,
    ring_words,
)
from onemap.tiles.generalise.faces import spread, starts
from onemap.tiles.pack.format import PackFile, PackWriter
from onemap.tiles.pack.layer import Shape
from onemap.tiles.pack.ragged import Rows
from onemap.tiles.pack.sizes import shapes_of
from onemap.tiles.shapes import apart, explode
from onemap.tiles.varint import varints, zigzag

Ints = NDArray[np.int64]
APART = 1.5
"""Snapping moves each vertex by up to 0.71: what is further apart than twice that stays apart."""
_START = 3


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows encoded: the first command word (0: nothing is left of the row), the first place, and the rest."""

    lead: NDArray[np.uint32]
    first: NDArray[np.int32]
    size: NDArray[np.int32]
    tail: NDArray[np.uint8]


def encode_rows(rows: Rows, unit: float, *, exact: bool = False) -> Encoded:
    """Return rows encoded for tile units of so many steps; polygons are valid there. ``exact``: they are already."""
    return encode_kinds(_words(rows, unit, exact=exact), len(rows))


def encode_kinds(kinds: Iterable[tuple[NDArray[np.uint64], Ints]], count: int) -> Encoded:
    """Return so many rows encoded, from the command words of all kinds of geometry and the row of each word."""
    lead, first, size = np.zeros(count, np.uint32), np.zeros((count, 2), np.int32), np.zeros(count, np.int32)
    pieces, order = [], []
    for words, owners in kinds:
        if not len(words):
            continue
        begin = np.flatnonzero(np.diff(owners, prepend=-1))
        which = owners[begin]
        lead[which] = words[begin]
        first[which] = _signed(words[np.stack([begin + 1, begin + 2], axis=1)])
        rest = np.ones(len(words), dtype=bool)
        rest[(begin[:, None] + np.arange(_START)).ravel()] = False
        data, ends = varints(words[rest])
        counts = np.bincount(owners[rest], minlength=count)[which]
        until = np.concatenate([[0], ends])[np.cumsum(counts)]
        size[which] = np.diff(until, prepend=0)
        pieces.append(np.frombuffer(data, np.uint8))
        order.append(which)
    return Encoded(lead, first, size, _in_order(pieces, order, size))


def _in_order(pieces: list[NDArray[np.uint8]], order: list[Ints], size: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return the bytes of all kinds in the order of the rows."""
    if not pieces:
        return np.empty(0, np.uint8)
    every, rows = np.concatenate(pieces), np.concatenate(order)
    begin = starts(size[rows])[:-1]
    sorted_ = np.argsort(rows, kind="stable")
    return every[spread(begin[sorted_], size[rows[sorted_]])]


def _signed(words: NDArray[np.uint64]) -> Ints:
    """Return the numbers of zigzag words."""
    plain = words.astype(np.int64)
    return (plain >> 1) ^ -(plain & 1)


def _words(rows: Rows, unit: float, *, exact: bool) -> Iterator[tuple[NDArray[np.uint64], Ints]]:
    """Yield command words and the row of each word, kind by kind."""
    numbered = Rows(**{**{name: getattr(rows, name) for name in rows.__slots__}, "owner": np.arange(len(rows))})
    for kind in (POLYGON, LINE, POINT):
        which = np.flatnonzero(rows.kind == kind)
        if not len(which):
            continue
        if kind == POINT:
            ring = spread(starts(rows.rings)[which], rows.rings[which])
            point = spread(starts(rows.ring_points)[ring], rows.ring_points[ring])
            xy = np.rint(rows.xy[point] / unit).astype(np.int64)
            yield point_words(xy, np.repeat(which, rows.points[which]))
        elif kind == LINE:
            lines, owners = shapes_of(numbered, which)
            snapped = shapely.transform(lines, lambda xy: np.rint(xy / unit))
            long = shapely.length(snapped) > 0
            yield ring_words(line_rings(Shapes(LINE, snapped[long], owners[long])), closed=False)
        else:
            yield ring_words(_rings(numbered, which, unit, exact=exact), closed=True)


def _rings(rows: Rows, which: Ints, unit: float, *, exact: bool) -> Rings:
    """Return the rings of surfaces on the grid; those that are ``exact`` or far enough apart need no mending."""
    easy = rows.clearance[which] >= APART * unit
    if exact:
        easy[:] = True
    simple, hard = which[easy], which[~easy]
    ring = spread(starts(rows.rings)[simple], rows.rings[simple])
    counts = rows.ring_points[ring].astype(np.int64)
    xy = np.rint(rows.xy[spread(starts(rows.ring_points)[ring], counts)] / unit).astype(np.int64)
    made = Rings(xy, counts, np.repeat(simple, rows.rings[simple]))
    if not len(hard):
        return made
    polygons, owners = shapes_of(rows, hard)
    mended = snapped(shapely.transform(polygons, lambda xy: xy / unit), owners)
    return both(made, polygon_rings(Shapes(POLYGON, *mended)))


def both(one: Rings, other: Rings) -> Rings:
    """Return the rings of both in the order of their owners."""
    if not len(one.owners):
        return other
    if not len(other.owners):
        return one
    owners = np.concatenate([one.owners, other.owners])
    counts = np.concatenate([one.counts, other.counts])
    order = np.argsort(owners, kind="stable")
    begin = np.cumsum(counts) - counts
    xy = np.concatenate([one.xy, other.xy])
    return Rings(xy[spread(begin[order], counts[order])], counts[order], owners[order])


def snapped(polygons: NDArray[np.object_], owners: Ints) -> tuple[NDArray[np.object_], Ints]:
    """Return polygons with whole coordinates, valid, those of one owner apart; what has no extent is left out."""
    parts = shapely.transform(polygons, np.rint)
    sound = shapely.is_valid(parts) & (shapely.area(parts) > 0)
    if not sound.all():
        mended, place = explode(shapely.set_precision(polygons[~sound], 1.0, mode="valid_output"))
        solid = shapely.area(mended) > 0
        whose = np.concatenate([owners[sound], owners[~sound][place[solid]]])
        order = np.argsort(whose, kind="stable")
        parts, owners = np.concatenate([parts[sound], mended[solid]])[order], whose[order]
    return apart(parts, owners)


def write_encoded(writer: PackWriter, name: str, parts: Iterable[Encoded]) -> None:
    """Write encoded rows into a pack."""
    small: dict[str, list[NDArray[np.generic]]] = {"lead": [], "first": [], "size": []}

    def tails() -> Iterator[NDArray[np.uint8]]:
        for part in parts:
            for column, kept in small.items():
                kept.append(getattr(part, column))
            yield part.tail

    writer.extend(f"{name}/tail", tails(), np.uint8)
    empty = Encoded(np.empty(0, np.uint32), np.empty((0, 2), np.int32), np.empty(0, np.int32), np.empty(0, np.uint8))
    columns = {key: np.concatenate([getattr(empty, key), *kept]) for key, kept in small.items()}
    writer.write(f"{name}/lead", columns["lead"])
    writer.write(f"{name}/first", columns["first"])
    writer.write(f"{name}/starts", starts(columns["size"]))


class EncodedShapes:
    """Encoded geometries in a pack."""

    def __init__(self, file: PackFile, name: str) -> None:
        self.lead: NDArray[np.uint32] = file.array(f"{name}/lead")
        self.first: NDArray[np.int32] = file.array(f"{name}/first")
        self.starts: Ints = file.array(f"{name}/starts")
        self.tail: NDArray[np.uint8] = file.array(f"{name}/tail")

    def shape(self, at: Ints, owners: Ints, kinds: NDArray[np.uint8], corner: Ints) -> Shape:
        """Return the geometries at these places, those of which nothing is left out; ``corner``: of the tile."""
        lead = self.lead.take(at)
        if not lead.all():
            there = lead > 0
            at, owners, kinds, lead = at[there], owners[there], kinds[there], lead[there]
        words = np.empty((len(at), 3), dtype=np.int64)
        words[:, 0] = lead
        words[:, 1:] = zigzag(self.first.take(at, axis=0) - corner)
        begin, end = self.starts.take(at), self.starts.take(at + 1)
        return Shape(owners, kinds, words, end - begin, _pieces(self.tail, begin, end))


def _pieces(data: NDArray[np.uint8], begin: Ints, end: Ints) -> NDArray[np.uint8]:
    """Return pieces of data one after the other; those that are neighbours there are taken at once."""
    if not len(begin):
        return data[:0]
    gaps = np.flatnonzero(begin[1:] != end[:-1])
    runs = zip(begin[np.append(0, gaps + 1)].tolist(), end[np.append(gaps, -1)].tolist(), strict=True)
    return np.concatenate([data[first:last] for first, last in runs])
