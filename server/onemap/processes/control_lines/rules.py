"""The rules of lines: what it means to touch a layer, by kind of feature, purpose and listed activity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from onemap.block.query import shorten
from onemap.config import Misplaced, Text
from onemap.config.models import Model
from onemap.errors import InvalidBody, did_you_mean
from onemap.processes.rulebook import LegalBook, RuleLibrary

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

CONTROL_LINES, MINERALS = "control-lines", "minerals"


class Finding(Model):
    """A status, the sources that it rests on, and what is to be done."""

    status: Status = Field(description="Status of a layer.")
    basis: tuple[str, ...] = Field((), description="Keys of the legal sources.")
    guidance: Text | None = Field(None, description="What an applicant or a reviewer has to do.")
    consult: Text | None = Field(None, description="Who has to be asked.")


class Outcome(Finding):
    """A finding, and other ones for some purposes."""

    purposes: dict[str, Finding] = Field(default_factory=dict, description="Instead of this finding, by purpose.")

    def for_purpose(self, purpose: str) -> Finding:
        """Return the finding for a purpose."""
        return self.purposes.get(purpose, self)


class Case(Outcome):
    """A finding for features whose code or name is one of these values."""

    values: tuple[str, ...] = Field(min_length=1, description="Values of the field with the role 'type' or 'subzone'.")


class Activity(Model):
    """An activity that the rules list as an exception, for example inside the red line (有限人为活动)."""

    title: Text = Field(description="Title.")
    inside: dict[str, Finding] = Field(default_factory=dict, description="Finding inside a line, by role.")
    outside: dict[str, Finding] = Field(default_factory=dict, description="Finding outside a line, by role.")
    not_relevant: tuple[str, ...] = Field((), description="Roles that such an activity has nothing to do with.")


class Rule(Model):
    """What it means to touch a layer with this role."""

    role: str = Field(description="Role of the layer.")
    title: Text = Field(description="Title when no layer gives one.")
    involved: Outcome = Field(description="When a feature is touched and no case applies.")
    cases: tuple[Case, ...] = Field((), description="By type or sub-zone; they go before activities and 'involved'.")
    outside: Outcome | None = Field(None, description="When a part of the parcels lies outside all features.")
    optional: bool = Field(False, description="Without such a layer nothing is said of it.")
    always_significant: bool = Field(False, description="No hit is ever too small to count.")
    min_area: float | None = Field(None, ge=0, description="m2; smaller hits are insignificant; default: the server's.")
    min_width: float | None = Field(None, ge=0, description="m; thinner hits are insignificant; default: the server's.")


class Branch(NamedTuple):
    """One thing that a catalogue says: where it stands, and the question that it answers."""

    place: str
    role: str
    values: tuple[str, ...]
    purpose: str
    outside: bool
    finding: Finding


class Catalogue(LegalBook):
    """A catalogue of lines."""

    order: tuple[Status, ...] = Field(description="Statuses from the best to the worst.")
    purposes: dict[str, Text] = Field(description="Purposes by code; the first one is the default.")
    activities: dict[str, Activity] = Field(default_factory=dict, description="Listed activities by code.")
    rules: tuple[Rule, ...] = Field(description="One rule for each role.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.check_sources(key for branch in self.branches() for key in branch.finding.basis)
        asked = {purpose for rule in self.rules for outcome in _outcomes(rule) for purpose in outcome.purposes}
        if missing := sorted(asked - self.titles().keys()):
            hint = did_you_mean(missing[0], self.titles())
            raise Misplaced(f"no purpose or activity '{missing[0]}'. {hint}", missing[0])
        roles = {rule.role for rule in self.rules}
        if len(roles) != len(self.rules):
            raise ValueError("two rules have the same role")
        named = {
            role for item in self.activities.values() for role in (*item.inside, *item.outside, *item.not_relevant)
        }
        if missing := sorted(named - roles):
            hint = did_you_mean(missing[0], roles)
            raise Misplaced(
                f"an activity names the role '{missing[0]}', for which there is no rule. {hint}", missing[0]
            )
        return self

    def titles(self) -> dict[str, Text]:
        """Return the titles of purposes and activities: what the input ``purpose`` may be."""
        return self.purposes | {code: activity.title for code, activity in self.activities.items()}

    def purpose(self, code: str | None) -> str:
        """Return the code of a purpose, the first one for None. Raises InvalidBody for an unknown one."""
        if code is None:
            return next(iter(self.purposes))
        if code not in self.titles():
            text = f"The rule catalogue has no purpose '{shorten(code)}'."
            hint = did_you_mean(code, self.titles())
            raise InvalidBody(text, hint, pointer="/inputs/purpose", value=shorten(code))
        return code

    def roles(self) -> tuple[str, ...]:
        """Return the roles that there are rules for."""
        return tuple(rule.role for rule in self.rules)

    def rule(self, role: str) -> Rule:
        """Return the rule for a role."""
        return next(rule for rule in self.rules if rule.role == role)

    def relevant(self, rule: Rule, purpose: str) -> bool:
        """Whether a rule has to do with a purpose at all."""
        activity = self.activities.get(purpose)
        return activity is None or rule.role not in activity.not_relevant

    def inside(self, rule: Rule, values: Iterable[str], purpose: str) -> Finding:
        """Return the finding for a feature touched whose codes or names are these."""
        known = set(values)
        case = next((case for case in rule.cases if known.intersection(case.values)), None)
        if case:
            return case.for_purpose(purpose)
        activity = self.activities.get(purpose)
        listed = activity.inside.get(rule.role) if activity else None
        return listed or rule.involved.for_purpose(purpose)

    def outside(self, rule: Rule, purpose: str) -> Finding | None:
        """Return the finding for a part outside all features, None where that does not matter."""
        activity = self.activities.get(purpose)
        listed = activity.outside.get(rule.role) if activity else None
        return listed or (rule.outside.for_purpose(purpose) if rule.outside else None)

    def worst(self, statuses: Iterable[Status]) -> Status:
        """Return the worst of the statuses; without any nothing is known."""
        return max(statuses, key=self.order.index, default="no-coverage")

    def status(self, findings: Iterable[Finding], known: bool) -> Status:
        """Return the status of a layer with these findings.

        ``known``: the layer says something of every part of the parcels; otherwise it is never green.
        """
        statuses = [item.status for item in findings]
        worst = self.worst(statuses) if statuses else "not-involved"
        return worst if known or worst not in ("not-involved", "involved-allowed") else "no-coverage"

    def branches(self) -> Iterator[Branch]:
        """Yield everything that the catalogue says, each with a question whose answer it is."""
        default = next(iter(self.purposes), "")
        for rule in self.rules:
            yield from _branches(f"{rule.role}/involved", rule.role, (), default, False, rule.involved)
            for case in rule.cases:
                yield from _branches(f"{rule.role}/{case.values[0]}", rule.role, case.values, default, False, case)
            if rule.outside:
                yield from _branches(f"{rule.role}/outside", rule.role, (), default, True, rule.outside)
        for code, activity in self.activities.items():
            for role, finding in activity.inside.items():
                yield Branch(f"{code}/{role}", role, (), code, False, finding)
            for role, finding in activity.outside.items():
                yield Branch(f"{code}/{role}/outside", role, (), code, True, finding)


def _branches(
    place: str, role: str, values: tuple[str, ...], default: str, outside: bool, outcome: Outcome
) -> Iterator[Branch]:
    yield Branch(place, role, values, default, outside, outcome)
    for purpose, finding in outcome.purposes.items():
        yield Branch(f"{place}/{purpose}", role, values, purpose, outside, finding)


def _outcomes(rule: Rule) -> list[Outcome]:
    return [rule.involved, *rule.cases, *([rule.outside] if rule.outside else [])]


def all_roles(rules: RuleLibrary | None, name: str = CONTROL_LINES) -> tuple[str, ...]:
    """Return the roles that any version of a catalogue has rules for, each once; of the shipped one for None."""
    books = (rules or RuleLibrary()).versions(Catalogue, name)
    return tuple(dict.fromkeys(role for book in reversed(books) for role in book.roles()))
