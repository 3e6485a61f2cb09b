"""OGC API Features: Parts 1 (Core), 2 (CRS by Reference), 3 (Filtering) and 4 (draft: editing)."""

from __future__ import annotations

from functools import partial

from onemap.block import GEOJSON, HTML, JSON, SCHEMA, Block, Endpoint, Format, Principal, Response
from onemap.block.links import Link, Links, link
from onemap.config import Limits, Settings
from onemap.features import edit
from onemap.features.conformance import CONFORMANCE, EDITING
from onemap.features.encode import DOWNLOADS, ENCODINGS, JSONFG, PAGES
from onemap.features.parameters import COLLECTION_ID, CRS, FEATURE_ID, items_parameters
from onemap.features.profiles import PROFILE
from onemap.features.relations import FUNCTIONS, schema_links
from onemap.features.routes import FeatureRoutes
from onemap.features.scratch import Scratch
from onemap.features.token import Tokens
from onemap.security import Gate
from onemap.store import View

__all__ = ["block"]

_FORMATS = (*(item.format for item in ENCODINGS if not item.download), HTML, *(item.format for item in DOWNLOADS))


def block(gate: Gate, settings: Settings, secret: bytes) -> Block:
    """Return the Features block. ``secret`` protects the paging tokens. What dead processes left over is removed."""
    scratch = Scratch(settings.scratch)
    scratch.sweep()
    routes = FeatureRoutes(gate, settings, Tokens(secret), scratch)
    changes = edit.EditRoutes(gate, settings.editing, routes.represent)
    return Block(
        id="features",
        title="OGC API Features",
        conformance=(*CONFORMANCE, *(EDITING if settings.editing.allow != "none" else ())),
        endpoints=(*_endpoints(routes, settings.limits), *edit.endpoints(changes), _functions(routes)),
        landing_links=_landing_links,
        collection_links=_collection_links,
        endpoints_for=partial(_spelled_out, gate, routes, changes, settings.limits),
    )


def _endpoints(routes: FeatureRoutes, limits: Limits, view: View | None = None) -> tuple[Endpoint, ...]:
    """Return the endpoints: of any collection (a path template), or spelled out for the one of a view."""
    identifier = view.collection.id if view else "{collectionId}"
    own = () if view else (COLLECTION_ID,)
    prefix = identifier if view else "collection"
    base = f"/collections/{identifier}"
    items = (*own, *items_parameters(limits, view))
    features = Response("Features.", {"$ref": "#/components/schemas/featureCollection"})
    feature = Response("A feature.", {"$ref": "#/components/schemas/feature"})
    schema = Response("A JSON Schema.")
    return (
        Endpoint(f"{base}/items", routes.items, f"{prefix}.getItems", "Features", _FORMATS, items,
                 response=features, tag="features", open_query=True, problems=(413,)),
        Endpoint(f"{base}/items/{{featureId}}", routes.item, f"{prefix}.getItem", "Feature", (GEOJSON, JSONFG, HTML),
                 (*own, FEATURE_ID, CRS, PROFILE), response=feature, tag="features"),
        Endpoint(f"{base}/queryables", routes.queryables, f"{prefix}.getQueryables", "Queryables", (SCHEMA, HTML),
                 own, response=schema, tag="features"),
        Endpoint(f"{base}/sortables", routes.sortables, f"{prefix}.getSortables", "Sortables", (SCHEMA, HTML),
                 own, response=schema, tag="features"),
        Endpoint(f"{base}/schema", routes.schema, f"{prefix}.getSchema", "Schema", (SCHEMA, HTML),
                 own, response=schema, tag="features"),
    )  # fmt: skip


def _functions(routes: FeatureRoutes) -> Endpoint:
    response = Response("The functions, their arguments and results.")
    return Endpoint("/functions", routes.functions, "getFunctions", "Functions of filters", (JSON, HTML),
                    response=response, tag="features")  # fmt: skip


def _landing_links(links: Links) -> list[Link]:
    return [link(links.to("functions", f="json"), FUNCTIONS, JSON.media_type, "Functions of filters")]


def _spelled_out(
    gate: Gate, routes: FeatureRoutes, changes: edit.EditRoutes, limits: Limits, principal: Principal
) -> list[Endpoint]:
    made: list[Endpoint] = []
    for view in gate.views(principal):
        made += _endpoints(routes, limits, view)
        if gate.editable(principal, view):
            made += edit.endpoints(changes, view.collection.id)
    return made


def _collection_links(links: Links, identifier: str) -> list[Link]:
    return [
        *(_items_link(links, identifier, item.format, "items", item.title) for item in PAGES),
        _items_link(links, identifier, HTML, "items", "HTML"),
        *(_items_link(links, identifier, item.format, "enclosure", item.title) for item in DOWNLOADS),
        *schema_links(links, identifier),
    ]


def _items_link(links: Links, identifier: str, made: Format, rel: str, title: str) -> Link:
    address = links.to("collections", identifier, "items", f=made.name)
    return link(address, rel, made.media_type, f"Features as {title}")
