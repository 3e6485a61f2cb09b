"""The statements of ``statements.sql`` by name."""

from __future__ import annotations

from onemap.processes.sql import statements_of


def statement(name: str) -> str:
    """Return a statement; its values are written ``:name``."""
    assert __package__
    return statements_of(__package__)[name]
