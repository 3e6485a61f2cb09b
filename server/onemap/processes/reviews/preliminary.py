"""The process preliminary-review (用地预审与选址): everything that a site is asked about, in one stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from onemap.config import Text
from onemap.processes.analysis import Analysis, PieceLayer
from onemap.processes.control_lines import PURPOSE, ControlLineCheck
from onemap.processes.control_lines.rules import CONTROL_LINES, Catalogue
from onemap.processes.landuse import LanduseBreakdown
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.parcels import Note
from onemap.processes.reviews.conclusion import Reason, conclude, reasons_of
from onemap.processes.reviews.conversion import ConversionReview
from onemap.processes.reviews.minerals import MineralOverlay
from onemap.processes.reviews.plan import USE, PlanConformity
from onemap.processes.rulebook import RuleLibrary

_PARTS: tuple[type[ParcelProcess], ...] = (
    LanduseBreakdown,
    ControlLineCheck,
    PlanConformity,
    MineralOverlay,
    ConversionReview,
)


class PreliminaryReview(ParcelProcess):
    """Review a site: land use, control lines, plan, minerals, conversion."""

    id = "preliminary-review"
    version = "1.0.0"
    title = Text(zh="用地预审与选址一站式审查", en="Preliminary review")
    description = Text(
        zh="一次给出土地利用现状、控制线、规划符合性、压覆矿产、农转用审批的结果和总体结论；各部分按过程标识嵌套。",
        en="Answers in one stop what land a site takes, which control lines it touches, whether it agrees with the "
        "plan, what minerals it covers and who approves, with an overall conclusion; the parts nest by process id.",
    )
    keywords = ("preliminary review", "用地预审", "选址", "一站式")

    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    purpose: Annotated[str | None, Field(max_length=80), PURPOSE] = None
    use: Annotated[str | None, Field(max_length=80), USE] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles of all parts, each once."""
        return tuple(dict.fromkeys(role for part in _PARTS for role in part.roles(rules)))

    def analyse(self, context: Context) -> Analysis:
        """Return the conclusion with its reasons, and the result of each part under ``results`` by process id."""
        rules = context.rules(Catalogue, CONTROL_LINES, self.effective)
        wanted = layers_for(context, self.roles(context.desk.rules), self.layers)
        parcels = context.parcels(self.parcels, self.crs)
        parts = [self._part(context, at, wanted) for at in range(len(_PARTS))]
        reasons = [reason for part in parts for reason in part.reasons(context.lang)]
        notes = _once([*parcels.notes, *(note for part in parts for note in part.notes)])
        conclusion = conclude(rules, reasons, context.lang)
        result = {
            **head(type(self), rules.cited(), parcels, parcels.stated, parcels.area),
            "verdict": conclusion["status"],
            "conclusion": conclusion,
            "results": {part.process.id: part.analysis.result for part in parts if part.analysis},
            "skipped": [part.skipped(context.lang) for part in parts if not part.analysis],
            **tail(_data(parts), notes),
        }
        return Analysis(result, parcels, _layers(parts), lambda: _pieces(parts))

    def _part(self, context: Context, at: int, wanted: Sequence[Layer]) -> _Part:
        """Run one of the parts, for the layers wanted that it works on."""
        process = _PARTS[at]

        def told(done: float, message: str) -> None:
            context.progress((at + done) / len(_PARTS), message)

        told(0.0, process.title.get(context.lang))
        names = None
        if self.layers is not None:
            names = [layer.collection.id for layer in wanted if layer.role in process.roles(context.desk.rules)]
            if not names:
                return _Part(process, None)
        if process is LanduseBreakdown and all(layer.role != "landuse" for layer in wanted):
            return _Part(process, None)
        inputs = {name: value for name, value in self._inputs(names).items() if name in process.model_fields}
        if process is PlanConformity:
            inputs["purpose"] = self.use
        filled = {name: field.get_default(call_default_factory=True) for name, field in process.model_fields.items()}
        return _Part(process, process.model_construct(**filled | inputs).analyse(replace(context, progress=told)))

    def _inputs(self, names: Sequence[str] | None) -> dict[str, Any]:
        given = {"parcels": self.parcels, "crs": self.crs, "purpose": self.purpose, "effective": self.effective}
        return {**given, "layers": names, "ministry": True}


@dataclass(frozen=True)
class _Part:
    """One of the processes and what it said, None where it has no layer to work on."""

    process: type[ParcelProcess]
    analysis: Analysis | None

    @property
    def notes(self) -> list[Note]:
        """The warnings of the part."""
        warnings = self.analysis.result["warnings"] if self.analysis else []
        return [Note(item["code"], item["message"], item.get("parcel")) for item in warnings]

    def reasons(self, lang: str) -> list[Reason]:
        """Return why this part is not green. Land use as such is never a reason; not to know it is."""
        title = self.process.title.get(lang)
        if self.analysis is None:
            return [Reason(self.process.id, None, "no-coverage", title)]
        return reasons_of(self.process.id, self.analysis.result, title)

    def skipped(self, lang: str) -> dict[str, Any]:
        """Return the entry of a part that could not be asked."""
        title = self.process.title.get(lang)
        return {"process": self.process.id, "title": title, "status": "no-coverage"}


def _once(notes: Sequence[Note]) -> list[Note]:
    return list(dict.fromkeys(notes))


def _data(parts: Sequence[_Part]) -> list[dict[str, Any]]:
    """Return the layers used, each once."""
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for entry in part.analysis.result["data"] if part.analysis else []:
            found.setdefault(entry["collection"], entry)
    return list(found.values())


def _layers(parts: Sequence[_Part]) -> list[Layer]:
    every = [layer for part in parts if part.analysis for layer in part.analysis.layers]
    return list({layer.collection.id: layer for layer in every}.values())


def _pieces(parts: Sequence[_Part]) -> list[PieceLayer]:
    """Return the pieces of all parts, those of a layer once."""
    every = [piece for part in parts if part.analysis for piece in part.analysis.pieces()]
    return list({piece.name: piece for piece in reversed(every)}.values())[::-1]
