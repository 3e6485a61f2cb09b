"""Lines with a regime of their own: nature reserves, water sources, natural forest, wetlands, heritage sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.admin import Units
from onemap.demo.boundaries import projected
from onemap.demo.grid import Flags, Floats, Integers, Noise
from onemap.demo.landuse import Landuse
from onemap.demo.layers import DATE, LSWHBHX, SD, TRL, YYSSYD, ZRBHD
from onemap.demo.network import TOWN, Country
from onemap.demo.zones import centres
from onemap.store.geopackage.writer import GeoPackageWriter, TableSpec

_SINCE = "2022-10-14"


@dataclass(frozen=True)
class Drawn:
    """Features of one layer: polygons (EPSG:4526), the parcel that tells where each lies, and further columns."""

    spec: TableSpec
    geometry: NDArray[Any]
    parcel: Integers
    columns: dict[str, list[Any]]

    def write(self, writer: GeoPackageWriter, landuse: Landuse, units: Units) -> int:
        """Write the table; return the number of rows."""
        writer.create_table(self.spec)
        county = [units.code[village][:6] for village in landuse.owner[self.parcel].tolist()]
        places = [units.county[village] for village in landuse.owner[self.parcel].tolist()]
        columns = {
            "BSM": [f"{code}5{number:011}" for number, code in enumerate(county, start=1)],
            "XZQDM": county,
            **self.columns,
            "MC": [place + name for place, name in zip(places, self.columns["MC"], strict=True)],
        }
        empty = [None] * len(self.geometry)
        filled = {field.name: columns.get(field.name, empty) for field in self.spec.fields}
        writer.insert(self.spec.name, projected(self.geometry, self.spec.srid), filled)
        writer.finish(self.spec.name, DATE)
        return len(self.geometry)


def regimes(landuse: Landuse, country: Country, red: Integers) -> list[Drawn]:
    """Draw the layers over the land. ``red``: for each parcel its part of the red line, -1 outside."""
    xy = centres(landuse)
    return [
        _reserves(landuse, country, xy, red),
        _water_sources(landuse, xy),
        _natural_forest(landuse, country, xy),
        _wetlands(landuse),
        _heritage(landuse, country, xy),
    ]


def _reserves(landuse: Landuse, country: Country, xy: Floats, red: Integers) -> Drawn:
    """The largest part of the red line is a reserve; its higher half is the core."""
    size = np.bincount(red + 1, weights=shapely.area(landuse.geometry))
    size[0] = 0
    inside = red == int(np.argmax(size)) - 1 if size.any() else np.zeros(len(red), dtype=bool)
    height = country.relief.at(*xy.T)
    core = inside & (height > np.median(height[inside])) if inside.any() else inside
    labels, geometry = landuse.around(np.where(core, 0, np.where(inside, 1, -1)))
    zones = [("核心保护区", "一般控制区")[label] for label in labels.tolist()]
    first = [int(np.flatnonzero(core if label == 0 else inside & ~core)[0]) for label in labels.tolist()]
    return Drawn(ZRBHD, geometry, np.array(first, dtype=np.int64), _words(["自然保护区"] * len(zones), zones))


def _water_sources(landuse: Landuse, xy: Floats) -> Drawn:
    """Two reservoirs with a first zone of 100 metres around them and a second one of 400."""
    water = np.flatnonzero(landuse.is_class("1103"))
    largest = water[np.argsort(-shapely.area(landuse.geometry[water]), kind="stable")][:2]
    shapes, parcel, zones = [], [], []
    for place in largest.tolist():
        near = shapely.buffer(shapely.simplify(landuse.geometry[place], 5), 100, quad_segs=4)
        far = shapely.difference(shapely.buffer(near, 300, quad_segs=4), near)
        shapes += [near, far]
        parcel += [place, place]
        zones += ["一级保护区", "二级保护区"]
    return Drawn(
        YYSSYD, _rounded(shapes), np.array(parcel, dtype=np.int64), _words(["饮用水水源地"] * len(zones), zones)
    )


def _natural_forest(landuse: Landuse, country: Country, xy: Floats) -> Drawn:
    mood = Noise(country.relief.seed, 83).over(xy, country.grid.extent.width / 6, 2)
    natural = landuse.is_class("0301") & (mood > 0.05)
    labels, geometry = landuse.around(np.where(natural, landuse.owner, -1))
    first = [int(np.flatnonzero(natural & (landuse.owner == label))[0]) for label in labels.tolist()]
    return Drawn(
        TRL, geometry, np.array(first, dtype=np.int64), _words(["天然林"] * len(labels), ["天然乔木林"] * len(labels))
    )


def _wetlands(landuse: Landuse) -> Drawn:
    """Flats along the rivers and the larger ponds; the largest is of national importance."""
    flats = np.flatnonzero(landuse.is_class("1106", "1104"))
    order = np.argsort(-shapely.area(landuse.geometry[flats]), kind="stable")[:200]
    kinds = ["国家重要湿地" if rank == 0 else "一般湿地" for rank in range(len(order))]
    found = flats[order]
    return Drawn(SD, landuse.geometry[found], found, _words(["湿地"] * len(found), kinds))


def _heritage(landuse: Landuse, country: Country, xy: Floats) -> Drawn:
    """Monuments beside a few towns: the protected extent, and a zone around it where building is restricted."""
    towns = country.settlements.points[country.settlements.rank >= TOWN][:3]
    shapes, parcel, zones = [], [], []
    for spot in towns + np.array([350.0, -260.0]):
        near = shapely.buffer(shapely.Point(spot), 60, quad_segs=8)
        far = shapely.difference(shapely.buffer(shapely.Point(spot), 180, quad_segs=8), near)
        shapes += [near, far]
        parcel += [int(np.argmin(np.hypot(*(xy - spot).T)))] * 2
        zones += ["保护范围", "建设控制地带"]
    return Drawn(LSWHBHX, _rounded(shapes), np.array(parcel, dtype=np.int64), _words(["古建筑"] * len(zones), zones))


def touched(drawn: Sequence[Drawn], landuse: Landuse) -> Flags:
    """Tell which parcels of land use meet a feature of any of the layers."""
    tree = shapely.STRtree(landuse.geometry)
    found = np.zeros(len(landuse.geometry), dtype=bool)
    for layer in drawn:
        found[tree.query(layer.geometry, predicate="intersects")[1]] = True
    return found


def _rounded(shapes: list[Any]) -> NDArray[Any]:
    return np.asarray(shapely.transform(np.array(shapes, dtype=object), lambda xy: np.round(xy, 4)))


def _words(names: list[str], kinds: list[str]) -> dict[str, list[Any]]:
    return {"MC": names, "LXMC": kinds, "SLSJ": [_SINCE] * len(names)}
