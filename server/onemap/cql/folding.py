"""CASEI and ACCENTI: texts without regard to case or accents, the same in Python and in SQL.

CASEI is lower case, upper case, lower case again, and a final sigma made a plain one: PostgreSQL has no case folding
before version 18, but these by ICU. The equivalence is that of Unicode full case folding (``str.casefold``), with one
addition: the dotless i (U+0131) equals i. The folded form differs from ``str.casefold`` for Cherokee, which here
becomes lower case; only comparisons of two folded texts are meaningful, as the standard says.

ACCENTI is canonical decomposition, removal of nonspacing marks (category Mn) except the Japanese voicing marks, and
canonical composition, so that the characters left still count as one each in LIKE.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata

_KEPT = "\u3099\u309a"


def casei(text: str) -> str:
    """Return the text without regard to case (/req/case-insensitive-comparison/casei-function)."""
    if text.isascii():
        return text.lower()
    return text.lower().upper().lower().replace("ς", "σ")


def accenti(text: str) -> str:
    """Return the text without regard to accents (/req/accent-insensitive-comparison/accenti-function)."""
    if text.isascii():
        return text
    bare = _marks().sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare)


@functools.cache
def marks_class() -> str:
    """Return the marks that ACCENTI removes as the inside of a regular expression's bracket, ranges joined."""
    found = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Mn"]
    ranges: list[list[int]] = []
    for code in found:
        if chr(code) in _KEPT:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(chr(low) + ("-" + chr(high) if high > low else "") for low, high in ranges)


@functools.cache
def _marks() -> re.Pattern[str]:
    return re.compile(f"[{marks_class()}]+")
