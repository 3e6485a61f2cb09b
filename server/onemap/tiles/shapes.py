"""From stored geometries to simple shapes on the integer grid of a tile: clip, simplify, snap, keep valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException

from onemap.geo.crs import Array, Bounds
from onemap.tiles.commands import LINE, POINT, POLYGON, Shapes
from onemap.tiles.mvt import EXTENT

Geometries = NDArray[np.object_]
Owners = NDArray[np.int64]

BUFFER = 64
WINDOW: Bounds = (-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
_COLLECTIONS = (4, 5, 6, 7)
_KINDS = {POINT: (0,), LINE: (1, 2), POLYGON: (3,)}
_TRIM_FROM = 500


@dataclass(frozen=True, slots=True)
class Plane:
    """How the stored plane lies under a tile.

    ``to_grid`` turns stored x, y (shape n, 2) into tile coordinates, 0 to 4096 from the top left corner;
    ``bounds`` holds the tile and its buffer in stored x, y; ``tolerance`` is in tile units.
    """

    to_grid: Callable[[Array], Array]
    bounds: Bounds
    tolerance: float = 0.0


def make_shapes(geometries: Geometries, plane: Plane) -> list[Shapes]:
    """Return the shapes of the features within the tile and its buffer, by kind of geometry.

    Polygons are valid after snapping; what has no extent left on the grid is dropped.
    """
    parts, owners = explode(geometries)
    types = shapely.get_type_id(parts)
    made = []
    for kind, members in _KINDS.items():
        chosen = np.isin(types, members)
        if chosen.any():
            shapes = _MAKERS[kind](parts[chosen], owners[chosen], plane)
            made.append(Shapes(kind, *shapes))
    return made


def explode(geometries: Geometries) -> tuple[Geometries, Owners]:
    """Return the simple, non-empty parts of geometries and collections of any depth, and where each comes from."""
    owners = np.flatnonzero(~(shapely.is_missing(geometries) | shapely.is_empty(geometries)))
    parts = geometries[owners]
    while np.isin(shapely.get_type_id(parts), _COLLECTIONS).any():
        parts, index = shapely.get_parts(parts, return_index=True)
        owners = owners[index]
    kept = ~shapely.is_empty(parts)
    return parts[kept], owners[kept]


def _points(parts: Geometries, owners: Owners, plane: Plane) -> tuple[Geometries, Owners]:
    xy = plane.to_grid(shapely.get_coordinates(parts))
    low, high = np.array(WINDOW[:2]), np.array(WINDOW[2:])
    with np.errstate(invalid="ignore"):
        inside = ((xy >= low) & (xy <= high)).all(axis=1)
    return shapely.points(np.rint(xy[inside])), owners[inside]


def clip_lines(parts: Geometries, owners: Owners, plane: Plane) -> tuple[Geometries, Owners]:
    """Return what of the lines lies in the window, on the grid, and whose it is."""
    moved, index = _move(_trim(parts, plane.bounds), plane)
    clipped, at = explode(_clip(moved, WINDOW))
    if plane.tolerance:
        clipped = shapely.simplify(clipped, plane.tolerance, preserve_topology=False)
    snapped = _snap(clipped)
    kept = shapely.length(snapped) > 0
    return snapped[kept], owners[index[at[kept]]]


def clip_polygons(parts: Geometries, owners: Owners, plane: Plane) -> tuple[Geometries, Owners]:
    """Return what of the polygons lies in the window, on the grid and valid there, and whose it is."""
    moved, index = _move(_trim(parts, plane.bounds), plane)
    clipped, at = explode(_clip(moved, WINDOW))
    polygonal = shapely.get_type_id(clipped) == 3
    clipped, at = clipped[polygonal], at[polygonal]
    simple = shapely.simplify(clipped, plane.tolerance, preserve_topology=False) if plane.tolerance else clipped
    snapped = _snap(simple)
    sound = shapely.is_valid(snapped) & ~shapely.is_empty(snapped) & (shapely.get_type_id(snapped) == 3)
    if sound.all():
        return apart(snapped, owners[index[at]])
    origins = index[at[~sound]]
    mended, place = _mend(clipped[~sound], lambda n: _whole(parts[origins[n]], plane))
    every = np.concatenate([snapped[sound], mended])
    where = np.concatenate([np.flatnonzero(sound), np.flatnonzero(~sound)[place]])
    order = np.argsort(where, kind="stable")
    return apart(every[order], owners[index[at[where[order]]]])


def apart(parts: Geometries, owners: Owners) -> tuple[Geometries, Owners]:
    """Return the polygons, those of one feature united where they overlap or share an edge since they are snapped."""
    several = np.flatnonzero(np.diff(owners) == 0)
    if not len(several):
        return parts, owners
    which = np.flatnonzero(np.isin(owners, owners[several]))
    whose, group = np.unique(owners[which], return_inverse=True)
    valid = shapely.is_valid(shapely.multipolygons(parts[which], indices=group))
    if valid.all():
        return parts, owners
    bad = np.isin(owners, whose[~valid])
    united = [shapely.union_all(parts[owners == owner], grid_size=1.0) for owner in whose[~valid].tolist()]
    mended, place = explode(np.array(united, dtype=object))
    every, origin = np.concatenate([parts[~bad], mended]), np.concatenate([owners[~bad], whose[~valid][place]])
    order = np.argsort(origin, kind="stable")
    return every[order], origin[order]


def _trim(parts: Geometries, bounds: Bounds) -> Geometries:
    """Cut long geometries to the stored bounds of the tile, so that only what is near has to be transformed."""
    long = np.flatnonzero(shapely.get_num_coordinates(parts) > _TRIM_FROM)
    if not len(long):
        return parts
    trimmed = parts.copy()
    trimmed[long] = _clip(parts[long], bounds)
    return trimmed


def _move(parts: Geometries, plane: Plane) -> tuple[Geometries, Owners]:
    """Return the parts in tile coordinates without those that leave the reach of the CRS, and their places."""
    moved = shapely.transform(parts, plane.to_grid)
    kept = np.flatnonzero(np.isfinite(shapely.bounds(moved)).all(axis=1))
    return moved[kept], kept


def _clip(parts: Geometries, window: Bounds) -> Geometries:
    boxes = shapely.bounds(parts)
    outside = np.flatnonzero((boxes[:, :2] < window[:2]).any(axis=1) | (boxes[:, 2:] > window[2:]).any(axis=1))
    if not len(outside):
        return parts
    clipped = parts.copy()
    try:
        clipped[outside] = shapely.clip_by_rect(parts[outside], *window)
    except GEOSException:
        box = shapely.box(*window)
        clipped[outside] = shapely.intersection(shapely.make_valid(parts[outside]), box)
    return clipped


def _snap(parts: Geometries) -> Geometries:
    return np.asarray(shapely.transform(parts, np.rint), dtype=object)


def _mend(parts: Geometries, whole: Callable[[int], shapely.Geometry]) -> tuple[Geometries, Owners]:
    """Return valid polygons on the grid for polygons that snapping alone made invalid, and their places.

    A polygon that was invalid before (in the store, or by clipping) is made anew from the ``whole`` stored one.
    """
    valid = np.flatnonzero(shapely.is_valid(parts))
    fixed = np.full(len(parts), None, dtype=object)
    fixed[valid] = shapely.set_precision(parts[valid], 1.0, mode="valid_output")
    for at in np.flatnonzero(~shapely.is_valid(parts)).tolist():
        fixed[at] = shapely.set_precision(whole(at), 1.0, mode="valid_output")
    pieces, place = explode(fixed)
    polygonal = shapely.area(pieces) > 0
    return pieces[polygonal], place[polygonal]


def _whole(part: shapely.Geometry, plane: Plane) -> shapely.Geometry:
    """Return the surfaces of a stored, perhaps invalid polygon within the window, in tile coordinates."""
    near = shapely.intersection(shapely.make_valid(part), shapely.box(*plane.bounds))
    moved = shapely.make_valid(shapely.transform(near, plane.to_grid))
    cut = shapely.intersection(moved, shapely.box(*WINDOW))
    return shapely.union_all([item for item in _simple(cut) if item.geom_type == "Polygon"])


def _simple(geometry: shapely.Geometry) -> Iterator[shapely.Geometry]:
    yield from explode(np.array([geometry], dtype=object))[0]


_MAKERS: dict[int, Callable[[Geometries, Owners, Plane], tuple[Geometries, Owners]]] = {
    POINT: _points,
    LINE: clip_lines,
    POLYGON: clip_polygons,
}
