"""Map sheets by GB/T 13989-2012: their numbers, bounds and areas, from 1:1 000 000 to 1:500."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]

_WIDTH, _HEIGHT = 6, 4
"""Degrees of longitude and latitude of a sheet 1:1 000 000."""
_FIRST_COLUMN = 31
"""The column that begins at Greenwich."""
_ROWS = 22
"""Rows A to V reach 88 degrees north."""
_NUMBER = re.compile(r"([A-V])(\d\d)(?:([B-K])(\d{3,4})(\d{3,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale: its denominator, code letter, and into how many rows and columns a sheet 1:1 000 000 is divided."""

    denominator: int
    letter: str
    parts: int

    @property
    def digits(self) -> int:
        """How many digits rows and columns have in a number."""
        return 4 if self.letter in ("J", "K") else 3


SCALES = (
    Scale(1_000_000, "", 1),
    Scale(500_000, "B", 2),
    Scale(250_000, "C", 4),
    Scale(100_000, "D", 12),
    Scale(50_000, "E", 24),
    Scale(25_000, "F", 48),
    Scale(10_000, "G", 96),
    Scale(5_000, "H", 192),
    Scale(2_000, "I", 576),
    Scale(1_000, "J", 1152),
    Scale(500, "K", 2304),
)
"""Each divides the sheets of the one before it."""


@dataclass(frozen=True, slots=True)
class Sheets:
    """Sheets of one scale. ``rows``: from the equator northwards, ``columns``: from Greenwich eastwards; from 0."""

    scale: Scale
    rows: Integers
    columns: Integers

    def __len__(self) -> int:
        return len(self.rows)

    def boxes(self) -> Boxes:
        """Return west, south, east, north in degrees, shape (n, 4)."""
        parts = self.scale.parts
        sides = (self.columns * _WIDTH, self.rows * _HEIGHT, (self.columns + 1) * _WIDTH, (self.rows + 1) * _HEIGHT)
        return np.column_stack(sides) / parts

    def numbers(self) -> list[str]:
        """Return the numbers: row and column of the sheet 1:1 000 000, then row from the north and column inside it."""
        parts, digits = self.scale.parts, self.scale.digits
        made = []
        for row, column in zip(self.rows.tolist(), self.columns.tolist(), strict=True):
            begin = f"{ascii_uppercase[row // parts]}{column // parts + _FIRST_COLUMN:02}"
            inside = f"{self.scale.letter}{parts - row % parts:0{digits}}{column % parts + 1:0{digits}}"
            made.append(begin + inside if self.scale.letter else begin)
        return made

    def select(self, mask: Mask) -> Sheets:
        """Return some of them."""
        return Sheets(self.scale, self.rows[mask], self.columns[mask])


def sheets_within(
    bounds: tuple[float, float, float, float], scale: Scale, meets: Callable[[Boxes], Mask], most: int
) -> Sheets | None:
    """Return the sheets of a scale that meet an area; None when there are more than ``most``.

    ``bounds``: west, south, east, north of the area in degrees, in the northern hemisphere. ``meets``: tells which of
    many boxes, shape (n, 4), meet it; it is asked from the coarsest scale downwards, so that the work grows with the
    sheets that are found.
    """
    low, high = np.floor(np.array(bounds) / (_WIDTH, _HEIGHT, _WIDTH, _HEIGHT)).astype(np.int64).reshape(2, 2)
    columns, rows = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(max(low[1], 0), min(high[1] + 1, _ROWS)))
    found = Sheets(SCALES[0], rows.ravel(), columns.ravel())
    found = found.select(meets(found.boxes()))
    for finer in SCALES[1 : SCALES.index(scale) + 1]:
        found = _divided(found, finer)
        found = found.select(meets(found.boxes()))
        if len(found) > most:
            return None
    order = np.lexsort((found.columns, -found.rows))
    return Sheets(found.scale, found.rows[order], found.columns[order])


def _divided(sheets: Sheets, finer: Scale) -> Sheets:
    times = finer.parts // sheets.scale.parts
    down, across = (index.ravel() for index in np.meshgrid(np.arange(times), np.arange(times), indexing="ij"))
    rows = (sheets.rows[:, None] * times + down).ravel()
    return Sheets(finer, rows, (sheets.columns[:, None] * times + across).ravel())


def sheet_of(number: str) -> Sheets:
    """Return the sheet with a number. Raises ValueError for what is none."""
    match = _NUMBER.fullmatch(number)
    scale = next((item for item in SCALES if match and item.letter == (match[3] or "")), None)
    if match is None or scale is None:
        raise ValueError(f"'{number}' is no sheet number")
    row, column = ascii_uppercase.index(match[1]), int(match[2]) - _FIRST_COLUMN
    if not match[3]:
        return Sheets(scale, np.array([row]), np.array([column]))
    down, across = int(match[4]), int(match[5])
    right = len(match[4]) == len(match[5]) == scale.digits
    if not right or not (1 <= down <= scale.parts and 1 <= across <= scale.parts):
        raise ValueError(f"'{number}' is no sheet number")
    inside = row * scale.parts + scale.parts - down, column * scale.parts + across - 1
    return Sheets(scale, np.array([inside[0]]), np.array([inside[1]]))
