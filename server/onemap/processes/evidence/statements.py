"""The statements of ``statements.sql`` by name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"-- name: (\w+)\n(.+?);\n", re.DOTALL)


@cache
def _statements() -> dict[str, str]:
    assert __package__
    return dict(_NAMED.findall(files(__package__).joinpath("statements.sql").read_text(encoding="utf-8")))


def statement(name: str) -> str:
    """Return a statement; its values are written ``:name``."""
    return _statements()[name]
