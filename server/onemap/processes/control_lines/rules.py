"""The rule catalogue of control lines: read from YAML, versioned, with the legal basis of each verdict."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from onemap.config import Text, read_yaml, shipped, validate
from onemap.config.models import Model

Status = Literal[
    "not-relevant",
    "not-involved",
    "involved-allowed",
    "involved-conditional",
    "no-coverage",
    "timeout",
    "error",
    "involved-prohibited",
]


class Basis(Model):
    """A legal source."""

    title: Text = Field(description="The law or notice and the article.")
    text: Text = Field(description="What it says, in a sentence.")
    effective: str = Field(description="Date from which it is in force.")


class Finding(Model):
    """A status and the sources that it rests on."""

    status: Status = Field(description="Status of a layer.")
    basis: tuple[str, ...] = Field((), description="Keys of the legal sources.")


class Case(Finding):
    """A finding for features whose code or name is one of these values."""

    values: tuple[str, ...] = Field(description="Values of the field with the role 'type' or 'subzone'.")


class Rule(Model):
    """What it means to touch a layer with this role."""

    role: str = Field(description="Role of the layer.")
    title: Text = Field(description="Title when no layer gives one.")
    involved: Finding = Field(description="When a feature is touched and no case applies.")
    purposes: dict[str, Finding] = Field(default_factory=dict, description="Instead of 'involved', by purpose.")
    cases: tuple[Case, ...] = Field((), description="Findings by type or sub-zone; they go before 'involved'.")
    outside: Finding | None = Field(None, description="When a part of the parcels lies outside all features.")
    optional: bool = Field(False, description="Without such a layer nothing is said of it.")
    always_significant: bool = Field(False, description="No hit is ever too small to count.")

    def finding(self, values: Iterable[str], purpose: str) -> Finding:
        """Return the finding for a feature with these codes or names."""
        known = set(values)
        case = next((case for case in self.cases if known.intersection(case.values)), None)
        return case or self.purposes.get(purpose, self.involved)


class Catalogue(Model):
    """A rule catalogue."""

    id: str = Field(description="Identifier.")
    version: str = Field(description="Version; every change of meaning is a new one.")
    effective: str = Field(description="Date from which these rules are applied.")
    title: Text = Field(description="Title.")
    order: tuple[Status, ...] = Field(description="Statuses from the best to the worst.")
    purposes: dict[str, Text] = Field(description="Purposes by code; the first one is the default.")
    rules: tuple[Rule, ...] = Field(description="One rule for each role.")
    basis: dict[str, Basis] = Field(description="Legal sources by key.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        used = {key for rule in self.rules for finding in _findings(rule) for key in finding.basis}
        if missing := sorted(used - self.basis.keys()):
            raise ValueError(f"no legal source '{missing[0]}'")
        asked = {purpose for rule in self.rules for purpose in rule.purposes}
        if missing := sorted(asked - self.purposes.keys()):
            raise ValueError(f"no purpose '{missing[0]}'")
        return self

    def rule(self, role: str) -> Rule:
        """Return the rule for a role."""
        return next(rule for rule in self.rules if rule.role == role)

    def worst(self, statuses: Iterable[Status]) -> Status:
        """Return the worst of the statuses; without any nothing is known."""
        return max(statuses, key=self.order.index, default="no-coverage")

    def sources(self, keys: Iterable[str], lang: str) -> list[dict[str, Any]]:
        """Return legal sources as a result shows them."""
        return [
            {
                "id": key,
                "title": self.basis[key].title.get(lang),
                "text": self.basis[key].text.get(lang),
                "effective": self.basis[key].effective,
            }
            for key in keys
        ]


def _findings(rule: Rule) -> list[Finding]:
    return [rule.involved, *rule.purposes.values(), *rule.cases, *([rule.outside] if rule.outside else [])]


def catalogue_file() -> Path:
    """Return the file of the catalogue that comes with the server."""
    return shipped("processes") / "control-lines.yml"


@cache
def catalogue() -> Catalogue:
    """Return the catalogue. Raises ConfigError naming the file and the fault."""
    path = catalogue_file()
    return validate(Catalogue, read_yaml(path), path)
