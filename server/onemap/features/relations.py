"""The link relations of a collection to its schemas, and the Link header that names them on its items."""

from __future__ import annotations

from collections.abc import Mapping

from onemap.block import SCHEMA
from onemap.block.links import Link, Links, link

_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
FUNCTIONS = _REL + "functions"
_SCHEMAS = (("queryables", "Queryables"), ("sortables", "Sortables"), ("schema", "Schema"))


def schema_links(links: Links, identifier: str) -> list[Link]:
    """Return the links to what can be tested, sorted by and read (/req/queryables/queryables-link and its like)."""
    return [
        link(links.to("collections", identifier, name, f="json"), _REL + name, SCHEMA.media_type, title)
        for name, title in _SCHEMAS
    ]


def with_schemas(headers: Mapping[str, str], links: Links, identifier: str) -> dict[str, str]:
    """Return headers with a Link to queryables and sortables, addressed as their ``$id`` is, after any other Link."""
    made = [
        f'<{links.to("collections", identifier, name)}>; rel="{_REL}{name}"; type="{SCHEMA.media_type}"'
        for name, _ in _SCHEMAS[:2]
    ]
    return {**headers, "Link": ", ".join([*([headers["Link"]] if "Link" in headers else []), *made])}
