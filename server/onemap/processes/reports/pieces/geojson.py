"""Pieces as one GeoJSON feature collection in longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from onemap.geo.crs import CRS84
from onemap.geo.geojson import geojson
from onemap.processes.reports.pieces.tables import PieceTable

_LAYER = "layer"


def geojson_bytes(tables: list[PieceTable]) -> bytes:
    """Return the collection; the member ``layer`` of the properties names the table."""
    features = [feature for table in tables for feature in _features(table)]
    return orjson.dumps({"type": "FeatureCollection", "features": features}, option=orjson.OPT_SERIALIZE_NUMPY)


def _features(table: PieceTable) -> Iterator[dict[str, Any]]:
    geometries = geojson(table.geometries, table.crs, CRS84)
    for at, geometry in enumerate(geometries):
        own = {name: values[at] for name, values in table.columns.items() if name != _LAYER}
        yield {"type": "Feature", "geometry": geometry, "properties": {_LAYER: table.name, **own}}
