"""The areas of a project under the fields of the ministry's land-use control tables (自然资源“一张图” 用途管制).

XS_XMKJFW and YSXZ_XKFQXZDXQ by county, ZZ_XMZDFW by state and collective ownership: hectares with four decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from onemap.processes.accounts import PADDY, ZERO, Accounts, Leaf, is_cultivated
from onemap.processes.layers import Layer
from onemap.processes.ministry.lines import Line, line_areas
from onemap.processes.model import Context
from onemap.processes.parcels import Note
from onemap.processes.project import Project

__all__ = ["FARMLAND", "REDLINE", "Ministry", "ministry"]

FARMLAND, REDLINE = "farmland", "redline"
FOREST = ("0301", "0302", "0305", "0307")
GRASS = ("0401", "0403", "0404")
"""Forest and grassland as first-level classes of the Third National Land Survey: its wetlands (00) are in neither."""

_Test = Callable[[Leaf], bool]


@dataclass(frozen=True)
class Ministry:
    """The member ``ministry`` of a result, the entries of ``data`` of the layers it rests on, and notes."""

    entry: dict[str, Any]
    data: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)


def ministry(
    context: Context,
    project: Project,
    accounts: Accounts,
    layers: Sequence[Layer],
    supplement: Decimal | None = None,
) -> Ministry:
    """Return the tables for a land-use breakdown and the farmland and redline layers among ``layers``.

    YDMJ is the sum of the three groups; what belongs to none of them and what no land-use feature covers stands under
    ``unclassified``. A field is null where nothing is known: no layer, one that does not cover the county, supplement
    (补划, hectares) not given. Permanent basic farmland is net of field ridges where its layer has the deduction.
    """
    counties = accounts.places(6)
    farmland = line_areas(context, project, [layer for layer in layers if layer.role == FARMLAND], list(counties))
    redline = line_areas(context, project, [layer for layer in layers if layer.role == REDLINE], list(counties))
    more = {"BHYNMJ": None if supplement is None else float(supplement), "WTHMJ": None}
    rows = [
        {"SZXZQDM": code, "SZXZQMC": accounts.names.get(code), **_row(accounts, own, farmland, redline, code)}
        | dict.fromkeys(more)
        for code, own in sorted(counties.items())
    ]
    whole = _row(accounts, list(accounts.areas), farmland, redline, None) | more
    if len(rows) == 1:
        rows = [row | more for row in rows]
    entry = {
        "unit": "ha",
        "XS_XMKJFW": rows,
        "YSXZ_XKFQXZDXQ": rows,
        "total": whole,
        "ZZ_XMZDFW": _ownership(accounts, farmland, whole),
        "unclassified": _hectares(accounts, accounts.areas, lambda leaf: accounts.classes.group(leaf.row.code) is None)
        + float(accounts.closed[None].hectares),
    }
    data = [item for line in (farmland, redline) for item in line.data]
    notes = [note for line in (farmland, redline) for note in line.notes]
    return Ministry(entry, data, notes, [layer for line in (farmland, redline) for layer in line.layers])


def _row(accounts: Accounts, leaves: Sequence[Leaf], farmland: Line, redline: Line, county: str | None) -> Any:
    def sum_of(test: _Test) -> float:
        return _hectares(accounts, leaves, test)

    def group(name: str) -> float:
        return sum_of(lambda leaf: accounts.classes.group(leaf.row.code) == name)

    own = {"ZYNYDMJ": group("agricultural"), "ZYJSYDMJ": group("construction"), "ZYWLDMJ": group("unused")}
    return {
        "YDMJ": round(sum(own.values()), 4),
        "ZYNYDMJ": own["ZYNYDMJ"],
        "ZYGDMJ": sum_of(lambda leaf: is_cultivated(leaf.row.code)),
        "ZYSTMJ": sum_of(lambda leaf: leaf.row.code == PADDY),
        "ZYYNMJ": farmland.hectares(county),
        "SJSTHXMJ": redline.hectares(county),
        "ZYJSYDMJ": own["ZYJSYDMJ"],
        "ZYWLDMJ": own["ZYWLDMJ"],
    }


def _ownership(accounts: Accounts, farmland: Line, whole: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of ZZ_XMZDFW; land whose owner is not said is in YDZMJ only."""
    made = {"YDZMJ": whole["YDMJ"]}
    for owner, letters in (("state", "GY"), ("collective", "JT")):
        made |= _owned(accounts, owner, f"ZY{letters}", farmland)
    return made | {
        "ZYYJJBNTMJ": whole["ZYYNMJ"],
        "BHYJJBNTMJ": whole["BHYNMJ"],
        "SJSTBHHXMJ": whole["SJSTHXMJ"],
    }


def _owned(accounts: Accounts, owner: str, begin: str, farmland: Line) -> dict[str, Any]:
    leaves = [leaf for leaf in accounts.areas if leaf.row.owner == owner]

    def sum_of(test: _Test) -> float:
        return _hectares(accounts, leaves, test)

    def group(name: str) -> float:
        return sum_of(lambda leaf: accounts.classes.group(leaf.row.code) == name)

    groups = {"NYD": group("agricultural"), "JSYD": group("construction"), "WLYD": group("unused")}
    return {
        f"{begin}TDMJ": round(sum(groups.values()), 4),
        f"{begin}NYDMJ": groups["NYD"],
        f"{begin}GDMJ": sum_of(lambda leaf: is_cultivated(leaf.row.code)),
        f"{begin}STMJ": sum_of(lambda leaf: leaf.row.code == PADDY),
        f"{begin}YJJBNTMJ": farmland.owned(owner),
        f"{begin}JSYDMJ": groups["JSYD"],
        f"{begin}WLYDMJ": groups["WLYD"],
        f"{begin}LDMJ": sum_of(lambda leaf: _within(leaf, FOREST)),
        f"{begin}CDMJ": sum_of(lambda leaf: _within(leaf, GRASS)),
    }


def _within(leaf: Leaf, codes: tuple[str, ...]) -> bool:
    return leaf.row.code.removesuffix("K") in codes


def _hectares(accounts: Accounts, leaves: Any, test: _Test) -> float:
    return float(sum((accounts.closed[leaf].hectares for leaf in leaves if test(leaf)), ZERO))
