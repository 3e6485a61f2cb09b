"""The process compensation-check (占补平衡、补划): farmland occupied against farmland that replaces it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import shapely
from pydantic import Field

from onemap.config import Text
from onemap.errors import InvalidBody
from onemap.geo.area import measure_for
from onemap.geo.overlay import NOISE_AREA
from onemap.processes.accounts.breakdown import ROLE, breakdown, one_layer
from onemap.processes.accounts.split import text
from onemap.processes.analysis import Analysis
from onemap.processes.layers import Layer, layers_for
from onemap.processes.ministry import FARMLAND
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import EFFECTIVE, LAYERS, ParcelProcess, head, tail
from onemap.processes.parcels import Note, ParcelDocument
from onemap.processes.project import FULL, Project
from onemap.processes.reviews.farmland import (
    QUALITY,
    SLOPE,
    Farmland,
    basic_farmland,
    grades,
    listed,
    surveyed,
)
from onemap.processes.reviews.farmland import Field as Piece
from onemap.processes.reviews.rules import APPROVAL, Advice, ApprovalRules
from onemap.processes.rulebook import RuleLibrary
from onemap.store import FeatureQuery

RESERVE = "farmland-reserve"
_MOST = 1_000_000


class CompensationCheck(ParcelProcess):
    """Compare occupied farmland with its replacement."""

    id = "compensation-check"
    version = "1.0.0"
    title = Text(zh="占补平衡与补划检查", en="Compensation check")
    description = Text(
        zh="按数量、水田、质量比较占用的耕地、永久基本农田与补充、补划地块；未给出补充地块时与补充耕地储备库比较。",
        en="Compares the farmland that the parcels occupy with the land that replaces it, by area, paddy and quality, "
        "and basic farmland with the land designated instead; without replacement parcels the reserve is drawn on.",
    )
    keywords = ("compensation", "占补平衡", "补划", "补充耕地")

    replacements: Annotated[
        ParcelDocument | None,
        Words(
            Text(zh="补充（补划）地块", en="Replacement parcels"),
            Text(
                zh="与地块相同的格式；省略时使用补充耕地储备库", en="In the forms of the parcels; left out: the reserve"
            ),
        ),
    ] = None
    layers: Annotated[
        list[Annotated[str, Field(max_length=80)]] | None, Field(min_length=1, max_length=100), LAYERS
    ] = None
    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles of land use, basic farmland and the reserve of replacement farmland."""
        return (ROLE, FARMLAND, RESERVE)

    def analyse(self, context: Context) -> Analysis:
        """Return what is occupied, what replaces it, and for each kind whether it suffices."""
        rules = context.rules(ApprovalRules, APPROVAL, self.effective)
        layers = layers_for(context, self.roles(), self.layers)
        parcels = context.parcels(self.parcels, self.crs)
        ledger = _Ledger(context, layers)
        occupied = ledger.land(Project(parcels))
        context.progress(0.5, self.title.get(context.lang))
        given = ledger.given(self.replacements, self.crs, Project(parcels))
        balance = _balance(rules, context, occupied, given)
        result = {
            **head(type(self), rules.cited(), parcels, parcels.stated, parcels.area),
            "verdict": _verdict(balance),
            "occupied": occupied.json(),
            "replacement": given.json(),
            "balance": balance,
            **tail(list(occupied.data), [*parcels.notes, *occupied.notes, *given.notes]),
        }
        return Analysis(result, parcels, layers)


@dataclass(frozen=True)
class _Land:
    """Farmland of one side: ``cultivated`` and ``basic``, None where nothing is known. ``source``: what it is from."""

    cultivated: Farmland | None
    basic: Farmland | None
    source: str
    data: Sequence[dict[str, Any]] = ()
    notes: Sequence[Note] = ()

    def json(self) -> dict[str, Any]:
        """Return the members of a result."""
        known = {"cultivated": self.cultivated, "basicFarmland": self.basic}
        return {"source": self.source, **{name: land and land.json() for name, land in known.items()}}


@dataclass(frozen=True)
class _Ledger:
    """Reads the farmland of parcels from the layers that the caller may see."""

    context: Context
    layers: Sequence[Layer]

    def _with(self, role: str) -> list[Layer]:
        return [layer for layer in self.layers if layer.role == role]

    def land(self, project: Project) -> _Land:
        """Return the farmland that parcels occupy."""
        basic = basic_farmland(self._with(FARMLAND), project)
        data = [layer.data(project.coverage(layer) or 0.0) for layer in self.layers if layer.role != RESERVE]
        notes = [] if basic else [Note("line-not-known", "No layer of basic farmland covers the parcels.")]
        if not self._with(ROLE):
            notes.append(Note("no-layer", f"There is no layer with the role '{ROLE}'."))
            return _Land(None, basic, "survey", data, notes)
        book = breakdown(self.context, one_layer(list(self.layers)), project)
        known = (book.coverage or 0.0) >= FULL
        return _Land(surveyed(book) if known else None, basic, "survey", data, [*book.notes, *notes])

    def given(self, document: ParcelDocument | None, crs: str | None, occupied: Project) -> _Land:
        """Return what replaces farmland: of the parcels given, or all of the reserve.

        Parcels in the reserve count as it lists them, others as they were surveyed. Basic farmland is replaced by
        surveyed farmland of parcels that is not basic farmland yet. Raises InvalidBody for parcels that are occupied.
        """
        reserve = self._with(RESERVE)
        if document is None:
            if not reserve:
                return _Land(
                    None, None, "none", notes=[Note("no-replacement", "Nothing was given to replace farmland.")]
                )
            return _Land(_merged([_whole(layer) for layer in reserve]), None, "reserve")
        parcels = self.context.parcels(document, crs)
        project = Project(parcels)
        _check_apart(project, occupied)
        land = self.land(project)
        kept = _merged([listed(layer, project) for layer in reserve])
        banked = bool(kept.fields)
        notes = [*parcels.notes, *land.notes]
        if not banked:
            notes.append(Note("replacement-by-survey", "The replacement is not in the reserve; it counts as surveyed."))
        taken = land.basic is not None and land.basic.area > 0
        if taken:
            notes.append(Note("replacement-is-basic-farmland", "A part of the replacement is basic farmland already."))
        free = None if land.basic is None or taken else land.cultivated
        return _Land(kept if banked else land.cultivated, free, "reserve" if banked else "survey", notes=notes)


