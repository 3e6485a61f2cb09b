"""Tables of a land-use breakdown: sums by class and owner, by group, by region; rounded and closed at every level.

The tables form a tree: the parcels' area is divided into classes and remainder, each class into counties, towns and
villages. Rounded values are closed from the top downwards (调平), so that every row and every column of every table
sums, and the groups, regions and approval tables are plain sums of what is closed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from onemap.catalog import CodeList
from onemap.geo.rounding import HECTARE, round_half_up
from onemap.processes.tables import HECTARE_PLACES, SQUARE_METRE_PLACES, closed

GROUPS = ("agricultural", "construction", "unused")
LEVELS = (("county", 6), ("town", 9), ("village", 12))
"""Levels of regions and how many digits of the 19-digit location code name them."""
PADDY = "0101"
ZERO = Decimal(0)


class Cell(NamedTuple):
    """What areas are summed by: class code, ownership code, location code; empty where the layer says nothing."""

    code: str
    ownership: str
    place: str


class Amount(NamedTuple):
    """An area in m2: ``area`` as measured, additive; ``table`` as tables take it, with the survey's stored areas."""

    area: float
    table: Decimal


class Row(NamedTuple):
    """What a class row is: class code and owner (state, collective, or None when not said)."""

    code: str
    owner: str | None


class Leaf(NamedTuple):
    """The smallest part of the tables: a class row in a village."""

    row: Row
    village: str


class Rounded(NamedTuple):
    """A closed value: m2 with two decimals, hectares with four."""

    metres: Decimal
    hectares: Decimal

    def json(self) -> dict[str, float]:
        """Return the members of a result."""
        return {"areaRounded": float(self.metres), "hectares": float(self.hectares)}


def is_cultivated(code: str) -> bool:
    """Whether a class is cultivated land (耕地): 01 and below; land that may be turned back to it (K) is not."""
    return code.startswith("01") and not code.endswith("K")


@dataclass(frozen=True)
class Classes:
    """Names of land classes, the group of each, and who the owner behind an ownership code is."""

    landuse: CodeList | None
    ownership: CodeList | None
    lang: str

    def row_of(self, cell: Cell) -> Row:
        """Return the class row that a cell belongs to."""
        return Row(cell.code, (self.ownership.value(cell.ownership, "owner") or None) if self.ownership else None)

    def group(self, code: str) -> str | None:
        """Return agricultural, construction, unused, or None for a code that is not in the list."""
        return (self.landuse.value(code, "group") or None) if self.landuse else None

    def words(self, row: Row) -> dict[str, Any]:
        """Return the words of a class row."""
        name = self.landuse.title(row.code, self.lang) if self.landuse else row.code
        return {"code": row.code, "name": name, "group": self.group(row.code), "ownership": row.owner}


