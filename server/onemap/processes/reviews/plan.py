"""The process plan-conformity: does what is to be built agree with the spatial plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.processes.accounts.once import Touched, touched
from onemap.processes.accounts.split import read, text
from onemap.processes.analysis import Analysis, PieceLayer
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.parcels import Note
from onemap.processes.project import FULL, Plane, Project
from onemap.processes.reviews.rules import PLAN as PLAN_RULES
from onemap.processes.reviews.rules import Conformity, PlanRules
from onemap.processes.rulebook import RuleLibrary
from onemap.processes.tables import columns, rounded

PLAN, BOUNDARY = "plan", "urban-boundary"
ANSWERS: tuple[Conformity, ...] = ("conforming", "conditional", "non-conforming")
USE = Words(
    Text(zh="拟建用途", en="Planned use"),
    Text(zh="规划符合性规则中的用途代码", en="Code of the use in the rules of plan conformity"),
)


class PlanConformity(ParcelProcess):
    """Compare parcels with the planned use of land."""

    id = "plan-conformity"
    version = "1.0.0"
    title = Text(zh="规划符合性审查", en="Plan conformity")
    description = Text(
        zh="按拟建用途统计地块内符合、有条件符合和不符合规划用途（用地用海分类）的面积，以及城镇开发边界规划分区。",
        en="Says how much of the parcels agrees with the planned use of land (classes of the spatial plan), agrees on "
        "terms or does not agree, and how much lies in which sub-zone of the urban development boundary.",
    )
    keywords = ("plan", "规划", "用地用海", "符合性")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    purpose: Annotated[str | None, Field(max_length=80), USE] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the role of plans and that of the urban boundary."""
        return (PLAN, BOUNDARY)

    def analyse(self, context: Context) -> Analysis:
        """Return the verdict, areas by answer and by planned class, and the sub-zones."""
        rules = context.rules(PlanRules, PLAN_RULES, self.effective)
        purpose = rules.purpose(self.purpose, "/inputs/purpose")
        layers = layers_for(context, self.roles(), self.layers)
        parcels = context.parcels(self.parcels, self.crs)
        project = Project(parcels)
        own = {role: [layer for layer in layers if layer.role == role] for role in self.roles()}
        plans = [_cut(project, layer) for layer in own[PLAN]]
        zones = [_cut(project, layer) for layer in own[BOUNDARY]]
        context.progress(0.9, self.title.get(context.lang))
        sheet = _Sheet(rules, purpose, context, plans)
        notes = [*parcels.notes, *sheet.notes(), *(note for cut in (*plans, *zones) for note in cut.notes)]
        result = {
            **head(type(self), rules.cited(), parcels, parcels.stated, parcels.area),
            "purpose": purpose,
            **sheet.json(),
            "subzones": [row for cut in zones for row in _rows(cut, "subzone", context)],
            **tail([cut.layer.data(cut.coverage or 0.0) for cut in (*plans, *zones)], notes),
        }
        return Analysis(result, parcels, layers, lambda: [cut.pieces(context) for cut in (*plans, *zones) if cut.areas])


@dataclass(frozen=True)
class Cut:
    """What of a layer lies inside the parcels; ``found`` is None where they are out of its reach."""

    layer: Layer
    plane: Plane | None
    found: Touched | None
    coverage: float | None

    @property
    def areas(self) -> list[float]:
        """The areas of the features, m2."""
        return [] if self.found is None else self.found.areas.tolist()

    @property
    def area(self) -> float:
        """The area of all of them, m2."""
        return math.fsum(self.areas)

    @property
    def notes(self) -> Sequence[Note]:
        """What has to be said of the layer."""
        return () if self.found is None else self.found.notes

    def texts(self, role: str) -> list[str]:
        """Return the values of the field with a role, empty texts where there is none."""
        return [] if self.found is None else [text(value) for value in read(self.layer, self.found, [role])[role]]

    def pieces(self, context: Context) -> PieceLayer:
        """Return the pieces with their codes."""
        assert self.found is not None
        assert self.plane is not None
        role = "subzone" if self.layer.role == BOUNDARY else "code"
        title = self.layer.collection.title.get(context.lang)
        named: dict[str, Any] = {"code": self.texts(role), "name": self.texts("name")}
        shapes = self.found.cut()
        return PieceLayer(self.layer.collection.id, title, self.plane.crs, shapes, self.found.areas, named)


