"""Numbers as reports show them: decimal, rounded half up, with separators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from onemap.geo.rounding import MU, mu, round_half_up
from onemap.processes.reports.content import PLACES, Closing, Column, Row, Table
from onemap.processes.tables import closed


def exact(value: float, kind: str) -> Decimal:
    """Return a number rounded as its kind is shown."""
    return round_half_up(value, PLACES.get(kind, 6))


def value_of(column: Column, row: Any, table: Table) -> Any:
    """Return what a cell holds: the row's value, or what is worked out from another column."""
    if not column.of:
        return row.get(column.key)
    base = row.get(column.of)
    if base is None:
        return None
    return base / table.whole if table.whole else None


def total(column: Column, table: Table) -> Decimal:
    """Return the sum of a column as a reader adds it up: of the rounded values."""
    values: Iterable[Any] = (value_of(column, row, table) for row in table.rows)
    return sum((exact(value, column.kind) for value in values if value is not None), Decimal(0))


def shown(value: Any, kind: str) -> str:
    """Return a value as a text: areas with separators of thousands, shares in percent."""
    if value is None or value == "":
        return "–" if kind != "text" else ""
    if isinstance(value, bool | str):
        return str(value)
    if kind == "share":
        return f"{round_half_up(value * 100, 2):,}%"
    if kind in PLACES:
        return f"{exact(value, kind):,}"
    if kind == "number":
        return f"{value:,.10g}"
    return str(value)


def closes(closing: Closing, table: Table) -> bool:
    """Whether the sum of a column is what it must be."""
    column = next(item for item in table.columns if item.key == closing.column)
    return total(column, table) == exact(closing.value, column.kind)


def with_mu(rows: Sequence[Row]) -> list[Row]:
    """Return rows with their rounded areas in 亩 too, closed: they sum to what the sum of the areas is."""
    areas = [Decimal(str(row["areaRounded"])) for row in rows]
    made = closed([area / MU for area in areas], mu(sum(areas, Decimal(0))), PLACES["mu"])
    return [{**row, "mu": float(value)} for row, value in zip(rows, made, strict=True)]
