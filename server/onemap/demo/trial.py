"""Parcels to try: one file of each format, each at a place where it touches something worth knowing, or nothing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from onemap.demo.admin import Units
from onemap.demo.boundaries import projected, undelivered
from onemap.demo.coordinate_text import Plot, TextStyle, coordinate_text
from onemap.demo.grid import Flags, Floats, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import DATE
from onemap.demo.network import COUNTY, Country
from onemap.demo.shapefile import zipped
from onemap.demo.sizes import SRID
from onemap.demo.zones import centres
from onemap.geo.area import measure_for
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec


@dataclass(frozen=True)
class Lines:
    """For each land-use parcel: is it farmland, in the red line, in which urban zone (-1: in none), in another line."""

    farmland: Flags
    red: Flags
    urban: Integers
    other: Flags


def write_trials(directory: Path, country: Country, units: Units, landuse: Landuse, lines: Lines) -> list[Path]:
    """Write the parcel files into a directory; return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    xy = centres(landuse)
    return [
        _simple_text(directory, xy, lines),
        _text_with_holes(directory, xy, lines),
        _lenient_text(directory, xy, units, landuse),
        _town_shapefile(directory, xy, lines),
        _corridor(directory, country),
        _untouched(directory, xy, units, landuse, lines),
    ]


def box(centre: Floats, width: float, height: float, angle: float = 0.35) -> Any:
    """Return a turned rectangle around a point, its vertices on whole millimetres."""
    x, y = np.array([-1, 1, 1, -1]) * width / 2, np.array([-1, -1, 1, 1]) * height / 2
    turned = np.column_stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)])
    return shapely.Polygon(np.round(turned + centre, 3))


def _nearest(xy: Floats, these: Flags, those: Flags) -> Floats:
    """Return the middle between the nearest two points of each kind; the first of these where there are no others."""
    if not those.any() or not these.any():
        return np.asarray(xy[these if these.any() else slice(None)][0])
    tree = shapely.STRtree(shapely.points(xy[those]))
    found, distance = tree.query_nearest(shapely.points(xy[these]), return_distance=True, all_matches=False)
    best = int(np.argmin(distance))
    return np.asarray((xy[these][found[0, best]] + xy[those][found[1, best]]) / 2)


def _simple_text(directory: Path, xy: Floats, lines: Lines) -> Path:
    centre = _nearest(xy, lines.farmland, lines.urban >= 0)
    plot = Plot(box(centre, 310, 190), "A-01", "城郊示例地块", "工业用地", "0601")
    path = directory / "a_farmland_utf8.txt"
    path.write_text(coordinate_text([plot], TextStyle(SRID)), encoding="utf-8", newline="\n")
    return path


def _text_with_holes(directory: Path, xy: Floats, lines: Lines) -> Path:
    centre = _nearest(xy, lines.red, ~lines.red)
    holed = shapely.difference(box(centre, 420, 300), box(centre, 90, 60))
    beside = centre + np.array([150.0, -620.0])
    two = shapely.union_all(
        [shapely.difference(box(beside, 180, 140), box(beside, 40, 30)), box(beside + np.array([320.0, 60.0]), 120, 90)]
    )
    plots = [
        Plot(holed, "1", "山前示例地块（含孔）", "采矿用地", "0602"),
        Plot(two, "2", "山前示例地块（两块一孔）", "采矿用地", "0602"),
    ]
    path = directory / "b_redline_gbk.txt"
    path.write_text(coordinate_text(plots, TextStyle(SRID)), encoding="gbk", newline="\r\n")
    return path


