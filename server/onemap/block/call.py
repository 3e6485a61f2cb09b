"""One request as a handler sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onemap.block.endpoint import HTML, JSON, Format
from onemap.block.links import Link, Links, link
from onemap.errors import InvalidParameter


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a name for the audit and the roles that the policy looks at."""

    name: str = "anonymous"
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """A request after routing and negotiation; values are still text, not yet parsed.

    ``path`` holds the path parameters, ``query`` each query parameter with all its values in order,
    ``headers`` lower-case names. ``query`` no longer holds ``f`` and ``lang``.
    """

    principal: Principal
    links: Links
    format: Format
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lang: str = "zh"
    request_id: str = ""

    def one(self, name: str) -> str | None:
        """Return the single value of a query parameter, or None when it is absent.

        Raises InvalidParameter when it is given more than once.
        """
        values = self.query.get(name, ())
        if len(values) > 1:
            raise InvalidParameter(f"The parameter '{name}' is given {len(values)} times.", "Give it once.")
        return values[0] if values else None

    def own_links(self) -> list[Link]:
        """Return the links of a document to itself, as JSON and as HTML: ``self`` is the one that is being read."""
        rels = ("alternate", "self") if self.format is HTML else ("self", "alternate")
        return [
            link(self.links.self(f="json"), rels[0], JSON.media_type, "This document as JSON"),
            link(self.links.self(f="html"), rels[1], HTML.media_type, "This document as HTML"),
        ]
