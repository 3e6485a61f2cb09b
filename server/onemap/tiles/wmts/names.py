"""The identifiers of layers and matrix sets in WMTS: those of the API, and what clients of Tianditu expect."""

from __future__ import annotations

from collections.abc import Container

from onemap.tiles.matrixset import TileMatrixSet
from onemap.tiles.tilesets import TileSets

DATASET = "vec"
"""The layer of all collections, named as the vector map of Tianditu is."""
STYLE = "default"
_TIANDITU = {"TiandituCGCS2000": "c", "TiandituWebMercator": "w"}
_SETS = {short: identifier for identifier, short in _TIANDITU.items()}


def set_name(matrix_set: TileMatrixSet) -> str:
    """Return the identifier of a matrix set: ``c`` and ``w`` are the grids of Tianditu."""
    return _TIANDITU.get(matrix_set.id, matrix_set.id)


def find_set(name: str, tilesets: TileSets) -> TileMatrixSet | None:
    """Return the matrix set that a name stands for."""
    return tilesets.matrix_sets.get(_SETS.get(name, name))


def is_dataset(name: str, collections: Container[str]) -> bool:
    """Whether a layer is that of all collections; a collection of that name goes before it."""
    return name == DATASET and name not in collections


def crs_urn(matrix_set: TileMatrixSet) -> str:
    """Return the URN by which WMTS names a CRS; the axes of coordinates are in the order of the authority."""
    parts = matrix_set.crs.uri.removeprefix("http://www.opengis.net/def/crs/").split("/")
    authority, version, code = parts
    return f"urn:ogc:def:crs:{authority}:{version if version != '0' else ''}:{code}"
