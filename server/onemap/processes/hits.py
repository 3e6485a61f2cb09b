"""What of a layer a project touches: areas by feature, the union where features overlap each other, attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.overlay import Overlay, OverlaySource, repair
from onemap.processes.layers import Layer, repaired_notes
from onemap.processes.overlaid import overlaid
from onemap.processes.parcels import Note
from onemap.processes.project import Plane

MOST_COMPARED = 2_000
"""Up to this many features are compared with each other for overlaps."""
_TOLERANCE_M2 = 0.01
_RELATIVE = 1e-9


@dataclass(frozen=True)
class Hits:
    """The features touched: primary keys and areas in m2, in the order of the keys; ``area``: of their union."""

    ids: NDArray[np.int64]
    areas: NDArray[np.float64]
    area: float
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def largest(self, most: int) -> NDArray[np.intp]:
        """Return the places of the largest hits, largest first, equal ones in the order of their keys."""
        return np.lexsort((self.ids, -self.areas))[:most]


NOTHING = Hits(np.empty(0, np.int64), np.empty(0), 0.0)


def hits_of(layer: Layer, plane: Plane | None) -> Hits:
    """Overlay a layer with the project. Features of one layer that overlap each other are counted once.

    Raises what the store or the kernel raises when the layer cannot be read.
    """
    if plane is None:
        return NOTHING
    found = overlaid(layer, plane)
    total = math.fsum(found.areas.tolist())
    gapless = _gapless(total, plane)
    union = total if gapless else _union(found, layer.store.overlay_source(layer.view), plane, total)
    notes = repaired_notes(layer, found)
    if not gapless and len(found.ids) > MOST_COMPARED:
        message = "too many features to look for overlaps among them; its area may count some twice."
        notes.append(Note("overlaps-not-examined", f"{layer.collection.id}: {message}"))
    elif total - union > _TOLERANCE_M2:
        message = f"features of the layer overlap each other by {total - union:.2f} m2; its area counts that once."
        notes.append(Note("layer-overlaps-itself", f"{layer.collection.id}: {message}"))
    return Hits(found.ids, found.areas, union, tuple(notes))


def _gapless(total: float, plane: Plane) -> bool:
    """Whether the hits fill the project exactly, as those of a coverage do: then nothing is there twice."""
    return abs(total - plane.area) <= _RELATIVE * plane.area


def _union(found: Overlay, source: OverlaySource, plane: Plane, total: float) -> float:
    """Return the area of the union of the hits; ``total`` is the sum of their areas.

    Only features that overlap each other are cut again; beyond ``MOST_COMPARED`` the project's area is the bound.
    """
    if len(found.ids) > MOST_COMPARED:
        return min(total, plane.area)
    features = source.geometries(found.ids)
    invalid = ~shapely.is_valid(features)
    if invalid.any():
        features[invalid] = repair(features[invalid])
    tree = shapely.STRtree(features)
    first, second = tree.query(features, predicate="intersects")
    pairs = first < second
    first, second = first[pairs], second[pairs]
    sharing = shapely.relate_pattern(features[first], features[second], "T********")
    if not sharing.any():
        return total
    tangled = np.unique(np.concatenate([first[sharing], second[sharing]]))
    pieces = shapely.intersection(plane.geometry, features[tangled])
    union = measure_for(plane.crs.srid).area(shapely.union_all(pieces))
    return total - math.fsum(found.areas[tangled].tolist()) + union


def describe(layer: Layer, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Return id, name and visible properties of features, in the order of the primary keys."""
    names = [column.name for column in layer.view.columns]
    columns = layer.store.attributes(layer.view, keys, names)
    rows = [{name: columns[name][at] for name in names if name in columns} for at in range(len(keys))]
    key, title = layer.collection.key, layer.column("name")
    made = []
    for primary, row in zip(keys, rows, strict=True):
        identifier = row.get(key, primary)
        name = row.get(title) if title else None
        made.append({"id": identifier, "name": name, "properties": row})
    return made
