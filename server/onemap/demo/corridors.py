"""Seed points of rivers and roads: pairs of points on both sides of a bank make a corridor of exact width."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.courses import Line
from onemap.demo.grid import Flags, Floats, Integers
from onemap.demo.paths import stations

LINE, BANK, BUILT, STREET, WATER, FIELD, ORCHARD, WOOD = range(8)

_PRIORITY = {"highway": 0, "rural": 1, "river": 2}
_ROW = 40.0


@dataclass(frozen=True)
class Sites:
    """Seed points: ``xy`` (n, 2), ``kind`` (LINE ... WOOD), and ``owner``: index of the line, settlement or block."""

    xy: Floats
    kind: Integers
    owner: Integers

    def __len__(self) -> int:
        return len(self.xy)

    def __getitem__(self, chosen: Flags | Integers) -> "Sites":
        return Sites(self.xy[chosen], self.kind[chosen], self.owner[chosen])

    def __add__(self, other: "Sites") -> "Sites":
        return Sites(
            np.vstack([self.xy, other.xy]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.owner, other.owner]),
        )


def ordered(lines: tuple[Line, ...]) -> list[Line]:
    """Return lines in the order in which one gives way to another."""
    return sorted(lines, key=lambda line: _PRIORITY[line.kind])


def _spacing(width: Floats) -> tuple[Floats, Floats]:
    """Return the distance between stations along a line and between rows across it."""
    rows = np.maximum(1, np.round(width / _ROW))
    return np.clip(1.6 * width, 20, 60), width / rows


def _clearance(width: Floats) -> Floats:
    """Return how far from a line's middle a foreign point must stay for the bank to stay straight."""
    along, across = _spacing(width)
    return np.asarray(width / 2 + 0.53 * np.hypot(along, across))


def corridors(lines: list[Line]) -> Sites:
    """Return the points in and along the lines; a line gives way where it meets an earlier one."""
    parts = [_corridor(number, line) for number, line in enumerate(lines)]
    sites = Sites(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("xy", "kind", "owner")))
    segments, width, owner = _segments(lines)
    point, segment = shapely.STRtree(shapely.points(sites.xy)).query(
        segments, predicate="dwithin", distance=_clearance(width)
    )[::-1]
    yields = owner[segment] < sites.owner[point]
    point, segment = point[yields], segment[yields]
    dropped = np.zeros(len(sites), dtype=bool)
    dropped[point] = True
    joined = _joined(sites, dropped, point, segment, owner)
    sites = Sites(sites.xy, np.where(joined >= 0, LINE, sites.kind), np.where(joined >= 0, joined, sites.owner))
    return sites[~dropped]


def _joined(sites: Sites, dropped: Flags, point: Integers, segment: Integers, owner: Integers) -> Integers:
    """Return for each bank point the line that ends there (-1: none), so that meeting lines touch."""
    result = np.full(len(sites), -1)
    ends = point[sites.kind[point] == LINE]
    onto = owner[segment][sites.kind[point] == LINE]
    banks = np.flatnonzero((sites.kind == BANK) & ~dropped)
    if not len(banks) or not len(ends):
        return result
    tree = shapely.STRtree(shapely.points(sites.xy[banks]))
    pairs, distance = tree.query_nearest(shapely.points(sites.xy[ends]), return_distance=True, all_matches=False)
    fits = (sites.owner[banks[pairs[1]]] == onto[pairs[0]]) & (distance < 24)
    result[banks[pairs[1][fits]]] = sites.owner[ends[pairs[0][fits]]]
    return result


def _corridor(number: int, line: Line) -> Sites:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line.course, axis=0).T))])
    spacing = float(_spacing(np.array([line.width.mean()]))[0][0])
    points, normals = stations(line.course, spacing)
    places = (np.arange(len(points)) + 0.5) * along[-1] / len(points)
    width = np.interp(places, along, line.width)
    across = _spacing(width)[1]
    offsets, kinds = [], []
    for row in range(int(np.max(width / across)) + 2):
        rows = np.round(width / across) + 2
        offset = (row - (rows - 1) / 2) * across
        offsets.append(np.where(row < rows, offset, np.nan))
        kinds.append(np.where((row == 0) | (row == rows - 1), BANK, LINE))
    offset, kind = np.concatenate(offsets), np.concatenate(kinds)
    xy = np.tile(points, (len(offsets), 1)) + offset[:, None] * np.tile(normals, (len(offsets), 1))
    exists = ~np.isnan(offset)
    return Sites(xy[exists], kind[exists], np.full(np.count_nonzero(exists), number))


def _segments(lines: list[Line]) -> tuple[NDArray[Any], Floats, Integers]:
    """Return the straight pieces of the lines, their widths, and the index of the line of each."""
    pieces = [np.stack([line.course[:-1], line.course[1:]], axis=1) for line in lines]
    width = np.concatenate([(line.width[:-1] + line.width[1:]) / 2 for line in lines])
    owner = np.repeat(np.arange(len(lines)), [len(piece) for piece in pieces])
    return shapely.linestrings(np.concatenate(pieces)), width, owner


def near_lines(xy: Floats, lines: list[Line]) -> Flags:
    """Tell which points would disturb a bank."""
    segments, width, _ = _segments(lines)
    near = np.zeros(len(xy), dtype=bool)
    near[shapely.STRtree(shapely.points(xy)).query(segments, predicate="dwithin", distance=_clearance(width))[1]] = True
    return near
