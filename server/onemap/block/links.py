"""Addresses of resources, built from the public URL of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, quote_plus

Link = dict[str, str | bool]


def link(href: str, rel: str, media_type: str | None = None, title: str | None = None, **more: str | bool) -> Link:
    """Return a link object (RFC 8288 as JSON: OGC API Common, schema link.yaml)."""
    made: Link = {"href": href, "rel": rel}
    if media_type:
        made["type"] = media_type
    if title:
        made["title"] = title
    return made | more if more else made


@dataclass(frozen=True, slots=True)
class Links:
    """Absolute addresses below ``base`` (no trailing slash); ``here`` is the path asked for."""

    base: str
    here: str = "/"

    def to(self, *segments: str | int, **query: object) -> str:
        """Return the address of the resource with these path segments and query values."""
        path = "".join(["/" + _segment(str(segment)) for segment in segments])
        return f"{self.base}{path or '/'}" + _query(query)

    def self(self, query: Mapping[str, Sequence[str]] | None = None, **more: object) -> str:
        """Return the address asked for, with this query, where ``more`` replaces or (None) removes."""
        merged: dict[str, object] = {**(query or {}), **more}
        return self.base + _path(self.here) + _query(merged)


def _query(query: Mapping[str, object]) -> str:
    """Return names and values as a query; a list stands for as many values."""
    given = [
        f"{_word(name)}={_word(str(one))}"
        for name, value in query.items()
        if value is not None
        for one in (value if isinstance(value, list | tuple) else (value,))
    ]
    return "?" + "&".join(given) if given else ""


# An answer writes the same few words again and again. What is kept is bounded: a request names any it likes.
@lru_cache(512)
def _segment(text: str) -> str:
    return quote(text, safe=":@,;=+$!*'()~{}")


@lru_cache(512)
def _path(text: str) -> str:
    return quote(text, safe="/:@,;=+$!*()~")


@lru_cache(512)
def _word(text: str) -> str:
    return quote_plus(text, safe=":/,{}")
