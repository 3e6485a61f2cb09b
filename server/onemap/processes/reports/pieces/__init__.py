"""The pieces of the layers inside the parcels, as a file: GeoPackage, zipped Shapefiles or GeoJSON."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from onemap.processes.reports.pieces.geojson import geojson_bytes
from onemap.processes.reports.pieces.geopackage import geopackage_bytes
from onemap.processes.reports.pieces.shapefile import shapefile_bytes
from onemap.processes.reports.pieces.tables import PieceTable

GEOPACKAGE = "application/geopackage+sqlite3"
SHAPEFILE = "application/zip"
SHAPEFILE_GBK = "application/zip; charset=gbk"
GEOJSON = "application/geo+json"

_WRITERS: Mapping[str, Callable[[list[PieceTable], Path], bytes]] = {
    GEOPACKAGE: geopackage_bytes,
    SHAPEFILE: lambda tables, folder: shapefile_bytes(tables, folder, "utf-8"),
    SHAPEFILE_GBK: lambda tables, folder: shapefile_bytes(tables, folder, "gbk"),
    GEOJSON: lambda tables, folder: geojson_bytes(tables),
}


def write_pieces(tables: list[PieceTable], media_type: str, scratch: Path | None) -> bytes:
    """Return the pieces and the parcels as a file of this type; ``scratch``: the folder of temporary files."""
    with tempfile.TemporaryDirectory(prefix="onemap-", dir=scratch) as folder:
        return _WRITERS[media_type](tables, Path(folder))
