"""What a report holds, apart from how it is written: chapters and tables, for the workbook and the PDF alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "integer", "number", "area", "hectares", "mu", "share", "metres"]
PLACES: Mapping[str, int] = {"area": 2, "hectares": 4, "mu": 2, "metres": 2}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the key of its values in the rows, its title, what they are, how wide it is (letters).

    ``summed``: the last row has its sum. ``of``: values are the share that those of another column have in the
    table's ``whole``. ``own_kinds``: each row says what its value is, as ``kind``.
    """

    key: str
    title: str
    kind: Kind = "text"
    width: int = 14
    summed: bool = False
    of: str = ""
    own_kinds: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """What a column's sum must equal: the value, rounded as the column is, and the words for it."""

    column: str
    title: str
    value: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``whole``: area in m2 that shares are of. ``detail``: for the workbook only."""

    id: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    whole: float | None = None
    closings: Sequence[Closing] = ()
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A status in words and its tone: green, amber, red, grey."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Basis:
    """A legal source: title, what it says, since when."""

    title: str
    text: str
    effective: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a report. ``depth``: 1 for a part of its own, 2 for one inside the part before.

    ``collection``: the layer whose map stands here, ``distance``: how far its nearest feature is (m).
    """

    title: str
    depth: int = 1
    verdict: Verdict | None = None
    says: Sequence[str] = ()
    tables: Sequence[Table] = ()
    basis: Sequence[Basis] = ()
    collection: str | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the head of a report."""

    title: str
    value: Any
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Content:
    """A report. ``sheets``: tables that stand in the workbook alone, beside those of the chapters."""

    title: str
    lang: str
    facts: Sequence[Fact]
    parcels: Table
    chapters: Sequence[Chapter]
    currency: Table
    warnings: Table
    verdict: Verdict | None = None
    sheets: Sequence[Table] = field(default=())
    evidence: str = ""

    def tables(self) -> list[Table]:
        """Return all tables of the workbook in their order."""
        own = [table for chapter in self.chapters for table in chapter.tables if not table.id.startswith("hits:")]
        return [self.parcels, *own, *self.sheets, self.currency, self.warnings]
