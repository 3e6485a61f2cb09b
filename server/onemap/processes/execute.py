"""One execution: the request's body, the run, and the response in the form that was asked for."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from onemap.block import Content, Document, Reply
from onemap.block.query import shorten
from onemap.block.strict import parse_json
from onemap.errors import InvalidBody, UnsupportedMediaType, did_you_mean
from onemap.processes.inputs import bind
from onemap.processes.model import JSON_MEDIA_TYPE, Context, Output, Process

Response = Literal["raw", "document"]
_BOUNDARY = "onemap-part"
_MEMBERS = ("inputs", "outputs", "response", "subscriber")


@dataclass(frozen=True, slots=True)
class Execution:
    """An execute request, parsed: the process with its inputs, the outputs wanted, the form of the response."""

    process: Process
    outputs: tuple[Output, ...]
    response: Response

    @property
    def wanted(self) -> dict[str, str]:
        """The media type of each output asked for, by its id."""
        return {output.id: output.media_type for output in self.outputs}


def parse_execution(process: type[Process], body: bytes, media_type: str) -> Execution:
    """Parse the body of an execute request (execute.yaml of OGC 18-062r2).

    Raises UnsupportedMediaType unless it is JSON, InvalidBody with a JSON pointer for what does not match the schema.
    """
    if media_type.split(";", maxsplit=1)[0].strip().lower() not in ("", JSON_MEDIA_TYPE):
        raise UnsupportedMediaType(f"'{shorten(media_type)}' is not read here.", f"Send {JSON_MEDIA_TYPE}.")
    data = parse_json(body)
    if not isinstance(data, dict):
        raise InvalidBody("An execute request is a JSON object.", pointer="")
    for name in data:
        if name not in _MEMBERS:
            text = f"An execute request has no member '{shorten(name)}'."
            raise InvalidBody(text, did_you_mean(name, _MEMBERS), pointer="/" + shorten(name))
    if "subscriber" in data:
        raise InvalidBody("Callbacks are not offered here.", "Leave 'subscriber' out.", pointer="/subscriber")
    inputs = data.get("inputs", {})
    if not isinstance(inputs, dict):
        raise InvalidBody("'inputs' is an object.", pointer="/inputs")
    return Execution(bind(process, inputs), _outputs(process, data.get("outputs")), _response(data))


def _response(data: Mapping[str, Any]) -> Response:
    match data.get("response", "raw"):
        case "raw":
            return "raw"
        case "document":
            return "document"
        case other:
            raise InvalidBody(f"'response' is raw or document, not {shorten(repr(other))}.", pointer="/response")


def _outputs(process: type[Process], wanted: Any) -> tuple[Output, ...]:
    """Return the outputs asked for; none named means the default ones (/req/core/job-creation-default-outputs)."""
    if wanted is None or wanted == {}:
        return tuple(output for output in process.outputs if output.default)
    if not isinstance(wanted, dict):
        raise InvalidBody("'outputs' is an object.", pointer="/outputs")
    known = {output.id: output for output in process.outputs}
    for name in wanted:
        if name not in known:
            text = f"The process '{process.id}' has no output '{shorten(name)}'."
            raise InvalidBody(text, did_you_mean(name, known), pointer="/outputs/" + shorten(name))
    return tuple(_as_wanted(known[name], how) for name, how in wanted.items())


def _as_wanted(output: Output, how: Any) -> Output:
    """Return an output in the media type that it is wanted in; by value. Raises InvalidBody."""
    pointer = f"/outputs/{output.id}"
    if not isinstance(how, dict):
        raise InvalidBody("An output is described by an object.", pointer=pointer)
    if how.get("transmissionMode", "value") != "value":
        text = "Outputs are transmitted by value only."
        raise InvalidBody(text, '"transmissionMode": "value"', pointer=f"{pointer}/transmissionMode")
    form = how.get("format", {})
    offered = (output.media_type, *output.others)
    media_type = form.get("mediaType", output.media_type) if isinstance(form, dict) else None
    if media_type not in offered:
        raise InvalidBody(f"The output '{output.id}' is {' or '.join(offered)}.", pointer=f"{pointer}/format")
    return replace(output, media_type=media_type)


def run(execution: Execution, context: Context) -> Reply:
    """Run the process and return the response. Blocks."""
    values = execution.process(replace(context, wanted=execution.wanted))
    if execution.response == "document":
        return Document({output.id: _inline(values[output.id]) for output in execution.outputs})
    if len(execution.outputs) == 1:
        return _raw(execution.outputs[0], values[execution.outputs[0].id])
    return _multipart(execution.outputs, values)


def _inline(value: Any) -> Any:
    """Return a value as it stands inside a JSON document; bytes as a qualified value."""
    if isinstance(value, bytes):
        return {"value": base64.b64encode(value).decode(), "encoding": "base64"}
    return value


def _raw(output: Output, value: Any) -> Reply:
    if isinstance(value, bytes):
        return Content(value, output.media_type)
    return Document(value)


def _multipart(outputs: Sequence[Output], values: Mapping[str, Any]) -> Content:
    """Return several outputs as multipart/related (/req/core/job-creation-sync-raw-value-multi)."""
    bodies = [(output, *_part(output, values[output.id])) for output in outputs]
    boundary = _BOUNDARY
    while any(boundary.encode() in body for _, _, body in bodies):
        boundary += "-x"
    parts = [
        f"--{boundary}\r\nContent-Type: {media_type}\r\nContent-ID: <{output.id}>\r\n\r\n".encode() + body + b"\r\n"
        for output, media_type, body in bodies
    ]
    closing = f"--{boundary}--\r\n".encode()
    kind = f'multipart/related; boundary="{boundary}"; type="{bodies[0][1].split(";")[0]}"; start="<{outputs[0].id}>"'
    return Content(b"".join(parts) + closing, kind)


def _part(output: Output, value: Any) -> tuple[str, bytes]:
    """Return the media type and body of a part: text as it is, bytes as they are, anything else as JSON."""
    if isinstance(value, str) and output.media_type == JSON_MEDIA_TYPE:
        return "text/plain; charset=utf-8", value.encode()
    return output.media_type, value if isinstance(value, bytes) else orjson.dumps(value)
