"""The report as PDF: typeset by Typst from ``report.typ``, with the fonts that came with the set-up.

Neither the system's fonts nor the clock nor the network are asked, so the bytes depend on the content alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import orjson

from onemap import __version__
from onemap.errors import Unavailable
from onemap.processes.reports.content import Chapter, Closing, Column, Content, Table, Verdict
from onemap.processes.reports.figures import closes, exact, shown, total, value_of
from onemap.processes.reports.maps.atlas import Map
from onemap.processes.reports.words import Words

FAMILY = "Noto Sans SC"
_MOST_ROWS = 1_000
_MOST_COLUMNS, _MOST_TURNED = 9, 5
_MOST_LETTERS = 90
_WORDS = ("page", "overall", "location", "areaDefinition", "evidence", "evidenceHint")
_STANDARD: Final = "ua-1"
"""PDF/UA-1: tagged, so that it can be read aloud. PDF/A asks for a date, which would be a clock."""


def pdf(content: Content, maps: Mapping[str, Map], service: str, area: str, typefaces: Path | None) -> bytes:
    """Return the report. ``maps``: by collection, the location's under an empty name; ``area``: URI of its definition.

    Raises Unavailable where the typesetter or its fonts are not there: the other outputs do without.
    """
    data = document(content, maps, service, area)
    return _typeset(orjson.dumps(data).decode(), typefaces)


def _typeset(data: str, typefaces: Path | None) -> bytes:
    try:
        import typst  # large, and needed for this output only
    except ImportError:
        raise Unavailable(
            "Reports cannot be typeset here.", "Install the package 'typst'; other outputs work."
        ) from None
    if typefaces is None or FAMILY not in (found := _fonts(typefaces)).families():
        raise Unavailable("The fonts of reports are not installed here.", "Run scripts/assets.sh; other outputs work.")
    form = Path(__file__).with_name("report.typ").read_bytes()
    compiler = typst.Compiler(form, font_paths=found, ignore_system_fonts=True, sys_inputs={"report": data})
    made = compiler.compile(format="pdf", pdf_standards=_STANDARD)
    assert isinstance(made, bytes)
    return made


@lru_cache(maxsize=4)
def _fonts(folder: Path) -> Any:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


def document(content: Content, maps: Mapping[str, Map], service: str, area: str) -> dict[str, Any]:
    """Return what ``report.typ`` typesets: texts as they are shown."""
    words = Words(content.lang)
    return {
        "title": content.title,
        "lang": content.lang,
        "service": service,
        "head": next((str(fact.value)[:24] for fact in content.facts if fact.title == words("digest")), ""),
        "software": f"OneMap {__version__}",
        "words": {key: words(key) for key in _WORDS},
        "verdict": _verdict(content.verdict),
        "facts": [[fact.title, shown(fact.value, fact.kind)] for fact in content.facts],
        "parcels": _table(content.parcels, words),
        "location": _plate(maps.get("")),
        "chapters": [_chapter(chapter, maps, words) for chapter in content.chapters],
        "currency": _table(content.currency, words),
        "warnings": _table(content.warnings, words),
        "area": {"text": words("areaText"), "uri": area},
        "evidence": content.evidence,
    }


def _verdict(verdict: Verdict | None) -> dict[str, str] | None:
    return {"text": verdict.text, "tone": verdict.tone} if verdict else None


def _chapter(chapter: Chapter, maps: Mapping[str, Map], words: Words) -> dict[str, Any]:
    tables = [made for table in chapter.tables if not table.detail and (made := _table(table, words))]
    return {
        "title": chapter.title,
        "depth": chapter.depth,
        "verdict": _verdict(chapter.verdict),
        "says": list(chapter.says),
        "tables": tables,
        "map": _plate(maps.get(chapter.collection)) if chapter.collection else None,
        "basis": [{"title": item.title, "text": item.text, "effective": item.effective} for item in chapter.basis],
    }


def _plate(found: Map | None) -> dict[str, Any] | None:
    if found is None:
        return None
    legend = [{"title": entry.title, "symbol": entry.symbol} for entry in found.legend]
    return {"svg": found.svg, "caption": found.caption, "attribution": found.attribution, "legend": legend}


def _table(table: Table, words: Words) -> dict[str, Any] | None:
    """Return a table with its cells as texts; None where it has no rows. Columns that say nothing are left out."""
    if not table.rows:
        return None
    columns = [column for column in table.columns if _told(column, table)]
    rows = [[_cell(column, row, table) for column in columns] for row in table.rows[:_MOST_ROWS]]
    notes = [_closing(closing, table, words) for closing in table.closings]
    if len(table.rows) > _MOST_ROWS:
        notes.append(words("saysMore", shown=_MOST_ROWS, all=len(table.rows)))
    if len(columns) > _MOST_COLUMNS and len(rows) <= _MOST_TURNED:
        return _turned(table, columns, rows, notes)
    fixed = sum(item.width for item in columns if item.kind != "text") <= _MOST_LETTERS
    return {
        "title": table.title,
        "columns": [
            {
                "title": item.title,
                "number": item.kind != "text",
                "fixed": fixed and item.kind != "text",
                "weight": item.width,
            }
            for item in columns
        ],
        "rows": rows,
        "total": _totals(columns, table, words),
        "notes": notes,
    }


def _turned(table: Table, columns: list[Column], rows: list[list[str]], notes: list[str]) -> dict[str, Any]:
    """Return a table of many columns and few rows lying on its side: a line for each column."""
    heads = [{"title": "", "number": False, "fixed": False, "weight": 30}]
    heads += [{"title": str(at), "number": True, "fixed": False, "weight": 20} for at in range(1, len(rows) + 1)]
    lines = [[column.title, *(row[at] for row in rows)] for at, column in enumerate(columns)]
    return {"title": table.title, "columns": heads, "rows": lines, "total": None, "notes": notes}


def _told(column: Column, table: Table) -> bool:
    return any(value_of(column, row, table) not in (None, "") for row in table.rows)


def _cell(column: Column, row: Any, table: Table) -> str:
    value = value_of(column, row, table)
    kind = row["kind"] if column.own_kinds else column.kind
    return shown(value, kind if isinstance(value, int | float) else "text")


def _totals(columns: list[Column], table: Table, words: Words) -> list[str] | None:
    """Return the last row: sums of what is shown, of shares that of the areas."""
    if len(table.rows) < 2 or not any(column.summed for column in columns):
        return None
    cells = [_total(column, table) if column.summed else "" for column in columns]
    return [words("total") if at == 0 and not cell else cell for at, cell in enumerate(cells)]


def _total(column: Column, table: Table) -> str:
    if column.kind == "share":
        areas = sum(row.get(column.of) or 0.0 for row in table.rows)
        return shown(areas / table.whole, "share") if table.whole else ""
    return shown(float(total(column, table)), column.kind)


def _closing(closing: Closing, table: Table, words: Words) -> str:
    column = next(item for item in table.columns if item.key == closing.column)
    value = f"{exact(closing.value, column.kind):,}"
    if closes(closing, table):
        return words("saysClosed", title=closing.title, value=value)
    return words("saysOpen", title=closing.title, value=value, sum=f"{total(column, table):,}")
