"""The process site-avoidance (选址避让): candidates in order, or the free part of an area searched."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.processes.analysis import Analysis
from onemap.processes.control_lines import PURPOSE, Checked, check
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue, all_roles
from onemap.processes.control_lines.verdicts import verdicts
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.reviews.free import free_areas
from onemap.processes.rulebook import RuleLibrary
from onemap.processes.tables import rounded

_UNKNOWN = ("no-coverage", "timeout", "error")


class SiteAvoidance(ParcelProcess):
    """Rank candidate parcels, or find free areas."""

    id = "site-avoidance"
    version = "1.0.0"
    title = Text(zh="选址避让分析", en="Site avoidance")
    description = Text(
        zh="对候选地块按控制线结论和涉及面积排序；给出所需面积时，在搜索范围内找出避让禁止区域后的可用地块。",
        en="Ranks candidate parcels by verdict and by the area touched; given a size wanted, finds areas inside the "
        "parcels that keep clear of everything prohibited.",
    )
    keywords = ("site selection", "选址", "避让")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    purpose: Annotated[str | None, Field(max_length=80), PURPOSE] = None
    size: Annotated[
        float | None,
        Field(gt=0, le=1e12),
        Words(
            Text(zh="所需面积", en="Size wanted"),
            Text(zh="平方米；给出时地块为搜索范围", en="m2; when given, the parcels are the area to search"),
        ),
    ] = None
    clearance: Annotated[
        float,
        Field(ge=0.1, le=10_000),
        Words(
            Text(zh="避让距离", en="Clearance"),
            Text(zh="与禁止区域保持的距离，米", en="Distance kept from what is prohibited, metres"),
        ),
    ] = 1.0
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles of the control lines."""
        return all_roles(rules)

    def analyse(self, context: Context) -> Analysis:
        """Return ``candidates`` in order, the best first; or ``areas``, free ones, the largest first."""
        rules = context.rules(Catalogue, CONTROL_LINES, self.effective)
        purpose = rules.purpose(self.purpose)
        parcels = context.parcels(self.parcels, self.crs)
        checked = check(context, rules, purpose, parcels, self.layers)
        found = {"candidates": _ranked(checked)} if self.size is None else self._free(checked, context, self.size)
        result = {
            **head(type(self), rules.cited(), parcels, parcels.stated, parcels.area),
            "purpose": purpose,
            "verdict": checked.verdict,
            **found,
            **tail(checked.data, checked.notes),
        }
        return Analysis(result, parcels, checked.layers, checked.pieces)

    def _free(self, checked: Checked, context: Context, size: float) -> dict[str, Any]:
        free = free_areas(checked, size, self.clearance, context.settings.processes.max_hits)
        return {"size": size, "clearance": self.clearance, **free}


def _ranked(checked: Checked) -> list[dict[str, Any]]:
    """Return the parcels by verdict, then by what they touch that is prohibited, unknown or on conditions."""
    rows = verdicts(checked.catalogue, checked.purpose, checked.parcels, checked.found)
    made = [_candidate(row, area) for row, area in zip(rows, checked.parcels.areas, strict=True)]
    made.sort(key=lambda row: _key(checked, row))
    return [{"rank": rank, **row} for rank, row in enumerate(made, start=1)]


def _key(checked: Checked, row: Mapping[str, Any]) -> tuple[Any, ...]:
    order = checked.catalogue.order
    areas = (row["prohibited"]["area"], row["conditional"]["area"])
    return order.index(row["verdict"]), areas[0], len(row["unknown"]), areas[1], row["index"]


def _candidate(row: Mapping[str, Any], area: float) -> dict[str, Any]:
    layers = row["layers"]
    return {
        "index": row["index"],
        "id": row["id"],
        "name": row["name"],
        "area": area,
        "verdict": row["verdict"],
        "prohibited": _touched(layers, "involved-prohibited"),
        "conditional": _touched(layers, "involved-conditional"),
        "unknown": [item["role"] for item in layers if item["status"] in _UNKNOWN],
        "layers": layers,
    }


def _touched(layers: Sequence[Mapping[str, Any]], status: str) -> dict[str, Any]:
    """Return the sum over layers of the area touched: a spot in two lines counts twice, as it is avoided twice."""
    area = math.fsum(item["area"] for item in layers if item["status"] == status)
    return {"area": area, **rounded(area)}
