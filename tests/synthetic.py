"""Polygon coverages and projects made from a seed, for the tests and measurements of the overlay."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[Any]

ORIGINS = {4526: (38_420_000.0, 3_300_000.0, 1.0), 4490: (113.2, 29.8, 1e-5), 4547: (430_000.0, 3_300_000.0, 1.0)}
"""Per EPSG code: lower corner x, y, and the units in a metre, about."""


def coverage(count: int, seed: int, srid: int = 4526, side: float = 20_000.0) -> Geometries:
    """Return ``count`` polygons that fill a square of ``side`` metres and share their crooked edges exactly."""
    rng = np.random.default_rng(seed)
    square = shapely.box(0, 0, side, side)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(rng.uniform(0, side, (count, 2))), extend_to=square)
    )
    cells = shapely.intersection(cells, square)
    x, y, unit = ORIGINS[srid]
    placed = shapely.transform(_crooked(cells), lambda xy: np.round(xy * unit + [x, y], 4 if unit == 1 else 10))
    assert shapely.is_valid(placed).all()
    return np.asarray(placed)


def _crooked(polygons: Geometries, bends: int = 4) -> Geometries:
    """Bend each edge at ``bends`` points, the same way seen from both of its sides."""
    xy, ring = shapely.get_coordinates(polygons, return_index=True)
    inner = ring[1:] == ring[:-1]
    start, end, owner = xy[:-1][inner], xy[1:][inner], ring[:-1][inner]
    turned = ((start > end) * [2, 1]).sum(axis=1) >= 2
    low, high = np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)
    steps = np.arange(bends + 1)
    place = np.where(turned[:, None], bends + 1 - steps, steps)  # counted from the lower end
    noise = np.sin(low[:, :1] * 12.9898 + high[:, :1] * 37.7 + low[:, 1:] * 78.233 + place * 11.7) * 43758.5453
    shift = np.where(steps == 0, 0, (noise % 1 - 0.5) * 0.05)
    along = high - low
    across = np.column_stack([-along[:, 1], along[:, 0]])
    bent = low[:, None] + (place / (bends + 1))[..., None] * along[:, None] + shift[..., None] * across[:, None]
    bent[:, 0] = start
    rings = shapely.linearrings(bent.reshape(-1, 2), indices=np.repeat(owner, bends + 1))
    return np.asarray(shapely.polygons(rings))


def blob(x: float, y: float, radius: float, vertices: int, seed: int) -> shapely.Polygon:
    """Return a lobed polygon with a rough outline around a centre."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    lobes = 0.15 * np.sin(5 * angle + seed) + 0.08 * np.sin(13 * angle)
    reach = radius * (1 + lobes + rng.uniform(-1, 1, vertices) * min(0.1, 2 / vertices))
    return shapely.Polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]))


def corridor(start: tuple[float, float], end: tuple[float, float], width: float) -> shapely.Polygon:
    """Return a winding strip of ``width`` between two points, all in the same units."""
    t = np.linspace(0, 1, 400)[:, None]
    along = np.subtract(end, start)
    across = np.array([-along[1], along[0]]) * 0.04
    line = shapely.LineString(start + t * along + np.sin(9 * t) * across)
    return shapely.buffer(line, width / 2)
