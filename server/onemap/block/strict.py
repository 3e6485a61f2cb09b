"""JSON as a request body may have it: UTF-8, no duplicate member, no NaN, bounded depth."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

import numpy as np

from onemap.block.query import shorten
from onemap.errors import InvalidBody

MAX_DEPTH = 32
# A string that is not closed reaches to the end: without that, each quote in it would be tried as a beginning.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LARGEST = 2**63 - 1


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    The depth is measured before the parser recurses. Raises InvalidBody saying where the text is wrong.
    """
    if _depth(body) > MAX_DEPTH:
        raise InvalidBody(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(
            text, object_pairs_hook=_members, parse_constant=_constant, parse_float=_number, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise InvalidBody(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except UnicodeDecodeError as error:
        raise InvalidBody(f"The body is not UTF-8: byte {error.start}.") from None
    except (ValueError, RecursionError):
        raise InvalidBody("The body is not JSON that can be read.") from None
    if _SURROGATE.search(body):
        _check_text(value)
    return value


def _depth(body: bytes) -> int:
    """Return the deepest nesting of brackets outside strings, in linear time."""
    codes = np.frombuffer(_STRINGS.sub(b"", body), np.uint8)
    steps = np.zeros(len(codes), np.int32)
    steps[(codes == ord("[")) | (codes == ord("{"))] = 1
    steps[(codes == ord("]")) | (codes == ord("}"))] = -1
    return int(np.cumsum(steps).max(initial=0))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise InvalidBody(f"The member '{shorten(twice)}' is there twice in one object.")
    return made


def _constant(name: str) -> Any:
    raise InvalidBody(f"{name} is not a JSON value.")


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > _LARGEST:
        raise InvalidBody(f"The number {shorten(text, 20)} is too large.")
    return int(text)


def _check_text(value: Any) -> None:
    """Refuse half a surrogate pair: no UTF-8 can hold it."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidBody("A string holds half of a surrogate pair.") from None
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidBody(f"The number {shorten(text, 20)} is too large.")
    return value
