"""Problems (RFC 9457): every failure becomes one document."""

from __future__ import annotations

import logging
from typing import Any

from onemap.block import JSON
from onemap.errors import OneMapError, Unavailable

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("onemap")


def problem(error: Exception, instance: str, request_id: str) -> dict[str, Any]:
    """Return the problem document of an error; what is not ours is logged and shown without any detail."""
    if isinstance(error, Unavailable):
        _log.warning("request %s: %s: %s %s", request_id, instance, error.code, error.title)
    elif not isinstance(error, OneMapError) or error.status >= 500:
        _log.error("request %s failed: %s", request_id, instance, exc_info=error)
    known = error if isinstance(error, OneMapError) else OneMapError()
    shown = known.detail if known.status < 500 or known.status == 503 else "The server could not complete the request."
    document: dict[str, Any] = {
        "type": known.type,
        "title": known.title,
        "status": known.status,
        "detail": shown,
        "instance": instance,
        "code": known.code,
        "requestId": request_id,
    }
    if known.hint and known.status < 500:
        document["hint"] = known.hint
    return document | {name: value for name, value in known.extra.items() if name not in document}


def media_type(plain: bool, accept: str) -> str:
    """Return how problems are labelled. ``plain``: as JSON where a client takes that and names no problem documents."""
    named = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    return JSON.media_type if plain and JSON.media_type in named and MEDIA_TYPE not in named else MEDIA_TYPE
