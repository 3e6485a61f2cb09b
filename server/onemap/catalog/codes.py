"""Code lists: codes with titles, read from CSV files with the columns code, zh, en and any others."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onemap.config.models import Text
from onemap.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CodeList:
    """A code list: titles by code, and further columns by code (for example ``group`` or ``colour``)."""

    id: str
    titles: Mapping[str, Text] = field(default_factory=dict)
    more: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def title(self, code: str, lang: str) -> str:
        """Return the title of a code, or the code itself when it is not listed."""
        text = self.titles.get(code)
        return text.get(lang) if text else code

    def value(self, code: str, column: str) -> str:
        """Return a further column's value for a code, or an empty text."""
        return self.more.get(code, {}).get(column, "")


def load_codes(*folders: Path) -> dict[str, CodeList]:
    """Return the code lists of the CSV files in these folders by file name; later folders win."""
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.csv"))]
    return {path.stem: _read(path) for path in files}


def _read(path: Path) -> CodeList:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or not {"code", "zh"} <= rows[0].keys():
        raise ConfigError(f"{path}: a code list needs the columns 'code' and 'zh'.")
    titles = {row["code"]: Text(zh=row["zh"], en=row.get("en") or row["zh"]) for row in rows}
    more = {row["code"]: {key: value for key, value in row.items() if key not in ("code", "zh", "en")} for row in rows}
    return CodeList(path.stem, titles, more)
