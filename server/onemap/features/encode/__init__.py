"""Encodings of features: one module for each format, one table of them.

A writer takes batches of features and a ``Context`` and yields the bytes of a document or file. JSON and CSV
have coordinates in the axis order of the authority of the CRS asked for (CRS84 when none is); GeoPackage,
Shapefile, FlatGeobuf and GeoParquet have x, y (easting, northing or longitude, latitude), as they demand.
"""

from onemap.features.encode.context import Context, timestamp
from onemap.features.encode.geojson import features
from onemap.features.encode.options import PARAMETERS, Options, parse_options
from onemap.features.encode.table import BY_NAME, DOWNLOADS, ENCODINGS, JSONFG, PAGES, Encoding

__all__ = [
    "BY_NAME",
    "DOWNLOADS",
    "ENCODINGS",
    "JSONFG",
    "PAGES",
    "PARAMETERS",
    "Context",
    "Encoding",
    "Options",
    "features",
    "parse_options",
    "timestamp",
]
