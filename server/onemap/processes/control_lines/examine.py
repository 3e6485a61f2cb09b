"""Examine one layer: coverage first, then what is touched, then what that means."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from onemap.processes.control_lines.rules import Catalogue, Finding, Rule, Status
from onemap.processes.hits import Hits, describe, hits_of
from onemap.processes.layers import Layer
from onemap.processes.model import Context
from onemap.processes.nearest import nearest_distance
from onemap.processes.parcels import Note
from onemap.processes.project import FULL, Plane, Project
from onemap.processes.tables import columns, rounded

_log = logging.getLogger("onemap.processes")
_OUTSIDE_M2 = 0.01
"""A part outside a line below this is the noise of its border."""


@dataclass(frozen=True)
class Examination:
    """What was found in one layer: its entry of ``layers``, its entry of ``data``, and notes."""

    entry: dict[str, Any]
    data: dict[str, Any] | None
    notes: tuple[Note, ...] = ()

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

    def examine(self, layer: Layer) -> Examination:
        """Return what was found; a layer that cannot be read has the status ``error`` and does not spoil the others."""
        rule = self.catalogue.rule(layer.role)
        try:
            return self._examine(layer, rule)
        except Exception:
            _log.exception("request %s: layer %s failed", self.context.request_id, layer.collection.id)
            entry = self._entry(rule, "error", 0.0, layer) | {"requestId": self.context.request_id}
            return Examination(entry, None, (Note("layer-failed", f"{layer.collection.id} could not be examined."),))

    def missing(self, rule: Rule) -> Examination:
        """Return the entry of a rule for which there is no layer: nothing is known, which is never green."""
        entry = self._entry(rule, "no-coverage", 0.0, None)
        return Examination(entry, None, (Note("no-layer", f"There is no layer with the role '{rule.role}'."),))

    def _examine(self, layer: Layer, rule: Rule) -> Examination:
        plane = self.project.plane(layer.collection.storage)
        hits = hits_of(layer, plane)
        declared = self.project.coverage(layer)
        notes = list(hits.notes)
        if declared is None:
            message = (
                f"{layer.collection.id} declares no extent of validity: where it has no feature, nothing is known."
            )
            notes.append(Note("no-declared-coverage", message))
        coverage = declared or 0.0
        outside = self._outside(layer, hits, plane, coverage) if rule.outside else 0.0
        listed = self._listed(layer, hits, plane, rule)
        findings = self._findings(layer, rule, hits, outside)
        status = self.catalogue.worst(item.status for item in findings) if findings else _untouched(coverage)
        keys = dict.fromkeys(key for item in findings for key in item.basis)
        entry = self._entry(rule, status, coverage, layer) | {
            "area": hits.area,
            **rounded(hits.area),
            "share": hits.area / plane.area if plane else 0.0,
            "distance": self._distance(layer, hits, plane),
            "significant": any(hit["significant"] for hit in listed),
            "count": len(hits),
            "hits": listed,
            "basis": self.catalogue.sources(keys, self.context.lang),
        }
        if rule.outside:
            entry["outside"] = {"area": outside, **rounded(outside)}
        if len(listed) < len(hits):
            notes.append(
                Note("hits-cut", f"{layer.collection.id}: the {len(listed)} largest of {len(hits)} hits are listed.")
            )
        return Examination(entry, layer.data(coverage), tuple(notes))

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
        }

    def _findings(self, layer: Layer, rule: Rule, hits: Hits, outside: float) -> list[Finding]:
        """Return what each kind of feature touched means, and the part outside where that counts."""
        roles = [name for name in map(layer.column, ("type", "subzone")) if name]
        values = layer.store.attributes(layer.view, hits.ids.tolist(), roles) if roles and len(hits) else {}
        kinds = set(zip(*values.values(), strict=True)) if values else ({()} if len(hits) else set())
        found = [rule.finding(map(str, kind), self.purpose) for kind in sorted(kinds, key=repr)]
        return [*found, rule.outside] if rule.outside and outside > _OUTSIDE_M2 else found

    def _outside(self, layer: Layer, hits: Hits, plane: Plane | None, coverage: float) -> float:
        """Return the area of the parcels outside the layer's features but inside its extent of validity, m2."""
        if plane is None:
            return 0.0
        known = plane.area if coverage >= FULL else self.project.covered_area(layer)
        rest = known - hits.area
        return rest if rest > (1 - FULL) * known else 0.0

    def _listed(self, layer: Layer, hits: Hits, plane: Plane | None, rule: Rule) -> list[dict[str, Any]]:
        """Return the largest hits with their visible properties."""
        limits = self.context.settings.processes
        order = hits.largest(limits.max_hits)
        if plane is None or not len(order):
            return []
        areas = hits.areas[order].tolist()
        closed = columns(areas, hits.area)
        known = describe(layer, hits.ids[order].tolist())
        return [
            {
                "id": item["id"],
                "name": item["name"],
                "area": area,
                **more,
                "share": area / plane.area,
                "significant": rule.always_significant or area >= limits.min_area,
                "properties": item["properties"],
            }
            for item, area, more in zip(known, areas, closed, strict=True)
        ]

    def _distance(self, layer: Layer, hits: Hits, plane: Plane | None) -> float | None:
        if len(hits) or plane is None:
            return None
        return nearest_distance(layer, plane, self.context.settings.processes.search_distance)


def _untouched(coverage: float) -> Status:
    """Return the status when nothing is touched: only where the layer covers all of it, nothing is there."""
    return "not-involved" if coverage >= FULL else "no-coverage"
