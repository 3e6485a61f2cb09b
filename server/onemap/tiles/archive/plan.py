"""Which tiles an archive has: levels, limits, and the squares of tiles that are made at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onemap.errors import ConfigError
from onemap.geo.crs import CRS84, Bounds, transform_bounds
from onemap.tiles.archive.staging import Block
from onemap.tiles.matrixset import Level, Limits, TileMatrixSet
from onemap.tiles.tilesets import TileSet

_COARSE, _MIDDLE = 10, 12


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """A level: its zoom in the archive, at which it fits a square of 2^zoom tiles, and which rows and columns."""

    level: Level
    zoom: int
    limits: Limits
    overview: bool

    @property
    def bits(self) -> int:
        """The side of a block is 2^bits tiles: few of those that take long."""
        return 1 if self.zoom <= _COARSE else 2 if self.zoom <= _MIDDLE else 4

    @property
    def count(self) -> int:
        """The number of tiles."""
        limits = self.limits
        return (limits.max_row - limits.min_row + 1) * (limits.max_col - limits.min_col + 1)

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks, row by row."""
        limits, bits = self.limits, self.bits
        for row in range(limits.min_row >> bits, (limits.max_row >> bits) + 1):
            for col in range(limits.min_col >> bits, (limits.max_col >> bits) + 1):
                yield self.zoom, row, col

    def within(self, block: Block) -> tuple[int, int, int, int]:
        """Return the first and last row, first and last column of the tiles of a block."""
        _, row, col = block
        limits, bits = self.limits, self.bits
        last = (1 << bits) - 1
        return (
            max(limits.min_row, row << bits),
            min(limits.max_row, (row << bits) + last),
            max(limits.min_col, col << bits),
            min(limits.max_col, (col << bits) + last),
        )


def plan_levels(tileset: TileSet, zooms: tuple[int, int] | None, bounds: Bounds | None) -> list[LevelPlan]:
    """Return the levels of a tileset of one collection between two level identifiers (zooms), within bounds (degrees).

    Raises ConfigError when there are none.
    """
    area = None
    if bounds is not None:
        area = transform_bounds(bounds, CRS84, tileset.matrix_set.crs)
        if area is None:
            raise ConfigError(f"The bounds lie outside '{tileset.matrix_set.id}'.")
    plans = []
    for name, limits in tileset.limits.items():
        level = tileset.matrix_set.levels[name]
        number = int(name) if name.isdecimal() else level_zoom(level)
        inside = _inside(limits, level, area)
        if inside is not None and (zooms is None or zooms[0] <= number <= zooms[1]):
            plans.append(LevelPlan(level, level_zoom(level), inside, tileset.parts[0].overview(name)))
    if not plans:
        raise ConfigError("There are no tiles between these zooms within these bounds.", _levels(list(tileset.limits)))
    return plans


def level_zoom(level: Level) -> int:
    """Return the lowest zoom at which a square of 2^zoom tiles holds a level."""
    return (max(level.columns, level.rows) - 1).bit_length()


def grid_of(matrix_set: TileMatrixSet) -> TileMatrixSet:
    """Return the set whose grid a set has."""
    return matrix_set.same_as or matrix_set


def _inside(limits: Limits, level: Level, area: Bounds | None) -> Limits | None:
    found = limits if area is None else level.limits(area)
    if found is None:
        return None
    rows = max(limits.min_row, found.min_row), min(limits.max_row, found.max_row)
    cols = max(limits.min_col, found.min_col), min(limits.max_col, found.max_col)
    return Limits(*rows, *cols) if rows[0] <= rows[1] and cols[0] <= cols[1] else None


def _levels(names: Sequence[str]) -> str:
    return f"There are tiles at {names[0]} to {names[-1]}." if names else "The collection is empty."
