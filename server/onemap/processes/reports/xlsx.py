"""The table of a report as an XLSX workbook: a sheet for each table, formulas for sums, shares and checks.

Texts are never formulas, whatever they begin with. The bytes depend on the content alone.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.worksheet import Worksheet

from onemap.processes.reports.archive import zipped
from onemap.processes.reports.content import PLACES, Closing, Column, Content, Kind, Table
from onemap.processes.reports.words import Words
from onemap.processes.reports.xml import in_xml

_FORMATS = {"area": "#,##0.00", "mu": "#,##0.00", "metres": "#,##0.00", "hectares": "#,##0.0000", "share": "0.00%",
            "integer": "0", "number": "General"}  # fmt: skip
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\'：]")
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_MOST_LETTERS = 32_000
_MOST_TITLE = 31
_HEADER = 1
_FONT = "Noto Sans SC"
_DATES = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")
_HEAD_FILL = PatternFill("solid", fgColor="E4EDE7")
_SUM_FILL = PatternFill("solid", fgColor="F4F5F0")
_LINE = Border(bottom=Side("thin", color="C9D1CB"))


def workbook(content: Content) -> bytes:
    """Return the workbook."""
    words = Words(content.lang)
    book = Workbook()
    first = book.active
    assert first is not None
    book.remove(first)
    _project(book, content, words)
    for table in content.tables():
        if table.rows:
            _Sheet(book, table, words).write()
    book.properties.creator = "OneMap"
    book.properties.title = _clean(content.title)
    made = io.BytesIO()
    book.save(made)
    return zipped(_undated(made.getvalue()))


def _undated(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the parts of a workbook with fixed dates in its properties."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for name in archive.namelist():
            part = archive.read(name)
            yield name, _DATES.sub(rb"\g<1>1980-01-01T00:00:00Z", part) if name == "docProps/core.xml" else part


def _project(book: Workbook, content: Content, words: Words) -> None:
    """Write the first sheet: what was asked, the conclusion, what areas mean."""
    sheet = book.create_sheet(words("project"))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 26, 84
    sheet.append([None])
    _text(sheet.cell(1, 1), content.title).font = Font(name=_FONT, bold=True, size=14)
    rows: list[tuple[str, Any, Kind]] = [(fact.title, fact.value, fact.kind) for fact in content.facts]
    if content.verdict:
        rows.append((words("overall"), content.verdict.text, "text"))
    titled = [chapter for chapter in content.chapters if chapter.verdict]
    rows += [(chapter.title, " ".join([chapter.verdict.text, *chapter.says]), "text")  # type: ignore[union-attr]
             for chapter in titled]  # fmt: skip
    rows.append((words("areaDefinition"), words("areaText"), "text"))
    if content.evidence:
        rows.append((words("evidence"), content.evidence, "text"))
    for at, (title, value, kind) in enumerate(rows, 3):
        _text(sheet.cell(at, 1), title).font = Font(name=_FONT, bold=True)
        _put(sheet.cell(at, 2), value, kind).alignment = Alignment(wrap_text=True, vertical="top", horizontal="left")
    sheet.freeze_panes = "A3"


def _clean(text: str) -> str:
    return in_xml(text)[:_MOST_LETTERS]


def _text(cell: Cell | Any, text: str) -> Any:
    """Write a text that stays one, also where it begins like a formula."""
    cell.value = _clean(text)
    cell.data_type = "s"
    if text.startswith(_RISKY):
        cell.quotePrefix = True
    cell.font = Font(name=_FONT)
    return cell


def _put(cell: Any, value: Any, kind: Kind) -> Any:
    """Write a value: numbers as numbers, anything else as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _text(cell, "" if value is None else str(value))
    cell.value = value
    cell.number_format = _FORMATS.get(kind, "General")
    cell.font = Font(name=_FONT)
    return cell


