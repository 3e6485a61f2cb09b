"""Which changes of cultivated land are told apart: read from YAML."""

from __future__ import annotations

from functools import cache

from pydantic import Field

from onemap.config import Text, read_yaml, shipped, validate
from onemap.config.models import Model
from onemap.processes.accounts import is_cultivated


class State(Model):
    """A condition on the state of a place; what is not named may be anything."""

    cultivated: bool | None = Field(None, description="Whether the class is cultivated land.")
    groups: tuple[str, ...] = Field((), description="Groups of classes: agricultural, construction, unused.")
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

    id: str = Field(description="Identifier.")
    title: Text = Field(description="Title.")
    before: State = Field(description="The state before.")
    after: State = Field(description="The state now.")


class Rules(Model):
    """The rule catalogue."""

    id: str = Field(description="Identifier.")
    version: str = Field(description="Version; every change of meaning is a new one.")
    effective: str = Field(description="Date from which these rules are applied.")
    title: Text = Field(description="Title.")
    kinds: tuple[Kind, ...] = Field(description="The kinds, tried in this order.")


@cache
def rules() -> Rules:
    """Return the rules that come with the server. Raises ConfigError naming the file and the fault."""
    path = shipped("processes") / "farmland-change.yml"
    return validate(Rules, read_yaml(path), path)
