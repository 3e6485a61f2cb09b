"""The rules of geometry-check, read from YAML: number, severity, words, thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from string import Formatter
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from onemap.config import Misplaced, Text
from onemap.config.models import Model
from onemap.errors import did_you_mean
from onemap.processes.rulebook import RuleBook

GEOMETRY = "geometry-check"
FORMATS = ("application/geo+json", "text/plain", "application/zip", "application/geopackage+sqlite3")
Severity = Literal["error", "warning", "info"]
_FILLED: Mapping[str, tuple[str, ...]] = {
    "G001": ("ring",),
    "G002": (),
    "G003": ("ring", "point"),
    "G004": ("angle",),
    "G005": ("width",),
    "G006": ("area", "limit"),
    "G007": ("other", "area"),
    "G008": ("area",),
    "G009": ("ring",),
    "G010": ("count",),
    "G011": (),
    "G012": ("length",),
    "G013": ("ring",),
    "G014": ("what", "stated", "found"),
    "G015": ("other", "distance"),
    "G016": ("ring",),
    "G017": (),
    "G018": ("ring",),
    "G019": ("other",),
    "G020": ("reason",),
    "G021": ("kind",),
    "G022": (),
}
"""What is checked: for each rule the placeholders of its text."""
_SAMPLES: Mapping[str, Any] = {
    **dict.fromkeys(("ring", "point", "count"), 1),
    **dict.fromkeys(("angle", "width", "area", "limit", "length", "distance"), 1.0),
    **dict.fromkeys(("other", "what", "stated", "found", "reason", "kind"), "x"),
}
_NEEDED = {"G002", "G009", "G010", "G016", "G017", "G018", "G020", "G021", "G022"}
"""Rules that say why no polygon can be made of a parcel, or that not all was examined."""


class Thresholds(Model):
    """Lengths in metres, areas in m2, angles in degrees."""

    resolution: float = Field(gt=0, description="Points nearer than this are the same.")
    tolerance: float = Field(gt=0, description="Shorter edges are reported.")
    min_angle: float = Field(ge=0, description="Sharper corners are spikes.")
    min_width: float = Field(ge=0, description="Narrower parts are slivers.")
    min_area: float = Field(ge=0, description="Smaller parcels are fragments.")
    overlap_area: float = Field(ge=0, description="Parcels that share less than this only touch.")
    gap_area: float = Field(ge=0, description="Enclosed gaps up to this size are faults.")
    gap_width: float = Field(ge=0, description="Enclosed gaps up to this mean width are faults.")
    snap: float = Field(ge=0, description="A vertex this near to a neighbour's border ought to lie on a vertex of it.")
    area_share: float = Field(ge=0, description="Stated areas may differ by this share.")


class Rule(Model):
    """A numbered rule."""

    id: str = Field(pattern=r"^G\d{3}$", description="Number.")
    severity: Severity = Field(description="How bad it is.")
    formats: dict[str, Severity] = Field(default_factory=dict, description="Other severities, by media type.")
    title: Text = Field(description="What is wrong, in short.")
    text: Text = Field(description="What is wrong, with placeholders.")

    def severity_in(self, media_type: str) -> Severity:
        """Return how bad it is in a file of this format."""
        return self.formats.get(media_type, self.severity)

    def message(self, values: dict[str, Any], lang: str) -> str:
        """Return the sentence of a finding."""
        return self.text.get(lang).format(**values)


class Rules(RuleBook):
    """A catalogue of checks. A rule that is left out is not told."""

    limit: int = Field(ge=1, description="Most findings listed for one rule.")
    thresholds: Thresholds = Field(description="Thresholds.")
    rules: tuple[Rule, ...] = Field(description="The rules.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        counts = Counter(rule.id for rule in self.rules)
        if twice := next((number for number, count in counts.items() if count > 1), None):
            raise Misplaced(f"two rules have the number {twice}", twice)
        if missing := sorted(_NEEDED - counts.keys()):
            raise ValueError(f"the rule {missing[0]} is missing: without it what is no polygon would pass")
        for rule in self.rules:
            _check(rule)
        return self

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers of the rules."""
        return frozenset(rule.id for rule in self.rules)

    def rule(self, number: str) -> Rule:
        """Return a rule by its number."""
        return next(rule for rule in self.rules if rule.id == number)


def _check(rule: Rule) -> None:
    """Raise ValueError for a number that nothing checks, a format that is not read, and words that cannot be filled."""
    if rule.id not in _FILLED:
        raise Misplaced(f"nothing checks a rule {rule.id}: there are {min(_FILLED)} to {max(_FILLED)}", rule.id)
    if unread := next((name for name in rule.formats if name not in FORMATS), None):
        raise Misplaced(f"parcels are not read from '{unread}'. {did_you_mean(unread, FORMATS)}", unread)
    for text in (rule.text.zh, rule.text.en):
        _check_words(rule.id, text)


def _check_words(number: str, text: str) -> None:
    """Raise ValueError for a text with a placeholder that the rule does not fill, or not in this form."""
    known = _FILLED[number]
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        if unknown := next((name for name in names if name not in known), None):
            raise ValueError(f"there is no {{{unknown}}}")
        text.format(**{name: _SAMPLES[name] for name in known})
    except (ValueError, IndexError) as error:
        offered = ", ".join(f"{{{name}}}" for name in known) or "none"
        raise Misplaced(f"the text of {number} cannot be filled: {error}; its placeholders: {offered}", text) from None
