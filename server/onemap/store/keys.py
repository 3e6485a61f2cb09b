"""Feature ids as requests write them."""

from __future__ import annotations

_LARGEST = 2**63


def integer_key(text: str) -> int | None:
    """Return the 64-bit integer that a text writes in its one canonical form; None for any other text."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19) or str(int(text)) != text:
        return None
    return int(text) if -_LARGEST <= int(text) < _LARGEST else None
