"""Decimal rounding of the survey regulations, and closing of tables (调平)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

HECTARE = Decimal(10_000)
MU = Decimal(2000) / 3
"""Square metres in a 亩: 2000 / 3."""

_CONTEXT = Context(prec=34, rounding=ROUND_HALF_UP)


def round_half_up(value: float | Decimal | str, places: int) -> Decimal:
    """Round to ``places`` decimals, halves away from zero, judged on the shortest decimal form of a float.

    Raises ValueError for infinities and NaN.
    """
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"cannot round {value}")
    return number.quantize(Decimal(1).scaleb(-places), context=_CONTEXT)


def hectares(square_metres: float | Decimal, places: int = 4) -> Decimal:
    """Convert square metres to hectares, rounded half up."""
    return round_half_up(_decimal(square_metres) / HECTARE, places)


def mu(square_metres: float | Decimal, places: int = 2) -> Decimal:
    """Convert square metres to 亩, rounded half up."""
    return round_half_up(_decimal(square_metres) * 3 / 2000, places)


def close_table(values: Sequence[float | Decimal], total: float | Decimal, places: int) -> list[Decimal]:
    """Round the items of a table so that they sum to the rounded total (调平).

    The difference between the sum of the rounded items and the rounded total is spread in units of the last digit
    over the items, largest first (equal ones in their order), going round again when it exceeds their number. An item
    that is zero stays zero, and none is driven below zero. Raises ValueError when there is no item that may take the
    difference.
    """
    rounded = [round_half_up(value, places) for value in values]
    unit = Decimal(1).scaleb(-places)
    missing = int((round_half_up(total, places) - sum(rounded, Decimal(0))) / unit)
    step = unit if missing > 0 else -unit
    order = sorted((i for i, item in enumerate(rounded) if item), key=lambda i: -rounded[i])
    while missing:
        takers = [i for i in order if rounded[i] + step >= 0][: abs(missing)]
        if not takers:
            raise ValueError("no item of the table can take the difference to the total")
        for i in takers:
            rounded[i] += step
        missing -= len(takers) if missing > 0 else -len(takers)
    return rounded


def _decimal(value: float | Decimal) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
