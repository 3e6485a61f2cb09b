"""The features of a layer inside the parcels, each spot counted once even where the layer overlaps itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.overlay import Overlay, OverlaySource, polygonal, repair
from onemap.processes.layers import Layer, repaired_notes
from onemap.processes.overlaid import each_group, joined, overlaid, overlay_group
from onemap.processes.parcels import Note
from onemap.processes.project import Plane

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_COMPARED = 50_000
"""Up to this many features are compared with each other although nothing says that any overlap."""
_TOLERANCE_M2 = 0.01
_RELATIVE = 1e-9
_CHUNK = 20_000


@dataclass(frozen=True)
class Touched:
    """The features that share area with the parcels, by ascending primary key.

    ``areas``: m2, what overlapping features share counted for the first of them only; they sum to the area of the
    union. ``whole``: the feature lies inside as a whole and keeps all of its area. ``twice``: m2 that were there more
    than once. ``cut``: makes the geometries of the areas, in x, y of the layer's storage CRS.
    """

    ids: NDArray[np.int64]
    areas: Floats
    whole: Mask
    cut: Callable[[], Geometries]
    twice: float = 0.0
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class _Part:
    """What is touched by a group of the parcels: each spot counted once, but where too many features may overlap."""

    found: Overlay
    twice: float = 0.0
    examined: bool = True


def touched(layer: Layer, plane: Plane) -> Touched:
    """Overlay a layer with the parcels.

    Where features of the layer overlap each other, the one whose id comes first as text keeps the spot, so that the
    same data give the same answer from any store. Raises what the store or the kernel raises.
    """
    parts = each_group(_settled, layer, plane)
    found, twice = joined([part.found for part in parts]), math.fsum(part.twice for part in parts)

    def cut() -> Geometries:
        if any(part.twice for part in parts):
            again = joined([part.found for part in each_group(partial(_settled, pieces=True), layer, plane)])
        else:
            again = overlaid(layer, plane, pieces=True)
        return np.empty(0, dtype=object) if again.pieces is None else again.pieces

    notes = (*repaired_notes(layer, found), *_notes(layer, twice, all(part.examined for part in parts)))
    return Touched(found.ids, found.areas, found.whole, cut, twice, notes)


def _notes(layer: Layer, twice: float, examined: bool) -> list[Note]:
    """Say where features of the layer overlap each other, or may do so."""
    notes = []
    if not examined:
        text = f"{layer.collection.id}: too many features to look for overlaps among them."
        notes.append(Note("overlaps-not-examined", text))
    if twice > _TOLERANCE_M2:
        text = f"features of the layer overlap each other by {twice:.2f} m2, which counts for the first of them."
        notes.append(Note("layer-overlaps-itself", f"{layer.collection.id}: {text}"))
    return notes


def _settled(layer: Layer, plane: Plane, *, pieces: bool = False) -> _Part:
    """Overlay a layer with a group of the parcels and give what features share to the first of them."""
    found = overlay_group(layer, plane, pieces=pieces)
    total = math.fsum(found.areas.tolist())
    if abs(total - plane.area) <= _RELATIVE * plane.area:  # a coverage: nothing can be there twice
        return _Part(found)
    if total < plane.area and len(found.ids) > MOST_COMPARED:
        return _Part(found, examined=False)
    source = layer.store.overlay_source(layer.view)
    earlier, later = _sharing(layer, source, found)
    if not len(later):
        return _Part(found)
    less = _lessened(plane, source, found, earlier, later)
    return _Part(less, total - math.fsum(less.areas.tolist()))


def _lessened(
    plane: Plane, source: OverlaySource, found: Overlay, earlier: NDArray[np.int64], later: NDArray[np.int64]
) -> Overlay:
    """Return what is found without what ``later`` features (places) share with ``earlier`` ones."""
    tangled = np.unique(np.concatenate([earlier, later]))
    features = repair(source.geometries(found.ids[tangled]))
    parts = polygonal(shapely.intersection(plane.geometry, features))
    place = {at: row for row, at in enumerate(tangled.tolist())}
    left, reduced = parts.copy(), np.zeros(len(found.ids), dtype=bool)
    for at in np.unique(later).tolist():
        before = [parts[place[other]] for other in earlier[later == at].tolist()]
        left[place[at]] = shapely.difference(parts[place[at]], shapely.union_all(before))
        reduced[at] = True
    left = polygonal(left)
    areas, changed = found.areas.copy(), np.flatnonzero(reduced[tangled])
    areas[tangled[changed]] = measure_for(plane.crs.srid).areas(left[changed])
    kept, shapes = areas > 0, None
    if found.pieces is not None:
        shapes = found.pieces.copy()
        shapes[tangled[changed]] = left[changed]
        shapes = shapes[kept]
    return Overlay(found.ids[kept], areas[kept], (found.whole & ~reduced)[kept], shapes, found.repaired)


def _sharing(layer: Layer, source: OverlaySource, found: Overlay) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of features that share area, in pairs: the one that keeps it, the one that loses it."""
    features = repair(source.geometries(found.ids))
    tree = shapely.STRtree(features)
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start in range(0, len(features), _CHUNK):
        one, other = tree.query(features[start : start + _CHUNK], predicate="intersects")
        one = one + start
        pairs = one < other
        one, other = one[pairs], other[pairs]
        sharing = shapely.relate_pattern(features[one], features[other], "T********")
        firsts.append(one[sharing])
        seconds.append(other[sharing])
    one, other = np.concatenate(firsts), np.concatenate(seconds)
    if not len(one):
        return one, other
    rank = _ranks(layer, found, np.unique(np.concatenate([one, other])))
    swap = rank[one] > rank[other]
    return np.where(swap, other, one), np.where(swap, one, other)


def _ranks(layer: Layer, found: Overlay, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of features by their id as text, as the caller may see it, for the places asked for."""
    keys = found.ids[places].tolist()
    name = layer.collection.key
    visible = layer.view.column(name) is not None
    names = layer.store.attributes(layer.view, keys, [name])[name] if visible else keys
    order = sorted(range(len(keys)), key=lambda at: (str(names[at]), keys[at]))
    ranks = np.zeros(len(found.ids), dtype=np.int64)
    ranks[places[order]] = np.arange(len(order))
    return ranks
