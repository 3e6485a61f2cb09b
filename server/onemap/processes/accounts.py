"""Tables of a land-use breakdown: sums by class and ownership, by group, by region, rounded and closed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from onemap.catalog import CodeList
from onemap.processes.tables import columns, rounded

GROUPS = ("agricultural", "construction", "unused")
LEVELS = (("county", 6), ("town", 9), ("village", 12))
"""Levels of regions and how many digits of the 19-digit location code name them."""


class Cell(NamedTuple):
    """What areas are summed by: class code, ownership code, location code; empty where the layer says nothing."""

    code: str
    ownership: str
    village: str


Key = tuple[str, str | None]


@dataclass(frozen=True)
class Classes:
    """Names of land classes, the group of each, and who the owner behind an ownership code is."""

    landuse: CodeList | None
    ownership: CodeList | None
    lang: str

    def key(self, cell: Cell) -> Key:
        """Return what a class row is: class code and owner (state, collective, or None when not said)."""
        return cell.code, (self.ownership.value(cell.ownership, "owner") or None) if self.ownership else None

    def group(self, code: str) -> str | None:
        """Return agricultural, construction, unused, or None for a code that is not in the list."""
        return (self.landuse.value(code, "group") or None) if self.landuse else None

    def row(self, key: Key) -> dict[str, Any]:
        """Return the words of a class row."""
        code, owner = key
        name = self.landuse.title(code, self.lang) if self.landuse else code
        return {"code": code, "name": name, "group": self.group(code), "ownership": owner}


@dataclass(frozen=True)
class Accounts:
    """Areas in m2 by cell; ``total`` of the parcels, ``remainder`` inside no land-use feature."""

    cells: Mapping[Cell, float]
    total: float
    remainder: float
    classes: Classes
    names: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """Return classes, groups, regions and remainder as a result holds them.

        The rounded classes and remainder sum to the rounded total, the groups are the sums of their classes, and
        the classes of a region sum to the region.
        """
        sums = self._sums(self.cells)
        keys = sorted(sums, key=lambda key: (key[0], key[1] or ""))
        areas = [sums[key] for key in keys]
        closed = columns([*areas, self.remainder], self.total)
        rows = [
            {**self.classes.row(key), "area": area, **more}
            for key, area, more in zip(keys, areas, closed[:-1], strict=True)
        ]
        return {
            "classes": rows,
            "groups": self._groups(rows),
            "regions": self._regions(),
            "remainder": {"area": self.remainder, **closed[-1]},
        }

    def _sums(self, cells: Iterable[Cell]) -> dict[Key, float]:
        parts: dict[Key, list[float]] = defaultdict(list)
        for cell in cells:
            parts[self.classes.key(cell)].append(self.cells[cell])
        return {key: math.fsum(values) for key, values in parts.items()}

    def _groups(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the three groups, and ``other`` when there are classes that belong to none."""
        names = [*GROUPS, *(["other"] if any(row["group"] is None for row in rows) else [])]
        made = {}
        for name in names:
            own = [row for row in rows if (row["group"] or "other") == name]
            made[name] = {
                "area": math.fsum(row["area"] for row in own),
                "areaRounded": round(math.fsum(row["areaRounded"] for row in own), 2),
                "hectares": round(math.fsum(row["hectares"] for row in own), 4),
            }
        return made

    def _regions(self) -> list[dict[str, Any]]:
        made = []
        for level, digits in LEVELS:
            cells: dict[str, list[Cell]] = defaultdict(list)
            for cell in self.cells:
                if len(cell.village) >= digits:
                    cells[cell.village[:digits]].append(cell)
            made += [self._region(level, code, cells[code]) for code in sorted(cells)]
        return made

    def _region(self, level: str, code: str, cells: list[Cell]) -> dict[str, Any]:
        sums = self._sums(cells)
        keys = sorted(sums, key=lambda key: (key[0], key[1] or ""))
        areas = [sums[key] for key in keys]
        total = math.fsum(areas)
        rows = [
            {**self.classes.row(key), "area": area, **more}
            for key, area, more in zip(keys, areas, columns(areas, total), strict=True)
        ]
        named = {"code": code, "level": level, "name": self.names.get(code)}
        return {**named, "area": total, **rounded(total), "classes": rows}
