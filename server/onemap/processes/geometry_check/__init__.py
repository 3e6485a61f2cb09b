"""The process geometry-check: numbered rules on the geometry of parcels, with the place of each fault."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import shapely
from pydantic import Field

from onemap.config import Text
from onemap.geo.crs import CRS84, crs_from_srid, transform
from onemap.geo.geojson import geojson
from onemap.processes.analysis import Analysis
from onemap.processes.geometry_check.crossings import check_crossings
from onemap.processes.geometry_check.finding import Check, Finding
from onemap.processes.geometry_check.neighbours import check_neighbours
from onemap.processes.geometry_check.read import read_outlines
from onemap.processes.geometry_check.rules import GEOMETRY, Rules
from onemap.processes.geometry_check.surfaces import Surfaces, check_surfaces, measured
from onemap.processes.geometry_check.vertices import check_vertices
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import AREA_URI, EFFECTIVE, ParcelProcess, tail
from onemap.processes.parcels import Limits, Parcel, ParcelSet

__all__ = ["GeometryCheck"]


class GeometryCheck(ParcelProcess):
    """Say what is wrong with the geometry of parcels."""

    id = "geometry-check"
    version = "1.0.0"
    title = Text(zh="几何检查", en="Geometry check")
    description = Text(
        zh="按编号规则检查地块几何：自相交、重复点、尖锐角、狭长、重叠、缝隙等，给出级别、说明和位置；其他过程拒绝的地块也可检查。",
        en="Checks the geometry of parcels by numbered rules (crossings, repeated points, spikes, narrow parts, "
        "overlaps, gaps and others): severity, message and place of each fault; also for parcels that others refuse.",
    )
    keywords = ("geometry", "几何检查", "拓扑", "quality")

    effective: Annotated[str | None, Field(max_length=10), EFFECTIVE] = None

    def analyse(self, context: Context) -> Analysis:
        """Return the findings, the worst first; the places are longitude, latitude (RFC 7946)."""
        rules = context.rules(Rules, GEOMETRY, self.effective)
        given = context.settings.processes
        limits = Limits(given.max_parcels, given.max_vertices, given.max_area_km2)
        outlines = read_outlines(self.parcels, self.crs, limits)
        check = Check(outlines, rules)
        context.progress(0.1, "vertices")
        check_vertices(check)
        context.progress(0.3, "crossings")
        edges = check_crossings(check)
        context.progress(0.6, "surfaces")
        surfaces = check_surfaces(check)
        context.progress(0.8, "neighbours")
        check_neighbours(check, edges, surfaces)
        for index in sorted(check.opaque):
            check.tell("G022", index)
        parcels = _sound(check, surfaces)
        result = {
            "process": {"id": self.id, "version": self.version},
            "rules": rules.cited(),
            "areaDefinition": AREA_URI,
            "parcels": _described(check, parcels),
            "summary": _summary(check),
            "findings": _findings(check, context.lang),
            **tail([], outlines.notes),
        }
        return Analysis(result, _shown(check, parcels))


def _sound(check: Check, surfaces: Surfaces) -> ParcelSet:
    """Return the parcels of which a polygon can be made, with their areas."""
    areas = measured(check, surfaces)
    raw = check.outlines.parcels
    made = [
        Parcel(index, raw[index].id, raw[index].name, check.plane.back(surface), raw[index].properties)
        for index, surface in surfaces.items()
    ]
    crs = check.outlines.crs
    stated = crs if crs.geographic or crs.cgcs2000_gk else crs_from_srid(4490)
    return ParcelSet(tuple(made), crs, stated, tuple(areas.values()), math.fsum(areas.values()))


def _shown(check: Check, sound: ParcelSet) -> ParcelSet:
    """Return the parcels for maps: in the place of one that is no polygon, what lies around its vertices."""
    known = {parcel.index for parcel in sound.parcels}
    table, raw = check.table, check.outlines.parcels
    more = []
    for index in sorted(set(table.parcel[check.finite].tolist()) - known):
        hull = shapely.convex_hull(shapely.multipoints(table.xy[check.finite & (table.parcel == index)]))
        if hull.geom_type == "Polygon":
            more.append(Parcel(index, raw[index].id, raw[index].name, hull, raw[index].properties))
    areas = (*sound.areas, *(0.0 for _ in more))
    return ParcelSet((*sound.parcels, *more), sound.crs, sound.stated, areas, sound.area)


def _described(check: Check, sound: ParcelSet) -> dict[str, Any]:
    """Return the member ``parcels``: the area is that of sound parcels, null for one that is no polygon."""
    areas = {parcel.index: area for parcel, area in zip(sound.parcels, sound.areas, strict=True)}
    raw = check.outlines.parcels
    return {
        "count": len(raw),
        "area": math.fsum(areas.values()),
        "crs": check.outlines.crs.uri,
        "digest": check.outlines.digest,
        "items": [
            {"index": index, "id": parcel.id, "name": parcel.name, "area": areas.get(index)}
            for index, parcel in enumerate(raw)
        ],
    }


def _summary(check: Check) -> dict[str, Any]:
    media_type = check.outlines.media_type
    counts = dict.fromkeys(("error", "warning", "info"), 0)
    for number, count in check.counts.items():
        counts[check.rules.rule(number).severity_in(media_type)] += count
    verdict = "failed" if counts["error"] else "passed-with-warnings" if counts["warning"] else "passed"
    return {
        "verdict": verdict,
        "counts": counts,
        "rules": {number: check.counts[number] for number in sorted(check.counts)},
        "listed": check.rules.limit,
        "complete": not check.opaque,
    }


def _findings(check: Check, lang: str) -> list[dict[str, Any]]:
    order = {rule.id: at for at, rule in enumerate(check.rules.rules)}
    rank = {"error": 0, "warning": 1, "info": 2}
    severity = {rule.id: rule.severity_in(check.outlines.media_type) for rule in check.rules.rules}
    found = sorted(check.found, key=lambda item: (rank[severity[item.rule]], order[item.rule], item.parcel))
    places = _places(check, found)
    return [
        {
            "rule": item.rule,
            "severity": severity[item.rule],
            "title": check.rules.rule(item.rule).title.get(lang),
            "message": check.rules.rule(item.rule).message(item.values, lang),
            "parcel": {"index": item.parcel, "id": check.outlines.parcels[item.parcel].id},
            "geometry": place,
        }
        for item, place in zip(found, places, strict=True)
    ]


def _places(check: Check, found: list[Finding]) -> list[Any]:
    """Return the places as GeoJSON, None where there is none that longitude and latitude can name."""
    shapes = np.empty(len(found), dtype=object)
    shapes[:] = [item.place for item in found]
    moved = transform(shapes, check.outlines.crs, CRS84)
    return [None if item is None else _plain(item) for item in geojson(moved, CRS84, CRS84)]


def _plain(value: Any) -> Any:
    """Return a geometry with numbers in lists, rounded to 0.1 mm."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return round(float(value), 9)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value.round(9).tolist()
