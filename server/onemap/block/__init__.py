"""The building block: what one OGC API part adds to the server, as data.

A block names its conformance classes and its endpoints. ``web`` turns endpoints into routes, checks
the query, negotiates the format, renders replies, and assembles the landing page, /conformance and
the OpenAPI document. A handler reads: parse, ask, encode, respond; it returns a reply and never sees
the web framework.
"""

from onemap.block.call import Call, Principal
from onemap.block.endpoint import (
    GEOJSON,
    HTML,
    JSON,
    LANG,
    OPENAPI,
    SCHEMA,
    Answer,
    Block,
    Endpoint,
    Format,
    Parameter,
    RawRoute,
    Response,
)
from onemap.block.links import Links, link
from onemap.block.metric import Metric
from onemap.block.reply import Content, Document, Pieces, Reply, Stream

__all__ = [
    "GEOJSON",
    "HTML",
    "JSON",
    "LANG",
    "OPENAPI",
    "SCHEMA",
    "Answer",
    "Block",
    "Call",
    "Content",
    "Document",
    "Endpoint",
    "Format",
    "Links",
    "Metric",
    "Parameter",
    "Pieces",
    "Principal",
    "RawRoute",
    "Reply",
    "Response",
    "Stream",
    "link",
]
