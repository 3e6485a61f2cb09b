"""The formats of features, one line each."""

from __future__ import annotations

from dataclasses import dataclass

from onemap.block import GEOJSON, Format
from onemap.features.encode import csv, flatgeobuf, geojson, geopackage, geoparquet, jsonfg, shapefile
from onemap.features.encode.context import Writer

# The preferred media type of JSON-FG 1.0 is that of GeoJSON; this one, of its drafts, can be negotiated beside it.
JSONFG = Format("jsonfg", "application/vnd.ogc.fg+json")
_GEOJSON = Format("geojson", GEOJSON.media_type)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A format of features.

    ``download``: a file to keep, which holds the whole result where no ``limit`` is given; otherwise a page
    with links. ``options``: the query parameters that it takes, see ``options``.
    """

    format: Format
    extension: str
    title: str
    writer: Writer
    download: bool = True
    options: tuple[str, ...] = ()


ENCODINGS = (
    Encoding(GEOJSON, "geojson", "GeoJSON", geojson.write, download=False),
    Encoding(_GEOJSON, "geojson", "GeoJSON", geojson.write, download=False),
    Encoding(JSONFG, "fg.json", "JSON-FG", jsonfg.write, download=False),
    Encoding(Format("csv", "text/csv"), "csv", "CSV", csv.write, options=("headers", "geometry")),
    Encoding(Format("gpkg", "application/geopackage+sqlite3"), "gpkg", "GeoPackage", geopackage.write),
    Encoding(Format("shp", "application/zip"), "zip", "Shapefile", shapefile.write, options=("encoding",)),
    Encoding(Format("fgb", "application/flatgeobuf"), "fgb", "FlatGeobuf", flatgeobuf.write),
    Encoding(Format("parquet", "application/vnd.apache.parquet"), "parquet", "GeoParquet", geoparquet.write),
)
PAGES = tuple(item for item in ENCODINGS if not item.download and item.format is not _GEOJSON)
DOWNLOADS = tuple(item for item in ENCODINGS if item.download)
BY_NAME = {item.format.name: item for item in ENCODINGS}
