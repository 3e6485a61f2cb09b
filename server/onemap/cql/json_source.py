"""Strict JSON (RFC 8259, I-JSON where it matters): no duplicate names, no NaN, no integers beyond 64 bits."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from onemap.cql.limits import check_bytes, check_json_depth
from onemap.errors import InvalidParameter


def load(text: str) -> Any:
    """Return the value of a JSON text. Raises InvalidParameter with the place of what is wrong."""
    check_bytes(text)
    check_json_depth(text)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidParameter(f"The filter is not JSON: {place}: {error.msg}.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidParameter(f"The filter is not CQL2 JSON: an object has the member '{name[:40]}' twice.")
        check_text(name)
        found[name] = value
    return found


def check_text(text: str) -> None:
    """Refuse what JSON escapes can smuggle in: NUL and halves of surrogate pairs. Raises InvalidParameter."""
    if not text.isascii() or "\x00" in text:
        check_bytes(text)


def _constant(name: str) -> NoReturn:
    raise InvalidParameter(f"The filter is not JSON: {name} is no number.")


def _integer(text: str) -> int | float:
    return check_number(int(text) if len(text) < 40 else 2**63)


def _float(text: str) -> int | float:
    return check_number(float(text))


def check_number(value: float) -> int | float:
    """Return a number. Raises InvalidParameter for one beyond 64 bits, or that is not finite."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        hint = "Write it with a decimal point, or as a text in quotes."
        raise InvalidParameter(f"The filter holds an integer of more than 64 bits: {str(value)[:40]}.", hint)
    if not math.isfinite(value):
        raise InvalidParameter("The filter holds a number that is too large.")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer, parse_float=_float
)  # fmt: skip
