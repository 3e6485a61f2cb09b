"""Callbacks: addresses of listed hosts that are told of the progress and the outcome of a job (/req/callback)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from onemap.block.query import shorten
from onemap.config import CallbackSettings
from onemap.errors import InvalidBody, did_you_mean
from onemap.processes.model import JSON_MEDIA_TYPE
from onemap.processes.outbound import Unreachable, exchange, target_of

EVENTS: Mapping[str, str] = {"successUri": "successful", "inProgressUri": "running", "failedUri": "failed"}
"""The members of ``subscriber`` and the status that each is told of."""
Delivery = Literal["taken", "refused", "missed"]
"""What came of a callback; one that was missed may be tried again."""
_MOST_ANSWERED = 65_536
_AGAIN = (408, 425, 429)
_log = logging.getLogger("onemap.jobs")


def subscriber_of(given: Any, settings: CallbackSettings) -> dict[str, str]:
    """Return the addresses to call back by status. Raises InvalidBody unless all are of listed hosts."""
    if not settings.hosts:
        raise InvalidBody("Callbacks are not offered here.", "Leave 'subscriber' out.", pointer="/subscriber")
    if not isinstance(given, dict):
        raise InvalidBody("'subscriber' is an object.", pointer="/subscriber")
    for name in given:
        if name not in EVENTS:
            text = f"A subscriber has no member '{shorten(name)}'."
            raise InvalidBody(text, did_you_mean(name, EVENTS), pointer="/subscriber/" + shorten(name))
    if "successUri" not in given:
        raise InvalidBody("A subscriber has a 'successUri'.", pointer="/subscriber")
    for name, address in given.items():
        target_of(address, settings, f"/subscriber/{name}")
    return {EVENTS[name]: address for name, address in given.items()}


def call_back(address: str, body: bytes, settings: CallbackSettings) -> Delivery:
    """Post a JSON document to an address and return what came of it. Blocks.

    The address is checked again: what was allowed when a job was made may not be any more.
    """
    try:
        target = target_of(address, settings, "/subscriber")
        status = exchange(target, settings, _MOST_ANSWERED, body, JSON_MEDIA_TYPE).status
    except InvalidBody as error:
        _log.warning("callback to %s: %s", shorten(address), error.detail)
        return "refused"
    except Unreachable as error:
        _log.warning("callback to %s: %s", target.host, error)
        return "missed"
    if status < 300:
        return "taken"
    _log.warning("callback to %s: status %d", target.host, status)
    return "missed" if status >= 500 or status in _AGAIN else "refused"
