"""OGC API Styles (draft, OGC 20-009): MapLibre styles, SLD 1.1, legends, and the fonts and sprites they name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from onemap.block import HTML, JSON, LANG, Block, Endpoint, Format, Links, Parameter, Principal, Response
from onemap.block.links import Link, link
from onemap.security import Gate
from onemap.styles.documents import MAPBOX, PNG, SLD
from onemap.styles.fonts import Fonts
from onemap.styles.library import Library, load_styles
from onemap.styles.portrayal import undrawn
from onemap.styles.routes import PBF, SVG, StyleRoutes
from onemap.styles.shelf import Shelf

__all__ = ["Library", "block", "load_styles", "undrawn"]

_CONF = "http://www.opengis.net/spec/ogcapi-styles-1/0.0/conf/"
CONFORMANCE = tuple(_CONF + name for name in ("core", "html", "mapbox-style", "sld-11"))
STYLES = "http://www.opengis.net/def/rel/ogc/1.0/styles"
COLLECTION_ID = Parameter("collectionId", {"type": "string"}, "Identifier of a collection.", "path")
STYLE_ID = Parameter("styleId", {"type": "string"}, "Identifier of a style.", "path")
_LINKS = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
SCHEMAS = {
    "styles": {
        "type": "object",
        "required": ["styles", "links"],
        "properties": {
            "default": {"type": "string"},
            "links": _LINKS,
            "styles": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "links"],
                    "properties": {"id": {"type": "string"}, "title": {"type": "string"}, "links": _LINKS},
                },
            },
        },
    },
    "styleMetadata": {
        "type": "object",
        "required": ["id", "links"],
        "properties": {
            "id": {"type": "string"},
            "title": {"type": "string"},
            "description": {"type": "string"},
            "keywords": {"type": "array", "items": {"type": "string"}},
            "lineage": {"type": "string"},
            "scope": {"type": "string", "enum": ["style", "resource"]},
            "stylesheets": {"type": "array", "items": {"type": "object"}},
            "layers": {"type": "array", "items": {"type": "object"}},
            "links": _LINKS,
        },
    },
}


def block(gate: Gate, library: Library, fonts: Path) -> Block:
    """Return the Styles block; ``fonts`` is the folder with the glyphs."""
    shelf = Shelf(library, lambda: [view.collection for view in gate.views(Principal())])
    routes = StyleRoutes(gate, shelf, Fonts(fonts))
    return Block(
        id="styles",
        title="OGC API Styles (draft)",
        conformance=CONFORMANCE,
        endpoints=(*_fixed(routes), *_of_collection(routes, "{collectionId}", "any", (COLLECTION_ID,))),
        landing_links=_landing_links,
        collection_links=_collection_links,
        endpoints_for=partial(_spelled_out, gate, routes),
        schemas=SCHEMAS,
        metrics=shelf.metrics,
        beside=shelf.watch,
    )


def _fixed(routes: StyleRoutes) -> tuple[Endpoint, ...]:
    style = (STYLE_ID,)
    fontstack = Parameter("fontstack", {"type": "string"}, "Names of fonts, with commas between them.", "path")
    range_ = Parameter("range", {"type": "string"}, "256 code points: 0-255, 256-511, ...", "path")
    sprite = (Parameter("sprite", {"type": "string"}, "onemap or onemap@2x.", "path"),)
    pattern = (Parameter("pattern", {"type": "string"}, "Name of a pattern.", "path"),)
    binary = Response("A finished file.", {"type": "string", "format": "binary"})
    glyphs = Format("pbf", PBF)
    return (
        Endpoint("/styles", routes.styles, "getStyles", "Styles", (JSON, HTML), response=_ref("styles")),
        Endpoint("/styles/{styleId}", routes.style, "getStyle", "Stylesheet", (MAPBOX, SLD, HTML), style),
        Endpoint("/styles/{styleId}/metadata", routes.metadata, "getStyleMetadata", "Metadata of a style",
                 (JSON, HTML), style, response=_ref("styleMetadata")),
        Endpoint("/styles/{styleId}/legend", routes.legend, "getStyleLegend", "Legend of a style", (JSON, PNG),
                 (*style, LANG)),
        Endpoint("/fonts/{fontstack}/{range}.pbf", routes.glyphs, "getGlyphs", "Glyphs of 256 code points",
                 (glyphs,), (fontstack, range_), response=binary),
        Endpoint("/sprites/{sprite}.json", routes.sprite_places, "getSpritePlaces", "Places of the sprites",
                 (JSON,), sprite),
        Endpoint("/sprites/{sprite}.png", routes.sprite_image, "getSpriteImage", "Image of the sprites",
                 (PNG,), sprite, response=binary),
        Endpoint("/sprites/{pattern}.svg", routes.pattern, "getPattern", "A pattern of the styles",
                 (Format("svg", SVG),), pattern, response=binary),
    )  # fmt: skip


def _of_collection(
    routes: StyleRoutes, collection: str, prefix: str, own: tuple[Parameter, ...]
) -> tuple[Endpoint, ...]:
    base = f"/collections/{collection}/styles"
    return (
        Endpoint(base, routes.collection_styles, f"{prefix}.getStyles", "Styles of a collection", (JSON, HTML), own,
                 response=_ref("styles")),
        Endpoint(base + "/{styleId}", routes.collection_style, f"{prefix}.getStyle", "Stylesheet for one collection",
                 (MAPBOX, SLD, HTML), (*own, STYLE_ID)),
    )  # fmt: skip


def _spelled_out(gate: Gate, routes: StyleRoutes, principal: Principal) -> list[Endpoint]:
    ids = [view.collection.id for view in gate.views(principal)]
    return [*_fixed(routes), *(item for name in ids for item in _of_collection(routes, name, name, ()))]


def _ref(name: str) -> Response:
    return Response("The resource.", {"$ref": f"#/components/schemas/{name}"})


def _landing_links(links: Links) -> list[Link]:
    return [link(links.to("styles", f="json"), STYLES, JSON.media_type, "Styles")]


def _collection_links(links: Links, identifier: str) -> list[Link]:
    return [link(links.to("collections", identifier, "styles", f="json"), STYLES, JSON.media_type, "Styles")]
