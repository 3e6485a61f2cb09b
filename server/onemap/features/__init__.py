"""OGC API Features Part 1 (Core) and Part 2 (Coordinate Reference Systems by Reference)."""

from __future__ import annotations

from functools import partial

from onemap.block import GEOJSON, HTML, JSON, Block, Endpoint, Format, Parameter, Principal, Response
from onemap.block.links import Link, Links, link
from onemap.catalog import type_schema
from onemap.config import Limits, Settings
from onemap.features.encode import DOWNLOADS, ENCODINGS, JSONFG, PAGES, PARAMETERS
from onemap.features.encode.jsonfg import CONFORMANCE as JSONFG_CONFORMANCE
from onemap.features.routes import FeatureRoutes
from onemap.features.token import Tokens
from onemap.security import Gate
from onemap.store import View

__all__ = ["block"]

_CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
CONFORMANCE = (
    _CORE + "core",
    _CORE + "oas30",
    _CORE + "html",
    _CORE + "geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    *JSONFG_CONFORMANCE,
)
_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
_SCHEMA = "http://www.opengis.net/def/rel/ogc/1.0/schema"
_FORMATS = (*(item.format for item in ENCODINGS if not item.download), HTML, *(item.format for item in DOWNLOADS))
_URI = {"type": "string", "format": "uri"}
COLLECTION_ID = Parameter("collectionId", {"type": "string"}, "Identifier of a collection.", "path")
FEATURE_ID = Parameter("featureId", {"type": "string"}, "Identifier of a feature.", "path")
BBOX = Parameter(
    "bbox",
    {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    "Only features that meet this box: lower corner, upper corner, in the axis order of `bbox-crs` "
    "(default CRS84: longitude, latitude). Two more numbers for heights are accepted. A box whose first "
    "longitude is greater than its second crosses the antimeridian.",
)
DATETIME = Parameter(
    "datetime",
    {"type": "string"},
    "Only features whose time meets an instant or an interval: `2025-12-31`, `2025-01-01T00:00:00Z`, "
    "`2025-01-01/2025-12-31`, `2025-01-01/..`. Features without a time always match.",
)
_LIMIT = (
    "Most features in the answer; a larger value is cut to the maximum. Files to download (CSV, GeoPackage, ...) "
    "without it hold the whole result, with it a part of it and a Link header to the next part."
)
NEXT = Parameter("next", {"type": "string"}, "Token of the next page; follow the `next` link.")
OFFSET = Parameter("offset", {"type": "integer", "minimum": 0, "default": 0}, "Features to pass over.")
BBOX_CRS = Parameter("bbox-crs", _URI, "CRS of `bbox`, one of the collection's `crs` list.")
CRS = Parameter("crs", _URI, "CRS of the coordinates, one of the collection's `crs` list; default CRS84.")


def block(gate: Gate, settings: Settings, secret: bytes) -> Block:
    """Return the Features block. ``secret`` protects the paging tokens."""
    if settings.scratch:
        settings.scratch.mkdir(parents=True, exist_ok=True)
    routes = FeatureRoutes(gate, settings, Tokens(secret))
    return Block(
        id="features",
        title="OGC API Features",
        conformance=CONFORMANCE,
        endpoints=_endpoints(routes, settings.limits),
        collection_links=_collection_links,
        endpoints_for=partial(_spelled_out, gate, routes, settings.limits),
    )


def _limit(limits: Limits) -> Parameter:
    default = min(limits.page_default, limits.page_max)
    schema = {"type": "integer", "minimum": 1, "maximum": limits.page_max, "default": default}
    return Parameter("limit", schema, _LIMIT)


def _endpoints(routes: FeatureRoutes, limits: Limits, view: View | None = None) -> tuple[Endpoint, ...]:
    """Return the endpoints: of any collection (a path template), or spelled out for the one of a view."""
    identifier = view.collection.id if view else "{collectionId}"
    own = () if view else (COLLECTION_ID,)
    prefix = identifier if view else "collection"
    base = f"/collections/{identifier}"
    items = (
        *own,
        BBOX,
        BBOX_CRS,
        _limit(limits),
        DATETIME,
        CRS,
        OFFSET,
        NEXT,
        *PARAMETERS,
        *_property_parameters(view),
    )
    features = Response("Features.", {"$ref": "#/components/schemas/featureCollection"})
    feature = Response("A feature.", {"$ref": "#/components/schemas/feature"})
    schema = Response("A JSON Schema.")
    return (
        Endpoint(f"{base}/items", routes.items, f"{prefix}.getItems", "Features", _FORMATS, items,
                 response=features, tag="features", open_query=True),
        Endpoint(f"{base}/items/{{featureId}}", routes.item, f"{prefix}.getItem", "Feature", (GEOJSON, JSONFG, HTML),
                 (*own, FEATURE_ID, CRS), response=feature, tag="features"),
        Endpoint(f"{base}/queryables", routes.queryables, f"{prefix}.getQueryables", "Queryables", (JSON, HTML),
                 own, response=schema, tag="features"),
        Endpoint(f"{base}/schema", routes.schema, f"{prefix}.getSchema", "Schema", (JSON, HTML),
                 own, response=schema, tag="features"),
    )  # fmt: skip


def _property_parameters(view: View | None) -> list[Parameter]:
    if view is None:
        return []
    return [
        Parameter(field.name, type_schema(field, "en"), f"Only features with this {field.name}.")
        for field in view.columns
    ]


def _spelled_out(gate: Gate, routes: FeatureRoutes, limits: Limits, principal: Principal) -> list[Endpoint]:
    return [endpoint for view in gate.views(principal) for endpoint in _endpoints(routes, limits, view)]


def _collection_links(links: Links, identifier: str) -> list[Link]:
    base = ("collections", identifier)
    return [
        *(_items_link(links, identifier, item.format, "items", item.title) for item in PAGES),
        _items_link(links, identifier, HTML, "items", "HTML"),
        *(_items_link(links, identifier, item.format, "enclosure", item.title) for item in DOWNLOADS),
        link(links.to(*base, "queryables", f="json"), _QUERYABLES, "application/schema+json", "Queryables"),
        link(links.to(*base, "schema", f="json"), _SCHEMA, "application/schema+json", "Schema"),
    ]


def _items_link(links: Links, identifier: str, made: Format, rel: str, title: str) -> Link:
    address = links.to("collections", identifier, "items", f=made.name)
    return link(address, rel, made.media_type, f"Features as {title}")
