"""Tiles of few surfaces, written value by value: there each step over arrays costs more than a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.tiles.commands import POLYGON
from onemap.tiles.mvt import EXTENT
from onemap.tiles.pack.attributes import Columns, Pairs
from onemap.tiles.pack.borders import cut
from onemap.tiles.pack.draw import Window, inside, ready
from onemap.tiles.pack.encoded import EncodedShapes
from onemap.tiles.pack.lods import Lod
from onemap.tiles.pack.pack import Pack
from onemap.tiles.pack.sizes import to_polygons
from onemap.tiles.varint import field, varint

Ints = NDArray[np.int64]
FEW = 40
_HEADER, _FOOTER = b"\x78\x02", b"\x28" + varint(EXTENT)
_MOVE_TO, _LINE_TO, _CLOSE_PATH = 9, 2, 15
_TRIANGLE = 3


def suits(lod: Lod, rows: Ints, on: Window) -> bool:
    """Whether a tile is one of few surfaces."""
    return len(rows) <= FEW and bool((lod.kind[rows] == POLYGON).all())


def layer(pack: Pack, name: str, lod: Lod, rows: Ints, on: Window, names: Sequence[str]) -> bytes:
    """Return a tile with one layer of these rows, empty when nothing of them is in the tile."""
    columns, places = pack.attributes(lod, rows)
    at = dict(zip(rows.tolist(), places.tolist(), strict=True))
    features = ((at[row], geometry) for row, geometry in _geometries(lod, rows, on))
    return written(columns, name, names, features, POLYGON)


def written(
    columns: Columns, name: str, names: Sequence[str], features: Iterable[tuple[int, bytes]], kind: int
) -> bytes:
    """Return a tile with one layer of features (row of ``columns``, geometry), empty when there are none."""
    numbers: dict[bytes, int] = {}
    told: dict[int, bytes] = {}
    pieces = [_HEADER, field(1, name.encode())]
    reader = columns.reader(names)
    of_kind = bytes((0x18, kind))
    for feature, geometry in features:
        record = reader.record(feature)
        shared = told.get(record)
        if shared is None:
            shared = told[record] = _tags(reader.shared(record), numbers)
        tags = shared + _tags(reader.own(feature), numbers)
        identity = columns.identity(feature)
        named = b"" if identity < 0 else b"\x08" + varint(identity)
        pieces.append(field(2, b"".join((named, field(2, tags), of_kind, field(4, geometry)))))
    if len(pieces) <= len((_HEADER, name)):
        return b""
    keys = [field(3, column.encode()) for column in names]
    return field(3, b"".join([*pieces, *keys, *numbers, _FOOTER]))


def _tags(pairs: Pairs, numbers: dict[bytes, int]) -> bytes:
    """Return the numbers of columns and values, those of new values counted on."""
    return b"".join([key + varint(numbers.setdefault(value, len(numbers))) for key, value in pairs])


def _geometries(lod: Lod, rows: Ints, on: Window) -> Iterator[tuple[int, bytes]]:
    """Yield each row that is seen with its geometry."""
    made = ready(lod, on)
    if made is None:
        yield from _crossing(lod, rows, on)
        return
    within = inside(lod, rows, on)
    yield from _encoded(made.shapes, rows[within], rows[within], on.corner.tolist())
    crossing = rows[~within]
    if len(crossing) and on.number is not None:
        at, found = made.cuts.find(on.number, crossing)
        yield from _encoded(made.cuts.shapes, at, crossing[found], (0, 0))
        crossing = crossing[~found]
    if len(crossing):
        yield from _crossing(lod, crossing, on)


def _encoded(shapes: EncodedShapes, places: Ints, rows: Ints, corner: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield rows that were encoded beforehand; ``corner``: of the tile, in the units in which they were."""
    left, top = corner
    for place, row in zip(places.tolist(), rows.tolist(), strict=True):
        lead = int(shapes.lead[place])
        if lead:
            x, y = shapes.first[place].tolist()
            begin, end = shapes.starts[place : place + 2].tolist()
            yield row, varint(lead) + _move(x - left) + _move(y - top) + shapes.tail[begin:end].tobytes()


def _crossing(lod: Lod, rows: Ints, on: Window) -> Iterator[tuple[int, bytes]]:
    """Yield rows that are cut at the border of the tile."""
    xy, counts, rings, exterior = lod.gather(rows)
    whose = np.repeat(np.arange(len(rows)), rings)[exterior]
    parts, owners = cut(to_polygons(on.to_grid(xy), counts, exterior), whose)
    if not len(parts):
        return
    found, of_part = shapely.get_rings(parts, return_index=True)
    points, of_ring = shapely.get_coordinates(found, return_index=True)
    ends = np.searchsorted(of_ring, np.arange(1, len(found) + 1)).tolist()
    every = points.astype(np.int64).tolist()
    owner, part = owners[of_part].tolist(), of_part.tolist()
    out, cursor, begin = bytearray(), [0, 0], 0
    for ring, end in enumerate(ends):
        _write(out, every[begin : end - 1], cursor, exterior=ring == 0 or part[ring] != part[ring - 1])
        begin = end
        if end == ends[-1] or owner[ring + 1] != owner[ring]:
            yield int(rows[owner[ring]]), bytes(out)
            out, cursor = bytearray(), [0, 0]


def _write(out: bytearray, ring: list[list[int]], cursor: list[int], *, exterior: bool) -> None:
    """Write an open ring; exterior ones have positive area by the surveyor's formula."""
    points = [point for at, point in enumerate(ring) if point != ring[at - 1]]
    if len(points) < _TRIANGLE:
        return
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))
    if (area > 0) != exterior:
        points.reverse()
    x, y = cursor
    for at, point in enumerate(points):
        if at == 0:
            out.append(_MOVE_TO)
        elif at == 1:
            out += varint((len(points) - 1) << 3 | _LINE_TO)
        out += _move(point[0] - x)
        out += _move(point[1] - y)
        x, y = point
    out.append(_CLOSE_PATH)
    cursor[:] = x, y


def _move(delta: int) -> bytes:
    return varint((delta << 1) ^ (delta >> 63))
