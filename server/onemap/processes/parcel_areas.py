"""Processes on parcels alone: what was read, and how large it is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import shapely

from onemap.config import Text
from onemap.errors import UnusableParcel
from onemap.geo.crs import CRS84, Crs, to_lonlat, transform
from onemap.geo.geojson import geojson
from onemap.geo.rounding import mu
from onemap.geo.sheets import sheet_of
from onemap.geo.survey import SURVEY_DEFINITION, survey_area, survey_zone
from onemap.processes.analysis import Analysis
from onemap.processes.model import Context, Words
from onemap.processes.parcel_inputs import AREA_URI, ParcelProcess, head, tail
from onemap.processes.parcels import Note, ParcelSet
from onemap.processes.tables import columns

Method = Literal["additive", "survey"]
_SHEET_NUMBER = "图幅号"


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
        notes = [*parcels.notes, *_sheet_notes(parcels)]
        return Analysis({**begin, "features": _features(parcels), **tail([], notes)}, parcels)


def _sheet_notes(parcels: ParcelSet) -> list[Note]:
    """Say where a parcel does not lie on the sheet that it names."""
    moved = transform(parcels.geometries, parcels.crs, CRS84)
    notes = []
    for parcel, shape in zip(parcels.parcels, moved, strict=True):
        named = str(parcel.properties.get(_SHEET_NUMBER) or "")
        try:
            box = shapely.box(*sheet_of(named.strip().upper()).boxes()[0])
        except ValueError:  # older numbering, or several sheets
            continue
        if shape is not None and not shapely.intersects(box, shape):
            text = f"The parcel does not lie on the sheet {named} that it names."
            notes.append(Note("sheet-mismatch", text, parcel.id or str(parcel.index + 1)))
    return notes


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
    version = "1.1.0"
    title = Text(zh="椭球面积", en="Ellipsoidal area")
    description = Text(
        zh="计算每个地块的 CGCS2000 椭球面积：平方米、公顷和亩；按可加定义，或按国土调查的计算约定（method=survey）。",
        en="Measures each parcel on the CGCS2000 ellipsoid: square metres, hectares and mu. By the additive "
        "definition, or as the land survey computes the areas of its records (method=survey).",
    )
    keywords = ("area", "面积", "CGCS2000")

    method: Annotated[
        Method,
        Words(
            Text(zh="方法", en="Method"),
            Text(
                zh="additive：不取整、可加；survey：长于 70 米的边内插，坐标 4 位、秒 6 位小数，面积四舍五入",
                en="additive: unrounded, parts sum to the whole; survey: points every 70 m at most, coordinates to 4 "
                "and seconds to 6 decimals, areas rounded half up to 0.01 m2",
            ),
        ),
    ] = "additive"

    def analyse(self, context: Context) -> Analysis:
        """Return the area of each parcel; the rounded columns close to the sum of the parcels."""
        parcels = context.parcels(self.parcels, self.crs)
        measured = _surveyed(parcels) if self.method == "survey" else list(parcels.areas)
        closed = columns(measured, sum(measured))
        areas = [
            {"index": parcel.index, "id": parcel.id, "area": area, **more, "mu": float(mu(area))}
            for parcel, area, more in zip(parcels.parcels, measured, closed, strict=True)
        ]
        begin = head(type(self), None, parcels, parcels.stated, parcels.area)
        stated = {"method": self.method, "areasDefinition": _definition(self.method)}
        return Analysis({**begin, **stated, "areas": areas, **tail([], parcels.notes)}, parcels)


def _definition(method: Method) -> str:
    """Return the definition of ``areas``; the members that every result has keep the additive one."""
    return AREA_URI if method == "additive" else AREA_URI.rpartition("/")[0] + "/" + SURVEY_DEFINITION


def _surveyed(parcels: ParcelSet) -> list[float]:
    """Return the survey's area of each parcel, in its own Gauss-Krueger zone or in that of its place."""
    return [float(survey_area(*_in_zone(parcel.geometry, parcels.crs))) for parcel in parcels.parcels]


def _in_zone(geometry: Any, crs: Crs) -> tuple[Any, Crs]:
    if crs.cgcs2000_gk:
        return geometry, crs
    centre = shapely.get_coordinates(shapely.centroid(geometry))
    zone = survey_zone(float(to_lonlat(centre, crs)[0, 0]))
    if zone is None:
        raise UnusableParcel("The parcels lie in none of the survey's zones.", "Use the method 'additive'.")
    return transform(np.array([geometry], dtype=object), crs, zone)[0], zone
