"""Addresses of resources, built from the public URL of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

Link = dict[str, str | bool]


def link(href: str, rel: str, media_type: str | None = None, title: str | None = None, **more: str | bool) -> Link:
    """Return a link object (RFC 8288 as JSON: OGC API Common, schema link.yaml)."""
    made: Link = {"href": href, "rel": rel}
    if media_type:
        made["type"] = media_type
    if title:
        made["title"] = title
    return made | more


@dataclass(frozen=True, slots=True)
class Links:
    """Absolute addresses below ``base`` (no trailing slash); ``here`` is the path asked for."""

    base: str
    here: str = "/"

    def to(self, *segments: str | int, **query: object) -> str:
        """Return the address of the resource with these path segments and query values."""
        path = "".join("/" + quote(str(segment), safe=":@,;=+$!*'()~{}") for segment in segments)
        return f"{self.base}{path or '/'}" + _query(query)

    def self(self, query: Mapping[str, Sequence[str]] | None = None, **more: object) -> str:
        """Return the address asked for, with this query, where ``more`` replaces or (None) removes."""
        merged: dict[str, object] = {**(query or {}), **more}
        return f"{self.base}{quote(self.here, safe='/:@,;=+$!*()~')}" + _query(merged)


def _query(query: Mapping[str, object]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return "?" + urlencode(given, doseq=True, safe=":/,{}") if given else ""
