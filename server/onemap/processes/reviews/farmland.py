"""Farmland as approvals count it: area, paddy, slope and quality of what is cultivated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onemap.processes.accounts import PADDY, is_cultivated
from onemap.processes.accounts.breakdown import Breakdown
from onemap.processes.accounts.once import Touched, touched
from onemap.processes.accounts.split import read, split, text
from onemap.processes.layers import Layer
from onemap.processes.project import FULL, Project
from onemap.processes.tables import rounded

QUALITY = ("quality-grade", "quality-class")
"""Roles of fields with the quality of farmland (质量等级, 等别): two scales, compared each with itself; 1 is best."""
SLOPE = "slope-class"


@dataclass(frozen=True)
class Field:
    """A piece of farmland: m2, land class, and what else is known of it."""

    area: float
    code: str
    slope: str = ""
    quality: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Farmland:
    """Farmland in pieces."""

    fields: Sequence[Field]

    @property
    def area(self) -> float:
        """The area of all, m2."""
        return math.fsum(item.area for item in self.fields)

    @property
    def paddy(self) -> float:
        """The area of paddy fields, m2."""
        return math.fsum(item.area for item in self.fields if item.code == PADDY)

    def grade(self, role: str) -> float | None:
        """Return the mean grade by area on one scale; None where the grade of a part is not known."""
        if not self.fields or any(role not in item.quality for item in self.fields):
            return None
        return math.fsum(item.area * item.quality[role] for item in self.fields) / self.area

    def gentle(self, steepest: int) -> Farmland:
        """Return what is no steeper than a class; land whose slope is not known stays."""
        kept = [item for item in self.fields if not item.slope.isdecimal() or int(item.slope) <= steepest]
        return Farmland(kept)

    def json(self) -> dict[str, Any]:
        """Return the members of a result."""
        return {
            "area": self.area,
            **rounded(self.area),
            "paddy": {"area": self.paddy, **rounded(self.paddy)},
            "slopes": self._by((item.slope, item.area) for item in self.fields),
            "quality": {role: self.grade(role) for role in QUALITY},
        }

    def _by(self, pairs: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
        sums: dict[str, list[float]] = {}
        for code, area in pairs:
            sums.setdefault(code, []).append(area)
        rows = [(code, math.fsum(sums[code])) for code in sorted(sums)]
        return [{"class": code or None, "area": area, **rounded(area)} for code, area in rows]


def surveyed(book: Breakdown) -> Farmland:
    """Return the cultivated land of a land-use breakdown, net of field ridges."""
    net = (book.parts.areas * (1 - book.parts.share)).tolist()
    every = _fields(book.layer, book.found, [cell.code for cell in book.parts.cells], net)
    return Farmland([item for item in every.fields if is_cultivated(item.code)])


def listed(layer: Layer, project: Project) -> Farmland:
    """Return all of a layer of farmland inside the parcels, net of field ridges where it has the deduction."""
    plane = project.plane(layer.collection.storage)
    if plane is None:
        return Farmland(())
    found = touched(layer, plane)
    parts = split(layer, found)
    return _fields(layer, found, [cell.code for cell in parts.cells], (parts.areas * (1 - parts.share)).tolist())


def basic_farmland(layers: Sequence[Layer], project: Project) -> Farmland | None:
    """Return the permanent basic farmland inside the parcels; None when no layer covers them."""
    covering = next((layer for layer in layers if (project.coverage(layer) or 0.0) >= FULL), None)
    return None if covering is None else listed(covering, project)


def _fields(layer: Layer, found: Touched, codes: Sequence[str], areas: Sequence[float]) -> Farmland:
    given = read(layer, found, [*QUALITY, SLOPE])
    made = []
    for at, (code, area) in enumerate(zip(codes, areas, strict=True)):
        quality = grades({role: given[role][at] for role in QUALITY})
        made.append(Field(area, code, text(given[SLOPE][at]), quality))
    return Farmland(made)


def grades(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the grades among the values of a feature by role."""
    return {role: float(values[role]) for role in QUALITY if _known(values.get(role))}


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0
