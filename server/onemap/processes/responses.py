"""From the outputs of an execution to a response: raw or as a document, by value or by reference.

The same for an execution that is answered at once and for the results of a job (OGC 18-062r2, tables 11 and 13).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from onemap.block import Content, Document, Reply
from onemap.processes.model import JSON_MEDIA_TYPE

_BOUNDARY = "onemap-part"
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Made:
    """An output that was made. ``value``: JSON, or bytes as they are. ``href``: its address, when that is wanted."""

    id: str
    media_type: str
    value: Any = None
    href: str | None = None


def respond(response: str, made: Sequence[Made], headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """Return the response in the form asked for, ``raw`` or ``document``.

    Raw: one value stands alone, references alone are links (204), anything else is multipart/related
    (/req/core/job-creation-sync-raw-value-one, -raw-ref, -raw-value-multi, -raw-mixed-multi).
    """
    if response == "document":
        return Document(document(made), headers=headers)
    if all(one.href for one in made):
        return Content(b"", JSON_MEDIA_TYPE, 204, {**headers, "Link": _joined(headers, made)})
    if len(made) == 1:
        return alone(made[0], headers)
    body, media_type = _multipart(made)
    return Content(body, media_type, headers=headers)


def document(made: Sequence[Made]) -> dict[str, Any]:
    """Return outputs as a document (results.yaml)."""
    return {one.id: _inline(one) for one in made}


def alone(one: Made, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """Return one output by value."""
    if isinstance(one.value, bytes):
        return Content(one.value, one.media_type, headers=headers)
    return Document(one.value, headers=headers)


def _joined(headers: Mapping[str, str], made: Sequence[Made]) -> str:
    links = [f'<{one.href}>; rel="item"; title="{one.id}"; type="{one.media_type}"' for one in made]
    return ", ".join([*([headers["Link"]] if "Link" in headers else []), *links])


def _inline(one: Made) -> Any:
    """Return an output as it stands inside a JSON document: bytes as a qualified value, a reference as a link."""
    if one.href:
        return {"href": one.href, "type": one.media_type}
    if isinstance(one.value, bytes):
        return {"value": base64.b64encode(one.value).decode(), "encoding": "base64", "mediaType": one.media_type}
    return one.value


def _multipart(made: Sequence[Made]) -> tuple[bytes, str]:
    """Return several outputs as multipart/related (RFC 2387) and its media type."""
    bodies = [(one, *_part(one)) for one in made]
    boundary = _BOUNDARY
    while any(boundary.encode() in body for _, _, body in bodies):
        boundary += "-x"
    parts = [
        f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-ID: <{one.id}>\r\n{_location(one)}\r\n".encode()
        + body
        + b"\r\n"
        for one, media_type, body in bodies
    ]
    closing = f"--{boundary}--\r\n".encode()
    kind = f'multipart/related; boundary="{boundary}"; type="{bodies[0][1].split(";")[0]}"; start="<{made[0].id}>"'
    return b"".join(parts) + closing, kind


def _location(one: Made) -> str:
    return f"Content-Location: {one.href}\r\n" if one.href else ""


def _part(one: Made) -> tuple[str, bytes]:
    """Return the media type and body of a part: text as it is, bytes as they are, anything else as JSON."""
    if one.href:
        return one.media_type, b""
    if isinstance(one.value, str) and one.media_type == JSON_MEDIA_TYPE:
        return "text/plain; charset=utf-8", one.value.encode()
    return one.media_type, one.value if isinstance(one.value, bytes) else orjson.dumps(one.value)
