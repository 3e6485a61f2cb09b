"""What processes work with beside the data: the executors pass it on in the context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from onemap.config import Text
from onemap.processes.rulebook import RuleLibrary
from onemap.styles import Library

if TYPE_CHECKING:
    from onemap.processes.evidence.notary import Notary
    from onemap.processes.shelf import RuleShelf


@dataclass(frozen=True, slots=True)
class Desk:
    """The styles of the maps, the folder of the typefaces of reports, who attests results, and the rule catalogues.

    ``titles``: of the processes, by id. Without styles layers are drawn plainly, without typefaces there is no report,
    without a notary no evidence. ``shelf``: where the rules are read anew while the process runs.
    """

    styles: Library = field(default_factory=Library)
    typefaces: Path | None = None
    notary: Notary | None = None
    titles: Mapping[str, Text] = field(default_factory=dict)
    rules: RuleLibrary = field(default_factory=RuleLibrary)
    shelf: RuleShelf | None = None

    def now(self) -> Desk:
        """Return the desk with the rules as their files are now, which whoever works at it keeps. May block."""
        return self if self.shelf is None else replace(self, rules=self.shelf.now())
