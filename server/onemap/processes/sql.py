"""Statements in the ``.sql`` files of packages, by name; their values are written ``:name``, as SQLite has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"-- name: (\w+)\n(.+?);\n", re.DOTALL)
_VALUE = re.compile(r"(?<!:):(\w+)")


@cache
def statements_of(package: str) -> Mapping[str, str]:
    """Return the statements of the file ``statements.sql`` of a package by name."""
    return dict(_NAMED.findall(files(package).joinpath("statements.sql").read_text(encoding="utf-8")))


def for_postgres(statement: str) -> bytes:
    """Return a statement with its values named as psycopg wants them."""
    return _VALUE.sub(r"%(\1)s", statement).encode()