def _lenient_text(directory: Path, xy: Floats, units: Units, landuse: Landuse) -> Path:
    missing = undelivered(units)
    fields = landuse.is_class("01") & np.array([code[:6] == missing for code in units.code])[landuse.owner]
    inner = xy[fields] if fields.any() else xy
    centre = inner[np.argmin(np.hypot(*(inner - inner.mean(axis=0)).T))]
    shifted = shapely.transform(box(centre, 140, 90), lambda points: points - [38_000_000.0, 0.0])
    style = TextStyle(
        SRID + 21, "", prefix="", closed=False, places=4, long_header=True, project=(("项目名称", "示例高标准农田"),)
    )
    plot = Plot(shifted, "C-1", "未汇交县示例地块", "耕地", "0103")
    path = directory / "c_no_coverage_bom.txt"
    path.write_text(coordinate_text([plot], style), encoding="utf-8-sig", newline="\r\n")
    return path


def _town_shapefile(directory: Path, xy: Floats, lines: Lines) -> Path:
    core, ring = (lines.urban >= 0) & (lines.urban % 3 == 0), (lines.urban >= 0) & (lines.urban % 3 == 1)
    centre = _nearest(xy, ring, core)
    plots = np.array([box(centre + np.array([i * 260.0, i * 95.0]), 230, 170) for i in range(3)])
    columns = {
        "DKBH": np.array(["D-1", "D-2", "D-3"], dtype=object),
        "DKMC": np.array(["城东示例地块一", "城东示例地块二", "城东示例地块三"], dtype=object),
        "MJ": np.round(measure_for(SRID).areas(plots) / 1e4, 4),
    }
    path = directory / "d_town_shapefile_gbk.zip"
    zipped(path, "地块", plots, columns, SRID)
    return path


def _corridor(directory: Path, country: Country) -> Path:
    """A road of 60 metres' width from the capital half the way to the nearest other county seat, as GeoJSON."""
    places = country.settlements
    capital = places.points[np.argmax(places.rank)]
    others = places.points[(places.rank == COUNTY)]
    end = others[np.argmin(np.hypot(*(others - capital).T))] if len(others) else capital + 3000.0
    middle = capital + 0.5 * (end - capital)
    bend = (capital + middle) / 2 + np.array([0.06, -0.06]) * np.hypot(*(middle - capital))
    road = shapely.buffer(shapely.LineString([capital, bend, middle]), 30, cap_style="flat", quad_segs=4)
    degrees = projected(np.array([road]), 4490)[0]
    feature = {
        "type": "Feature",
        "properties": {"name": "示例公路", "note": "lon, lat (CRS84)"},
        "geometry": json.loads(shapely.to_geojson(degrees)),
    }
    text = json.dumps({"type": "FeatureCollection", "features": [feature]}, ensure_ascii=False, indent=1)
    path = directory / "e_road.geojson"
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return path


def _untouched(directory: Path, xy: Floats, units: Units, landuse: Landuse, lines: Lines) -> Path:
    """A plot far from every control line, where all layers have data, as a GeoPackage."""
    missing = undelivered(units)
    delivered = np.array([code[:6] != missing for code in units.code])[landuse.owner]
    involved = lines.farmland | lines.red | (lines.urban >= 0) | lines.other
    free = np.flatnonzero(delivered & ~involved)
    tree = shapely.STRtree(landuse.geometry[involved])
    points = shapely.points(xy[free])
    distance = tree.query_nearest(points, return_distance=True, all_matches=False)[1]
    best = int(np.argmax(distance))
    side = float(np.clip(distance[best] * 0.9, 20, 220))
    plot = np.array([box(xy[free[best]], side, side * 0.7)])
    spec = TableSpec("parcel", "POLYGON", SRID, (FieldSpec("DKMC", "TEXT(60)"), FieldSpec("MJ", "REAL")), title="地块")
    path = directory / "f_untouched.gpkg"
    path.unlink(missing_ok=True)
    with GeoPackageWriter(path) as writer:
        writer.create_table(spec)
        area = np.round(measure_for(SRID).areas(plot) / 1e4, 4)
        writer.insert(spec.name, plot, {"DKMC": ["不涉及控制线的示例地块"], "MJ": area})
        writer.finish(spec.name, DATE)
    return path
