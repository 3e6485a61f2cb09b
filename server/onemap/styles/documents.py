"""The documents of OGC API Styles (draft, OGC 20-009): lists and metadata."""

from __future__ import annotations

from typing import Any

from onemap.block import HTML, JSON, Call, Format
from onemap.block.links import Link, Links, link
from onemap.styles.portrayal import Layer, Portrayal
from onemap.styles.sld import MEDIA_TYPE as SLD_TYPE

MAPBOX = Format("mapbox", "application/vnd.mapbox.style+json")
SLD = Format("sld11", SLD_TYPE)
PNG = Format("png", "image/png")
STYLESHEETS = {MAPBOX: ("MapLibre (Mapbox) style", "8"), SLD: ("SLD 1.1", "1.1")}
LEGEND = "http://www.opengis.net/def/rel/ogc/1.0/legend"


def styles_document(found: list[Portrayal], default: str | None, call: Call) -> dict[str, Any]:
    """Return the list of styles (/req/core/styles-success)."""
    document: dict[str, Any] = {
        "links": call.own_links(),
        "styles": [style_item(style, call) for style in found],
    }
    return document | ({"default": default} if default else {})


def style_item(style: Portrayal, call: Call) -> dict[str, Any]:
    """Return what a list says of a style."""
    return {
        "id": style.id,
        "title": style.title.get(call.lang),
        "links": [*_stylesheets(style, call.links), *_beside(style, call.links)],
    }


def metadata(style: Portrayal, call: Call) -> dict[str, Any]:
    """Return the metadata of a style (/req/core/style-md-success)."""
    document = {
        "id": style.id,
        "title": style.title.get(call.lang),
        "description": style.description.get(call.lang),
        "keywords": list(style.keywords),
        "lineage": style.basis,
        "scope": "style",
        "stylesheets": [_stylesheet(style, item, call.links) for item in STYLESHEETS],
        "layers": [_layer(layer, call) for layer in style.layers],
        "links": [*call.own_links(), *_stylesheets(style, call.links), *_beside(style, call.links)],
    }
    return {key: value for key, value in document.items() if value not in ("", [])}


def _stylesheet(style: Portrayal, item: Format, links: Links) -> dict[str, Any]:
    title, version = STYLESHEETS[item]
    specification = {
        MAPBOX: "https://maplibre.org/maplibre-style-spec/",
        SLD: "https://www.ogc.org/standard/sld/",
    }[item]
    return {
        "title": title,
        "version": version,
        "specification": specification,
        "native": item is MAPBOX,
        "link": link(links.to("styles", style.id, f=item.name), "stylesheet", item.media_type, title),
    }


def _layer(layer: Layer, call: Call) -> dict[str, Any]:
    collection = layer.view.collection
    kind = collection.table.geometry_type.removeprefix("MULTI").lower()
    return {
        "id": collection.id,
        "description": collection.title.get(call.lang),
        "dataType": "vector",
        "geometryType": {"point": "points", "linestring": "lines", "polygon": "polygons"}.get(kind, "any"),
        "sampleData": link(
            call.links.to("collections", collection.id, "items", f="json"),
            "data",
            "application/geo+json",
            collection.title.get(call.lang),
        ),
    }


def _stylesheets(style: Portrayal, links: Links) -> list[Link]:
    return [
        link(links.to("styles", style.id, f=item.name), "stylesheet", item.media_type, title)
        for item, (title, _) in STYLESHEETS.items()
    ]


def _beside(style: Portrayal, links: Links) -> list[Link]:
    base = ("styles", style.id)
    return [
        link(links.to(*base, "metadata", f="json"), "describedby", JSON.media_type, "Metadata of the style"),
        link(links.to(*base, "legend", f="png"), LEGEND, PNG.media_type, "Legend"),
        link(links.to(*base, "legend", f="json"), LEGEND, JSON.media_type, "Legend as data"),
        link(links.to(*base, f="html"), "preview", HTML.media_type, "Map drawn with the style"),
    ]
