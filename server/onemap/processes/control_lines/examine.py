"""Examine one layer: coverage first, then what is touched, then what that means."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onemap.errors import ClientGone
from onemap.processes.control_lines.rules import Catalogue, Finding, Rule, Status
from onemap.processes.hits import NOTHING, Hits, describe, hits_of
from onemap.processes.layers import Layer
from onemap.processes.model import Context
from onemap.processes.nearest import nearest_distance
from onemap.processes.parcels import Note
from onemap.processes.project import FULL, Plane, Project
from onemap.processes.slivers import widths
from onemap.processes.tables import columns, rounded

_log = logging.getLogger("onemap.processes")
_OUTSIDE_M2 = 0.01
"""A part outside a line below this is the noise of its border."""


@dataclass(frozen=True)
class Examination:
    """What was found in one layer: its entry of ``layers``, its entry of ``data``, and notes.

    ``hits``: all that is touched, with the finding for each; ``layer``: None where there is none to examine.
    """

    rule: Rule
    entry: dict[str, Any]
    data: dict[str, Any] | None = None
    notes: tuple[Note, ...] = ()
    layer: Layer | None = None
    hits: Hits = NOTHING
    findings: tuple[Finding, ...] = ()

    @property
    def status(self) -> Status:
        """The status of the layer."""
        status: Status = self.entry["status"]
        return status


@dataclass(frozen=True)
class Examiner:
    """Examines layers for one request."""

    context: Context
    catalogue: Catalogue
    project: Project
    purpose: str

    def apart(self) -> Examiner:
        """Return the same examiner for another thread."""
        return replace(self, project=self.project.apart())

    def examine(self, layer: Layer) -> Examination:
        """Return what was found; a layer that cannot be read has the status ``error`` and does not spoil the others."""
        rule = self.catalogue.rule(layer.role)
        if not self.catalogue.relevant(rule, self.purpose):
            return Examination(rule, self._entry(rule, "not-relevant", 0.0, layer), layer=layer)
        try:
            return self._examine(layer, rule)
        except ClientGone:
            raise
        except Exception:
            _log.exception("request %s: layer %s failed", self.context.request_id, layer.collection.id)
            note = Note("layer-failed", f"{layer.collection.id} could not be examined.")
            return self._unknown(layer, rule, "error", note)

    def late(self, layer: Layer) -> Examination:
        """Return the entry of a layer that took too long."""
        seconds = self.context.settings.processes.layer_seconds
        _log.warning("request %s: layer %s timed out", self.context.request_id, layer.collection.id)
        note = Note("layer-timeout", f"{layer.collection.id} was not examined within {seconds:g} seconds.")
        return self._unknown(layer, self.catalogue.rule(layer.role), "timeout", note)

    def missing(self, rule: Rule) -> Examination:
        """Return the entry of a rule for which there is no layer: nothing is known, which is never green."""
        if not self.catalogue.relevant(rule, self.purpose):
            return Examination(rule, self._entry(rule, "not-relevant", 0.0, None))
        note = Note("no-layer", f"There is no layer with the role '{rule.role}'.")
        return Examination(rule, self._entry(rule, "no-coverage", 0.0, None), notes=(note,))

    def _unknown(self, layer: Layer, rule: Rule, status: Status, note: Note) -> Examination:
        entry = self._entry(rule, status, 0.0, layer) | {"requestId": self.context.request_id}
        return Examination(rule, entry, notes=(note,), layer=layer)

    def _examine(self, layer: Layer, rule: Rule) -> Examination:
        plane = self.project.plane(layer.collection.storage)
        hits = hits_of(layer, plane)
        declared = self.project.coverage(layer)
        coverage = declared or 0.0
        findings = self._findings(layer, rule, hits)
        outside = self._outside(layer, hits, plane, coverage) if rule.outside else 0.0
        beyond = self.catalogue.outside(rule, self.purpose) if outside > _OUTSIDE_M2 else None
        every = [*{id(item): item for item in findings}.values(), *([beyond] if beyond else [])]
        filled = plane is not None and hits.area >= FULL * plane.area
        status = self.catalogue.status(every, known=coverage >= FULL or filled)
        listed = self._listed(layer, rule, hits, plane, findings)
        entry = self._entry(rule, status, coverage, layer) | {
            "area": hits.area,
            **rounded(hits.area),
            "share": hits.area / plane.area if plane else 0.0,
            "distance": self._distance(layer, hits, plane),
            "significant": any(hit["significant"] for hit in listed) or beyond is not None,
            "count": len(hits),
            "hits": listed,
            **self._words(every),
        }
        if rule.outside:
            entry["outside"] = {"area": outside, **rounded(outside), "status": beyond.status if beyond else None}
        notes = (*hits.notes, *_notes(layer, declared, len(listed), len(hits)))
        return Examination(rule, entry, layer.data(coverage), notes, layer, hits, findings)

    def _entry(self, rule: Rule, status: Status, coverage: float, layer: Layer | None) -> dict[str, Any]:
        """Return a layer's entry with nothing touched."""
        title = layer.collection.title if layer else rule.title
        return {
            "role": rule.role,
            "collection": layer.collection.id if layer else None,
            "title": title.get(self.context.lang),
            "status": status,
            "coverage": coverage,
            "area": 0.0,
            **rounded(0.0),
            "share": 0.0,
            "distance": None,
            "significant": False,
            "count": 0,
            "hits": [],
            "basis": [],
            "guidance": [],
            "consult": [],
        }

    def _words(self, findings: Sequence[Finding]) -> dict[str, Any]:
        """Return legal sources, guidance and who is to be asked, each once."""
        lang = self.context.lang
        return {
            "basis": self.catalogue.sources(dict.fromkeys(key for item in findings for key in item.basis), lang),
            "guidance": list(dict.fromkeys(item.guidance.get(lang) for item in findings if item.guidance)),
            "consult": list(dict.fromkeys(item.consult.get(lang) for item in findings if item.consult)),
        }

    def _findings(self, layer: Layer, rule: Rule, hits: Hits) -> tuple[Finding, ...]:
        """Return what each feature touched means."""
        roles = [name for name in map(layer.column, ("type", "subzone")) if name]
        if not roles or not len(hits):
            return (self.catalogue.inside(rule, (), self.purpose),) * len(hits)
        values = layer.store.attributes(layer.view, hits.ids.tolist(), roles)
        kinds = [tuple(map(str, kind)) for kind in zip(*values.values(), strict=True)]
        known = {kind: self.catalogue.inside(rule, kind, self.purpose) for kind in sorted(set(kinds))}
        return tuple(known[kind] for kind in kinds)

    def _outside(self, layer: Layer, hits: Hits, plane: Plane | None, coverage: float) -> float:
        """Return the area of the parcels outside the layer's features but inside its extent of validity, m2."""
        if plane is None:
            return 0.0
        known = plane.area if coverage >= FULL else self.project.covered_area(layer)
        rest = known - hits.area
        return rest if rest > (1 - FULL) * known else 0.0

    def _listed(
        self, layer: Layer, rule: Rule, hits: Hits, plane: Plane | None, findings: Sequence[Finding]
    ) -> list[dict[str, Any]]:
        """Return the largest hits with their visible properties."""
        order = hits.largest(self.context.settings.processes.max_hits)
        if plane is None or not len(order):
            return []
        areas = hits.areas[order].tolist()
        width = self._widths(layer, rule, plane, hits, order)
        described = describe(layer, hits.ids[order].tolist())
        closed = columns(areas, hits.area)
        return [
            {
                "id": item["id"],
                "name": item["name"],
                "status": findings[at].status,
                "area": area,
                **more,
                "share": area / plane.area,
                "width": wide,
                "significant": self._significant(rule, area, wide),
                "properties": item["properties"],
            }
            for item, at, area, wide, more in zip(described, order.tolist(), areas, width, closed, strict=True)
        ]

    def _widths(
        self, layer: Layer, rule: Rule, plane: Plane, hits: Hits, order: NDArray[np.intp]
    ) -> list[float | None]:
        """Return the widths of the hits that may be slivers, m; None for the others."""
        least = self._least_width(rule)
        if rule.always_significant or least <= 0:
            return [None] * len(order)
        found = widths(layer, plane, hits.ids[order], hits.areas[order], least)
        return [None if np.isnan(width) else width for width in found.tolist()]

    def _least_width(self, rule: Rule) -> float:
        return self.context.settings.processes.min_width if rule.min_width is None else rule.min_width

    def _significant(self, rule: Rule, area: float, width: float | None) -> bool:
        """Whether a hit counts as more than the noise of drawing."""
        least = self.context.settings.processes.min_area if rule.min_area is None else rule.min_area
        wide = width is None or width >= self._least_width(rule)
        return rule.always_significant or (area >= least and wide)

    def _distance(self, layer: Layer, hits: Hits, plane: Plane | None) -> float | None:
        if len(hits) or plane is None:
            return None
        return nearest_distance(layer, plane, self.context.settings.processes.search_distance)


def _notes(layer: Layer, declared: float | None, listed: int, count: int) -> list[Note]:
    name, notes = layer.collection.id, []
    if declared is None:
        message = f"{name} declares no extent of validity: where it has no feature, nothing is known."
        notes.append(Note("no-declared-coverage", message))
    if listed < count:
        notes.append(Note("hits-cut", f"{name}: the {listed} largest of {count} hits are listed."))
    return notes
