"""Which changes of cultivated land are told apart: read from YAML."""

from __future__ import annotations

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from onemap.config import Misplaced, Text
from onemap.config.models import Model
from onemap.processes.accounts import is_cultivated
from onemap.processes.rulebook import RuleBook

FARMLAND = "farmland-change"
Group = Literal["agricultural", "construction", "unused"]


class State(Model):
    """A condition on the state of a place; what is not named may be anything."""

    cultivated: bool | None = Field(None, description="Whether the class is cultivated land.")
    groups: tuple[Group, ...] = Field((), description="Groups of classes.")
    crops: tuple[str, ...] = Field((), description="Crop codes.")

    def holds(self, code: str, group: str | None, crop: str) -> bool:
        """Whether a class with its group, and a crop, meet the condition."""
        return (
            self.cultivated in (None, is_cultivated(code))
            and (not self.groups or group in self.groups)
            and (not self.crops or crop in self.crops)
        )


class Kind(Model):
    """A kind of change."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="Identifier.")
    title: Text = Field(description="Title.")
    before: State = Field(description="The state before.")
    after: State = Field(description="The state now.")


class Rules(RuleBook):
    """A catalogue of changes."""

    kinds: tuple[Kind, ...] = Field(min_length=1, description="The kinds, tried in this order.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        counts = Counter(kind.id for kind in self.kinds)
        if twice := next((name for name, count in counts.items() if count > 1), None):
            raise Misplaced(f"two kinds have the id '{twice}'", twice)
        return self
