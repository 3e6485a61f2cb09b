"""The parts of features inside the parcels, cut for maps and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.geo.area import measure_for
from onemap.processes.analysis import PieceLayer
from onemap.processes.control_lines.examine import Examination
from onemap.processes.hits import describe
from onemap.processes.overlaid import overlaid
from onemap.processes.project import Project

_TOLERANCE_M2 = 0.01


def pieces_of(found: Sequence[Examination], project: Project) -> list[PieceLayer]:
    """Cut the hits of the layers again; each is what it was when it was examined, as long as the data are."""
    made = [_cut(item, project) for item in found if len(item.hits)]
    return [layer for layer in made if layer is not None]


def _cut(found: Examination, project: Project) -> PieceLayer | None:
    layer = found.layer
    plane = project.plane(layer.collection.storage) if layer else None
    if layer is None or plane is None:
        return None
    cut = overlaid(layer, plane, pieces=True)
    pieces, areas = cut.pieces, cut.areas
    assert pieces is not None
    if float(areas.sum()) - found.hits.area > _TOLERANCE_M2:
        pieces = _disjoint(pieces)
        areas = measure_for(plane.crs.srid).areas(pieces)
    known = describe(layer, cut.ids.tolist())
    status = dict(zip(found.hits.ids.tolist(), (item.status for item in found.findings), strict=True))
    columns: dict[str, list[Any]] = {
        "id": [str(item["id"]) for item in known],
        "name": [None if item["name"] is None else str(item["name"]) for item in known],
        "status": [status.get(key, found.status) for key in cut.ids.tolist()],
    }
    return PieceLayer(layer.collection.id, found.entry["title"], plane.crs, pieces, areas, columns)


def _disjoint(pieces: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the pieces without what earlier ones cover, so that their areas sum to that of the union."""
    made = pieces.copy()
    tree = shapely.STRtree(pieces)
    later, earlier = tree.query(pieces, predicate="intersects")
    for at in np.unique(later[earlier < later]).tolist():
        before = pieces[earlier[(later == at) & (earlier < at)]]
        made[at] = shapely.difference(pieces[at], shapely.union_all(before))
    return made
