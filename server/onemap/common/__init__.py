"""OGC API Common: landing page, conformance declaration, API definition, collections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from onemap.block import HTML, JSON, OPENAPI, Block, Call, Endpoint, Format, Parameter, Principal, Response
from onemap.common.routes import CommonRoutes
from onemap.config import Settings
from onemap.security import Gate

__all__ = ["block"]

CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
)
COLLECTION_ID = Parameter("collectionId", {"type": "string"}, "Identifier of a collection.", "path")


def block(
    gate: Gate, settings: Settings, others: Sequence[Block], definition: Callable[[Call], dict[str, Any]]
) -> Block:
    """Return the Common block, which speaks for the ``others``; ``definition`` gives the OpenAPI document."""
    classes = (*CONFORMANCE, *(uri for other in others for uri in other.conformance))
    routes = CommonRoutes(gate, settings, others, classes, definition)
    return Block(
        id="common",
        title="OGC API Common",
        conformance=CONFORMANCE,
        endpoints=_endpoints(routes),
        endpoints_for=partial(_spelled_out, gate, routes),
    )


def _endpoints(routes: CommonRoutes) -> tuple[Endpoint, ...]:
    formats = (JSON, HTML)
    definition = (OPENAPI, HTML, Format("yaml", "application/vnd.oai.openapi;version=3.0"))
    return (
        Endpoint("/", routes.landing, "getLandingPage", "Landing page", formats, response=_ref("landingPage")),
        Endpoint("/conformance", routes.conformance, "getConformance", "Conformance classes", formats,
                 response=_ref("confClasses")),
        Endpoint("/api", routes.api, "getApi", "API definition", definition, response=Response("OpenAPI 3.0.")),
        Endpoint("/collections", routes.collections, "getCollections", "Collections", formats,
                 response=_ref("collections")),
        Endpoint("/collections/{collectionId}", routes.collection, "getCollection", "Collection", formats,
                 (COLLECTION_ID,), response=_ref("collection")),
        Endpoint("/map", routes.map, "getMap", "Map of all collections", (HTML,)),
    )  # fmt: skip


def _spelled_out(gate: Gate, routes: CommonRoutes, principal: Principal) -> list[Endpoint]:
    fixed = [endpoint for endpoint in _endpoints(routes) if "{" not in endpoint.path]
    return fixed + [
        Endpoint(
            f"/collections/{view.collection.id}",
            routes.collection,
            f"{view.collection.id}.getCollection",
            view.collection.title.en,
            response=_ref("collection"),
        )
        for view in gate.views(principal)
    ]


def _ref(name: str) -> Response:
    return Response("The resource.", {"$ref": f"#/components/schemas/{name}"})
