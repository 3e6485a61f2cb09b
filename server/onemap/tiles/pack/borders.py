"""Rows that cross the borders of tiles, cut and encoded beforehand for the tiles of one zoom of WebMercatorQuad.

To cut the few hundred rows at the border of a coarse tile takes longer than to write the thousands within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from onemap.geo.crs import Array
from onemap.tiles.commands import LINE, POINT, POLYGON, Shapes, line_rings, polygon_rings, ring_words
from onemap.tiles.generalise.faces import spread, starts
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack.encoded import Encoded, EncodedShapes, encode_kinds, write_encoded
from onemap.tiles.pack.format import PackFile, PackWriter
from onemap.tiles.pack.frame import Frame
from onemap.tiles.pack.ragged import Rows
from onemap.tiles.pack.sizes import shapes_of, taken
from onemap.tiles.shapes import BUFFER, WINDOW, Plane, apart, clip_lines, clip_polygons

Ints = NDArray[np.int64]
Parts = NDArray[np.object_]
# A row that reaches into more tiles than this is cut when one of them is drawn: a river of the whole province would be
# gone through thousands of times.
_MOST_TILES = 64


@dataclass(frozen=True, slots=True)
class Cuts:
    """Pieces of rows, row by row: how many of each, the tile of each (``number_of``), and how it is written there."""

    counts: Ints
    tile: Ints
    encoded: Encoded


def number_of[N: (int, Ints)](col: N, row: N) -> N:
    """Return the numbers of tiles of one zoom."""
    return row << 32 | col


def cut_rows(rows: Rows, frame: Frame, unit: float) -> Cuts:
    """Return what of rows lies in the tiles whose borders they cross. ``unit``: the length of a tile unit in steps."""
    which, tile = _crossed(rows, frame, unit)
    corner = np.asarray(tile * (EXTENT * unit) - np.array([frame.left, frame.top]), dtype=np.float64)
    encoded = encode_kinds(_words(rows, which, corner, unit), len(which))
    return Cuts(np.bincount(which, minlength=len(rows)), number_of(tile[:, 0], tile[:, 1]), encoded)


def _crossed(rows: Rows, frame: Frame, unit: float) -> tuple[Ints, Ints]:
    """Return each row with each tile that it meets without lying within it, columns and rows of tiles (n, 2)."""
    side, margin = EXTENT * unit, BUFFER * unit
    corner = np.array([frame.left, frame.top], dtype=np.float64)
    low = np.ceil((rows.box[:, :2] + corner - margin) / side).astype(np.int64) - 1
    many = np.floor((rows.box[:, 2:] + corner + margin) / side).astype(np.int64) - low + 1
    count = many.prod(axis=1)
    count[(count > _MOST_TILES) | (rows.kind == POINT)] = 0
    which = np.repeat(np.arange(len(rows)), count)
    at = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    tile = low[which] + np.column_stack([at % many[which, 0], at // many[which, 0]])
    begin = tile * side - corner
    within = (rows.box[which, :2] >= begin - margin) & (rows.box[which, 2:] <= begin + side + margin)
    crossing = ~within.all(axis=1) & (tile >= 0).all(axis=1)
    return which[crossing], tile[crossing]


def _words(rows: Rows, which: Ints, corner: Array, unit: float) -> Iterator[tuple[NDArray[np.uint64], Ints]]:
    """Yield the command words of rows in their tiles, and for each word the place of its row in ``which``."""
    for kind in (POLYGON, LINE):
        chosen = np.flatnonzero(rows.kind[which] == kind)
        if not len(chosen):
            continue
        parts, owners = shapes_of(replace(taken(rows, which[chosen]), owner=chosen), np.arange(len(chosen)))
        xy, of_part = shapely.get_coordinates(parts, return_index=True)
        parts = shapely.set_coordinates(parts, (xy - corner[owners[of_part]]) / unit)
        if kind == POLYGON:
            yield ring_words(polygon_rings(Shapes(POLYGON, *cut(parts, owners))), closed=True)
        else:
            yield ring_words(line_rings(Shapes(LINE, *cut_lines(parts, owners))), closed=False)


def cut(parts: Parts, owners: Ints, tolerance: float = 0.0) -> tuple[Parts, Ints]:
    """Return what of polygons in tile units lies in the window, on the grid and valid, and whose it is.

    That is what ``clip_polygons`` does, in a third of its steps for what need not be mended or simplified.
    """
    plane = Plane(_same, WINDOW, tolerance)
    try:
        pieces, index = shapely.get_parts(shapely.clip_by_rect(parts, *WINDOW), return_index=True)
    except GEOSException:
        return clip_polygons(parts, owners, plane)
    snapped = shapely.transform(pieces, np.rint)
    sound = shapely.is_valid(snapped)
    if plane.tolerance or not sound.any():
        return clip_polygons(parts, owners, plane)
    solid = shapely.area(snapped) > 0
    if not sound.all():
        faulty = np.zeros(len(parts), dtype=bool)
        faulty[index[~sound]] = True
        solid &= ~faulty[index]
        mended, whose = clip_polygons(parts[faulty], owners[faulty], plane)
        every, of_every = np.concatenate([snapped[solid], mended]), np.concatenate([owners[index[solid]], whose])
        order = np.argsort(of_every, kind="stable")
        return apart(every[order], of_every[order])
    return apart(snapped[solid], owners[index[solid]])


def cut_lines(lines: Parts, owners: Ints, tolerance: float = 0.0) -> tuple[Parts, Ints]:
    """Return what of lines in tile units lies in the window, on the grid, and whose it is."""
    return clip_lines(lines, owners, Plane(_same, WINDOW, tolerance))


def _same(xy: Array) -> Array:
    return xy


def write_cuts(writer: PackWriter, name: str, parts: Iterable[Cuts]) -> None:
    """Write the pieces of the rows of a level of detail into a pack."""
    counts, tiles = [np.empty(0, np.int64)], [np.empty(0, np.int64)]

    def encoded() -> Iterator[Encoded]:
        for part in parts:
            counts.append(part.counts)
            tiles.append(part.tile)
            yield part.encoded

    write_encoded(writer, name, encoded())
    writer.write(f"{name}/tile", np.concatenate(tiles))
    writer.write(f"{name}/of", starts(np.concatenate(counts)))


class CutRows:
    """Pieces of the rows of a level of detail, in a pack."""

    def __init__(self, file: PackFile, name: str) -> None:
        self.shapes = EncodedShapes(file, name)
        self._tile: Ints = file.array(f"{name}/tile")
        self._of: Ints = file.array(f"{name}/of")

    def find(self, tile: int, rows: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Return the places of the pieces of rows in a tile (``number_of``), and which of the rows have one."""
        begin = self._of[rows]
        count = self._of[rows + 1] - begin
        at = spread(begin, count)
        here = self._tile[at] == tile
        found = np.zeros(len(rows), dtype=bool)
        found[np.repeat(np.arange(len(rows)), count)[here]] = True
        return np.asarray(at[here]), found
