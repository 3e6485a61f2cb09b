"""The rules of geometry-check, read from YAML: number, severity, words, thresholds."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from pydantic import Field

from onemap.config import Text, read_yaml, shipped, validate
from onemap.config.models import Model

Severity = Literal["error", "warning", "info"]


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


class Rules(Model):
    """The rule catalogue."""

    id: str = Field(description="Identifier.")
    version: str = Field(description="Version; every change of meaning is a new one.")
    effective: str = Field(description="Date from which these rules are applied.")
    title: Text = Field(description="Title.")
    limit: int = Field(ge=1, description="Most findings listed for one rule.")
    thresholds: Thresholds = Field(description="Thresholds.")
    rules: tuple[Rule, ...] = Field(description="The rules.")

    def rule(self, number: str) -> Rule:
        """Return a rule by its number."""
        return next(rule for rule in self.rules if rule.id == number)


@cache
def rules() -> Rules:
    """Return the rules that come with the server. Raises ConfigError naming the file and the fault."""
    path = shipped("processes") / "geometry-check.yml"
    return validate(Rules, read_yaml(path), path)
