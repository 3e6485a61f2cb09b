"""What a Shapefile's dBASE table can hold, and how fields are fitted to it.

Names have at most 10 bytes, texts at most 254 bytes in the encoding of the table, integers are exact up to
18 digits (wider ones become text), date-times become text, and a missing text is the same as an empty one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from onemap.catalog import Field

NAME_BYTES = 10
TEXT_BYTES = 254
# A dBASE number of more than 18 places, sign included, is read as a floating-point number.
_HIGHEST, _LOWEST = 10**18 - 1, -(10**17 - 1)
_TITLES = ("shapefile_field", "field", "title_zh", "title_en", "type", "unit", "remark")


@dataclass
class Fitted:
    """A field of the table: its short name, and what had to be changed in its values."""

    name: str
    original: str
    source: Field | None
    cut: int = 0
    replaced: int = 0
    as_text: bool = False

    def fit(self, array: Any, encoding: str) -> Any:
        """Return the values as the spool holds them; texts fit in the table."""
        if pa.types.is_timestamp(array.type):
            return pc.strftime(array, format="%Y-%m-%dT%H:%M:%SZ")
        if pa.types.is_integer(array.type):
            ends = pc.min_max(array).as_py()
            self.as_text |= ends["min"] is not None and not _LOWEST <= ends["min"] <= ends["max"] <= _HIGHEST
        return self._texts(array, encoding) if pa.types.is_string(array.type) else array

    def turn(self, array: Any) -> Any:
        """Return the values as the table holds them, after all were seen."""
        return array.cast(pa.string()) if self.as_text else array

    def _texts(self, array: Any, encoding: str) -> Any:
        values: list[str | None] = array.to_pylist()
        for at, value in enumerate(values):
            if value is not None and not (value.isascii() and len(value) <= TEXT_BYTES):
                values[at] = self._text(value, encoding)
        return pa.array(values, pa.string())

    def _text(self, value: str, encoding: str) -> str:
        raw = value.encode(encoding, "replace")
        self.replaced += encoding != "utf-8" and raw.decode(encoding) != value
        self.cut += len(raw) > TEXT_BYTES
        return raw[:TEXT_BYTES].decode(encoding, "ignore") if len(raw) > TEXT_BYTES else raw.decode(encoding)

    @property
    def remark(self) -> str:
        """What was changed, in words."""
        notes = [
            f"{self.cut} values cut to {TEXT_BYTES} bytes" if self.cut else "",
            f"{self.replaced} values with characters outside the encoding, replaced by ?" if self.replaced else "",
            "integers of more than 18 digits, written as text" if self.as_text else "",
        ]
        return "; ".join(note for note in notes if note)


def short_names(names: Sequence[str], encoding: str) -> list[str]:
    """Return the names in at most 10 bytes, cut and numbered so that no two are alike in upper case."""
    taken: set[str] = set()
    return [_short(name, encoding, taken) for name in names]


def _short(name: str, encoding: str, taken: set[str]) -> str:
    made, number = _cut(name, encoding, NAME_BYTES), 0
    while made.upper() in taken:
        number += 1
        made = _cut(name, encoding, NAME_BYTES - 1 - len(str(number))) + f"_{number}"
    taken.add(made.upper())
    return made


def _cut(name: str, encoding: str, most: int) -> str:
    return name.encode(encoding, "replace")[:most].decode(encoding, "ignore") or "field"


def field_list(fields: Sequence[Fitted]) -> bytes:
    """Return the table that leads from the short names back to the fields, as CSV with a byte order mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_TITLES)
    for item in fields:
        known = item.source
        titles = [known.title.zh, known.title.en, known.type, known.unit or ""] if known else ["", "", "id", ""]
        writer.writerow([item.name, item.original, *titles, item.remark])
    return text.getvalue().encode("utf-8-sig")
