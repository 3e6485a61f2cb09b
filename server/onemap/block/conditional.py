"""What a client takes and already has: Accept-Encoding and the preconditions of RFC 9110, 13; validators for them."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

_DATE = re.compile(
    r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    r"|[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"
)
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


def not_modified_since(if_modified_since: str | None, last_modified: str | None) -> bool:
    """Whether an If-Modified-Since header is at or after a Last-Modified one (RFC 9110, 13.1.3)."""
    given, changed = parse_http_date(if_modified_since), parse_http_date(last_modified)
    return given is not None and changed is not None and changed <= given


def parse_http_date(text: str | None) -> datetime | None:
    """Return the moment of an HTTP-date in UTC; None for what is none, which is to be ignored (RFC 9110, 5.6.7)."""
    if text is None or not _DATE.fullmatch(text.strip()):
        return None
    try:
        return parsedate_to_datetime(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        return None


def http_date(moment: datetime) -> str:
    """Return a moment in UTC as an HTTP-date."""
    return format_datetime(moment, usegmt=True)


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
    return _states(if_match.split(","))


def excluded_states(if_none_match: str | None) -> frozenset[str] | None:
    """Return the states in the entity tags of an If-None-Match header; None for ``*``: any state is ruled out.

    Weak tags name their state too: the comparison is weak (RFC 9110, 13.1.2).
    """
    if if_none_match is None:
        return frozenset()
    if if_none_match.strip() == "*":
        return None
    return _states([item.strip().removeprefix("W/") for item in if_none_match.split(",")])


def _states(tags: list[str]) -> frozenset[str]:
    found = (_STRONG.fullmatch(item.strip()) for item in tags)
    return frozenset(match[1].partition(".")[0] for match in found if match)
