"""A regular grid of the demo province in the Gauss-Krueger plane, and smooth noise over it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Integers = NDArray[np.int64]
type Flags = NDArray[np.bool_]

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
"""Row and column offsets of the eight neighbours of a cell."""


class Extent(NamedTuple):
    """A box in the plane: easting and northing in metres (EPSG:4526)."""

    min_x: float
    min_y: float
    max_x: float
    max_y: float

    @property
    def width(self) -> float:
        """Return the size from west to east in metres."""
        return self.max_x - self.min_x

    @property
    def height(self) -> float:
        """Return the size from south to north in metres."""
        return self.max_y - self.min_y


@dataclass(frozen=True)
class Grid:
    """Square cells over an extent; row 0 is the southernmost, values belong to the centres of the cells."""

    extent: Extent
    step: float

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return round(self.extent.height / self.step), round(self.extent.width / self.step)

    @cached_property
    def centres(self) -> tuple[Floats, Floats]:
        """Return x and y of the cell centres, each of the grid's shape."""
        rows, columns = self.shape
        x = self.extent.min_x + (np.arange(columns) + 0.5) * self.step
        y = self.extent.min_y + (np.arange(rows) + 0.5) * self.step
        return np.broadcast_to(x, self.shape), np.broadcast_to(y[:, None], self.shape)

    def cell(self, x: Floats, y: Floats) -> Integers:
        """Return the flat index of the cell under each point; points outside fall on the edge cells."""
        rows, columns = self.shape
        column = np.clip(((x - self.extent.min_x) / self.step).astype(np.int64), 0, columns - 1)
        row = np.clip(((y - self.extent.min_y) / self.step).astype(np.int64), 0, rows - 1)
        return row * columns + column

    def points(self, cells: Integers) -> Floats:
        """Return the centres (n, 2) of flat cell indices."""
        row, column = np.divmod(cells, self.shape[1])
        x = self.extent.min_x + (column + 0.5) * self.step
        return np.column_stack([x, self.extent.min_y + (row + 0.5) * self.step])

    def linear(self, values: Floats, x: Floats, y: Floats) -> Floats:
        """Interpolate values of the cells bilinearly at points."""
        row, column, fy, fx = self._position(x, y)
        rows, columns = self.shape
        r0, r1 = np.clip(row, 0, rows - 1), np.clip(row + 1, 0, rows - 1)
        c0, c1 = np.clip(column, 0, columns - 1), np.clip(column + 1, 0, columns - 1)
        south = values[r0, c0] * (1 - fx) + values[r0, c1] * fx
        north = values[r1, c0] * (1 - fx) + values[r1, c1] * fx
        return np.asarray(south * (1 - fy) + north * fy)

    def smooth(self, values: Floats, x: Floats, y: Floats) -> Floats:
        """Interpolate values of the cells with cubic (Catmull-Rom) weights at points: slopes have no jumps."""
        row, column, fy, fx = self._position(x, y)
        rows, columns = self.shape
        total = np.zeros(np.broadcast(x, y).shape)
        for i, weight_y in enumerate(_cubic(fy), start=-1):
            r = np.clip(row + i, 0, rows - 1)
            for j, weight_x in enumerate(_cubic(fx), start=-1):
                total += weight_y * weight_x * values[r, np.clip(column + j, 0, columns - 1)]
        return total

    def _position(self, x: Floats, y: Floats) -> tuple[Integers, Integers, Floats, Floats]:
        column = (x - self.extent.min_x) / self.step - 0.5
        row = (y - self.extent.min_y) / self.step - 0.5
        c0, r0 = np.floor(column), np.floor(row)
        return r0.astype(np.int64), c0.astype(np.int64), row - r0, column - c0


def _cubic(t: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    return (
        ((-t + 2) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((-3 * t + 4) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    )


class Noise:
    """Smooth random values over the plane, the same for the same seed at any resolution."""

    SIZE = 256

    def __init__(self, *seed: int) -> None:
        self._table = np.random.default_rng(seed).uniform(-1, 1, (self.SIZE, self.SIZE))

    def __call__(self, x: Floats, y: Floats, wavelength: float, octaves: int = 4) -> Floats:
        """Return values of about -1 to 1 at points in metres: a sum of octaves, each half as long and as strong."""
        total = np.zeros(np.broadcast(x, y).shape)
        for octave in range(octaves):
            total += self._value(*_turned(x, y, 2.0**octave / wavelength, octave)) / 2**octave
        return total

    def over(self, xy: Floats, wavelength: float, octaves: int = 4) -> Floats:
        """Return the same values at points (n, 2)."""
        return self(xy[:, 0], xy[:, 1], wavelength, octaves)

    def ridged(self, x: Floats, y: Floats, wavelength: float, octaves: int = 4) -> Floats:
        """Return values of about 0 to 1 with sharp crests."""
        total = np.zeros(np.broadcast(x, y).shape)
        for octave in range(octaves):
            value = self._value(*_turned(x, y, 2.0**octave / wavelength, octave))
            total += (1 - np.abs(value)) ** 2 / 2 ** (octave + 1)
        return total

    def _value(self, u: Floats, v: Floats) -> Floats:
        column, row = np.floor(u), np.floor(v)
        fx, fy = _eased(u - column), _eased(v - row)
        c0, r0 = column.astype(np.int64) % self.SIZE, row.astype(np.int64) % self.SIZE
        c1, r1 = (c0 + 1) % self.SIZE, (r0 + 1) % self.SIZE
        south = self._table[r0, c0] * (1 - fx) + self._table[r0, c1] * fx
        north = self._table[r1, c0] * (1 - fx) + self._table[r1, c1] * fx
        return np.asarray(south * (1 - fy) + north * fy)


def _turned(x: Floats, y: Floats, scale: float, octave: int) -> tuple[Floats, Floats]:
    """Turn and shift the plane for each octave: the lattices of the values must not show in the sum."""
    cos, sin = np.cos(0.6 + 0.9 * octave) * scale, np.sin(0.6 + 0.9 * octave) * scale
    return x * cos - y * sin + 17.3 * octave, x * sin + y * cos + 5.7 * octave


def _eased(t: Floats) -> Floats:
    return t * t * t * (t * (t * 6 - 15) + 10)


def shifted(values: NDArray[Any], row: int, column: int, fill: float) -> NDArray[Any]:
    """Return the grid whose cell (r, c) holds the value of (r + row, c + column), ``fill`` beyond the edge."""
    result = np.full_like(values, fill)
    rows, columns = values.shape
    target = (slice(max(0, -row), rows - max(0, row)), slice(max(0, -column), columns - max(0, column)))
    source = (slice(max(0, row), rows + min(0, row)), slice(max(0, column), columns + min(0, column)))
    result[target] = values[source]
    return result


def widened(cells: Flags, steps: int) -> Flags:
    """Return the cells and those at most ``steps`` rows and ``steps`` columns away."""
    wide = cells.copy()
    for _ in range(steps):
        for row, column in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            wide |= shifted(wide, row, column, False)
    return wide
