"""The tables of changes: by kind, by classes and by region, closed to the area that changed."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from onemap.processes.accounts import LEVELS, Accounts, Amount, Cell, Classes, Leaf
from onemap.processes.farmland.compare import Changes, State
from onemap.processes.farmland.rules import Rules
from onemap.processes.tables import rounded


class Transition(NamedTuple):
    """What a change is: kind (index in the rules), classes and crops before and now."""

    kind: int
    before: str
    after: str
    crop_before: str
    crop: str


@dataclass(frozen=True)
class Tables:
    """The changes as a result holds them. ``names``: of regions, by code."""

    changes: Changes
    before: State
    after: State
    classes: Classes
    rules: Rules
    names: Mapping[str, str]

    def json(self) -> dict[str, Any]:
        """Return kinds, transitions between classes, and regions by the location before."""
        leaves: dict[Transition, list[Leaf]] = defaultdict(list)
        for leaf in self._accounts.areas:
            leaves[self._transitions[int(leaf.row.code)]].append(leaf)
        return {
            "changes": self._kinds(self._accounts.areas, self._rows),
            "transitions": [self._transition(item, leaves[item]) for item in self._transitions if item in leaves],
            "regions": [
                {"code": code, "level": level, "name": self.names.get(code), "changes": self._kinds(own, None)}
                for level, digits in LEVELS
                for code, own in sorted(self._accounts.places(digits).items())
            ],
        }

    @cached_property
    def _rows(self) -> list[Transition]:
        """The transition of each change."""
        found = self.changes
        places = zip(found.kind.tolist(), found.before.tolist(), found.after.tolist(), strict=True)
        return [
            Transition(
                kind, self.before.codes[one], self.after.codes[two], self.before.crops[one], self.after.crops[two]
            )
            for kind, one, two in places
        ]

    @cached_property
    def _transitions(self) -> list[Transition]:
        return sorted(set(self._rows))

    @cached_property
    def _accounts(self) -> Accounts:
        """The areas by transition and place, closed."""
        number = {item: str(at) for at, item in enumerate(self._transitions)}
        parts: dict[Cell, list[float]] = defaultdict(list)
        for item, one, area in zip(self._rows, self.changes.before.tolist(), self.changes.areas.tolist(), strict=True):
            parts[Cell(number[item], "", self.before.parts.cells[one].place)].append(area)
        sums = {cell: math.fsum(areas) for cell, areas in parts.items()}
        cells = {cell: Amount(area, Decimal(str(area))) for cell, area in sums.items()}
        return Accounts(cells, math.fsum(sums.values()), 0.0, Classes(None, None, self.classes.lang), self.names)

    def _kinds(self, leaves: Iterable[Leaf], rows: list[Transition] | None) -> list[dict[str, Any]]:
        """Return an entry for each kind; with count and net area where ``rows`` are given."""
        own: dict[int, list[Leaf]] = defaultdict(list)
        for leaf in leaves:
            own[self._transitions[int(leaf.row.code)].kind].append(leaf)
        made = []
        for at, kind in enumerate(self.rules.kinds):
            area = math.fsum(self._accounts.areas[leaf] for leaf in own[at])
            entry = {"kind": kind.id, "title": kind.title.get(self.classes.lang), "area": area}
            made.append(
                entry | self._accounts.sum(own[at]).json() | (self._counted(at, rows) if rows is not None else {})
            )
        return made

    def _counted(self, kind: int, rows: list[Transition]) -> dict[str, Any]:
        net = math.fsum(area for item, area in zip(rows, self.changes.net.tolist(), strict=True) if item.kind == kind)
        return {"count": sum(item.kind == kind for item in rows), "net": {"area": net, **rounded(net)}}

    def _transition(self, item: Transition, leaves: list[Leaf]) -> dict[str, Any]:
        return {
            "kind": self.rules.kinds[item.kind].id,
            "from": item.before,
            "fromName": self._title(item.before),
            "to": item.after,
            "toName": self._title(item.after),
            "cropBefore": item.crop_before or None,
            "crop": item.crop or None,
            "area": math.fsum(self._accounts.areas[leaf] for leaf in leaves),
            **self._accounts.sum(leaves).json(),
        }

    def _title(self, code: str) -> str:
        return self.classes.landuse.title(code, self.classes.lang) if self.classes.landuse else code
