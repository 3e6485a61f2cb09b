"""Request bodies: what is not JSON is refused in time that grows with its length."""

from __future__ import annotations

import pytest

from onemap.block.strict import MAX_DEPTH, parse_json
from onemap.errors import InvalidBody


def test_depth_is_counted_outside_strings() -> None:
    deep = "[" * MAX_DEPTH + '"[[[[ \\" [[[["' + "]" * MAX_DEPTH
    assert parse_json(deep.encode())
    with pytest.raises(InvalidBody, match="nested"):
        parse_json(f"[{deep}]".encode())


@pytest.mark.parametrize("tail", [b'\\"', b"\\\\", b"\\", b'"'])
def test_a_long_string_without_an_end(tail: bytes) -> None:
    """Ten megabytes of escaped quotes: a second look at each of them would take weeks."""
    with pytest.raises(InvalidBody, match="not JSON"):
        parse_json(b'{"inputs":"' + b'\\"' * 5_000_000 + tail + b"x")
