"""The overlay kernel: which features of a layer a project touches, and how much of each.

Most features of a large project are inside it and never leave the file: their boxes are, and their areas are stored.
Only those on its boundary are read and cut, each with the few small pieces of the project that its box meets.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.cover import Boxes, Cover, Mask
from onemap.geo.crs import Bounds
from onemap.geo.pieces import PieceMemory, pieces_near
from onemap.geo.subdivide import subdivide

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Geometries = NDArray[Any]

PIECE_VERTICES = 64
HUGE_VERTICES = 512
HUGE_PIECE_VERTICES = 256
NOISE_AREA = 0.01
"""Square metres below which the exact predicate decides whether a cut feature is touched at all."""
_PROBES = (0.0, 0.5, 0.25, 0.75)
"""Which vertices of a feature are looked at first, as shares of the way around it."""


class OverlaySource(Protocol):
    """A polygon layer as the kernel reads it. Ids are unique; coordinates are x, y of the storage CRS."""

    @property
    def srid(self) -> int:
        """The EPSG code of the coordinates."""
        ...

    @property
    def memory(self) -> PieceMemory:
        """Where the pieces of huge features of the layer are remembered."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Keep one state of the layer for all reads in the block; may be nested."""
        ...

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return ids, shape (n,), and boxes (minx, miny, maxx, maxy), shape (n, 4), of features meeting ``bounds``.

        Boxes may be larger than the features, never smaller. ``meets`` tells of any boxes, shape (m, 4), which are
        of interest: features or whole index nodes for which it is False may be left out.
        """
        ...

    def areas(self, ids: Ids) -> Floats:
        """Return the area in m2 of each whole feature, by the measure of ``srid``, in the order of the ids."""
        ...

    def geometries(self, ids: Ids) -> Geometries:
        """Return the geometry of each feature, None where it has none, in the order of the ids."""
        ...


@dataclass(frozen=True, slots=True)
class Overlay:
    """The features that share area with a project, in ascending order of their ids.

    ``areas``: shared area in m2, > 0; ``whole``: the feature is inside the project as a whole; ``pieces``: the shared
    part of each, polygons or multipolygons, when asked for; ``repaired``: ids of features cut by the boundary that were
    invalid and counted as repaired.
    """

    ids: Ids
    areas: Floats
    whole: Mask
    pieces: Geometries | None = None
    repaired: Ids = field(default_factory=lambda: np.empty(0, np.int64))


def overlay(project: shapely.Geometry, source: OverlaySource, *, pieces: bool = False) -> Overlay:
    """Overlay a layer with a project: a valid polygon or multipolygon in x, y of the layer's storage CRS.

    Areas are ellipsoidal and additive: over a coverage they sum to the area of the project. Raises ConfigError when
    no area is defined for the layer's CRS, ValueError when the project is not polygonal or lies outside what the
    definition covers.
    """
    measure = measure_for(source.srid)
    if shapely.get_dimensions(project) != 2:
        raise ValueError("the project is not a polygon")
    if not measure.covers(project.bounds):
        raise ValueError("the project lies outside the area in which the layer's coordinate system can be used")
    if shapely.is_empty(project):
        return _result([], pieces, _Batch(np.empty(0, np.int64), np.empty(0, dtype=object)))
    cover = Cover(project)
    with source.snapshot():
        ids, boxes = source.candidates(project.bounds, cover.meets)
        kept = cover.meets(boxes)
        ids, boxes = ids[kept], boxes[kept]
        inside = cover.holds(boxes)
        tree = shapely.STRtree(subdivide(project, PIECE_VERTICES))
        edge = _touched(project, ids[~inside][_near(tree, boxes[~inside])], source)
        covered = _covered(project, edge.geometries)
        whole = np.concatenate([ids[inside], edge.ids[covered]])
        areas = source.areas(whole)
        shapes = repair(source.geometries(whole)) if pieces else None
    parts = [_Part(whole, areas, shapes), _cut(project, tree, edge.select(~covered), source, pieces)]
    return _result(parts, pieces, edge)


@dataclass(frozen=True, slots=True)
class _Part:
    ids: Ids
    areas: Floats
    pieces: Geometries | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Polygonal features; ``repaired`` collects the ids of those that were invalid."""

    ids: Ids
    geometries: Geometries
    repaired: list[int] = field(default_factory=list)

    def select(self, mask: Mask) -> _Batch:
        return _Batch(self.ids[mask], self.geometries[mask], self.repaired)

    def repair(self, at: NDArray[np.intp]) -> None:
        self.geometries[at] = repair(self.geometries[at])
        self.repaired.extend(self.ids[at].tolist())


def _touched(project: shapely.Geometry, ids: Ids, source: OverlaySource) -> _Batch:
    """Read the features that the project meets; repair invalid ones, huge ones apart: see ``_small_parts``."""
    shapely.prepare(project)
    geometries = source.geometries(ids)
    met = (shapely.get_dimensions(geometries) == 2) & shapely.intersects(project, geometries)
    batch = _Batch(ids[met], geometries[met])
    small = np.flatnonzero(shapely.get_num_coordinates(batch.geometries) <= HUGE_VERTICES)
    batch.repair(small[~shapely.is_valid(batch.geometries[small])])
    return batch


