"""Columns of a table of areas: unrounded, m2 with 2 places, hectares with 4 places, both closed (调平)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from onemap.geo.rounding import HECTARE, close_table, hectares, round_half_up

SQUARE_METRE_PLACES = 2
HECTARE_PLACES = 4


def rounded(area: float) -> dict[str, float]:
    """Return one area (m2) on its own: rounded m2 and hectares."""
    return {"areaRounded": float(round_half_up(area, SQUARE_METRE_PLACES)), "hectares": float(hectares(area))}


def columns(areas: Sequence[float], total: float) -> list[dict[str, float]]:
    """Return the rounded columns of areas (m2) so that each sums to the rounded total.

    Where the difference is more than rounding makes (features that overlap), the items are rounded on their own.
    """
    if not areas:
        return []
    square_metres = _closed(areas, total, SQUARE_METRE_PLACES)
    in_hectares = _closed(
        [Decimal(str(area)) / HECTARE for area in areas], Decimal(str(total)) / HECTARE, HECTARE_PLACES
    )
    return [
        {"areaRounded": float(metres), "hectares": float(ha)}
        for metres, ha in zip(square_metres, in_hectares, strict=True)
    ]


def _closed(values: Sequence[Any], total: Any, places: int) -> list[Decimal]:
    whole = round_half_up(total, places)
    difference = abs(sum((round_half_up(value, places) for value in values), Decimal(0)) - whole)
    if difference > len(values) * Decimal(1).scaleb(-places):
        return [round_half_up(value, places) for value in values]
    return closed(values, whole, places)


def closed(values: Sequence[Decimal], total: Decimal, places: int) -> list[Decimal]:
    """Round areas so that they sum to ``total``, which has ``places`` decimals already (调平).

    As ``close_table``, but always closes: where all items round to zero, the largest of them take the units.
    """
    try:
        return close_table(values, total, places)
    except ValueError:
        return _largest_take(values, total, places)


def _largest_take(values: Sequence[Decimal], total: Decimal, places: int) -> list[Decimal]:
    made = [round_half_up(value, places) for value in values]
    order = sorted((at for at, value in enumerate(values) if value > 0), key=lambda at: -values[at])
    if not order:
        return made
    unit = Decimal(1).scaleb(-places)
    missing = int((total - sum(made, Decimal(0))) / unit)
    for turn in range(max(missing, 0)):
        made[order[turn % len(order)]] += unit
    return made
