"""Tile matrix sets: the grids of OGC Two Dimensional Tile Matrix Set 2.0, read from JSON documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field

from onemap.config import read_yaml, validate
from onemap.config.models import Model
from onemap.errors import ConfigError
from onemap.geo.crs import Bounds, Crs, crs_from_uri

_NORTH_FIRST = frozenset({"lat", "latitude", "n", "north", "northing"})
# A box that ends on the edge of a tile does not reach into the next one: this part of a tile is rounding
# (OGC 17-083r4, annex I).
_EDGE = 1e-6

Pair = Annotated[tuple[float, float], Field(description="Coordinates in the order of the axes.")]


class TileMatrix(Model):
    """One level: a grid of ``matrixWidth`` x ``matrixHeight`` tiles that hangs from its top left corner."""

    id: str
    scaleDenominator: float = Field(gt=0)
    cellSize: float = Field(gt=0)
    cornerOfOrigin: Literal["topLeft"] = "topLeft"
    pointOfOrigin: Pair
    tileWidth: int = Field(ge=1)
    tileHeight: int = Field(ge=1)
    matrixWidth: int = Field(ge=1)
    matrixHeight: int = Field(ge=1)


class TileMatrixSetDocument(Model):
    """The JSON document of a tile matrix set (OGC 17-083r4, clause 8.1)."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    title: str
    description: str | None = None
    uri: str | None = None
    crs: str
    orderedAxes: tuple[str, str]
    wellKnownScaleSet: str | None = None
    tileMatrices: tuple[TileMatrix, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The rows and columns of one level that hold data; both ends belong to it."""

    min_row: int
    max_row: int
    min_col: int
    max_col: int

    def holds(self, row: int, col: int) -> bool:
        """Whether a tile lies within."""
        return self.min_row <= row <= self.max_row and self.min_col <= col <= self.max_col


@dataclass(frozen=True, slots=True)
class Level:
    """A tile matrix in x, y order: its origin is the top left corner, tile sizes are in units of the CRS."""

    id: str
    origin: tuple[float, float]
    width: float
    height: float
    columns: int
    rows: int
    cell_size: float
    scale_denominator: float

    def bounds(self, row: int, col: int) -> Bounds:
        """Return the bounds of a tile, x, y of the CRS of the set; rows count downwards."""
        left, top = self.origin
        return (
            left + col * self.width,
            top - (row + 1) * self.height,
            left + (col + 1) * self.width,
            top - row * self.height,
        )

    def limits(self, extent: Bounds) -> Limits | None:
        """Return the tiles that an extent (x, y of the CRS of the set) meets; None when it misses the grid."""
        left, top = self.origin
        cols = _span((extent[0] - left) / self.width, (extent[2] - left) / self.width, self.columns)
        rows = _span((top - extent[3]) / self.height, (top - extent[1]) / self.height, self.rows)
        return Limits(*rows, *cols) if rows and cols else None


@dataclass(frozen=True, slots=True)
class TileMatrixSet:
    """A tile matrix set: its CRS, its levels by identifier, and the document it was read from.

    ``same_as``: the set whose grid this one only numbers in another way; the levels are then those of that set, under
    the identifiers of this one.
    """

    id: str
    title: str
    uri: str | None
    crs: Crs
    levels: Mapping[str, Level]
    document: Mapping[str, Any] = field(repr=False, compare=False)
    same_as: TileMatrixSet | None = field(default=None, repr=False)


def load_matrix_sets(folder: Path) -> Mapping[str, TileMatrixSet]:
    """Return the tile matrix sets of the JSON documents in a folder, by id.

    Raises ConfigError naming the file and the key that is wrong.
    """
    sets = [_read(path) for path in sorted(folder.glob("*.json"))]
    return MappingProxyType({item.id: item for item in sets})


def _read(path: Path) -> TileMatrixSet:
    return made_of(validate(TileMatrixSetDocument, read_yaml(path), path), str(path))


def made_of(document: TileMatrixSetDocument, origin: str) -> TileMatrixSet:
    """Return the tile matrix set of a document. Raises ConfigError, naming its ``origin``, for contradicting axes."""
    crs = crs_from_uri(document.crs)
    north_first = document.orderedAxes[0].lower() in _NORTH_FIRST
    if north_first != crs.swapped:
        raise ConfigError(
            f"{origin}: orderedAxes {list(document.orderedAxes)} contradict the axis order of {document.crs}.",
            "Write pointOfOrigin and orderedAxes in the order of the authority.",
        )
    levels = {item.id: _level(item, north_first) for item in document.tileMatrices}
    data = document.model_dump(exclude_none=True)
    return TileMatrixSet(document.id, document.title, document.uri, crs, MappingProxyType(levels), data)


def _level(matrix: TileMatrix, north_first: bool) -> Level:
    first, second = matrix.pointOfOrigin
    return Level(
        id=matrix.id,
        origin=(second, first) if north_first else (first, second),
        width=matrix.cellSize * matrix.tileWidth,
        height=matrix.cellSize * matrix.tileHeight,
        columns=matrix.matrixWidth,
        rows=matrix.matrixHeight,
        cell_size=matrix.cellSize,
        scale_denominator=matrix.scaleDenominator,
    )


def _span(low: float, high: float, count: int) -> tuple[int, int] | None:
    """Return the first and last tile between two positions counted in tiles; None outside the grid."""
    if not (high >= 0 and low <= count):
        return None
    first = min(max(math.floor(low + _EDGE), 0), count - 1)
    last = min(max(math.ceil(high - _EDGE) - 1, first), count - 1)
    return first, last
