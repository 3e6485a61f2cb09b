"""How much of a control line lies in each county of a project, and who owns it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import shapely

from onemap.cql import any_of, equals
from onemap.geo.area import measure_for
from onemap.geo.crs import Crs, crs_from_srid, transform
from onemap.geo.overlay import repair
from onemap.geo.rounding import HECTARE, round_half_up
from onemap.processes.accounts.breakdown import classes_of
from onemap.processes.accounts.once import touched
from onemap.processes.accounts.split import split
from onemap.processes.layers import Layer, layers_for
from onemap.processes.model import Context
from onemap.processes.parcels import Note
from onemap.processes.project import FULL, Plane, Project
from onemap.processes.regions import MOST_PARTS
from onemap.processes.tables import HECTARE_PLACES, closed
from onemap.store import FeatureQuery

_Key = tuple[str, str | None]


@dataclass(frozen=True)
class Line:
    """Areas in closed hectares by county and owner; ``unknown``: counties for which nothing can be said."""

    areas: Mapping[_Key, Decimal] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    nothing: bool = False
    data: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)

    def hectares(self, county: str | None) -> float | None:
        """Return the area in a county, or in all of them; None where it is not known."""
        if self.nothing or (self.unknown if county is None else county in self.unknown):
            return None
        return float(sum((area for (code, _), area in self.areas.items() if county in (None, code)), Decimal(0)))

    def owned(self, owner: str) -> float | None:
        """Return the area that the state or collectives own in all counties."""
        if self.nothing or self.unknown:
            return None
        return float(sum((area for (_, other), area in self.areas.items() if other == owner), Decimal(0)))


def line_areas(context: Context, project: Project, layers: Sequence[Layer], counties: Sequence[str]) -> Line:
    """Return the areas of the control lines with one role; in each county those of the first layer that covers it."""
    if not layers:
        return Line(nothing=True)
    parts = _Parts(context, project, counties)
    found: dict[_Key, float] = {}
    unknown, notes, used = set(), [], {}
    for county in counties or [""]:
        layer = next((item for item in layers if parts.covered(item, county)), None)
        if layer is None:
            unknown.add(county)
            continue
        plane = parts.plane(layer.collection.storage, county)
        used[layer.collection.id] = layer
        if plane is not None:
            areas, more = _areas(context, layer, plane)
            found |= {(county, owner): area for owner, area in areas.items()}
            notes += more
    if unknown:
        text = f"No {layers[0].role} layer covers the parcels in {', '.join(sorted(unknown)) or 'full'}."
        notes.append(Note("line-not-known", text))
    data = [layer.data(project.coverage(layer) or 0.0) for layer in layers]
    return Line(_closed(found), frozenset(unknown), False, data, notes, list(used.values()))


def _areas(context: Context, layer: Layer, plane: Plane) -> tuple[dict[str | None, float], list[Note]]:
    """Return the area of a layer by owner, m2, net of the deduction where the layer has one."""
    hits = touched(layer, plane)
    parts = split(layer, hits)
    classes = classes_of(layer, context)
    sums: dict[str | None, list[float]] = defaultdict(list)
    net = (parts.areas * (1 - parts.share)).tolist()
    for cell, area in zip(parts.cells, net, strict=True):
        sums[classes.row_of(cell).owner].append(area)
    return {owner: math.fsum(areas) for owner, areas in sums.items()}, [*hits.notes, *parts.notes]


def _closed(areas: Mapping[_Key, float]) -> dict[_Key, Decimal]:
    keys = sorted(areas, key=lambda key: (key[0], key[1] or ""))
    values = [Decimal(str(areas[key])) / HECTARE for key in keys]
    whole = round_half_up(sum(values, Decimal(0)), HECTARE_PLACES)
    return dict(zip(keys, closed(values, whole, HECTARE_PLACES), strict=True))


class _Parts:
    """The project in each county. One county holds all of it; several are told apart by the administrative layer."""

    def __init__(self, context: Context, project: Project, counties: Sequence[str]) -> None:
        self._project = project
        self._shapes = county_shapes(context, counties) if len(counties) > 1 else {}
        self._whole = len(counties) <= 1

    def plane(self, crs: Crs, county: str) -> Plane | None:
        """Return what of the project lies in a county; None when that is nothing or not known."""
        plane = self._project.plane(crs)
        if plane is None or self._whole:
            return plane
        if county not in self._shapes:
            return None
        shape, storage = self._shapes[county]
        moved = repair(transform(shape, storage, crs))
        part = shapely.intersection(plane.geometry, moved[0])
        area = measure_for(crs.srid).area(part)
        return Plane(crs, part, area) if area > 0 and shapely.get_dimensions(part) == 2 else None

    def covered(self, layer: Layer, county: str) -> bool:
        """Whether the layer declares to be valid in all of the project inside the county."""
        declared = layer.collection.coverage
        extent = layer.store.coverage(declared) if declared else None
        if extent is None or (not self._whole and county not in self._shapes):
            return False
        shape, srid = extent
        plane = self.plane(crs_from_srid(srid), county)
        if plane is None:
            return not self._whole and county in self._shapes
        inside = measure_for(srid).area(shapely.intersection(shape, plane.geometry))
        return inside >= plane.area * FULL


def county_shapes(context: Context, counties: Sequence[str]) -> dict[str, tuple[Any, Crs]]:
    """Return the shape of each county that is known, (1,), all of its features as one, and its system, by code."""
    for layer in layers_for(context, ["admin"], None):
        code = layer.column("code")
        if code is None:
            continue
        wanted = any_of(equals(code, item) for item in counties)
        query = FeatureQuery(limit=MOST_PARTS, columns=(code,), filter=wanted)
        parts: dict[str, list[Any]] = defaultdict(list)
        for batch in layer.store.batches(layer.view, query):
            for key, geometry in zip(batch.columns[code], batch.geometries, strict=True):
                if geometry is not None:
                    parts[str(key)].append(geometry)
        if parts:
            return {county: (_whole(own), layer.collection.storage) for county, own in parts.items()}
    return {}


def _whole(parts: Sequence[Any]) -> Any:
    """Return the union of the features of a county, shape (1,); a single one as it is."""
    made = np.empty(len(parts), dtype=object)
    made[:] = parts
    return made if len(made) == 1 else np.array([shapely.union_all(repair(made))], dtype=object)
