"""The capabilities document of WMTS 1.0.0 (OGC 07-057r7, clause 7.1): layers, matrix sets, addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from onemap.block.links import Links
from onemap.config import Service
from onemap.geo.crs import outward
from onemap.tiles.documents import limits_of
from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.mvt import MEDIA_TYPE
from onemap.tiles.origin import Origin
from onemap.tiles.tilesets import TileSet
from onemap.tiles.wmts.faults import OWS, document
from onemap.tiles.wmts.names import STYLE, crs_urn, set_name
from onemap.tiles.wmts.params import CAPABILITIES, VERSION
from onemap.tiles.wmts.time import ALL, TIME

WMTS = "http://www.opengis.net/wmts/1.0"
_NAMESPACES = {"xmlns": WMTS, "xmlns:ows": OWS, "xmlns:xlink": "http://www.w3.org/1999/xlink"}
_WKSS = "urn:ogc:def:wkss:OGC:1.0:"
LANGUAGE_TAGS = {"zh": "zh-Hans", "en": "en"}
_LIMITS = ("TileMatrix", "MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol")


@dataclass(frozen=True, slots=True)
class WmtsLayer:
    """A layer: its identifier, its texts, its tilesets, of which there is at least one, and the years of its times."""

    identifier: str
    origin: Origin
    tilesets: Sequence[TileSet]
    years: Sequence[int] = ()


def capabilities(layers: Sequence[WmtsLayer], service: Service, links: Links, lang: str) -> bytes:
    """Return the document. Corners are in the axis order of each CRS, boxes of layers in longitude, latitude."""
    root = Element("Capabilities", {**_NAMESPACES, "version": VERSION})
    identification = SubElement(root, "ows:ServiceIdentification")
    # In the language asked for first: clients read the first.
    languages = sorted(LANGUAGE_TAGS, key=lambda language: language != lang)
    for name, text in (("ows:Title", service.title), ("ows:Abstract", service.description)):
        for language in languages:
            _text(identification, name, text.get(language), LANGUAGE_TAGS[language])
    _text(identification, "ows:ServiceType", "OGC WMTS")
    _text(identification, "ows:ServiceTypeVersion", VERSION)
    _operations(root, links)
    contents = SubElement(root, "Contents")
    for layer in layers:
        _layer(contents, layer, links, LANGUAGE_TAGS[lang])
    sets = {item.matrix_set.id: item.matrix_set for layer in layers for item in layer.tilesets}
    for matrix_set in sets.values():
        _matrix_set(contents, matrix_set)
    SubElement(root, "ServiceMetadataURL", {"xlink:href": links.to("wmts", VERSION, CAPABILITIES)})
    return document(root)


def tile_address(links: Links, layer: str, *, timed: bool = False) -> str:
    """Return the RESTful address of the tiles of a layer; ``timed``: with the variable of its times."""
    time = (f"{{{TIME}}}",) if timed else ()
    variables = (*time, "{TileMatrixSet}", "{TileMatrix}", "{TileRow}", "{TileCol}.mvt")
    return links.to("wmts", VERSION, layer, STYLE, *variables)


def _operations(root: Element, links: Links) -> None:
    metadata = SubElement(root, "ows:OperationsMetadata")
    addresses = {"KVP": links.to("wmts") + "?", "RESTful": links.to("wmts", VERSION) + "/"}
    for name in ("GetCapabilities", "GetTile"):
        http = SubElement(SubElement(SubElement(metadata, "ows:Operation", name=name), "ows:DCP"), "ows:HTTP")
        for encoding, address in addresses.items():
            whole = name == "GetCapabilities" and encoding == "RESTful"
            get = SubElement(http, "ows:Get", {"xlink:href": address + CAPABILITIES if whole else address})
            constraint = SubElement(get, "ows:Constraint", name="GetEncoding")
            _text(SubElement(constraint, "ows:AllowedValues"), "ows:Value", encoding)


def _layer(contents: Element, layer: WmtsLayer, links: Links, language: str) -> None:
    made = SubElement(contents, "Layer")
    _text(made, "ows:Title", layer.origin.title, language)
    _text(made, "ows:Abstract", layer.origin.description, language)
    box = next((item.box for item in layer.tilesets if item.box), None)
    if box:
        west, south, east, north = outward(box)
        around = SubElement(made, "ows:WGS84BoundingBox")
        _text(around, "ows:LowerCorner", f"{west} {south}")
        _text(around, "ows:UpperCorner", f"{east} {north}")
    _text(made, "ows:Identifier", layer.identifier)
    style = SubElement(made, "Style", isDefault="true")
    _text(style, "ows:Identifier", STYLE)
    _text(made, "Format", MEDIA_TYPE)
    if layer.years:
        _time(made, layer.years)
    for tileset in layer.tilesets:
        _link(made, tileset)
    template = tile_address(links, layer.identifier, timed=bool(layer.years))
    address = {"format": MEDIA_TYPE, "resourceType": "tile", "template": template}
    SubElement(made, "ResourceURL", address)


def _time(layer: Element, years: Sequence[int]) -> None:
    dimension = SubElement(layer, "Dimension")
    _text(dimension, "ows:Identifier", TIME)
    _text(dimension, "ows:UOM", "ISO8601")
    _text(dimension, "Default", ALL)
    for value in (ALL, *map(str, years)):
        _text(dimension, "Value", value)


def _link(layer: Element, tileset: TileSet) -> None:
    """Add the link of a layer to a matrix set, with the limits of its tiles."""
    link = SubElement(layer, "TileMatrixSetLink")
    _text(link, "TileMatrixSet", set_name(tileset.matrix_set))
    every = SubElement(link, "TileMatrixSetLimits")
    for limits in limits_of(tileset):
        each = SubElement(every, "TileMatrixLimits")
        for name in _LIMITS:
            _text(each, name, str(limits[name[0].lower() + name[1:]]))


def _matrix_set(contents: Element, matrix_set: TileMatrixSet) -> None:
    made = SubElement(contents, "TileMatrixSet")
    _text(made, "ows:Title", matrix_set.title)
    _text(made, "ows:Identifier", set_name(matrix_set))
    _text(made, "ows:SupportedCRS", crs_urn(matrix_set))
    if scales := matrix_set.document.get("wellKnownScaleSet"):
        _text(made, "WellKnownScaleSet", _WKSS + scales.split("/")[-1])
    for matrix in matrix_set.document["tileMatrices"]:
        _matrix(made, matrix)


def _matrix(matrix_set: Element, matrix: Mapping[str, Any]) -> None:
    made = SubElement(matrix_set, "TileMatrix")
    _text(made, "ows:Identifier", str(matrix["id"]))
    _text(made, "ScaleDenominator", repr(matrix["scaleDenominator"]))
    first, second = matrix["pointOfOrigin"]
    _text(made, "TopLeftCorner", f"{first!r} {second!r}")
    for name in ("TileWidth", "TileHeight", "MatrixWidth", "MatrixHeight"):
        _text(made, name, str(matrix[name[0].lower() + name[1:]]))


def _text(parent: Element, name: str, text: str, language: str = "") -> None:
    if text:
        SubElement(parent, name, {"xml:lang": language} if language else {}).text = text