@dataclass(frozen=True)
class Accounts:
    """Areas by cell; ``total`` (m2) of the parcels, ``remainder`` (m2) inside no land-use feature."""

    cells: Mapping[Cell, Amount]
    total: float
    remainder: float
    classes: Classes
    names: Mapping[str, str]

    @cached_property
    def areas(self) -> dict[Leaf, float]:
        """The measured area of each leaf, m2."""
        parts: dict[Leaf, list[float]] = defaultdict(list)
        for cell, amount in self.cells.items():
            parts[self._leaf(cell)].append(amount.area)
        return {leaf: math.fsum(parts[leaf]) for leaf in sorted(parts, key=_order)}

    @cached_property
    def closed(self) -> dict[Leaf | None, Rounded]:
        """The closed value of each leaf, and under None that of the remainder."""
        whole = round_half_up(self.total, SQUARE_METRE_PLACES)
        hectares = round_half_up(Decimal(str(self.total)) / HECTARE, HECTARE_PLACES)
        metres = self._descend(whole, SQUARE_METRE_PLACES, Decimal(1))
        in_hectares = self._descend(hectares, HECTARE_PLACES, HECTARE)
        return {key: Rounded(metres[key], in_hectares[key]) for key in metres}

    @cached_property
    def _tables(self) -> dict[Leaf, Decimal]:
        sums: dict[Leaf, Decimal] = defaultdict(Decimal)
        for cell, amount in self.cells.items():
            sums[self._leaf(cell)] += amount.table
        return {leaf: sums[leaf] for leaf in self.areas}

    def _leaf(self, cell: Cell) -> Leaf:
        return Leaf(self.classes.row_of(cell), cell.place[: LEVELS[-1][1]])

    def _descend(self, whole: Decimal, places: int, unit: Decimal) -> dict[Leaf | None, Decimal]:
        """Close the classes to the whole, then each class by county, town and village."""
        values = {leaf: value / unit for leaf, value in self._tables.items()}
        rows = _grouped(values, lambda leaf: leaf.row)
        sums = [sum((values[leaf] for leaf in leaves), ZERO) for leaves in rows.values()]
        rest = Decimal(str(self.remainder)) / unit
        *tops, last = closed([*sums, rest], whole, places)
        made: dict[Leaf | None, Decimal] = {}
        for leaves, top in zip(rows.values(), tops, strict=True):
            _divide(leaves, 0, top, values, places, made)
        return made | {None: last}

    def json(self) -> dict[str, Any]:
        """Return classes, groups, cultivated land, regions and remainder as a result holds them."""
        remainder = {"area": self.remainder, **self.closed[None].json()}
        return {**self.totals(), "regions": self._regions(), "remainder": remainder}

    def totals(self) -> dict[str, Any]:
        """Return classes, groups and cultivated land alone."""
        rows = self.rows(self.areas)
        return {"classes": rows, "groups": _groups(rows), "cultivated": cultivated(rows)}

    def rows(self, leaves: Iterable[Leaf]) -> list[dict[str, Any]]:
        """Return the class rows of some leaves."""
        made = []
        for row, own in _grouped(leaves, lambda leaf: leaf.row).items():
            area = math.fsum(self.areas[leaf] for leaf in own)
            made.append({**self.classes.words(row), "area": area, **self.sum(own).json()})
        return made

    def sum(self, leaves: Iterable[Leaf]) -> Rounded:
        """Return the closed sum of some leaves."""
        found = [self.closed[leaf] for leaf in leaves]
        return Rounded(sum((item.metres for item in found), ZERO), sum((item.hectares for item in found), ZERO))

    def places(self, digits: int) -> dict[str, list[Leaf]]:
        """Return the leaves of each region of a level, by code; those whose location is not known are left out."""
        return {code: own for code, own in _grouped(self.areas, lambda leaf: leaf.village[:digits]).items()
                if len(code) == digits}  # fmt: skip

    def _regions(self) -> list[dict[str, Any]]:
        found = [(level, code, own) for level, digits in LEVELS for code, own in sorted(self.places(digits).items())]
        return [self._region(level, code, own) for level, code, own in found]

    def _region(self, level: str, code: str, leaves: list[Leaf]) -> dict[str, Any]:
        rows = self.rows(leaves)
        area = math.fsum(self.areas[leaf] for leaf in leaves)
        named = {"code": code, "level": level, "name": self.names.get(code)}
        totals = {"area": area, **self.sum(leaves).json()}
        return {**named, **totals, "groups": _groups(rows), "cultivated": cultivated(rows), "classes": rows}


def _order(leaf: Leaf) -> tuple[str, str, str]:
    return leaf.row.code, leaf.row.owner or "", leaf.village


def _grouped(leaves: Iterable[Leaf], key: Any) -> dict[Any, list[Leaf]]:
    """Return leaves by a key, both in the order of the leaves."""
    made: dict[Any, list[Leaf]] = {}
    for leaf in leaves:
        made.setdefault(key(leaf), []).append(leaf)
    return made


def _divide(
    leaves: list[Leaf],
    level: int,
    total: Decimal,
    values: Mapping[Leaf, Decimal],
    places: int,
    made: dict[Leaf | None, Decimal],
) -> None:
    """Divide a closed value among the regions below it."""
    if len(leaves) == 1:
        made[leaves[0]] = total
        return
    digits = LEVELS[level][1]
    parts = list(_grouped(leaves, lambda leaf: leaf.village[:digits]).values())
    tops = closed([sum((values[leaf] for leaf in own), ZERO) for own in parts], total, places)
    for own, top in zip(parts, tops, strict=True):
        _divide(own, level + 1, top, values, places, made)


def _groups(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the three groups, and ``other`` when there are classes that belong to none."""
    names = [*GROUPS, *(["other"] if any(row["group"] is None for row in rows) else [])]
    return {name: total([row for row in rows if (row["group"] or "other") == name]) for name in names}


def cultivated(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the cultivated land among class rows, and the paddy fields of it."""
    own = [row for row in rows if is_cultivated(row["code"])]
    return {**total(own), "paddy": total([row for row in own if row["code"] == PADDY])}


def total(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the sum of rows; closed columns stay closed."""
    return {
        "area": math.fsum(row["area"] for row in rows),
        "areaRounded": round(math.fsum(row["areaRounded"] for row in rows), SQUARE_METRE_PLACES),
        "hectares": round(math.fsum(row["hectares"] for row in rows), HECTARE_PLACES),
    }
