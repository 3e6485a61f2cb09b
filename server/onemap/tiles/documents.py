"""The documents of tile matrix sets and tilesets (OGC 17-083r4) and TileJSON 3.0."""

from __future__ import annotations

from typing import Any

from onemap.block import JSON, Call
from onemap.block.links import Link, Links, link
from onemap.catalog import type_schema
from onemap.geo.crs import CRS84_URI, Bounds, outward
from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.tilesets import TileSet

TILING_SCHEME = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"
TILESETS_VECTOR = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"
GEODATA = "http://www.opengis.net/def/rel/ogc/1.0/geodata"
WEB_MERCATOR_QUAD = "WebMercatorQuad"
# Clients stretch tiles beyond this level; a tile unit is 4 cm there.
_TILEJSON_LEVELS = 18
_DIMENSIONS = {"POINT": 0, "LINESTRING": 1, "POLYGON": 2}
_TILEJSON_TYPES = {"integer": "Number", "number": "Number", "boolean": "Boolean"}


def matrix_set_uri(matrix_set: TileMatrixSet, links: Links) -> str:
    """Return the registered URI, or for a set of this server its address here."""
    return matrix_set.uri or links.to("tileMatrixSets", matrix_set.id)


def matrix_set_document(matrix_set: TileMatrixSet, links: Links) -> dict[str, Any]:
    """Return the definition of a tile matrix set; origins are in the order of its axes."""
    return {**matrix_set.document, "uri": matrix_set_uri(matrix_set, links)}


def matrix_set_item(matrix_set: TileMatrixSet, links: Links) -> dict[str, Any]:
    """Return what the list says of a tile matrix set."""
    href = links.to("tileMatrixSets", matrix_set.id, f="json")
    return {
        "id": matrix_set.id,
        "title": matrix_set.title,
        "uri": matrix_set_uri(matrix_set, links),
        "crs": matrix_set.crs.uri,
        "links": [link(href, "self", JSON.media_type, matrix_set.title)],
    }


def tileset_item(tileset: TileSet, call: Call) -> dict[str, Any]:
    """Return what the list says of a tileset (/req/tilesets-list/tileset-links): all that a map needs to draw it."""
    return _essentials(tileset, call) | {"links": [_self(tileset, call.links), *_tile_links(tileset, call.links)]}


def tileset_document(tileset: TileSet, call: Call) -> dict[str, Any]:
    """Return the metadata of a tileset (/req/tileset/description); boxes are in CRS84, longitude first."""
    collection, lang = tileset.view.collection, call.lang
    geodata = call.links.to("collections", collection.id, f="json")
    document = _essentials(tileset, call) | {
        "description": collection.description.get(lang),
        "keywords": list(collection.keywords),
        "attribution": collection.attribution,
        "layers": [_layer(tileset, lang)],
        "links": [
            *call.own_links(),
            *_tile_links(tileset, call.links),
            *_tilejson_link(tileset, call.links),
            link(geodata, GEODATA, JSON.media_type, collection.title.get(lang)),
        ],
    }
    if tileset.box:
        document["boundingBox"] = _bounding_box(tileset.box)
        document["centerPoint"] = _center_point(tileset, tileset.box)
    return {key: value for key, value in document.items() if value not in ("", [])}


def tilejson(tileset: TileSet, links: Links, lang: str) -> dict[str, Any]:
    """Return TileJSON 3.0 for a tileset on WebMercatorQuad; its y is the tile row, counted from the north."""
    collection = tileset.view.collection
    base = ("collections", collection.id, "tiles", tileset.matrix_set.id)
    levels = [int(level) for level in tileset.limits] or [0]
    low, high = levels[0], max(levels[0], min(levels[-1], _TILEJSON_LEVELS))
    fields = {field.name: _TILEJSON_TYPES.get(field.type, "String") for field in tileset.view.columns}
    title = collection.title.get(lang)
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "name": title,
        "description": collection.description.get(lang),
        "attribution": collection.attribution,
        "scheme": "xyz",
        "tiles": [links.to(*base, "{z}", "{y}", "{x}")],
        "minzoom": low,
        "maxzoom": high,
        "vector_layers": [
            {"id": collection.id, "description": title, "minzoom": low, "maxzoom": high, "fields": fields}
        ],
    }
    if tileset.box:
        box = outward(tileset.box)
        document["bounds"] = box
        document["center"] = [*_middle(tileset.box), min(low + 2, high)]
    return {key: value for key, value in document.items() if value != ""}


