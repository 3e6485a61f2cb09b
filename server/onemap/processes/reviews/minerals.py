"""The process mineral-overlay (压覆矿产资源): rights and deposits below the parcels, and who has to be asked."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.processes.analysis import Analysis
from onemap.processes.control_lines import Checked, analysis_of, check
from onemap.processes.control_lines.examine import Examination
from onemap.processes.control_lines.rules import MINERALS, Catalogue, all_roles
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess
from onemap.processes.rulebook import RuleLibrary
from onemap.processes.tables import rounded


class MineralOverlay(ParcelProcess):
    """Say which mining rights and mineral deposits parcels cover."""

    id = "mineral-overlay"
    version = "1.0.0"
    title = Text(zh="压覆矿产资源检查", en="Mineral overlay")
    description = Text(
        zh="检查地块压覆的矿业权和查明矿产资源：面积、占比、矿种、依据和应当征求意见的单位。",
        en="Says which mining and exploration rights and which known deposits lie below the parcels: area, share, "
        "mineral, legal basis, and who has to be consulted.",
    )
    keywords = ("mineral", "压覆", "矿业权", "矿产")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles that the rules name."""
        return all_roles(rules, MINERALS)

    def analyse(self, context: Context) -> Analysis:
        """Return the verdict, an entry for each layer as control-line-check has it, and the area by mineral."""
        rules = context.rules(Catalogue, MINERALS, self.effective)
        parcels = context.parcels(self.parcels, self.crs)
        checked = check(context, rules, rules.purpose(None), parcels, self.layers)
        made = analysis_of(type(self), checked)
        result = {**made.result, "minerals": _minerals(checked)}
        return Analysis(result, made.parcels, made.layers, made.pieces)


def _minerals(checked: Checked) -> list[dict[str, Any]]:
    """Return the area touched by role, kind and mineral, m2. Features that overlap count as often as they are there."""
    sums: dict[tuple[str, str, str], list[float]] = {}
    for found in checked.found:
        for kind, mineral, area in _touched(found):
            sums.setdefault((found.rule.role, kind, mineral), []).append(area)
    made = []
    for (role, kind, mineral), areas in sorted(sums.items()):
        area = math.fsum(areas)
        named = {"role": role, "kind": kind or None, "mineral": mineral or None, "count": len(areas)}
        made.append({**named, "area": area, **rounded(area)})
    return made


def _touched(found: Examination) -> list[tuple[str, str, float]]:
    if found.layer is None or not len(found.hits):
        return []
    layer, keys = found.layer, found.hits.ids.tolist()
    names = [layer.column("type"), layer.column("mineral")]
    columns = layer.store.attributes(layer.view, keys, [name for name in names if name])
    kinds, minerals = ([_text(value) for value in columns[name]] if name else [""] * len(keys) for name in names)
    return list(zip(kinds, minerals, found.hits.areas.tolist(), strict=True))


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
