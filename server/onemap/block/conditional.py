"""What a client takes and already has: Accept-Encoding and If-None-Match."""

from __future__ import annotations

import re

_REFUSED = re.compile(r"q=0(\.0*)?")


def refused(parameters: list[str]) -> bool:
    """Whether the parameters of a range give it the quality 0."""
    return any(_REFUSED.fullmatch(item) for item in parameters)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3)."""
    codings = [part.replace(" ", "").lower().split(";") for part in accept_encoding.split(",")]
    named = {name: not refused(parameters) for name, *parameters in codings}
    return named.get("gzip", named.get("*", False))


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this entity tag (weak comparison, RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    given = (item.strip().removeprefix("W/") for item in if_none_match.split(","))
    return if_none_match.strip() == "*" or etag in given
