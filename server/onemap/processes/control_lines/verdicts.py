"""What was found in the layers, parcel by parcel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, transform
from onemap.geo.overlay import NOISE_AREA, repair
from onemap.geo.subdivide import subdivide
from onemap.processes.control_lines.examine import Examination
from onemap.processes.control_lines.rules import Catalogue, Finding, Status
from onemap.processes.parcels import ParcelSet
from onemap.processes.project import FULL, Project

_PIECE_VERTICES = 256
_UNKNOWN: tuple[Status, ...] = ("error", "timeout", "not-relevant")


@dataclass(frozen=True)
class Shares:
    """Which parcel shares area with which hit of a layer: indices of both and m2, a row for each pair, by parcel."""

    parcel: NDArray[np.intp]
    hit: NDArray[np.intp]
    area: NDArray[np.float64]

    def of(self, parcel: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return hits and areas of one parcel."""
        rows = slice(*np.searchsorted(self.parcel, [parcel, parcel + 1]))
        return self.hit[rows], self.area[rows]


_NOTHING = Shares(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0))


def verdicts(
    catalogue: Catalogue, purpose: str, parcels: ParcelSet, found: Sequence[Examination]
) -> list[dict[str, Any]]:
    """Return for each parcel its verdict and, of each layer, status and area touched (m2).

    Features of a layer that overlap each other count as often as they are there, but no more than the parcel.
    """
    columns = [_layer(catalogue, purpose, parcels, item) for item in found]
    made = []
    for parcel in parcels.parcels:
        layers = [column[parcel.index] for column in columns]
        named = {"index": parcel.index, "id": parcel.id, "name": parcel.name}
        made.append({**named, "verdict": catalogue.worst(item["status"] for item in layers), "layers": layers})
    return made


def _layer(catalogue: Catalogue, purpose: str, parcels: ParcelSet, found: Examination) -> list[dict[str, Any]]:
    """Return status and area of one layer for each parcel."""
    if found.layer is None or found.status in _UNKNOWN:
        return [_row(found, found.status, 0.0) for _ in parcels.parcels]
    judge = _Judge(catalogue, purpose, parcels, found)
    return [judge.row(index) for index in range(len(parcels))]


def _row(found: Examination, status: Status, area: float) -> dict[str, Any]:
    role, collection = found.entry["role"], found.entry["collection"]
    return {"role": role, "collection": collection, "status": status, "area": area}


class _Judge:
    """Says what one layer means for each parcel."""

    def __init__(self, catalogue: Catalogue, purpose: str, parcels: ParcelSet, found: Examination) -> None:
        assert found.layer is not None
        self._catalogue, self._found, self._layer = catalogue, found, found.layer
        storage = found.layer.collection.storage
        shapes = _moved(parcels, storage)
        self._areas = measure_for(storage.srid).areas(shapes)
        self._shares = _shares(found, shapes, storage) if len(found.hits) else _NOTHING
        self._outside = catalogue.outside(found.rule, purpose)
        self._parcels = parcels
        self._covered = found.entry["coverage"] >= FULL

    def row(self, index: int) -> dict[str, Any]:
        """Return status and area of one parcel."""
        hits, areas = self._shares.of(index)
        whole = float(self._areas[index])
        area = min(float(areas.sum()), whole)
        covered = 1.0 if self._covered else float(self._coverages[index])
        findings: list[Finding] = [self._found.findings[at] for at in hits.tolist()]
        beyond = covered * whole - area
        if self._outside and self._found.rule.outside and beyond > max(NOISE_AREA, (1 - FULL) * whole):
            findings.append(self._outside)
        known = covered >= FULL or area >= FULL * whole
        return _row(self._found, self._catalogue.status(findings, known), area)

    @cached_property
    def _coverages(self) -> NDArray[np.float64]:
        return Project(self._parcels).coverages(self._layer)


def _moved(parcels: ParcelSet, crs: Crs) -> NDArray[np.object_]:
    """Return the parcels in the plane of a layer, None where they are out of its reach."""
    return repair(transform(parcels.geometries, parcels.crs, crs))


def _shares(found: Examination, shapes: NDArray[np.object_], crs: Crs) -> Shares:
    """Cut each parcel with the hits that it meets, huge hits as pieces."""
    assert found.layer is not None
    source = found.layer.store.overlay_source(found.layer.view)
    features = repair(source.geometries(found.hits.ids))
    pieces = [_pieces(feature, shapes) for feature in features]
    owner = np.repeat(np.arange(len(features)), [len(some) for some in pieces])
    flat = np.concatenate(pieces) if pieces else np.empty(0, dtype=object)
    parcel, piece = shapely.STRtree(flat).query(shapes, predicate="intersects")
    areas = measure_for(crs.srid).areas(shapely.intersection(shapes[parcel], flat[piece]))
    pairs, place = np.unique(np.column_stack([parcel, owner[piece]]), axis=0, return_inverse=True)
    total = np.bincount(place.ravel(), weights=areas, minlength=len(pairs))
    kept = total > 0
    doubtful = np.flatnonzero(kept & (total < NOISE_AREA))
    kept[doubtful] = shapely.relate_pattern(shapes[pairs[doubtful, 0]], features[pairs[doubtful, 1]], "T********")
    return Shares(pairs[kept, 0], pairs[kept, 1], total[kept])


def _pieces(feature: shapely.Geometry, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    if shapely.get_num_coordinates(feature) <= _PIECE_VERTICES:
        return np.array([feature], dtype=object)
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return subdivide(feature, _PIECE_VERTICES, (west, south, east, north))
