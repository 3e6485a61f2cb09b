"""Inputs by reference: documents of listed hosts, fetched once and put in the place of their address.

What is executed, now or later by a worker, holds the values themselves; nobody fetches anything again.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from onemap.block.strict import parse_json
from onemap.config import ReferenceSettings
from onemap.errors import InvalidBody
from onemap.processes.outbound import Answer, Unreachable, exchange, target_of


def is_reference(raw: Any) -> bool:
    """Whether an input is given by reference (link.yaml): an object with ``href``, and no value of its own."""
    return isinstance(raw, dict) and "href" in raw and "value" not in raw


def fetch_inputs(inputs: Mapping[str, Any], settings: ReferenceSettings) -> dict[str, Any]:
    """Return the inputs with the values of those given by reference, as qualified values. Blocks.

    Raises InvalidBody with a pointer when the host is not listed, or what it answers is no use.
    """
    left = settings.max_bytes
    made = dict(inputs)
    for name, raw in inputs.items():
        if is_reference(raw):
            answer = _fetched(raw, settings, left, f"/inputs/{name}/href")
            left -= len(answer.body)
            made[name] = _qualified(raw, answer)
    return made


def _fetched(raw: Mapping[str, Any], settings: ReferenceSettings, most: int, pointer: str) -> Answer:
    if not settings.hosts:
        raise InvalidBody("Inputs by reference are not fetched here.", "Send the value itself.", pointer=pointer)
    target = target_of(raw["href"], settings, pointer)
    try:
        answer = exchange(target, settings, most)
    except Unreachable as error:
        raise InvalidBody(f"The input could not be fetched: {error}.", pointer=pointer) from None
    if answer.status != 200:
        raise InvalidBody(f"The input could not be fetched: status {answer.status}.", pointer=pointer)
    return answer


def _qualified(raw: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Return what was fetched as a qualified value; what the link says of its type goes before what the server says."""
    older = raw.get("format")
    said = raw.get("type") or raw.get("mediaType") or (older.get("mediaType") if isinstance(older, dict) else None)
    media_type = said if isinstance(said, str) else answer.headers.get("content-type", "application/octet-stream")
    plain = media_type.split(";")[0].strip().lower()
    if plain == "application/json" or plain.endswith("+json"):
        return {"value": parse_json(answer.body), "mediaType": plain}
    if plain.startswith("text/"):
        try:
            return {"value": answer.body.decode(), "mediaType": plain}
        except UnicodeDecodeError:
            pass
    return {"value": base64.b64encode(answer.body).decode(), "encoding": "base64", "mediaType": plain}
