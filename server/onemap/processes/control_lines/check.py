"""Check parcels against the lines of a rule catalogue: every layer of every rule, then the worst of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from onemap.processes.control_lines.examine import Examination, Examiner
from onemap.processes.control_lines.pieces import pieces_of
from onemap.processes.control_lines.rules import Catalogue, Status
from onemap.processes.control_lines.verdicts import verdicts
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.processes.parcels import Note, ParcelSet
from onemap.processes.project import Project
from onemap.processes.timed import each_in_time


@dataclass(frozen=True)
class Checked:
    """What a check found: the layers in the order of the rules."""

    catalogue: Catalogue
    purpose: str
    parcels: ParcelSet
    project: Project
    layers: Sequence[Layer]
    found: Sequence[Examination]

    @property
    def verdict(self) -> Status:
        """The worst status of the layers."""
        return self.catalogue.worst(item.status for item in self.found)

    @property
    def notes(self) -> list[Note]:
        """What is to be said of the parcels and of the layers."""
        return [*self.parcels.notes, *(note for item in self.found for note in item.notes)]

    @property
    def data(self) -> list[dict[str, Any]]:
        """The layers used, with version and coverage."""
        return [item.data for item in self.found if item.data]

    def by_parcel(self) -> list[dict[str, Any]]:
        """Return the verdict of each parcel, where there are several."""
        if len(self.parcels) < 2:
            return []
        return verdicts(self.catalogue, self.purpose, self.parcels, self.found)

    def pieces(self) -> Any:
        """Return the pieces of the hits."""
        return pieces_of(self.found, self.project)


def check(
    context: Context, catalogue: Catalogue, purpose: str, parcels: ParcelSet, wanted: Sequence[str] | None
) -> Checked:
    """Examine the layers that the caller may see, beside each other, each within its time.

    A layer that fails or is late has that status and does not spoil the others; a rule without a layer has the status
    ``no-coverage``, unless layers were named. Raises InvalidBody for an unknown layer.
    """
    layers = layers_for(context, catalogue.roles(), wanted)
    project = Project(parcels)
    examiner = Examiner(context, catalogue, project, purpose)
    ordered = [layer for rule in catalogue.rules for layer in layers if layer.role == rule.role]
    examined = _each(context, examiner, ordered)
    found: list[Examination] = []
    for rule in catalogue.rules:
        own = [item for item in examined if item.rule is rule]
        expected = wanted is None and not rule.optional
        found += own or ([examiner.missing(rule)] if expected else [])
    return Checked(catalogue, purpose, parcels, project, ordered, found)


def _each(context: Context, examiner: Examiner, layers: Sequence[Layer]) -> list[Examination]:
    tasks = [partial(examiner.apart().examine, layer) for layer in layers]
    found = []
    for at, item in enumerate(each_in_time(tasks, context.settings.processes.layer_seconds)):
        found.append(item or examiner.late(layers[at]))
        context.progress((at + 1) / len(layers), layers[at].collection.title.get(context.lang))
    return found
