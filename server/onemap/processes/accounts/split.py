"""The split of land-use parcels by their deduction (扣除地类系数, KCXS), and their sums by cell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.processes.accounts import Amount, Cell
from onemap.processes.accounts.once import Touched
from onemap.processes.layers import Layer
from onemap.processes.parcels import Note

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RIDGE = "1203"
"""Field ridges (田坎): what is deducted where the survey does not say what."""
ROLES = ("code", "ownership", "location-code", "deducted-code", "deduction-ratio", "net-area", "deducted-area")
STORED_TOLERANCE = (0.05, 1e-4)
"""The stored areas of a parcel count when they differ from the measured one by at most this: m2, or share of it."""
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Split:
    """Land-use parcels inside the parcels asked about, each with its class and the class deducted from it.

    ``areas``: m2 inside, measured. ``share``: of it that is deducted. ``net`` and ``deducted``: stored areas in
    hundredths of a m2 (TBDLMJ, KCMJ) of parcels that are inside as a whole, -1 for all others.
    """

    cells: Sequence[Cell]
    deductions: Sequence[Cell]
    areas: Floats
    share: Floats
    net: Integers
    deducted: Integers
    notes: tuple[Note, ...] = ()

    def amounts(self) -> dict[Cell, Amount]:
        """Return the sums by cell after the deduction: what is deducted goes to the class deducted."""
        given = self.areas * self.share
        sums = _sums(self.cells, self.areas - given, self.net)
        for cell, amount in _sums(self.deductions, given, self.deducted).items():
            before = sums.get(cell)
            if before:
                sums[cell] = Amount(math.fsum((before.area, amount.area)), before.table + amount.table)
            elif amount.area > 0 or amount.table > 0:
                sums[cell] = amount
        return sums

    def gross(self) -> dict[Cell, Amount]:
        """Return the sums by cell before any deduction."""
        stored = np.where(self.net >= 0, self.net + self.deducted, -1)
        return _sums(self.cells, self.areas, stored)


def split(layer: Layer, found: Touched) -> Split:
    """Read what the accounts need of the features touched, by the roles of the layer's fields.

    A parcel that is inside as a whole has the shares that the survey stored for it; one that is cut gives
    (1 - ratio) of its part to its class and the rest to the class deducted.
    """
    columns = read(layer, found, ROLES)
    texts = {role: [text(value) for value in columns[role]] for role in ROLES[:4]}
    cells = [Cell(*key) for key in zip(texts["code"], texts["ownership"], texts["location-code"], strict=True)]
    deductions = [
        Cell(code or RIDGE, cell.ownership, cell.place)
        for code, cell in zip(texts["deducted-code"], cells, strict=True)
    ]
    ratio = _numbers(columns["deduction-ratio"], 0.0)
    wrong = (ratio < 0) | (ratio >= 1)
    ratio = np.where(wrong, 0.0, ratio)
    net, deducted, stale = _stored(columns, ratio, found)
    both = net + deducted
    share = np.where(net >= 0, deducted / np.maximum(both, 1), ratio)
    notes = _notes(layer, found, wrong, stale)
    return Split(cells, deductions, found.areas, share, net, deducted, notes)


def read(layer: Layer, found: Touched, roles: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the visible columns with these roles, None in each place of a role that no visible field has."""
    names = {role: layer.column(role) for role in roles}
    keys = found.ids.tolist()
    columns = layer.store.attributes(layer.view, keys, [name for name in names.values() if name])
    empty: list[object] = [None] * len(keys)
    return {role: columns[name] if name else empty for role, name in names.items()}


def text(value: object) -> str:
    """Return a code as text without blanks; empty for none."""
    return "" if value is None else str(value).strip()


def _numbers(values: Sequence[Any], otherwise: float) -> Floats:
    made = np.array([otherwise if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(made), made, otherwise)


def _stored(columns: dict[str, Sequence[Any]], ratio: Floats, found: Touched) -> tuple[Integers, Integers, Any]:
    """Return the stored areas (hundredths of a m2) that count, -1 elsewhere, and which are off what is measured."""
    net, deducted = (_numbers(columns[role], np.nan) for role in ("net-area", "deducted-area"))
    deducted = np.where(np.isnan(deducted) & (ratio == 0), 0.0, deducted)
    known = found.whole & np.isfinite(net) & np.isfinite(deducted) & (net >= 0) & (deducted >= 0)
    metres, share = STORED_TOLERANCE
    off = np.abs(np.where(known, net + deducted, found.areas) - found.areas)
    stale = off > np.maximum(metres, share * found.areas)
    use = known & ~stale
    cents = [np.where(use, np.rint(np.where(use, values, 0) * 100), -1).astype(np.int64) for values in (net, deducted)]
    return cents[0], cents[1], stale


def _notes(layer: Layer, found: Touched, wrong: Any, stale: Any) -> tuple[Note, ...]:
    name = layer.collection.id
    made = []
    if wrong.any():
        text = f"{int(wrong.sum())} features have a deduction ratio outside [0, 1); nothing is deducted there"
        made.append(Note("deduction-ratio", f"{name}: {text} ({_some(found, wrong)})."))
    if stale.any():
        text = f"the stored areas of {int(stale.sum())} features are not those of their polygons; the ratio was used"
        made.append(Note("stored-area-differs", f"{name}: {text} ({_some(found, stale)})."))
    return tuple(made)


def _some(found: Touched, mask: Any) -> str:
    return ", ".join(str(key) for key in found.ids[mask][:5].tolist())


def _sums(cells: Sequence[Cell], areas: Floats, stored: Integers) -> dict[Cell, Amount]:
    """Sum areas by cell, exactly: the order of the features does not matter."""
    number: dict[Cell, int] = {}
    which = np.fromiter((number.setdefault(cell, len(number)) for cell in cells), np.int64, len(cells))
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(number) + 1))
    inside = stored >= 0
    cents = np.zeros(len(number), dtype=np.int64)
    np.add.at(cents, which[inside], stored[inside])
    made = {}
    for cell, at in number.items():
        own = order[bounds[at] : bounds[at + 1]]
        cut = math.fsum(areas[own[~inside[own]]].tolist())
        made[cell] = Amount(math.fsum(areas[own].tolist()), Decimal(str(cut)) + int(cents[at]) * _CENT)
    return made
