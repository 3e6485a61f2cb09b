"""The conclusion of several checks: the worst of them, and a reason from each that is not green."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onemap.config import Text
from onemap.processes.control_lines.rules import Catalogue, Status

GREEN = ("not-relevant", "not-involved", "involved-allowed")
WORDS: dict[Status, Text] = {
    "not-relevant": Text(zh="无关", en="not relevant"),
    "not-involved": Text(zh="不涉及", en="not involved"),
    "involved-allowed": Text(zh="涉及，允许", en="involved, allowed"),
    "involved-conditional": Text(zh="涉及，须满足条件", en="involved, on conditions"),
    "involved-prohibited": Text(zh="涉及，禁止", en="involved, prohibited"),
    "no-coverage": Text(zh="无数据覆盖，不能判断", en="not covered by data, unknown"),
    "timeout": Text(zh="超时，不能判断", en="timed out, unknown"),
    "error": Text(zh="出错，不能判断", en="failed, unknown"),
}
_OTHER: Mapping[str, Status] = {
    "conforming": "involved-allowed",
    "conditional": "involved-conditional",
    "non-conforming": "involved-prohibited",
    "not-needed": "not-involved",
    "balanced": "involved-allowed",
    "unknown": "no-coverage",
    "insufficient": "involved-prohibited",
}
"""What the answers of plans and balances are among the statuses."""


@dataclass(frozen=True)
class Reason:
    """Why a project is not simply possible. ``area``: m2 that this is about, None where no area is."""

    process: str
    subject: str | None
    status: Status
    title: str
    area: float | None = None

    def json(self, lang: str) -> dict[str, Any]:
        """Return the reason as a result shows it."""
        about = f" ({self.area:.2f} m2)" if self.area else ""
        colon = ": " if lang == "en" else "："
        text = f"{self.title}{colon}{WORDS[self.status].get(lang)}{about}"
        known = {"process": self.process, "subject": self.subject, "status": self.status, "area": self.area}
        return {**known, "message": text}


def reasons_of(process: str, result: Mapping[str, Any], title: str) -> list[Reason]:
    """Return the reasons in the result of a process: each layer that is not green, or the verdict of the whole."""
    layers = result.get("layers")
    if isinstance(layers, Sequence):
        found = [item for item in layers if item["status"] not in GREEN]
        return [Reason(process, item["role"], item["status"], item["title"], _area(item)) for item in found]
    verdict = result.get("verdict")
    status = status_of(str(verdict)) if verdict else "not-involved"
    return [] if status in GREEN else [Reason(process, None, status, title)]


def status_of(verdict: str) -> Status:
    """Return the status that a verdict of any process amounts to."""
    known: Status | None = next((status for status in WORDS if status == verdict), None)
    return known or _OTHER[verdict]


def _area(entry: Mapping[str, Any]) -> float | None:
    area = entry["area"] or entry.get("outside", {}).get("area") or 0.0
    return float(area) if area else None


def conclude(rules: Catalogue, reasons: Iterable[Reason], lang: str) -> dict[str, Any]:
    """Return the conclusion: without a reason nothing is in the way. The worst reasons come first."""
    found = sorted(reasons, key=lambda reason: -rules.order.index(reason.status))
    status: Status = found[0].status if found else "not-involved"
    return {
        "status": status,
        "title": WORDS[status].get(lang),
        "reasons": [reason.json(lang) for reason in found],
    }
