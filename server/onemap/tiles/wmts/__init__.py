"""A WMTS 1.0.0 (OGC 07-057r7) facade over the vector tiles: KVP and RESTful, with the identifiers of Tianditu."""

from onemap.tiles.wmts.app import PATTERN, XML, WmtsApp
from onemap.tiles.wmts.params import CAPABILITIES, VERSION

__all__ = ["CAPABILITIES", "PATTERN", "VERSION", "XML", "WmtsApp"]