def _covered(project: shapely.Geometry, features: Geometries) -> Mask:
    """Tell which features lie inside the project as wholes; a vertex outside, quickly found, tells of most others."""
    xy, count = shapely.get_coordinates(features), shapely.get_num_coordinates(features)
    first = np.cumsum(count) - count
    inside = np.ones(len(features), dtype=bool)
    for share in _PROBES:
        at = np.flatnonzero(inside)
        probe = xy[first[at] + (share * count[at]).astype(np.intp)]
        inside[at] = shapely.intersects_xy(project, probe[:, 0], probe[:, 1])
    # The pattern of "covers", faster than the function where features share edges with the project.
    inside[inside] = shapely.relate_pattern(project, features[inside], "******FF*")
    return inside


def repair(geometries: Geometries) -> Geometries:
    """Make invalid polygons valid, keeping what their rings enclose; valid ones and None stay as they are."""
    invalid = ~shapely.is_valid(geometries) & ~shapely.is_missing(geometries)
    if not invalid.any():
        return geometries
    repaired = geometries.copy()
    repaired[invalid] = shapely.make_valid(geometries[invalid], method="structure", keep_collapsed=False)
    return repaired


def _cut(project: shapely.Geometry, tree: shapely.STRtree, batch: _Batch, source: OverlaySource, pieces: bool) -> _Part:
    """Intersect features with the pieces of the project that their boxes meet, and sum by feature."""
    parts, owner = _small_parts(batch, tree, project.bounds, source.memory)
    part, piece = tree.query(parts)
    shared = shapely.intersection(parts[part], tree.geometries[piece])
    shared_areas = measure_for(source.srid).areas(shared)
    areas = np.bincount(owner[part], weights=shared_areas, minlength=len(batch.ids))
    kept = areas > 0
    doubtful = np.flatnonzero(kept & (areas < NOISE_AREA))
    # Cutting rounds coordinates: a neighbour that only shares an edge may seem to share a sliver of some 1e-7 m2.
    kept[doubtful] = shapely.relate_pattern(project, batch.geometries[doubtful], "T********")
    shapes = None
    if pieces:
        hits = shared_areas > 0
        shapes = _shapes(project, batch.geometries, shared[hits], owner[part[hits]])[kept]
    return _Part(batch.ids[kept], areas[kept], shapes)


def _small_parts(
    batch: _Batch, tree: shapely.STRtree, bounds: Bounds, memory: PieceMemory
) -> tuple[Geometries, NDArray[np.intp]]:
    """Return the features, huge ones as the pieces that meet the tree, and the index of the feature of each."""
    huge = shapely.get_num_coordinates(batch.geometries) > HUGE_VERTICES
    parts, owners = [batch.geometries[~huge]], [np.flatnonzero(~huge)]
    for at in np.flatnonzero(huge):
        try:
            small = pieces_near(batch.geometries[at], bounds, partial(boxes_met, tree), HUGE_PIECE_VERTICES, memory)
        except shapely.GEOSException:
            batch.repair(np.array([at]))
            small = pieces_near(batch.geometries[at], bounds, partial(boxes_met, tree), HUGE_PIECE_VERTICES, memory)
        parts.append(small)
        owners.append(np.full(len(small), at))
    return np.concatenate(parts), np.concatenate(owners)


def _near(tree: shapely.STRtree, boxes: Boxes) -> Mask:
    """Tell which boxes meet a piece of the project: of thin projects far fewer than meet the box of a piece."""
    mask = np.zeros(len(boxes), dtype=bool)
    mask[tree.query(shapely.box(*boxes.T), predicate="intersects")[0]] = True
    return mask


def boxes_met(tree: shapely.STRtree, boxes: Boxes) -> Mask:
    """Tell which boxes, shape (n, 4), meet the box of a geometry of a tree, as of the pieces of a project."""
    mask = np.zeros(len(boxes), dtype=bool)
    mask[tree.query(shapely.box(*boxes.T))[0]] = True
    return mask


def _shapes(project: shapely.Geometry, features: Geometries, shared: Geometries, owner: NDArray[np.intp]) -> Geometries:
    """Return the shared part of each feature without the seams of the cutting."""
    shapes = np.full(len(features), None, dtype=object)
    shapes[owner] = shared
    several = np.flatnonzero(np.bincount(owner, minlength=len(features)) > 1)
    shapes[several] = shapely.intersection(project, features[several])
    return polygonal(shapes)


def polygonal(geometries: Geometries) -> Geometries:
    """Drop the points and lines of collections, in place: those that cutting leaves."""
    for at in np.flatnonzero(shapely.get_type_id(geometries) == shapely.GeometryType.GEOMETRYCOLLECTION):
        parts = shapely.get_parts(geometries[at])
        geometries[at] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    return geometries


def _result(parts: list[_Part], pieces: bool, edge: _Batch) -> Overlay:
    ids = np.concatenate([part.ids for part in parts]) if parts else edge.ids
    areas = np.concatenate([part.areas for part in parts]) if parts else np.empty(0)
    whole = np.arange(len(ids)) < (len(parts[0].ids) if parts else 0)
    order = np.argsort(ids, kind="stable")
    order = order[areas[order] > 0]
    shapes = None
    if pieces:
        found = [part.pieces for part in parts if part.pieces is not None]
        shapes = np.concatenate([np.empty(0, dtype=object), *found])[order]
    # Whether a whole feature is read at all depends on how closely the index knows its box: those are not named.
    repaired = np.intersect1d(np.array(edge.repaired, dtype=np.int64), ids[order][~whole[order]])
    return Overlay(ids[order], areas[order], whole[order], shapes, repaired)
