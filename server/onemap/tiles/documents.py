"""The documents of tile matrix sets and tilesets (OGC 17-083r4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onemap.block import HTML, JSON, Call
from onemap.block.links import Link, Links, link
from onemap.catalog import type_schema
from onemap.geo.crs import CRS84_URI, Bounds, outward
from onemap.store.tiling import GeneralisedTable
from onemap.tiles.generalised import statements
from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.origin import Origin
from onemap.tiles.tilesets import Part, TileSet

_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
TILING_SCHEME = _REL + "tiling-scheme"
TILESETS_VECTOR = _REL + "tilesets-vector"
GEODATA = _REL + "geodata"
DATASET = _REL + "dataset"
WEB_MERCATOR_QUAD = "WebMercatorQuad"
TILEJSON = "tilejson.json"
_LABELS = (
    ("label points", "One point for each feature that is at least 1/64 of a tile in size, for its name."),
    ("注记点", "不小于瓦片 1/64 的要素各有一个点，用于标注名称。"),
)
_DIMENSIONS = {"POINT": 0, "LINESTRING": 1, "POLYGON": 2}


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


def has_tilejson(matrix_set: TileMatrixSet) -> bool:
    """Whether TileJSON can describe the grid: it knows that of WebMercatorQuad only."""
    return WEB_MERCATOR_QUAD in (matrix_set.id, matrix_set.same_as.id if matrix_set.same_as else "")


def tileset_item(tileset: TileSet, origin: Origin, call: Call) -> dict[str, Any]:
    """Return what the list says of a tileset (/req/tilesets-list/tileset-links): all that a map needs to draw it."""
    own = link(call.links.to(*origin.base, tileset.matrix_set.id, f="json"), "self", JSON.media_type, "The tileset")
    return _essentials(tileset, origin, call) | {"links": [own, *_tile_links(tileset, origin, call)]}


def tileset_document(
    tileset: TileSet, origin: Origin, call: Call, most: int, kept: Mapping[str, Sequence[GeneralisedTable]]
) -> dict[str, Any]:
    """Return the metadata of a tileset (/req/tileset/description); boxes are in CRS84, longitude first.

    The query of the call, which selects collections or features, is that of the tiles. ``most``: features in a layer;
    ``kept``: the tables of generalised features of each collection.
    """
    document = _essentials(tileset, origin, call) | {
        "description": origin.description,
        "keywords": list(origin.keywords),
        "attribution": origin.attribution,
        "layers": [
            item
            for part in tileset.parts
            for item in _with_labels(part, _layer(part, tileset.matrix_set, call, most, kept), call.lang)
        ],
        "links": [
            *_own_links(call),
            *_tile_links(tileset, origin, call),
            *_tilejson_link(tileset, origin, call),
            _source_link(origin, call.links),
        ],
    }
    if tileset.box:
        document["boundingBox"] = _bounding_box(tileset.box)
        document["centerPoint"] = _center_point(tileset, tileset.box)
    return {key: value for key, value in document.items() if value not in ("", [])}


def _essentials(tileset: TileSet, origin: Origin, call: Call) -> dict[str, Any]:
    matrix_set = tileset.matrix_set
    return {
        "title": f"{origin.title} ({matrix_set.id})",
        "dataType": "vector",
        "crs": matrix_set.crs.uri,
        "tileMatrixSetId": matrix_set.id,
        "tileMatrixSetURI": matrix_set_uri(matrix_set, call.links),
        "mediaTypes": [MEDIA_TYPE],
        "tileMatrixSetLimits": limits_of(tileset),
    }


def limits_of(tileset: TileSet) -> list[dict[str, Any]]:
    """Return the limits of the levels that there are."""
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


def _layer(
    part: Part, matrix_set: TileMatrixSet, call: Call, most: int, kept: Mapping[str, Sequence[GeneralisedTable]]
) -> dict[str, Any]:
    """Return the description of a layer (17-083r4, table 17); ``generalisation`` is an addition of this server."""
    collection, lang = part.view.collection, call.lang
    geodata = call.links.to("collections", collection.id, f="json")
    layer: dict[str, Any] = {
        "id": collection.id,
        "title": collection.title.get(lang),
        "description": collection.description.get(lang),
        "attribution": collection.attribution,
        "dataType": "vector",
        "crs": matrix_set.crs.uri,
        "propertiesSchema": {
            "type": "object",
            "properties": {field.name: type_schema(field, lang) for field in part.view.columns},
        },
        "links": [link(geodata, GEODATA, JSON.media_type, collection.title.get(lang))],
    }
    dimension = _DIMENSIONS.get(collection.table.geometry_type.removeprefix("MULTI"))
    if dimension is not None:
        layer["geometryDimension"] = dimension
    if part.limits:
        said = statements(part, matrix_set, most, lang, kept.get(collection.id, ()))
        layer |= _levels(part, matrix_set) | {"generalisation": said}
    if part.box:
        layer["boundingBox"] = _bounding_box(part.box)
    return {key: value for key, value in layer.items() if value != ""}


def _with_labels(part: Part, layer: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """Return the layer of a collection, and that of its label points where it has one."""
    if not part.view.collection.tiles.labels:
        return [layer]
    points = {key: value for key, value in layer.items() if key != "generalisation"}
    title, text = _LABELS[lang == "zh"]
    told = {"id": part.view.collection.label_layer, "title": f"{layer['title']} ({title})", "description": text}
    return [layer, points | told | {"geometryDimension": 0}]


def _levels(part: Part, matrix_set: TileMatrixSet) -> dict[str, Any]:
    names = list(part.limits)
    coarsest, finest = matrix_set.levels[names[0]], matrix_set.levels[names[-1]]
    return {
        "minTileMatrix": names[0],
        "maxTileMatrix": names[-1],
        "minScaleDenominator": finest.scale_denominator,
        "maxScaleDenominator": coarsest.scale_denominator,
        "minCellSize": finest.cell_size,
        "maxCellSize": coarsest.cell_size,
    }


def _own_links(call: Call) -> list[Link]:
    """Return the links of a document to itself, with its query."""
    rels = ("alternate", "self") if call.format is HTML else ("self", "alternate")
    pairs = zip((JSON, HTML), rels, strict=True)
    return [
        link(call.links.self(call.query, f=made.name), rel, made.media_type, f"This document as {made.name.upper()}")
        for made, rel in pairs
    ]


def tile_template(origin: Origin, matrix_set: str, call: Call, *names: str) -> str:
    """Return the address of tiles with these names of level, row and column, and with the query of the call."""
    variables = (f"{{{name}}}" for name in names)
    return call.links.to(*origin.base, matrix_set, *variables, f="mvt", **call.query)


def _tile_links(tileset: TileSet, origin: Origin, call: Call) -> list[Link]:
    matrix_set = tileset.matrix_set
    template = tile_template(origin, matrix_set.id, call, "tileMatrix", "tileRow", "tileCol")
    definition = call.links.to("tileMatrixSets", matrix_set.id, f="json")
    return [
        link(template, "item", MEDIA_TYPE, "Vector tiles", templated=True),
        link(definition, TILING_SCHEME, JSON.media_type, matrix_set.title),
    ]


def _tilejson_link(tileset: TileSet, origin: Origin, call: Call) -> list[Link]:
    if not has_tilejson(tileset.matrix_set):
        return []
    href = call.links.to(*origin.base, tileset.matrix_set.id, TILEJSON, **call.query)
    return [link(href, "alternate", JSON.media_type, "TileJSON")]


def _source_link(origin: Origin, links: Links) -> Link:
    if origin.collection is None:
        return link(links.to(), DATASET, JSON.media_type, origin.title)
    return link(links.to("collections", origin.collection.id, f="json"), GEODATA, JSON.media_type, origin.title)


def _bounding_box(box: Bounds) -> dict[str, Any]:
    west, south, east, north = outward(box)
    return {"lowerLeft": [west, south], "upperRight": [east, north], "crs": CRS84_URI, "orderedAxes": ["Lon", "Lat"]}


def _center_point(tileset: TileSet, box: Bounds) -> dict[str, Any]:
    point: dict[str, Any] = {"coordinates": middle(box), "crs": CRS84_URI}
    levels = list(tileset.limits)
    return point | ({"tileMatrix": levels[min(2, len(levels) - 1)]} if levels else {})


def middle(box: Bounds) -> list[float]:
    """Return the middle of a box, to 1 cm."""
    return [round((box[0] + box[2]) / 2, 7), round((box[1] + box[3]) / 2, 7)]
