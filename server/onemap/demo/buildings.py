"""Buildings: footprints in the cells of built-up land, with height and use."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.demo.boundaries import projected
from onemap.demo.cadastre import Cadastre
from onemap.demo.grid import Flags, Floats, Integers
from onemap.demo.landuse import Landuse
from onemap.demo.layers import BUILDINGS, DATE
from onemap.demo.mesh import Mesh
from onemap.demo.network import COUNTY, Country
from onemap.demo.sizes import SRID
from onemap.demo.uses import CODES
from onemap.geo.area import measure_for
from onemap.store.geopackage.writer import GeoPackageWriter

_USES = {
    # code: use, share of cells with buildings, most floors, metres per floor, length and width of a house
    "0701": ("城镇住宅", 0.9, 18, 3.0, 26.0, 13.0),
    "0702": ("农村住宅", 0.8, 3, 3.3, 13.0, 10.0),
    "05H1": ("商业服务", 0.9, 12, 4.0, 28.0, 18.0),
    "0508": ("仓储", 0.9, 1, 9.0, 34.0, 17.0),
    "0601": ("工业", 0.9, 3, 6.0, 34.0, 16.0),
    "08H1": ("办公", 0.9, 8, 3.6, 30.0, 14.0),
    "08H2": ("教育医疗", 0.9, 6, 3.6, 30.0, 13.0),
    "0809": ("公用设施", 0.6, 2, 4.0, 12.0, 9.0),
}
_ROWS = (-10.0, 10.0)


def write_buildings(writer: GeoPackageWriter, country: Country, landuse: Landuse, cadastre: Cadastre) -> int:
    """Write the table buildings; return the number of rows."""
    writer.create_table(BUILDINGS)
    rng = np.random.default_rng((country.relief.seed, 90))
    footprint, parcel, use = _footprints(landuse, rng)
    floors = _floors(country, landuse, parcel, use, rng)
    per_floor = np.array([values[3] for values in _USES.values()])[use]
    ground = country.relief.at(*shapely.get_coordinates(shapely.centroid(footprint)).T)
    place = cadastre.place[parcel]
    names = np.array([values[0] for values in _USES.values()])[use]
    columns: dict[str, Any] = {
        "BSM": [f"{where[:6]}3001{i + 1:08}" for i, where in enumerate(place.tolist())],
        "JZWMC": [None] * len(use),
        "JZWYT": names,
        "JZWGD": np.round(floors * per_floor + 0.6, 1),
        "JZWCS": floors,
        "JDMJ": np.floor(measure_for(SRID).areas(footprint) * 100 + 0.5) / 100,
        "DMGC": np.round(ground, 1),
        "ZLDWDM": place,
        "JCNF": rng.integers(1978, 2025, len(use)),
    }
    writer.insert(BUILDINGS.name, projected(footprint, BUILDINGS.srid), columns)
    writer.finish(BUILDINGS.name, DATE)
    return len(use)


def _footprints(landuse: Landuse, rng: np.random.Generator) -> tuple[NDArray[Any], Integers, Integers]:
    """Return rectangles along the longest edge of built-up cells, with the parcel that holds each and its use."""
    mesh, code = landuse.mesh, landuse.code[landuse.parcel]
    uses = np.full(len(CODES), -1)
    for number, name in enumerate(_USES):
        uses[CODES.index(name)] = number
    share = np.array([values[1] for values in _USES.values()])
    cell = np.flatnonzero((uses[code] >= 0) & (landuse.settlement[landuse.parcel] >= 0))
    cell = cell[rng.random(len(cell)) < share[uses[code[cell]]]]
    angle, centre = _directions(mesh)[cell], mesh.centroids()[cell]
    rows = [_rectangles(centre, angle, row, uses[code[cell]], rng) for row in _ROWS]
    footprint, cell = np.concatenate(rows), np.tile(cell, len(rows))
    parcel = landuse.parcel[cell]
    fits = shapely.covers(landuse.geometry[parcel], footprint) & ~_touching(footprint)
    return footprint[fits], parcel[fits], uses[code[cell]][fits]


def _touching(footprint: NDArray[Any]) -> Flags:
    """Tell which footprints come too near to an earlier one."""
    later, earlier = shapely.STRtree(footprint).query(footprint, predicate="dwithin", distance=1.5)
    result = np.zeros(len(footprint), dtype=bool)
    result[later[earlier < later]] = True
    return result


def _directions(mesh: Mesh) -> Floats:
    """Return the direction of the longest edge of each cell, in radians from east."""
    every = np.arange(len(mesh.start))
    order = np.lexsort([mesh.length(every), mesh.cell])
    last = order[np.append(mesh.cell[order][1:] != mesh.cell[order][:-1], True)]
    longest = np.empty(mesh.cells, dtype=np.int64)
    longest[mesh.cell[last]] = last
    run = mesh.xy[mesh.end[longest]] - mesh.xy[mesh.start[longest]]
    return np.asarray(np.arctan2(run[:, 1], run[:, 0]))


def _rectangles(centre: Floats, angle: Floats, row: float, use: Integers, rng: np.random.Generator) -> NDArray[Any]:
    sizes = np.array([values[4:6] for values in _USES.values()])[use] * rng.uniform(0.8, 1.1, (len(use), 2))
    along = np.column_stack([np.cos(angle), np.sin(angle)])
    across = np.column_stack([-along[:, 1], along[:, 0]])
    middle = centre + across * row + along * rng.uniform(-3, 3, len(use))[:, None]
    corners = [
        middle + along * (sizes[:, :1] * i / 2) + across * (sizes[:, 1:] * j / 2)
        for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return np.asarray(shapely.polygons(np.round(np.stack(corners, axis=1), 4)))


def _floors(country: Country, landuse: Landuse, parcel: Integers, use: Integers, rng: np.random.Generator) -> Integers:
    """Return the number of floors: tall only in the large towns."""
    most = np.array([values[2] for values in _USES.values()])[use]
    large = country.settlements.rank[landuse.settlement[parcel]] >= COUNTY
    share = rng.random(len(use)) ** np.where(large, 1.6, 4.0)
    return 1 + (share * (most - 0.001)).astype(np.int64)
