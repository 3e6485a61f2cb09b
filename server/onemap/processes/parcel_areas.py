"""Processes on parcels alone: what was read, and how large it is."""

from __future__ import annotations

from typing import Any

from onemap.config import Text
from onemap.geo.crs import CRS84, transform
from onemap.geo.geojson import geojson
from onemap.geo.rounding import mu
from onemap.processes.analysis import Analysis
from onemap.processes.model import Context
from onemap.processes.parcel_inputs import ParcelProcess, head, tail
from onemap.processes.parcels import ParcelSet
from onemap.processes.tables import columns


class ParcelParse(ParcelProcess):
    """Read parcels and give them back as GeoJSON."""

    id = "parcel-parse"
    version = "1.0.0"
    title = Text(zh="地块解析", en="Parcel parse")
    description = Text(
        zh="读取坐标 TXT、Shapefile、GeoPackage 或 GeoJSON，返回 GeoJSON 地块，并说明所作的假定。",
        en="Reads parcel text, Shapefile, GeoPackage or GeoJSON, gives them as GeoJSON and says what was assumed.",
    )
    keywords = ("parcel", "地块", "坐标")

    def analyse(self, context: Context) -> Analysis:
        """Return the parcels as a FeatureCollection in longitude, latitude, with what was assumed in ``warnings``."""
        parcels = context.parcels(self.parcels, self.crs)
        begin = head(type(self), None, parcels, parcels.stated, parcels.area)
        return Analysis({**begin, "features": _features(parcels), **tail([], parcels.notes)}, parcels)


def _features(parcels: ParcelSet) -> dict[str, Any]:
    """Return the parcels as GeoJSON (RFC 7946), rounded to 0.1 mm."""
    geometries = geojson(transform(parcels.geometries, parcels.crs, CRS84), CRS84, CRS84)
    features = []
    for parcel, geometry in zip(parcels.parcels, geometries, strict=True):
        feature = {"type": "Feature", "id": parcel.id} if parcel.id is not None else {"type": "Feature"}
        properties = {**parcel.properties, **({"name": parcel.name} if parcel.name else {})}
        features.append({**feature, "geometry": _plain(geometry), "properties": properties})
    return {"type": "FeatureCollection", "features": features}


def _plain(value: Any) -> Any:
    """Return a geometry with numbers in lists, as every JSON writer takes them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return value
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value.round(9).tolist()


class EllipsoidArea(ParcelProcess):
    """Measure parcels on the ellipsoid."""

    id = "ellipsoid-area"
    version = "1.0.0"
    title = Text(zh="椭球面积", en="Ellipsoidal area")
    description = Text(
        zh="按 CGCS2000 椭球面积（可加定义）计算每个地块的面积：平方米、公顷和亩。",
        en="Measures each parcel on the CGCS2000 ellipsoid (additive definition): square metres, hectares and mu.",
    )
    keywords = ("area", "面积", "CGCS2000")

    def analyse(self, context: Context) -> Analysis:
        """Return the area of each parcel; the rounded columns close to the sum of the parcels."""
        parcels = context.parcels(self.parcels, self.crs)
        closed = columns(parcels.areas, sum(parcels.areas))
        areas = [
            {"index": parcel.index, "id": parcel.id, "area": area, **more, "mu": float(mu(area))}
            for parcel, area, more in zip(parcels.parcels, parcels.areas, closed, strict=True)
        ]
        begin = head(type(self), None, parcels, parcels.stated, parcels.area)
        return Analysis({**begin, "areas": areas, **tail([], parcels.notes)}, parcels)
