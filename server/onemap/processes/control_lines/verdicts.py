"""What was found in the layers, parcel by parcel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.geo.crs import Bounds, Crs, transform
from onemap.geo.overlay import NOISE_AREA, OverlaySource, boxes_met, repair
from onemap.geo.pieces import pieces_near
from onemap.processes.control_lines.examine import Examination
from onemap.processes.control_lines.rules import Catalogue, Finding, Status
from onemap.processes.groups import near
from onemap.processes.layers import Layer
from onemap.processes.parcels import ParcelSet
from onemap.processes.project import FULL, Project
from onemap.processes.spread import in_one_state

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
        self._shares = _shares(found, shapes) if len(found.hits) else _NOTHING
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


@dataclass(frozen=True)
class _Group:
    """Parcels near each other: their indices and, in the plane of a layer, their shapes."""

    index: NDArray[np.intp]
    shapes: NDArray[np.object_]


def _shares(found: Examination, shapes: NDArray[np.object_]) -> Shares:
    """Cut each parcel with the hits that it meets."""
    assert found.layer is not None
    known = np.flatnonzero(~shapely.is_missing(shapes))
    whole = _Group(known, shapes[known])
    groups = [_Group(known[places], whole.shapes[places]) for places in near(whole.shapes)]
    cut = in_one_state(partial(_cut, hits=found.hits.ids), found.layer, groups, whole)
    parcel = np.concatenate([group.parcel for group in cut])
    order = np.argsort(parcel, kind="stable")
    hit, area = np.concatenate([group.hit for group in cut]), np.concatenate([group.area for group in cut])
    return Shares(parcel[order], hit[order], area[order])


def _cut(layer: Layer, group: _Group, *, hits: NDArray[np.int64]) -> Shares:
    """Cut parcels with the hits (ids) that they meet, huge hits as pieces."""
    source, shapes = layer.store.overlay_source(layer.view), group.shapes
    tree = shapely.STRtree(shapes)
    hit = _met(source, tree, hits)
    features = source.geometries(hits[hit])
    flat, owner = _pieces(features, tree, source)
    parcel, piece = shapely.STRtree(flat).query(shapes, predicate="intersects")
    areas = measure_for(source.srid).areas(shapely.intersection(shapes[parcel], flat[piece]))
    pairs, place = np.unique(np.column_stack([parcel, owner[piece]]), axis=0, return_inverse=True)
    total = np.bincount(place.ravel(), weights=areas, minlength=len(pairs))
    kept = total > 0
    doubtful = np.flatnonzero(kept & (total < NOISE_AREA))
    kept[doubtful] = shapely.relate_pattern(shapes[pairs[doubtful, 0]], features[pairs[doubtful, 1]], "T********")
    return Shares(group.index[pairs[kept, 0]], hit[pairs[kept, 1]], total[kept])


def _met(source: OverlaySource, tree: shapely.STRtree, hits: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the places of the hits whose boxes meet that of a parcel of the tree."""
    ids, _ = source.candidates(_bounds(tree), partial(boxes_met, tree))
    return np.flatnonzero(np.isin(hits, ids))


def _pieces(
    features: NDArray[np.object_], tree: shapely.STRtree, source: OverlaySource
) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Return features, huge ones as pieces near the parcels, and the place of the feature of each; repair the features.

    That huge ones are valid is found out where they are cut, once: it takes longer than cutting them with parcels.
    """
    huge = shapely.get_num_coordinates(features) > _PIECE_VERTICES
    features[~huge] = repair(features[~huge])
    pieces, owners = [features[~huge]], [np.flatnonzero(~huge)]
    for at in np.flatnonzero(huge).tolist():
        try:
            small = _near(features[at], tree, source)
        except shapely.GEOSException:
            features[at] = repair(features[at : at + 1])[0]
            small = _near(features[at], tree, source)
        pieces.append(small)
        owners.append(np.full(len(small), at))
    return np.concatenate(pieces), np.concatenate(owners)


def _near(feature: shapely.Geometry, tree: shapely.STRtree, source: OverlaySource) -> NDArray[np.object_]:
    return pieces_near(feature, _bounds(tree), partial(boxes_met, tree), _PIECE_VERTICES, source.memory)


def _bounds(tree: shapely.STRtree) -> Bounds:
    west, south, east, north = shapely.total_bounds(tree.geometries).tolist()
    return west, south, east, north
