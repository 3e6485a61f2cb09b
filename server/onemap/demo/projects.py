"""Approved construction projects (批准项目): sites with invented names and numbers, near towns and along highways."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.admin import Units
from onemap.demo.boundaries import projected
from onemap.demo.grid import Floats, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import DATE, PROJECTS
from onemap.demo.network import TOWN, Country
from onemap.demo.sites import radii
from onemap.geo.area import measure_for
from onemap.store.geopackage.writer import GeoPackageWriter

_KINDS = (
    ("产业园一期", "工业", "工业用地"),
    ("仓储物流中心", "物流", "物流仓储用地"),
    ("中学新建项目", "教育", "科教文卫用地"),
    ("人民医院迁建项目", "医疗", "科教文卫用地"),
    ("安置小区", "住宅", "城镇住宅用地"),
    ("污水处理厂", "市政", "公用设施用地"),
    ("变电站", "能源", "公用设施用地"),
    ("公路养护站", "交通", "公路用地"),
)


@dataclass(frozen=True)
class Projects:
    """Approved projects: polygons (EPSG:4547, x is easting) and the columns of their table."""

    geometry: NDArray[Any]
    columns: dict[str, Any]


def approved(country: Country, units: Units, landuse: Landuse) -> Projects:
    """Invent projects for the province."""
    rng = np.random.default_rng((country.relief.seed, 91))
    plots = _sites(country, landuse, int(np.clip(country.plan.parcels / 250, 40, 1500)), rng)
    geometry = projected(plots, PROJECTS.srid)
    return Projects(geometry, _columns(units, _villages(landuse, plots), geometry, rng))


def write_projects(writer: GeoPackageWriter, projects: Projects) -> int:
    """Write the table approved_projects; return the number of rows."""
    writer.create_table(PROJECTS)
    writer.insert(PROJECTS.name, projects.geometry, projects.columns)
    writer.finish(PROJECTS.name, DATE)
    return len(projects.geometry)


def _sites(country: Country, landuse: Landuse, count: int, rng: np.random.Generator) -> NDArray[Any]:
    """Return plots around towns and beside highways, inside the province and apart from each other."""
    towns = np.flatnonzero(country.settlements.rank >= TOWN)
    town = rng.choice(towns, 3 * count)
    bearing = rng.uniform(0, 2 * np.pi, len(town))
    out = rng.uniform(0.7, 1.9, len(town)) * radii(country)[town]
    around = country.settlements.points[town] + (out * np.array([np.cos(bearing), np.sin(bearing)])).T
    courses = np.vstack([line.course for line in country.lines if line.kind == "highway"])
    beside = rng.permutation(courses)[: 2 * count] + rng.choice([-160, 160], (min(2 * count, len(courses)), 2))
    centres = rng.permutation(np.vstack([around, beside]))
    plots = np.array([plot(centre, rng) for centre in centres])
    province = shapely.STRtree(landuse.geometry)
    inside = np.zeros(len(plots), dtype=bool)
    inside[province.query(shapely.points(centres), predicate="within")[0]] = True
    plots = plots[inside]
    later, earlier = shapely.STRtree(plots).query(plots, predicate="dwithin", distance=5)
    apart = np.ones(len(plots), dtype=bool)
    apart[later[earlier < later]] = False
    return plots[apart][:count]


def plot(centre: Floats, rng: np.random.Generator) -> Any:
    """Return a rectangle or an L of 0.3 to 30 hectares around a point."""
    long = float(np.exp(rng.uniform(np.log(60), np.log(500))))
    wide = long * rng.uniform(0.45, 0.95)
    corners = [(0.0, 0.0), (long, 0.0), (long, wide), (0.0, wide)]
    if rng.random() < 0.4:
        bend = (long * 0.6, wide * 0.55)
        corners = [(0.0, 0.0), (long, 0.0), (long, bend[1]), bend, (bend[0], wide), (0.0, wide)]
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return shapely.Polygon(np.round((np.array(corners) - [long / 2, wide / 2]) @ turn + centre, 4))


def _villages(landuse: Landuse, geometry: NDArray[Any]) -> Integers:
    points = shapely.points(shapely.get_coordinates(shapely.centroid(geometry)))
    parcel = shapely.STRtree(landuse.geometry).query_nearest(points, all_matches=False)[1]
    return np.asarray(landuse.owner[parcel])


def _columns(units: Units, village: Integers, geometry: NDArray[Any], rng: np.random.Generator) -> dict[str, Any]:
    kind = rng.integers(0, len(_KINDS), len(village)).tolist()
    year, month, day = (rng.integers(low, high, len(kind)) for low, high in ((2019, 2026), (1, 13), (1, 29)))
    places = village.tolist()
    hectares = np.floor(measure_for(PROJECTS.srid).areas(geometry) + 0.5) / 1e4
    return {
        "BSM": [f"{units.code[v][:6]}4001{i + 1:08}" for i, v in enumerate(places)],
        "XMDM": [f"{y}-{units.code[v][:6]}-{i + 1:05}" for i, (v, y) in enumerate(zip(places, year, strict=True))],
        "XMMC": [units.town[v] + _KINDS[k][0] for v, k in zip(places, kind, strict=True)],
        "XMLX": [_KINDS[k][1] for k in kind],
        "JSDW": [f"{units.county[v]}示例建设有限公司" for v in places],
        "PZWH": [f"示自然资批〔{y}〕{i % 900 + 1}号" for i, y in enumerate(year.tolist())],
        "PZJG": ["示范省人民政府"] * len(kind),
        "PZRQ": [f"{y}-{m:02}-{d:02}" for y, m, d in zip(year, month, day, strict=True)],
        "YDMJ": hectares.tolist(),
        "TDYT": [_KINDS[k][2] for k in kind],
        "XZQDM": [units.code[v][:6] for v in places],
        "XZQMC": [units.county[v] for v in places],
    }