class _Sheet:
    """One table on a sheet of its own: head, rows, sums, and checks below."""

    def __init__(self, book: Workbook, table: Table, words: Words) -> None:
        self.table, self.words = table, words
        self.sheet: Worksheet = book.create_sheet(_title(book, table.title))
        self.letters = {column.key: get_column_letter(at) for at, column in enumerate(table.columns, 1)}
        self.first, self.last = _HEADER + 1, _HEADER + len(table.rows)
        self.whole = ""
        if table.whole is not None and any(column.kind == "share" and column.of for column in table.columns):
            self.whole = f"whole_{len(book.worksheets)}"
            self._name_whole(book)

    def _name_whole(self, book: Workbook) -> None:
        """Put the area that shares are of beside the table, under a name."""
        column = len(self.table.columns) + 2
        _text(self.sheet.cell(_HEADER, column), self.words("parcelArea")).font = Font(name=_FONT, bold=True)
        _put(self.sheet.cell(_HEADER + 1, column), self.table.whole, "area")
        letter = get_column_letter(column)
        self.sheet.column_dimensions[letter].width = 22
        place = f"'{self.sheet.title}'!${letter}${_HEADER + 1}"
        book.defined_names[self.whole] = DefinedName(self.whole, attr_text=place)

    def write(self) -> None:
        """Write the sheet."""
        self._head()
        for at, row in enumerate(self.table.rows, self.first):
            for place, column in enumerate(self.table.columns, 1):
                cell = self.sheet.cell(at, place)
                if column.of:
                    self._formula(cell, self._worked_out(column, at), column.kind)
                else:
                    _put(cell, row.get(column.key), row["kind"] if column.own_kinds else column.kind)
                cell.border = _LINE
        end = self._sums()
        for closing in self.table.closings:
            end = self._check(closing, end + 1)
        self.sheet.freeze_panes = f"A{self.first}"
        self.sheet.auto_filter.ref = f"A{_HEADER}:{get_column_letter(len(self.table.columns))}{self.last}"
        self.sheet.page_setup.orientation = "landscape"
        self.sheet.page_setup.fitToHeight = 0
        self.sheet.sheet_properties.pageSetUpPr.fitToPage = True  # type: ignore[union-attr]
        self.sheet.print_title_rows = f"{_HEADER}:{_HEADER}"

    def _head(self) -> None:
        for at, column in enumerate(self.table.columns, 1):
            cell = _text(self.sheet.cell(_HEADER, at), column.title)
            cell.font, cell.fill = Font(name=_FONT, bold=True), _HEAD_FILL
            cell.alignment = Alignment(wrap_text=True, vertical="center")
            self.sheet.column_dimensions[get_column_letter(at)].width = column.width

    def _worked_out(self, column: Column, row: int) -> str:
        base = f"{self.letters[column.of]}{row}"
        return f"=IF({self.whole}=0,0,{base}/{self.whole})" if self.whole else "=0"

    def _formula(self, cell: Any, formula: str, kind: Kind) -> None:
        cell.value = formula
        cell.number_format = _FORMATS.get(kind, "General")
        cell.font = Font(name=_FONT)

    def _sums(self) -> int:
        """Write the sums below the rows and return their row; without any, that of the last row."""
        summed = [column for column in self.table.columns if column.summed]
        if not summed:
            return self.last
        row = self.last + 1
        for at, column in enumerate(self.table.columns, 1):
            cell = self.sheet.cell(row, at)
            if column.summed:
                self._formula(cell, f"=SUM({self._range(column.key)})", column.kind)
            elif at == 1:
                _text(cell, self.words("total"))
            cell.font, cell.fill = Font(name=_FONT, bold=True), _SUM_FILL
        return row

    def _range(self, key: str) -> str:
        return f"{self.letters[key]}{self.first}:{self.letters[key]}{self.last}"

    def _check(self, closing: Closing, row: int) -> int:
        """Write what a column must sum to, the difference, and whether it closes; return the last row."""
        column = next(item for item in self.table.columns if item.key == closing.column)
        place, letter = list(self.letters).index(closing.column) + 1, self.letters[closing.column]
        _text(self.sheet.cell(row, 1), f"{self.words('expected')}: {closing.title}")
        _put(self.sheet.cell(row, place), closing.value, column.kind)
        _text(self.sheet.cell(row + 1, 1), self.words("check"))
        places = PLACES.get(column.kind, 6)
        difference = f"=ROUND(SUM({self._range(closing.column)})-{letter}{row},{places})"
        self._formula(self.sheet.cell(row + 1, place), difference, column.kind)
        said = f'=IF({letter}{row + 1}=0,"{self.words("closed")}","{self.words("open")}")'
        self._formula(self.sheet.cell(row + 1, place + 1), said, "text")
        return row + 1


def _title(book: Workbook, wanted: str) -> str:
    """Return a title for a sheet that is allowed and not taken."""
    base = _NOT_IN_TITLES.sub(" ", _clean(wanted)).strip()[:_MOST_TITLE] or "table"
    taken = {title.lower() for title in book.sheetnames}
    made, number = base, 2
    while made.lower() in taken:
        made, number = f"{base[: _MOST_TITLE - 1 - len(str(number))]} {number}", number + 1
    return made
