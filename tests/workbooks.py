"""A workbook with its formulas worked out: the few kinds of formulas that reports have."""

from __future__ import annotations

import io
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet


class Reckoned:
    """A workbook. ``sheet(title)`` gives values by address, formulas worked out."""

    def __init__(self, content: bytes) -> None:
        self.book = load_workbook(io.BytesIO(content))

    def sheet(self, title: str) -> Values:
        """Return the values of a sheet."""
        return Values(self, self.book[title])

    def named(self, name: str) -> Any:
        """Return the value of a defined name."""
        sheet, address = self.book.defined_names[name].attr_text.replace("$", "").rsplit("!", 1)
        return self.sheet(sheet.strip("'"))[address]


class Values:
    """The values of one sheet."""

    def __init__(self, book: Reckoned, sheet: Worksheet) -> None:
        self.book, self.sheet = book, sheet

    def __getitem__(self, address: str) -> Any:
        value = self.sheet[address].value
        if self.sheet[address].data_type != "f":
            return value
        return self._formula(str(value).removeprefix("="))

    def _formula(self, text: str) -> Any:
        if found := re.fullmatch(r"SUM\((\w+):(\w+)\)", text):
            cells = [cell.coordinate for row in self.sheet[f"{found[1]}:{found[2]}"] for cell in row]
            return float(sum((Decimal(str(self[cell] or 0)) for cell in cells), Decimal(0)))
        if found := re.fullmatch(r"ROUND\((SUM\([^)]*\))-(\w+),(\d)\)", text):
            difference = Decimal(str(self._formula(found[1]))) - Decimal(str(self[found[2]]))
            return float(difference.quantize(Decimal(1).scaleb(-int(found[3])), ROUND_HALF_UP))
        if found := re.fullmatch(r'IF\((\w+)=0,"([^"]*)","([^"]*)"\)', text):
            return found[2] if self[found[1]] == 0 else found[3]
        if found := re.fullmatch(r"IF\((\w+)=0,0,(\w+)/\1\)", text):
            whole = self.book.named(found[1])
            return self[found[2]] / whole if whole else 0
        raise AssertionError(f"a formula of another kind: {text}")
