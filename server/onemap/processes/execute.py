"""One execution: the request's body, and the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from onemap.block import Links, Reply
from onemap.block.query import shorten
from onemap.block.strict import parse_json
from onemap.config import ProcessSettings
from onemap.errors import InvalidBody, UnsupportedMediaType, did_you_mean
from onemap.processes.callbacks import subscriber_of
from onemap.processes.inputs import bind
from onemap.processes.model import DRAWING, JSON_MEDIA_TYPE, Context, Output, Process
from onemap.processes.references import fetch_inputs, is_reference
from onemap.processes.responses import Made, respond

Response = Literal["raw", "document"]
_MEMBERS = ("inputs", "outputs", "response", "subscriber")


@dataclass(frozen=True, slots=True)
class Execution:
    """An execute request, parsed: the process with its inputs, the outputs wanted, the form of the response.

    ``body``: the request as a worker runs it, without addresses to fetch from or to call; ``subscriber``: checked
    addresses to call back, by event.
    """

    process: Process
    outputs: tuple[Output, ...]
    response: Response
    body: bytes = b""
    subscriber: Mapping[str, str] | None = None

    @property
    def wanted(self) -> dict[str, str]:
        """The media type of each output asked for, by its id."""
        return {output.id: output.media_type for output in self.outputs}

    @property
    def by_reference(self) -> bool:
        """Whether an output is wanted by reference."""
        return any(output.by_reference for output in self.outputs)


def parse_execution(
    process: type[Process], body: bytes, media_type: str, settings: ProcessSettings | None = None
) -> Execution:
    """Parse the body of an execute request (execute.yaml of OGC 18-062r2), fetching inputs where that is allowed.

    Blocks when there is something to fetch. Raises UnsupportedMediaType unless it is JSON, InvalidBody with a JSON
    pointer for what does not match the schema.
    """
    if media_type.split(";", maxsplit=1)[0].strip().lower() not in ("", JSON_MEDIA_TYPE):
        raise UnsupportedMediaType(f"'{shorten(media_type)}' is not read here.", f"Send {JSON_MEDIA_TYPE}.")
    data = _members(parse_json(body))
    given = settings or ProcessSettings()
    subscriber = subscriber_of(data["subscriber"], given.callbacks) if "subscriber" in data else {}
    inputs = data.get("inputs", {})
    if not isinstance(inputs, dict):
        raise InvalidBody("'inputs' is an object.", pointer="/inputs")
    outputs, response = _outputs(process, data.get("outputs")), _response(data)
    fetched = _known(process, inputs) and any(map(is_reference, inputs.values()))
    if fetched:
        inputs = fetch_inputs(inputs, given.references)
    if fetched or subscriber:
        kept = {name: value for name, value in data.items() if name != "subscriber"}
        body = orjson.dumps({**kept, "inputs": inputs})
    return Execution(bind(process, inputs), outputs, response, body, subscriber)


def _members(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidBody("An execute request is a JSON object.", pointer="")
    for name in data:
        if name not in _MEMBERS:
            text = f"An execute request has no member '{shorten(name)}'."
            raise InvalidBody(text, did_you_mean(name, _MEMBERS), pointer="/" + shorten(name))
    return data


def _known(process: type[Process], inputs: Mapping[str, Any]) -> bool:
    """Whether all inputs are the process's own: nothing is fetched for a request that cannot be right."""
    return process.model_fields.keys() >= inputs.keys()


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
    """Return an output in the media type, and by value or reference, as it is wanted. Raises InvalidBody."""
    pointer = f"/outputs/{output.id}"
    if not isinstance(how, dict):
        raise InvalidBody("An output is described by an object.", pointer=pointer)
    mode = how.get("transmissionMode", "value")
    if mode not in ("value", "reference"):
        text = f"Outputs are transmitted by value or by reference, not {shorten(repr(mode))}."
        raise InvalidBody(text, '"transmissionMode": "value"', pointer=f"{pointer}/transmissionMode")
    form = how.get("format", {})
    offered = (output.media_type, *output.others)
    media_type = form.get("mediaType", output.media_type) if isinstance(form, dict) else None
    if media_type not in offered:
        raise InvalidBody(f"The output '{output.id}' is {' or '.join(offered)}.", pointer=f"{pointer}/format")
    return replace(output, media_type=media_type, by_reference=mode == "reference")


@dataclass(frozen=True, slots=True)
class Performed:
    """What an execution came to: the value of each output wanted, and the id of the evidence of its result.

    ``drawing``: GeoJSON of what it was about, where that was wanted and the process gives it.
    """

    values: Mapping[str, Any]
    evidence: str | None = None
    drawing: bytes | None = None


def perform(execution: Execution, context: Context, drawn: bool = False) -> Performed:
    """Run the process and have its result attested where the instance has a notary. Blocks."""
    drawing = {DRAWING: "application/geo+json"} if drawn else {}
    own = replace(context, wanted={**execution.wanted, **drawing})
    values = execution.process(own)
    notary = context.desk.notary
    attested = notary.attest(execution.process, values.get("result"), own) if notary else None
    return Performed(values, attested.id if attested else None, values.get(DRAWING) if drawn else None)


def run(execution: Execution, context: Context, links: Links | None = None) -> Reply:
    """Run the process and return the response, with all outputs by value. Blocks."""
    done = perform(execution, context)
    made = [Made(output.id, output.media_type, done.values[output.id]) for output in execution.outputs]
    return respond(execution.response, made, evidence_header(done.evidence, links))


def evidence_header(evidence: str | None, links: Links | None) -> dict[str, str]:
    """Return the header that leads from a result to its evidence (RFC 8288)."""
    return {"Link": f'<{links.to("evidence", evidence)}>; rel="describedby"'} if evidence and links else {}
