"""The process control-line-check: which control lines the parcels touch, and what that means."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from onemap.block.query import shorten
from onemap.config import Text
from onemap.errors import InvalidBody, did_you_mean
from onemap.processes.analysis import Analysis
from onemap.processes.control_lines.examine import Examination, Examiner
from onemap.processes.control_lines.rules import Catalogue, catalogue
from onemap.processes.layers import layers_for
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import LAYERS, ParcelProcess, head, tail
from onemap.processes.project import Project

__all__ = ["ControlLineCheck"]


class ControlLineCheck(ParcelProcess):
    """Say which control lines parcels touch."""

    id = "control-line-check"
    version = "1.0.0"
    title = Text(zh="控制线检查", en="Control-line check")
    description = Text(
        zh="检查地块是否涉及永久基本农田、生态保护红线、城镇开发边界等控制线，逐层给出状态、面积和依据。",
        en="Says which control lines the parcels touch (permanent basic farmland, ecological red line, urban "
        "development boundary and others): status, areas and legal basis for each layer.",
    )
    keywords = ("control line", "控制线", "三区三线", "合规")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    purpose: Annotated[
        str | None,
        Field(max_length=80),
        Words(
            Text(zh="用途", en="Purpose"),
            Text(zh="规则目录中的项目类型代码", en="Code of the kind of project in the rule catalogue"),
        ),
    ] = None

    @classmethod
    def roles(cls) -> tuple[str, ...]:
        """Return the roles that the rule catalogue has rules for."""
        return tuple(rule.role for rule in catalogue().rules)

    def analyse(self, context: Context) -> Analysis:
        """Return the verdict and an entry for each layer, worst first decided by the rule catalogue."""
        rules = catalogue()
        purpose = _purpose(self.purpose, rules)
        layers = layers_for(context, self.roles(), self.layers)
        parcels = context.parcels(self.parcels, self.crs)
        examiner = Examiner(context, rules, Project(parcels), purpose)
        found: list[Examination] = []
        for rule in rules.rules:
            own = [examiner.examine(layer) for layer in layers if layer.role == rule.role]
            expected = self.layers is None and not rule.optional
            found += own or ([examiner.missing(rule)] if expected else [])
        notes = [*parcels.notes, *(note for item in found for note in item.notes)]
        cited = {"catalogue": rules.id, "version": rules.version, "effective": rules.effective}
        result = {
            **head(type(self), cited, parcels, parcels.stated, parcels.area),
            "purpose": purpose,
            "verdict": rules.worst(item.status for item in found),
            "layers": [item.entry for item in found],
            **tail([item.data for item in found if item.data], notes),
        }
        return Analysis(result, parcels, layers)


def _purpose(code: str | None, rules: Catalogue) -> str:
    """Return the purpose's code, by default the first of the catalogue. Raises InvalidBody for an unknown one."""
    if code is None:
        return next(iter(rules.purposes))
    if code not in rules.purposes:
        text = f"The rule catalogue has no purpose '{shorten(code)}'."
        raise InvalidBody(text, did_you_mean(code, rules.purposes), pointer="/inputs/purpose", value=shorten(code))
    return code