def _cut(project: Project, layer: Layer) -> Cut:
    plane = project.plane(layer.collection.storage)
    return Cut(layer, plane, touched(layer, plane) if plane else None, project.coverage(layer))


def _rows(cut: Cut, role: str, context: Context) -> list[dict[str, Any]]:
    """Return the area by code of a layer."""
    sums: dict[str, list[float]] = {}
    for code, area in zip(cut.texts(role), cut.areas, strict=True):
        sums.setdefault(code, []).append(area)
    codes = next((item.codes for item in cut.layer.view.columns if item.role == role), None)
    areas = [math.fsum(sums[code]) for code in sorted(sums)]
    total = cut.plane.area if cut.plane else 0.0
    return [
        {
            "collection": cut.layer.collection.id,
            "code": code or None,
            "name": codes.title(code, context.lang) if codes and code else code or None,
            "area": area,
            **more,
            "share": area / total,
        }
        for code, area, more in zip(sorted(sums), areas, columns(areas, cut.area), strict=True)
    ]


@dataclass(frozen=True)
class _Sheet:
    """The planned classes of the parcels, judged for one purpose."""

    rules: PlanRules
    purpose: str
    context: Context
    plans: Sequence[Cut]

    def json(self) -> dict[str, Any]:
        """Return the verdict, the area of each answer, and the classes."""
        classes = [row for cut in self.plans for row in self._judged(cut)]
        areas = {answer: math.fsum(row["area"] for row in classes if row["status"] == answer) for answer in ANSWERS}
        unknown = self._unknown()
        met = [answer for answer in ANSWERS if areas[answer] > 0]
        return {
            "verdict": self._verdict(met, unknown),
            "coverage": max((cut.coverage or 0.0 for cut in self.plans), default=0.0),
            "conformity": {answer: {"area": area, **rounded(area)} for answer, area in areas.items()},
            "unplanned": {"area": unknown, **rounded(unknown)},
            "classes": classes,
            **self._advice(met),
        }

    def notes(self) -> list[Note]:
        """Say when there is no plan, or more than one."""
        if not self.plans:
            return [Note("no-layer", f"There is no layer with the role '{PLAN}'.")]
        if len(self.plans) > 1:
            return [Note("several-plans", "Several plans were compared; areas are summed over all of them.")]
        return []

    def _judged(self, cut: Cut) -> list[dict[str, Any]]:
        use = self.rules.purposes[self.purpose]
        return [{**row, "status": use.conformity(row["code"] or "")} for row in _rows(cut, "code", self.context)]

    def _unknown(self) -> float:
        """Return the area for which no plan says anything, m2."""
        rests = [cut.plane.area - cut.area for cut in self.plans if cut.plane]
        totals = [cut.plane.area for cut in self.plans if cut.plane]
        rest = min(rests, default=0.0)
        return rest if rest > (1 - FULL) * max(totals, default=0.0) else 0.0

    def _verdict(self, met: Sequence[Conformity], unknown: float) -> str:
        """Return the worst answer; where a plan says nothing, that is not agreement."""
        if "non-conforming" in met:
            return "non-conforming"
        if not met or unknown > 0:
            return "no-coverage"
        return met[-1]

    def _advice(self, met: Sequence[Conformity]) -> dict[str, Any]:
        advice = [self.rules.findings[answer] for answer in met if answer in self.rules.findings]
        keys = dict.fromkeys(key for item in advice for key in item.basis)
        words = dict.fromkeys(item.guidance.get(self.context.lang) for item in advice if item.guidance)
        return {"basis": self.rules.sources(keys, self.context.lang), "guidance": list(words)}
