"""LIKE patterns (/req/advanced-comparison-operators/like-predicate), parsed once and written as each engine wants."""

from __future__ import annotations

from typing import Literal

Part = tuple[Literal["text", "one", "any"], str]


def parse_pattern(pattern: str) -> list[Part]:
    """Return the parts: characters, ``_`` (one character) and ``%`` (any number); a backslash escapes the next."""
    parts: list[Part] = []
    marks = iter(pattern)
    for mark in marks:
        if mark == "\\":
            parts.append(("text", next(marks, "\\")))
        elif mark == "%":
            if not parts or parts[-1][0] != "any":
                parts.append(("any", mark))
        else:
            parts.append(("one", mark) if mark == "_" else ("text", mark))
    return parts


def as_glob(pattern: str) -> str:
    """Return the pattern for SQLite's GLOB, which heeds case where its LIKE does not."""
    return "".join(_GLOB.get(part, f"[{part[1]}]" if part[1] in "*?[" else part[1]) for part in parse_pattern(pattern))


def as_like(pattern: str) -> str:
    """Return the pattern for SQL LIKE with a backslash as escape, never a trailing one."""
    return "".join("\\" + mark if kind == "text" and mark in "\\%_" else mark for kind, mark in parse_pattern(pattern))


_GLOB: dict[Part, str] = {("one", "_"): "?", ("any", "%"): "*"}
