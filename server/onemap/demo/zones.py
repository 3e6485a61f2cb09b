"""The control lines that planning draws: ecological protection red line and urban development boundary."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.admin import Units
from onemap.demo.boundaries import projected
from onemap.demo.grid import Flags, Floats, Integers, Noise
from onemap.demo.landuse import Landuse
from onemap.demo.layers import CZKFBJ, DATE, STBHHX
from onemap.demo.network import TOWN, Country
from onemap.demo.regions import connected, dense, neighbours
from onemap.demo.sites import built_at
from onemap.demo.sizes import SRID
from onemap.geo.area import measure_for
from onemap.store.geopackage.writer import GeoPackageWriter

_KINDS = (
    ("11", "水源涵养生态保护红线", "森林生态系统", "保护水源涵养功能"),
    ("12", "生物多样性维护生态保护红线", "森林、灌丛生态系统", "保护珍稀野生动植物栖息地"),
    ("13", "水土保持生态保护红线", "灌丛、草地生态系统", "减轻水土流失"),
)
_ZONES = (("110", "集中建设区"), ("120", "弹性发展区"), ("130", "特别用途区"))


def centres(landuse: Landuse) -> Floats:
    """Return a point (n, 2) of each parcel: its centre of gravity."""
    return np.asarray(shapely.get_coordinates(shapely.centroid(landuse.geometry)))


def urban_zones(landuse: Landuse, country: Country) -> Integers:
    """Return for each parcel 3 * settlement + sub-zone of the urban development boundary, -1 outside it."""
    xy = centres(landuse)
    rank = country.settlements.rank
    result = np.full(len(xy), -1)
    for zone, growth in ((1, 1.45), (0, 1.12)):
        town = built_at(country, xy, growth)
        inside = (town >= 0) & (rank[town] >= TOWN) & ~landuse.is_class("1103", "1101")
        result[inside] = 3 * town[inside] + zone
    urban = (landuse.settlement >= 0) & (rank[landuse.settlement] >= TOWN)
    result[urban] = 3 * landuse.settlement[urban]
    green = landuse.is_class("03", "04", "1104") & (result >= 0)
    result[green] = result[green] // 3 * 3 + 2
    return result


def write_urban(writer: GeoPackageWriter, landuse: Landuse, units: Units, zones: Integers) -> int:
    """Write the table czkfbj, a row for each sub-zone of each town; return the number of rows."""
    writer.create_table(CZKFBJ)
    labels, geometries = landuse.around(zones)
    seat = {int(village): number for number, village in enumerate(units.origin.tolist())}
    town = [seat.get(int(label) // 3, 0) for label in labels]
    zone = (labels % 3).tolist()
    area = measure_for(SRID).areas(geometries)
    columns = {
        "BSM": [f"{units.code[t][:6]}2090{i + 1:08}" for i, t in enumerate(town)],
        "YSDM": ["2090020500"] * len(labels),
        "CZMC": [units.town[t] for t in town],
        "XJXZQHDM": [units.code[t][:6] for t in town],
        "CZKFMJ": (np.floor(area * 100 + 0.5) / 100).tolist(),
        "SLSJ": ["2022-10-14"] * len(labels),
        "BZ": [None] * len(labels),
        "GHFQDM": [_ZONES[z][0] for z in zone],
        "GHFQMC": [_ZONES[z][1] for z in zone],
    }
    writer.insert(CZKFBJ.name, projected(geometries, CZKFBJ.srid), columns)
    writer.finish(CZKFBJ.name, DATE)
    return len(labels)


def red_line(landuse: Landuse, country: Country, units: Units, urban: Flags) -> Integers:
    """Return for each parcel 3 * county + kind of the red line, -1 outside it: large wild land and reservoirs."""
    xy = centres(landuse)
    x, y = xy.T
    wild = landuse.is_class("03", "04", "1207", "1101", "1103", "1006") & ~urban
    height = country.relief.at(x, y) / country.plan.summit
    long = country.grid.extent.width
    mood = Noise(country.relief.seed, 80)(x, y, long / 5, 3)
    value = height + 0.35 * mood + 0.3 * landuse.is_class("1103")
    chosen = wild & (value > np.quantile(value[wild], 0.45))
    one, other, _ = neighbours(landuse.mesh)
    part = dense(connected(landuse.parcel[one], landuse.parcel[other], np.where(chosen, 0, -1 - np.arange(len(xy)))))
    size = np.bincount(part, weights=shapely.area(landuse.geometry))
    chosen &= size[part] > 0.012 * size.sum()
    kind = np.digitize(Noise(country.relief.seed, 81)(x, y, long / 2.5, 1), [-0.25, 0.3])
    county = np.unique([code[:6] for code in units.code], return_inverse=True)[1][landuse.owner]
    return _without_scraps(np.where(chosen, 3 * county + kind, -1), shapely.area(landuse.geometry))


def _without_scraps(label: Integers, area: Floats) -> Integers:
    """Take the zones out that have less than a fortieth of the area of the largest."""
    size = np.bincount(label + 1, weights=area)
    size[0] = 0
    return np.where(size[label + 1] < size.max() / 40, -1, label)


def write_red_line(writer: GeoPackageWriter, landuse: Landuse, units: Units, label: Integers) -> int:
    """Write the table stbhhx, one row per county and kind; return the number of rows."""
    writer.create_table(STBHHX)
    labels, geometries = landuse.around(label)
    codes, first = np.unique([code[:6] for code in units.code], return_index=True)
    county, kind = labels // 3, (labels % 3).tolist()
    name = [units.county[first[c]] for c in county]
    area = measure_for(SRID).areas(geometries) / 1e6
    columns = _red_line_columns(codes[county], kind, name, np.floor(area * 1e4 + 0.5) / 1e4)
    writer.insert(STBHHX.name, projected(geometries, STBHHX.srid), columns)
    writer.finish(STBHHX.name, DATE)
    return len(labels)


def _red_line_columns(codes: NDArray[Any], kind: list[int], name: list[str], area: Floats) -> dict[str, Any]:
    count = len(kind)
    return {
        "BSM": [f"{code}2003{i + 1:08}" for i, code in enumerate(codes)],
        "YSDM": ["2003010100"] * count,
        "XJXZQHDM": codes.tolist(),
        "LXDM": [_KINDS[k][0] for k in kind],
        "SLDM": [f"{i + 1:04}" for i in range(count)],
        "MC": [county + _KINDS[k][1] for county, k in zip(name, kind, strict=True)],
        "RKSL": [None] * count,
        "STGNYBHMB": [_KINDS[k][3] for k in kind],
        "DLWZ": [f"位于{county}境内" for county in name],
        "QYMJ": area.tolist(),
        "STXTYZBLX": [_KINDS[k][2] for k in kind],
        "RWHDLX": ["农林活动"] * count,
        "STHJWT": [None] * count,
        "GKCS": ["核心保护区外，严格禁止开发性、生产性建设活动"] * count,
        "SLSJ": ["2022-10-14"] * count,
        "BZ": [None] * count,
    }
