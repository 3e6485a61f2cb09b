"""What a process is: a frozen pydantic model whose fields are the inputs and whose call does the work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from onemap.block import Principal
from onemap.catalog import CodeList
from onemap.config import Settings, Text
from onemap.processes.desk import Desk
from onemap.processes.parcels import Limits, ParcelDocument, ParcelSet, read_parcels
from onemap.processes.rulebook import RuleBook, RuleLibrary, parse_day, today
from onemap.processes.spread import Spread, here
from onemap.security import Gate

JSON_MEDIA_TYPE = "application/json"
DRAWING = "drawing"
"""Among the outputs wanted: what is drawn on the page of a job. No caller can ask for it."""


@dataclass(frozen=True, slots=True)
class Words:
    """Title and description of an input, as metadata of a field."""

    title: Text
    description: Text


@dataclass(frozen=True, slots=True)
class Output:
    """An output: its titles and schema. ``media_type``: how it stands alone in a raw response.

    ``others``: media types that it may be asked for instead. ``default``: given when no outputs are named.
    ``by_reference``: of an output asked for, whether its address is wanted in the place of its value.
    """

    id: str
    title: Text
    description: Text
    schema: Mapping[str, Any]
    media_type: str = JSON_MEDIA_TYPE
    default: bool = True
    others: tuple[str, ...] = ()
    by_reference: bool = False


def unheard(done: float, message: str) -> None:
    """Take a report of progress to which nobody listens."""


@dataclass(frozen=True)
class Context:
    """What a process may use: the caller's gate to the data, limits, code lists, the language of titles.

    ``wanted``: the media type of each output asked for, by its id; a process need not make the others.
    ``desk``: styles, typefaces and notary, for reports and evidence, and the rule catalogues. ``day``: of the
    assessment, whose rules are applied unless an input names another.
    ``spread``: does work on the parts of a layer for this caller, perhaps by other processes.
    ``progress``: told the share done (0 to 1) and what goes on, in words; raises Dismissed when nobody wants the
    answer any more, so that a process which tells it often ends soon.
    """

    gate: Gate
    principal: Principal
    settings: Settings
    codes: Mapping[str, CodeList] = field(default_factory=dict)
    lang: str = "zh"
    request_id: str = ""
    wanted: Mapping[str, str] = field(default_factory=dict)
    progress: Callable[[float, str], None] = unheard
    desk: Desk = field(default_factory=Desk)
    day: date = field(default_factory=today)
    spread: Spread = here

    def rules[B: RuleBook](self, model: type[B], name: str, day: str | None) -> B:
        """Return the rules of a catalogue on the day that an input names, by default on that of the assessment.

        Raises InvalidBody for what is no day, and for one without rules.
        """
        return self.desk.rules.choose(model, name, parse_day(day), self.day)

    def parcels(self, document: ParcelDocument, crs: str | None) -> ParcelSet:
        """Return the parcels of an input, checked against the limits of the configuration."""
        given = self.settings.processes
        return read_parcels(document, crs, Limits(given.max_parcels, given.max_vertices, given.max_area_km2))


class Process(BaseModel, ABC):
    """A process. Class attributes describe it, fields are its inputs; an instance is one question."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, strict=True)

    id: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[Text]
    description: ClassVar[Text]
    keywords: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[Output, ...]]

    @classmethod
    def roles(cls, rules: RuleLibrary | None = None) -> tuple[str, ...]:
        """Return the roles of the layers that the process works on, by these rules or by the shipped ones."""
        return ()

    @abstractmethod
    def __call__(self, context: Context) -> Mapping[str, Any]:
        """Answer the question: a value for each output wanted, bytes for files. Blocks; raises ClientError."""
