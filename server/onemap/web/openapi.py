"""Assemble the OpenAPI 3.0.3 document from the blocks, as one principal may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onemap import __version__
from onemap.block import HTML, JSON, Block, Call, Endpoint, Format, Parameter, Response
from onemap.config import Service
from onemap.web.problem import MEDIA_TYPE
from onemap.web.schemas import SCHEMAS

_PROBLEM = {"$ref": "#/components/responses/problem"}
_JSON_PROBLEM = {"$ref": "#/components/responses/exception"}


def definition(blocks: Sequence[Block], service: Service, call: Call) -> dict[str, Any]:
    """Return the document: self-contained, no external references, one path for each visible collection."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": service.title.get(call.lang),
            "description": service.description.get(call.lang),
            "version": __version__,
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": call.links.base}],
        "tags": [{"name": block.id, "description": block.title} for block in blocks],
        "paths": _paths(blocks, call),
        "components": {
            "schemas": {**SCHEMAS, **{name: schema for block in blocks for name, schema in block.schemas.items()}},
            "responses": {"problem": _problem(MEDIA_TYPE), "exception": _problem(MEDIA_TYPE, JSON.media_type)},
        },
    }


def _problem(*media_types: str) -> dict[str, Any]:
    """Return the response of a failure, under these media types and as a page."""
    documents = {name: {"schema": {"$ref": "#/components/schemas/problem"}} for name in media_types}
    return {
        "description": "What is wrong, and what would be right (RFC 9457).",
        "content": {**documents, HTML.media_type: {"schema": {"type": "string"}}},
    }


def _paths(blocks: Sequence[Block], call: Call) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for block in blocks:
        for endpoint in block.endpoints_for(call.principal) or block.endpoints:
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, block)
    return dict(sorted(paths.items()))


def _operation(endpoint: Endpoint, block: Block) -> dict[str, Any]:
    parameters = [*endpoint.parameters, *_shared(endpoint)]
    operation: dict[str, Any] = {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "tags": [endpoint.tag or block.id],
        "parameters": [parameter.openapi() for parameter in parameters],
        "responses": {**_successes(endpoint), **_failures(endpoint)},
    }
    if endpoint.body is not None:
        content = {media_type: {"schema": dict(schema)} for media_type, schema in endpoint.body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.callbacks:
        operation["callbacks"] = dict(endpoint.callbacks)
    return operation


def _failures(endpoint: Endpoint) -> dict[str, Any]:
    """Return the statuses other than success that an operation answers, every one a problem."""
    statuses = {400, 404, 406, 503, *endpoint.problems, *((413, 415, 422) if endpoint.body is not None else ())}
    problem = _JSON_PROBLEM if endpoint.json_problems else _PROBLEM
    return dict.fromkeys([*map(str, sorted(statuses)), "default"], problem)


def _shared(endpoint: Endpoint) -> list[Parameter]:
    names = [item.name for item in endpoint.formats]
    if not names:
        return []
    shared = [Parameter("f", {"type": "string", "enum": names}, "Format; default by the Accept header.")]
    if HTML in endpoint.formats:
        shared.append(
            Parameter("lang", {"type": "string", "enum": ["zh", "en"]}, "Language; default by Accept-Language.")
        )
    return shared


def _successes(endpoint: Endpoint) -> dict[str, Any]:
    return {str(item.status): _success(item, endpoint.formats) for item in (endpoint.response, *endpoint.others)}


def _success(response: Response, formats: Sequence[Format]) -> dict[str, Any]:
    if response.status == 204:
        return {"description": response.description}
    content = {item.media_type: {"schema": _content_schema(item, response)} for item in formats}
    content |= {media_type: {"schema": dict(schema)} for media_type, schema in response.content.items()}
    return {"description": response.description, "content": content}


def _content_schema(item: Format, response: Response) -> dict[str, Any]:
    if "json" in item.media_type:
        return dict(response.schema)
    text = item.media_type.startswith("text/") or "yaml" in item.media_type or "openapi" in item.media_type
    return {"type": "string"} if text else {"type": "string", "format": "binary"}