def _check_apart(project: Project, occupied: Project) -> None:
    """Raise InvalidBody when land would replace itself."""
    crs = occupied.parcels.stated
    one, other = project.plane(crs), occupied.plane(crs)
    if one is None or other is None:
        return
    shared = measure_for(crs.srid).area(shapely.intersection(one.geometry, other.geometry))
    if shared > NOISE_AREA:
        text = f"{shared:.2f} m2 of the replacement are occupied by the parcels."
        raise InvalidBody(text, "Land cannot replace itself.", pointer="/inputs/replacements")


def _merged(lands: Sequence[Farmland]) -> Farmland:
    return Farmland([item for land in lands for item in land.fields])


def _whole(layer: Layer) -> Farmland:
    """Return all features of a layer as farmland."""
    roles = ("code", SLOPE, *QUALITY)
    names = {role: name for role in roles if (name := layer.column(role))}
    measure = measure_for(layer.collection.storage.srid)
    made: list[Piece] = []
    for batch in layer.store.batches(layer.view, FeatureQuery(limit=_MOST, columns=tuple(names.values()))):
        areas = measure.areas(np.asarray(batch.geometries, dtype=object)).tolist()
        columns = {role: batch.columns[name] for role, name in names.items()}
        for at, area in enumerate(areas):
            values = {role: column[at] for role, column in columns.items()}
            made.append(Piece(area, text(values.get("code")), text(values.get(SLOPE)), grades(values)))
    return Farmland(made)


def _balance(rules: ApprovalRules, context: Context, occupied: _Land, given: _Land) -> list[dict[str, Any]]:
    """Return a row for each kind that has to be replaced."""
    asked = rules.compensation
    pairs = (
        ("cultivated", occupied.cultivated, given.cultivated, asked.cultivated),
        ("basic-farmland", occupied.basic, given.basic, asked.basic_farmland),
    )
    return [_row(rules, context, kind, own, other, advice) for kind, own, other, advice in pairs]


def _row(
    rules: ApprovalRules, context: Context, kind: str, own: Farmland | None, other: Farmland | None, advice: Advice
) -> dict[str, Any]:
    """Compare one kind. What is too steep replaces nothing."""
    needed = None if own is None else own.area > 0
    fit = other.gentle(rules.compensation.steepest) if other else None
    tests: list[dict[str, Any]] = []
    if own and needed:
        tests = [
            _enough("area", own.area, fit.area if fit else None),
            _enough("paddy", own.paddy, fit.paddy if fit else None),
            *_quality(own, fit, rules.compensation.grade_tolerance),
        ]
    lang = context.lang
    return {
        "kind": kind,
        "needed": needed,
        "status": _status(needed, [item["met"] for item in tests]),
        "tests": tests,
        "basis": rules.sources(advice.basis, lang) if needed else [],
        "guidance": advice.guidance.get(lang) if needed and advice.guidance else None,
    }


def _enough(test: str, occupied: float, replacement: float | None) -> dict[str, Any]:
    met = True if occupied == 0 else None if replacement is None else replacement >= occupied
    return {
        "test": test,
        "occupied": occupied,
        "replacement": replacement,
        "difference": None if replacement is None else replacement - occupied,
        "met": met,
    }


def _quality(own: Farmland, other: Farmland | None, tolerance: float) -> list[dict[str, Any]]:
    """Compare mean grades on each scale that is known of what is occupied; a lower grade is better."""
    made = []
    for role in QUALITY:
        before, after = own.grade(role), other.grade(role) if other else None
        if before is None:
            continue
        met = None if after is None else after <= before + tolerance
        difference = None if after is None else after - before
        made.append({"test": role, "occupied": before, "replacement": after, "difference": difference, "met": met})
    return made or [{"test": "quality", "occupied": None, "replacement": None, "difference": None, "met": None}]


def _status(needed: bool | None, met: Sequence[bool | None]) -> str:
    if needed is None:
        return "no-coverage"
    if not needed:
        return "not-needed"
    if False in met:
        return "insufficient"
    return "unknown" if None in met else "balanced"


def _verdict(balance: Sequence[dict[str, Any]]) -> str:
    order = ("not-needed", "balanced", "unknown", "no-coverage", "insufficient")
    return order[max(order.index(row["status"]) for row in balance)]
