"""The process conversion-review (农用地转用、土地征收): what land is taken from whom, and who has to approve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.processes.accounts import GROUPS
from onemap.processes.accounts.breakdown import ROLE, Breakdown, breakdown, one_layer
from onemap.processes.analysis import Analysis
from onemap.processes.layers import Layer, layers_for
from onemap.processes.ministry import FARMLAND, REDLINE, ministry
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.parcels import Note, ParcelSet
from onemap.processes.project import FULL, Project
from onemap.processes.reviews.farmland import Farmland, basic_farmland, surveyed
from onemap.processes.reviews.rules import APPROVAL, Approval, ApprovalRules, Subject
from onemap.processes.rulebook import RuleLibrary

OWNERS = ("state", "collective", None)


class ConversionReview(ParcelProcess):
    """Review the conversion and expropriation of land."""

    id = "conversion-review"
    version = "1.0.0"
    title = Text(zh="农转用与征收审查", en="Conversion review")
    description = Text(
        zh="按农用地、建设用地、未利用地和国有、集体统计用地，给出耕地及其质量、永久基本农田、审批层级、占补要求和部表字段。",
        en="Divides the land into agricultural, construction and unused land of the state and of collectives, with "
        "farmland and its quality; says who approves conversion and expropriation and what has to be replaced.",
    )
    keywords = ("conversion", "expropriation", "农转用", "征收", "审批")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles of land use and of the lines that the tables name."""
        return (ROLE, FARMLAND, REDLINE)

    def analyse(self, context: Context) -> Analysis:
        """Return land by group and owner, farmland, who approves, what is to be replaced, and the ministry's table."""
        rules = context.rules(ApprovalRules, APPROVAL, self.effective)
        layers = layers_for(context, self.roles(), self.layers)
        parcels = context.parcels(self.parcels, self.crs)
        if all(layer.role != ROLE for layer in layers):
            return self._unknown(rules, parcels)
        project = Project(parcels)
        book = breakdown(context, one_layer(layers), project)
        tables = ministry(context, project, book.accounts, layers)
        review = _Review(rules, context, book, tables.entry["ZZ_XMZDFW"])
        basic = basic_farmland([layer for layer in layers if layer.role == FARMLAND], project)
        result = {
            **head(type(self), rules.cited(), parcels, book.plane.crs, book.plane.area),
            **review.json(surveyed(book), basic),
            "ministry": {"unit": "ha", "ZZ_XMZDFW": tables.entry["ZZ_XMZDFW"]},
            **tail([book.data(), *tables.data], [*parcels.notes, *book.notes, *tables.notes]),
        }
        used: list[Layer] = [book.layer, *tables.layers]
        return Analysis(result, parcels, used, lambda: [book.pieces()])

    def _unknown(self, rules: ApprovalRules, parcels: ParcelSet) -> Analysis:
        """Return the result where there is no land-use layer: nothing can be said."""
        note = Note("no-layer", f"There is no layer with the role '{ROLE}'.")
        nothing = dict.fromkeys(("land", "farmland", "basicFarmland", "conversion", "expropriation", "compensation"))
        result = {
            **head(type(self), rules.cited(), parcels, parcels.stated, parcels.area),
            "verdict": "no-coverage",
            **nothing,
            "ministry": None,
            **tail([], [*parcels.notes, note]),
        }
        return Analysis(result, parcels)


@dataclass(frozen=True)
class _Review:
    """Decides over the areas of a project. ``table``: the fields of ZZ_XMZDFW in hectares, None where not known."""

    rules: ApprovalRules
    context: Context
    book: Breakdown
    table: Mapping[str, Any]

    def json(self, farmland: Farmland, basic: Farmland | None) -> dict[str, Any]:
        """Return the members of the result."""
        conversion = self._decision(self.rules.conversion, self._converted(), self._agricultural())
        expropriation = self._decision(self.rules.expropriation, self._taken(), self.table["ZYJTTDMJ"])
        known = (self.book.coverage or 0.0) >= FULL and basic is not None
        decided = all(item["needed"] is not None for item in (conversion, expropriation))
        needed = any(item["needed"] for item in (conversion, expropriation))
        verdict = ("involved-conditional" if needed else "not-involved") if known and decided else "no-coverage"
        return {
            "verdict": verdict,
            "land": self._land(),
            "farmland": farmland.json(),
            "basicFarmland": basic.json() if basic else None,
            "conversion": conversion,
            "expropriation": expropriation,
            "compensation": self._compensation(farmland, basic),
        }

    def _land(self) -> dict[str, Any]:
        """Return the closed areas by group and owner."""
        accounts = self.book.accounts
        made: dict[str, Any] = {}
        for group in (*GROUPS, None):
            own = [leaf for leaf in accounts.areas if accounts.classes.group(leaf.row.code) == group]
            if group is None and not own:
                continue
            owners = {
                owner or "unknown": accounts.sum([leaf for leaf in own if leaf.row.owner == owner]).json()
                for owner in OWNERS
                if owner or any(leaf.row.owner is None for leaf in own)
            }
            made[group or "other"] = {**accounts.sum(own).json(), **owners}
        return made

    def _agricultural(self) -> float:
        return float(self._land()["agricultural"]["hectares"])

    def _converted(self) -> dict[Subject, float | None]:
        """Return what is converted, hectares: all owners."""
        cultivated = self.table["ZYGYGDMJ"] + self.table["ZYJTGDMJ"]
        return _subjects(self._agricultural(), cultivated, self.table["ZYYJJBNTMJ"])

    def _taken(self) -> dict[Subject, float | None]:
        """Return what is taken from collectives, hectares."""
        return _subjects(self.table["ZYJTTDMJ"], self.table["ZYJTGDMJ"], self.table["ZYJTYJJBNTMJ"])

    def _decision(self, approval: Approval, areas: Mapping[Subject, float | None], total: float) -> dict[str, Any]:
        """Return whether an approval is needed, and whose; null where an area that decides is not known."""
        if total <= 0:
            return {"needed": False, "hectares": 0.0, "areas": dict(areas), "approver": None, "basis": []}
        decided = approval.decide(areas)
        lang = self.context.lang
        approver = decided and {"id": decided.approver, "title": self.rules.approvers[decided.approver].get(lang)}
        return {
            "needed": True if decided else None,
            "hectares": total,
            "areas": dict(areas),
            "approver": approver,
            "basis": self.rules.sources(decided.basis, lang) if decided else [],
        }

    def _compensation(self, farmland: Farmland, basic: Farmland | None) -> dict[str, Any]:
        """Return what has to be replaced."""
        lang, rules = self.context.lang, self.rules.compensation
        asked = {"cultivated": (farmland, rules.cultivated), "basicFarmland": (basic, rules.basic_farmland)}
        made: dict[str, Any] = {}
        for name, (land, advice) in asked.items():
            needed = None if land is None else land.area > 0
            made[name] = {
                "needed": needed,
                "area": land.area if land else None,
                "basis": self.rules.sources(advice.basis, lang) if needed else [],
                "guidance": advice.guidance.get(lang) if needed and advice.guidance else None,
            }
        return made


def _subjects(total: float, cultivated: float, basic: float | None) -> dict[Subject, float | None]:
    other = max(0.0, round(total - cultivated, 4))
    if basic is None:
        return {"basic-farmland": None, "cultivated": None, "other": other}
    return {"basic-farmland": basic, "cultivated": max(0.0, round(cultivated - basic, 4)), "other": other}
