"""Endpoints, their parameters and formats: the data from which routes and the OpenAPI document are made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onemap.block.call import Call, Principal
    from onemap.block.links import Link, Links
    from onemap.block.metric import Metric
    from onemap.block.reply import Reply

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """A representation: ``name`` is the value of ``f``."""

    name: str
    media_type: str


JSON = Format("json", "application/json")
HTML = Format("html", "text/html")
SCHEMA = Format("json", "application/schema+json")
GEOJSON = Format("json", "application/geo+json")
OPENAPI = Format("json", "application/vnd.oai.openapi+json;version=3.0")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query or path parameter as OpenAPI describes it."""

    name: str
    schema: Schema
    description: str = ""
    place: str = "query"
    explode: bool = False

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI 3.0 parameter object."""
        style = "form" if self.place == "query" else "simple"
        return {
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "description": self.description,
            "schema": dict(self.schema),
            "style": style,
            "explode": self.explode,
        }


LANG = Parameter("lang", {"type": "string", "enum": ["zh", "en"]}, "Language of titles and pages.")


@dataclass(frozen=True, slots=True)
class Response:
    """What an operation answers on success: a status, a text and a schema.

    ``content``: media types, each with its schema, that it may have beside the formats of the endpoint.
    """

    description: str
    schema: Schema = field(default_factory=lambda: {"type": "object"})
    status: int = 200
    content: Mapping[str, Schema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the API.

    ``path`` is an OpenAPI path template. ``open_query``: the handler's own parser decides which query
    parameters are known (feature properties); otherwise anything but ``parameters``, ``f`` and ``lang``
    is refused. ``routed``: False for an operation that a raw route answers. ``body`` maps the media
    types of the request body to their schemas. ``allowed``: whether a principal may use the operation on the resource
    with these path parameters, as OPTIONS says it; it may block, and what it raises is the answer. ``others``: further
    successes beside ``response``; ``problems``: statuses of failures that not every operation has. ``json_problems``:
    a client that takes application/json and does not name problem documents gets them under that media type, as
    Processes 1.0 documents its exceptions. ``any_accept``: what is answered has a media type of its own, so that Accept
    chooses among the formats but refuses nothing. ``callbacks``: OpenAPI callback objects by name.
    """

    path: str
    handler: Callable[[Call], Awaitable[Reply]]
    operation: str
    summary: str
    formats: tuple[Format, ...] = (JSON, HTML)
    parameters: tuple[Parameter, ...] = ()
    method: str = "GET"
    response: Response = Response("The resource.")
    tag: str = ""
    open_query: bool = False
    body: Mapping[str, Schema] | None = None
    routed: bool = True
    allowed: Callable[[Principal, Mapping[str, str]], bool] | None = None
    others: tuple[Response, ...] = ()
    problems: tuple[int, ...] = ()
    json_problems: bool = False
    any_accept: bool = False
    callbacks: Mapping[str, Schema] = field(default_factory=dict)


Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body of a response."""


@dataclass(frozen=True, slots=True)
class RawRoute:
    """A path answered below the framework: ``app`` is an ASGI callable that also takes the match.

    ``ready``: the answer to a request with this ASGI scope by this principal where it lies ready or can be made without
    finding out first what is asked for, else None; it does not block, and is asked before anything else looks at the
    request. What it raises becomes a problem, as anything that is raised.
    """

    pattern: re.Pattern[str]
    app: Callable[..., Awaitable[None]]
    ready: Callable[[Mapping[str, Any], Principal], Answer | Awaitable[Answer] | None] | None = None


def _nothing(*_: Any) -> list[Any]:
    return []


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the server: conformance classes, endpoints, links, start-up check.

    ``collection_links(links, collection id)`` adds to every collection document, ``landing_links``
    to the landing page; ``endpoints_for(principal)`` gives the endpoints as that principal's OpenAPI
    document shows them (concrete paths for the collections it may see). ``metrics`` is what is counted here;
    ``beside`` runs from the start of the server to its end, or as long as it has something to do.
    """

    id: str
    title: str
    conformance: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    raw: tuple[RawRoute, ...] = ()
    landing_links: Callable[[Links], list[Link]] = _nothing
    collection_links: Callable[[Links, str], list[Link]] = _nothing
    endpoints_for: Callable[[Principal], list[Endpoint]] = _nothing
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    metrics: Callable[[], list[Metric]] = _nothing
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None
