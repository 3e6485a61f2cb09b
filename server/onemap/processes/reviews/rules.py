"""The rules of plans and of land approval: which catalogue says what in which form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from onemap.block.query import shorten
from onemap.config import Misplaced, Text
from onemap.config.models import Model
from onemap.errors import InvalidBody, did_you_mean
from onemap.processes.rulebook import LegalBook

PLAN, APPROVAL = "plan-conformity", "land-approval"
Conformity = Literal["conforming", "conditional", "non-conforming"]
Subject = Literal["basic-farmland", "cultivated", "other"]


class Advice(Model):
    """Sources, and what is to be done."""

    basis: tuple[str, ...] = Field((), description="Keys of the legal sources.")
    guidance: Text | None = Field(None, description="What an applicant or a reviewer has to do.")


class PlannedUse(Model):
    """What is to be built, and the planned classes that agree with it."""

    title: Text = Field(description="Title.")
    conforming: tuple[str, ...] = Field(description="Codes, or their beginnings, of classes that agree.")
    conditional: tuple[str, ...] = Field((), description="Codes, or their beginnings, of classes that agree on terms.")

    def conformity(self, code: str) -> Conformity:
        """Return whether a planned class agrees."""
        if code.startswith(self.conforming):
            return "conforming"
        return "conditional" if self.conditional and code.startswith(self.conditional) else "non-conforming"


class PlanRules(LegalBook):
    """A catalogue of plan conformity."""

    purposes: dict[str, PlannedUse] = Field(min_length=1, description="Uses by code; the first one is the default.")
    findings: dict[Conformity, Advice] = Field(description="What each answer rests on.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.check_sources(key for advice in self.findings.values() for key in advice.basis)
        for code, use in self.purposes.items():
            if both := sorted(set(use.conforming) & set(use.conditional)):
                raise ValueError(f"the purpose '{code}' lists '{both[0]}' twice")
        return self

    def purpose(self, code: str | None, pointer: str) -> str:
        """Return the code of a use, the first one for None. Raises InvalidBody for an unknown one."""
        if code is None:
            return next(iter(self.purposes))
        if code not in self.purposes:
            text = f"The rules of plans have no purpose '{shorten(code)}'."
            raise InvalidBody(text, did_you_mean(code, self.purposes), pointer=pointer, value=shorten(code))
        return code


class Approver(Model):
    """Who approves, and why."""

    approver: str = Field(description="Key of the authority.")
    basis: tuple[str, ...] = Field((), description="Keys of the legal sources.")


class ApprovalCase(Approver):
    """An approval that depends on how much of what is taken."""

    subject: Subject = Field(description="What is counted.")
    above: float = Field(ge=0, description="Hectares that have to be exceeded.")


class Approval(Model):
    """Who approves: the first case that holds, or otherwise."""

    cases: tuple[ApprovalCase, ...] = Field((), description="Cases, the first that holds decides.")
    otherwise: Approver = Field(description="When no case holds.")

    def decide(self, hectares: Mapping[Subject, float | None]) -> Approver | None:
        """Return who approves; None when a case cannot be decided because an area is not known."""
        for case in self.cases:
            area = hectares[case.subject]
            if area is None:
                return None
            if area > case.above:
                return case
        return self.otherwise


class Compensation(Model):
    """What has to be replaced."""

    cultivated: Advice = Field(description="For farmland occupied (占补平衡).")
    basic_farmland: Advice = Field(alias="basic-farmland", description="For basic farmland occupied (补划).")
    steepest: int = Field(4, ge=1, le=5, description="Steepest class of slope that replaces farmland.")
    grade_tolerance: float = Field(0.0, ge=0, description="Grades that differ by this much count as the same.")


class ApprovalRules(LegalBook):
    """A catalogue of approval."""

    approvers: dict[str, Text] = Field(description="Authorities by key.")
    conversion: Approval = Field(description="Turning agricultural land into construction land (农用地转用).")
    expropriation: Approval = Field(description="Taking collective land (土地征收).")
    compensation: Compensation = Field(description="What has to be replaced.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        both = (self.conversion, self.expropriation)
        every: list[Approver] = [item for approval in both for item in (*approval.cases, approval.otherwise)]
        advice = (self.compensation.cultivated, self.compensation.basic_farmland)
        self.check_sources([key for item in every for key in item.basis] + [key for one in advice for key in one.basis])
        if missing := sorted({item.approver for item in every} - self.approvers.keys()):
            raise Misplaced(f"no approver '{missing[0]}'. {did_you_mean(missing[0], self.approvers)}", missing[0])
        return self
