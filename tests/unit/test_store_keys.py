"""Feature ids as requests write them."""

from __future__ import annotations

import pytest

from onemap.store.keys import integer_key


@pytest.mark.parametrize("number", [0, 7, -5, 2**63 - 1, -(2**63)])
def test_an_integer_has_one_form(number: int) -> None:
    assert integer_key(str(number)) == number


@pytest.mark.parametrize("text", ["", "-", "07", "+7", "7.0", " 7", "-0", "٧", "1e3", str(2**63), "9" * 5000])
def test_no_other_text_is_an_integer(text: str) -> None:
    assert integer_key(text) is None