def _essentials(tileset: TileSet, call: Call) -> dict[str, Any]:
    matrix_set = tileset.matrix_set
    return {
        "title": f"{tileset.view.collection.title.get(call.lang)} ({matrix_set.id})",
        "dataType": "vector",
        "crs": matrix_set.crs.uri,
        "tileMatrixSetId": matrix_set.id,
        "tileMatrixSetURI": matrix_set_uri(matrix_set, call.links),
        "mediaTypes": [MEDIA_TYPE],
        "tileMatrixSetLimits": _limits(tileset),
    }


def _limits(tileset: TileSet) -> list[dict[str, Any]]:
    return [
        {
            "tileMatrix": level,
            "minTileRow": limits.min_row,
            "maxTileRow": limits.max_row,
            "minTileCol": limits.min_col,
            "maxTileCol": limits.max_col,
        }
        for level, limits in tileset.limits.items()
    ]


def _layer(tileset: TileSet, lang: str) -> dict[str, Any]:
    collection = tileset.view.collection
    properties = {field.name: type_schema(field, lang) for field in tileset.view.columns}
    layer: dict[str, Any] = {
        "id": collection.id,
        "title": collection.title.get(lang),
        "dataType": "vector",
        "crs": tileset.matrix_set.crs.uri,
        "propertiesSchema": {"type": "object", "properties": properties},
    }
    dimension = _DIMENSIONS.get(collection.table.geometry_type.removeprefix("MULTI"))
    if dimension is not None:
        layer["geometryDimension"] = dimension
    if tileset.limits:
        levels = list(tileset.limits)
        layer |= {"minTileMatrix": levels[0], "maxTileMatrix": levels[-1]}
    if tileset.box:
        layer["boundingBox"] = _bounding_box(tileset.box)
    return layer


def _self(tileset: TileSet, links: Links) -> Link:
    base = ("collections", tileset.view.collection.id, "tiles", tileset.matrix_set.id)
    return link(links.to(*base, f="json"), "self", JSON.media_type, "The tileset")


def _tile_links(tileset: TileSet, links: Links) -> list[Link]:
    matrix_set = tileset.matrix_set
    base = ("collections", tileset.view.collection.id, "tiles", matrix_set.id)
    template = links.to(*base, "{tileMatrix}", "{tileRow}", "{tileCol}", f="mvt")
    definition = links.to("tileMatrixSets", matrix_set.id, f="json")
    return [
        link(template, "item", MEDIA_TYPE, "Vector tiles", templated=True),
        link(definition, TILING_SCHEME, JSON.media_type, matrix_set.title),
    ]


def _tilejson_link(tileset: TileSet, links: Links) -> list[Link]:
    if tileset.matrix_set.id != WEB_MERCATOR_QUAD:
        return []
    href = links.to("collections", tileset.view.collection.id, "tiles", WEB_MERCATOR_QUAD, "tilejson.json")
    return [link(href, "alternate", JSON.media_type, "TileJSON")]


def _bounding_box(box: Bounds) -> dict[str, Any]:
    west, south, east, north = outward(box)
    return {"lowerLeft": [west, south], "upperRight": [east, north], "crs": CRS84_URI, "orderedAxes": ["Lon", "Lat"]}


def _center_point(tileset: TileSet, box: Bounds) -> dict[str, Any]:
    point: dict[str, Any] = {"coordinates": _middle(box), "crs": CRS84_URI}
    levels = list(tileset.limits)
    return point | ({"tileMatrix": levels[min(2, len(levels) - 1)]} if levels else {})


def _middle(box: Bounds) -> list[float]:
    return [round((box[0] + box[2]) / 2, 7), round((box[1] + box[3]) / 2, 7)]
