"""Texts as XML 1.0 can hold them, in workbooks and in maps."""

from __future__ import annotations

import re

_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udfff]")


def in_xml(text: str) -> str:
    """Return a text with a replacement character for each that XML has no place for."""
    return _NOT_IN_XML.sub("\ufffd", text)
