"""The text layer of a parcel coordinate file: encoding, sections, headers and points.

The format is 勘测定界界址点坐标交换格式 as the files in circulation write it: `[属性描述]` with key=value lines, then
`[地块坐标]` with, for each parcel, a header that ends in ``@`` and lines of 点号,地块圈号,X,Y.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from onemap.block.query import shorten
from onemap.errors import InvalidBody
from onemap.processes.parcels.model import Limits, Note

COORDINATES = "地块坐标"
_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{0,12})?", re.ASCII)
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_CJK_UTF8 = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){2,}")


@dataclass(frozen=True, slots=True)
class Point:
    """One line of coordinates as it stands: label, ring number, third and fourth column, line number."""

    label: str
    ring: str
    third: float
    fourth: float
    line: int

    @property
    def twice(self) -> bool:
        """Whether both columns hold the same number: a fault of some writers in closing lines."""
        return self.third == self.fourth


@dataclass(slots=True)
class Block:
    """One parcel as it stands: the fields of its header and its points."""

    fields: list[str]
    line: int
    points: list[Point] = field(default_factory=list)

    def value(self, place: int) -> str:
        """Return a header field, or an empty text."""
        return self.fields[place].strip() if place < len(self.fields) else ""


@dataclass(slots=True)
class Lines:
    """A file as it stands: attributes by name, parcels, and what had to be overlooked."""

    attributes: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def read_lines(data: bytes, limits: Limits, pointer: str) -> Lines:
    """Return the content of a file, nothing interpreted yet.

    Raises InvalidBody naming the line, TooLarge beyond the limits.
    """
    found = Lines()
    wide = False
    section = ""
    points = 0
    for number, raw in enumerate(decode(data, pointer).splitlines(), start=1):
        line = raw.strip()
        narrow = line.translate(_WIDE)
        if not line:
            continue
        if narrow.startswith("[") and narrow.endswith("]"):
            section = narrow[1:-1].strip()
            continue
        if section != COORDINATES:
            key, _, value = narrow.partition("=")
            found.attributes.setdefault(key.strip(), value.strip())
            continue
        wide = _coordinate_line(line, narrow, number, found, pointer) or wide
        points += 1
        limits.check_vertices(points)
        limits.check_parcels(len(found.blocks))
    if section != COORDINATES and not found.blocks:
        raise InvalidBody(f"The file has no section [{COORDINATES}].", pointer=pointer)
    if wide:
        found.notes.append(Note("full-width", "Full-width digits or punctuation were read as half-width."))
    return found


def decode(data: bytes, pointer: str) -> str:
    """Return the text of a file in UTF-8 (with or without BOM) or GB18030 (GBK, GB2312).

    Raises InvalidBody for an empty file, for bytes of neither encoding and for a mixture of both.
    """
    if not data.strip():
        raise InvalidBody("The file is empty.", pointer=pointer)
    if b"\0" in data:
        raise InvalidBody("The file is not text in UTF-8 or GBK.", pointer=pointer)
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        if data.startswith(_BOM):
            raise InvalidBody("The file begins as UTF-8 but is not.", pointer=pointer) from None
    _refuse_mixture(data, pointer)
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidBody(f"Line {line} is neither UTF-8 nor GBK.", pointer=pointer) from None


def _refuse_mixture(data: bytes, pointer: str) -> None:
    """Refuse a file of which some lines are UTF-8 and others are not: as GBK they would read as other characters."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if _CJK_UTF8.search(line):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                continue
            raise InvalidBody(f"Line {number} is UTF-8 while other lines are GBK.", pointer=pointer)


def _coordinate_line(line: str, narrow: str, number: int, found: Lines, pointer: str) -> bool:
    """Take a line of the coordinate section as header or point; return whether it needed half-width reading."""
    if narrow.rstrip(", ").endswith("@"):
        plain = line.rstrip(", ").endswith(",@")
        text = line if plain else narrow
        found.blocks.append(Block(text.rstrip(", ")[:-1].rstrip(", ").split(","), number))
        return not plain
    columns = [column.strip() for column in narrow.split(",")]
    while len(columns) > 4 and not columns[-1]:
        columns.pop()
    if not found.blocks:
        if len(columns) != 4:
            raise InvalidBody(f"Line {number}: a parcel's header must end with '@'.", pointer=pointer)
        found.notes.append(Note("no-header", "The file's first parcel has no header."))
        found.blocks.append(Block([], number))
    found.blocks[-1].points.append(_point(columns, number, pointer))
    return line != narrow


def _point(columns: list[str], number: int, pointer: str) -> Point:
    if len(columns) != 4:
        text = shorten(",".join(columns), 40)
        raise InvalidBody(
            f"Line {number} ('{text}') is no point: expected 点号,地块圈号,X,Y. A header must end with '@'.",
            pointer=pointer,
        )
    return Point(
        columns[0], columns[1], coordinate(columns[2], number, pointer), coordinate(columns[3], number, pointer), number
    )


def coordinate(text: str, number: int, pointer: str) -> float:
    """Return a coordinate of a line. Raises InvalidBody when it is not a plain decimal number."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise InvalidBody(f"Line {number}: '{shorten(text, 30)}' is not a coordinate in metres.", pointer=pointer)
    return value
