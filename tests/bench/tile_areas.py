"""How much of the area that a layer covers a tile shows."""

from __future__ import annotations

import math
from pathlib import Path

import mapbox_vector_tile
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from tests.bench.measure import get

_EXTENT = 4096


def share_drawn(url: str, path: Path, level: int, row: int, col: int) -> float:
    """Return the drawn area over the covered area within a tile of WebMercatorQuad, of a table dltb in degrees.

    Of a coverage: what is drawn twice counts once.
    """
    status, body = get(url)
    if status != 200:
        raise RuntimeError(f"{url}: {status}")
    drawn = [
        shapely.geometry.shape(feature["geometry"])
        for feature in mapbox_vector_tile.decode(body, default_options={"y_coord_down": True, "geojson": True})["dltb"][
            "features"
        ]
    ]
    inside = shapely.clip_by_rect(np.array(drawn, dtype=object), 0, 0, _EXTENT, _EXTENT)
    covered = shapely.area(_features(path, level, row, col)).sum()
    return float(min(shapely.area(inside).sum(), shapely.union_all(inside, grid_size=1).area) / covered)


def _features(path: Path, level: int, row: int, col: int) -> NDArray[np.object_]:
    """Return what the features cover, in tile units."""
    side = 2.0**level
    west, east = ((at / side) * 360 - 180 for at in (col, col + 1))
    north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * at / side)))) for at in (row, row + 1))
    _, _, geometries, _ = pyogrio.raw.read(path, layer="dltb", columns=[], bbox=(west, south, east, north))

    def to_units(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        x = (lonlat[:, 0] + 180) / 360 * side - col
        y = (1 - np.arcsinh(np.tan(np.radians(lonlat[:, 1]))) / np.pi) / 2 * side - row
        return np.column_stack([x, y]) * _EXTENT

    placed = shapely.transform(shapely.from_wkb(geometries), to_units)
    return np.asarray(shapely.clip_by_rect(placed, 0, 0, _EXTENT, _EXTENT))
