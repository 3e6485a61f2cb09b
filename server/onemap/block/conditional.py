"""What a client takes and already has: Accept-Encoding, If-None-Match and If-Match; and the entity tags for it."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_STRONG = re.compile(r'"([\x21\x23-\x7e]*)"')
_REFUSED = re.compile(r"q=0(\.0*)?")


def refused(parameters: list[str]) -> bool:
    """Whether the parameters of a range give it the quality 0."""
    return any(_REFUSED.fullmatch(item) for item in parameters)


@lru_cache(256)
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


def entity_tag(body: bytes, state: str = "", compressed: bool = False) -> str:
    """Return the strong entity tag of a body; ``state``: that of the resource, which comes first."""
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    whole = f"{state}.{digest}" if state else digest
    return f'"{whole}-gz"' if compressed else f'"{whole}"'


def expected_states(if_match: str | None) -> frozenset[str] | None:
    """Return the states in the strong entity tags of an If-Match header; None when any state will do (``*``, none).

    Weak tags name no state: the comparison is strong (RFC 9110, 13.1.1).
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = (_STRONG.fullmatch(item.strip()) for item in if_match.split(","))
    return frozenset(match[1].partition(".")[0] for match in found if match)
