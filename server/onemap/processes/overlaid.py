"""Layers overlaid with a project, group by group where it has very many parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.cover import Boxes, Mask
from onemap.geo.crs import Bounds
from onemap.geo.overlay import Floats, Geometries, Ids, Overlay, OverlaySource, overlay
from onemap.geo.pieces import PieceMemory
from onemap.processes.layers import Layer
from onemap.processes.project import Plane
from onemap.processes.spread import in_one_state


@dataclass(frozen=True)
class Chosen:
    """A layer as the overlay kernel reads it, of which only some features are there. ``ids``: ascending."""

    source: OverlaySource
    ids: Ids

    @property
    def srid(self) -> int:
        """The EPSG code of the coordinates."""
        return self.source.srid

    @property
    def memory(self) -> PieceMemory:
        """Where the pieces of huge features of the layer are remembered."""
        return self.source.memory

    def snapshot(self) -> AbstractContextManager[None]:
        """Keep one state of the layer."""
        return self.source.snapshot()

    def candidates(self, bounds: Bounds, meets: Callable[[Boxes], Mask] | None = None) -> tuple[Ids, Boxes]:
        """Return the candidates that are among the chosen."""
        ids, boxes = self.source.candidates(bounds, meets)
        kept = np.isin(ids, self.ids)
        return ids[kept], boxes[kept]

    def areas(self, ids: Ids) -> Floats:
        """Return whole areas, m2."""
        return self.source.areas(ids)

    def geometries(self, ids: Ids) -> Geometries:
        """Return geometries."""
        return self.source.geometries(ids)


def each_group[R](work: Callable[[Layer, Plane], R], layer: Layer, plane: Plane) -> list[R]:
    """Do work on each group of the project; see ``Spread`` for what the work must be."""
    return in_one_state(work, layer, plane.groups, plane)


def overlaid(layer: Layer, plane: Plane, *, pieces: bool = False, among: Ids | None = None) -> Overlay:
    """Overlay a layer with the project; ``among``: only these features of it, ascending. See ``overlay``."""
    return joined(each_group(partial(overlay_group, pieces=pieces, among=among), layer, plane))


def overlay_group(layer: Layer, plane: Plane, *, pieces: bool = False, among: Ids | None = None) -> Overlay:
    """Overlay a layer with one group of the project."""
    source = layer.store.overlay_source(layer.view)
    return overlay(plane.geometry, source if among is None else Chosen(source, among), pieces=pieces)


def joined(groups: Sequence[Overlay]) -> Overlay:
    """Return what was found in the groups as found at once: a feature that several groups cut is there once."""
    if len(groups) == 1:
        return groups[0]
    ids, place = np.unique(np.concatenate([one.ids for one in groups]), return_inverse=True)
    areas = np.bincount(place, np.concatenate([one.areas for one in groups]), len(ids))
    whole = np.zeros(len(ids), dtype=bool)
    whole[place] = np.concatenate([one.whole for one in groups])
    whole &= np.bincount(place, minlength=len(ids)) == 1
    shapes = [one.pieces for one in groups if one.pieces is not None]
    pieces = _gathered(np.concatenate(shapes), place, len(ids)) if shapes else None
    return Overlay(ids, areas, whole, pieces, np.unique(np.concatenate([one.repaired for one in groups])))


def _gathered(shapes: Geometries, place: NDArray[np.intp], count: int) -> Geometries:
    """Return the polygons of each place in one geometry: those of several groups never share area."""
    made = np.full(count, None, dtype=object)
    made[place] = shapes
    for at in np.flatnonzero(np.bincount(place, minlength=count) > 1).tolist():
        made[at] = shapely.multipolygons(shapely.get_parts(shapes[place == at]))
    return made
