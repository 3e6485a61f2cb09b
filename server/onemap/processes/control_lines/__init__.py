"""The process control-line-check: which control lines parcels touch, what that means, and on what basis."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from onemap.config import Text
from onemap.processes.analysis import Analysis
from onemap.processes.control_lines.check import Checked, check
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue, all_roles
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.rulebook import RuleLibrary

__all__ = ["PURPOSE", "Catalogue", "Checked", "ControlLineCheck", "analysis_of", "check"]

PURPOSE = Words(
    Text(zh="用途", en="Purpose"),
    Text(zh="规则目录中的项目类型或活动代码", en="Code of the kind of project or activity in the rule catalogue"),
)


class ControlLineCheck(ParcelProcess):
    """Say which control lines parcels touch."""

    id = "control-line-check"
    version = "1.1.0"
    title = Text(zh="控制线检查", en="Control-line check")
    description = Text(
        zh="检查地块是否涉及永久基本农田、生态保护红线、城镇开发边界、自然保护地、水源地、天然林、湿地、历史文化保护线、矿业权等，"
        "逐层给出状态、面积和依据。",
        en="Says which control lines the parcels touch (permanent basic farmland, ecological red line, urban "
        "development boundary, nature reserves, water sources and others): status, areas and legal basis for each "
        "layer.",
    )
    keywords = ("control line", "控制线", "三区三线", "合规")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    purpose: Annotated[str | None, Field(max_length=80), PURPOSE] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles that the rule catalogue has rules for."""
        return all_roles(rules)

    def analyse(self, context: Context) -> Analysis:
        """Return the verdict and an entry for each layer, worst first decided by the rule catalogue."""
        rules = context.rules(Catalogue, CONTROL_LINES, self.effective)
        purpose = rules.purpose(self.purpose)
        parcels = context.parcels(self.parcels, self.crs)
        return analysis_of(type(self), check(context, rules, purpose, parcels, self.layers))


def analysis_of(process: type[ParcelProcess], checked: Checked) -> Analysis:
    """Return a check as the result of a process."""
    parcels, rules = checked.parcels, checked.catalogue
    by_parcel = checked.by_parcel()
    result = {
        **head(process, rules.cited(), parcels, parcels.stated, parcels.area),
        "purpose": checked.purpose,
        "verdict": checked.verdict,
        "layers": [item.entry for item in checked.found],
        **({"parcelVerdicts": by_parcel} if by_parcel else {}),
        **tail(checked.data, checked.notes),
    }
    return Analysis(result, parcels, checked.layers, checked.pieces)
