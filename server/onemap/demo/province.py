"""Generate a demo province: relief, rivers, settlements, land use, control lines, buildings, and files to try."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from onemap.demo.admin import Units, organise
from onemap.demo.boundaries import write_coverage, write_units
from onemap.demo.buildings import write_buildings
from onemap.demo.cadastre import survey, write_parcels
from onemap.demo.farmland import farmland, write_farmland
from onemap.demo.landuse import Landuse, parcels
from onemap.demo.layers import PROJECTS
from onemap.demo.minerals import minerals
from onemap.demo.network import Country, settle
from onemap.demo.planning import planned, reserves
from onemap.demo.previous import write_previous
from onemap.demo.projects import Projects, approved, write_projects
from onemap.demo.regimes import regimes, touched
from onemap.demo.relief import carve
from onemap.demo.shapefile import write_shapefile
from onemap.demo.sites import in_province, seed_points
from onemap.demo.sizes import SIZES
from onemap.demo.trial import Lines, write_trials
from onemap.demo.zones import red_line, urban_zones, write_red_line, write_urban
from onemap.store.geopackage.areas import build_areas
from onemap.store.geopackage.writer import GeoPackageWriter

type Progress = Callable[[str], None]

_SIDECARS = {".shx", ".dbf", ".prj", ".cpg"}


@dataclass(frozen=True)
class Summary:
    """What was generated: the GeoPackage, rows per table, and the other files."""

    geopackage: Path
    rows: dict[str, int]
    files: tuple[Path, ...]

    def __str__(self) -> str:
        rows = ", ".join(f"{table} {count:,}" for table, count in self.rows.items())
        files = "".join(f"\n  {path}" for path in self.files if path.suffix not in _SIDECARS)
        return f"{self.geopackage}: {rows}\nfiles to try:{files}"


def generate(directory: Path, size: Literal["small", "medium", "large"], seed: int, progress: Progress) -> Summary:
    """Generate the province of a size and a seed into a directory; the same two give the same bytes.

    Existing files of the same names are replaced. ``progress`` receives a line before each stage.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "province.gpkg"
    path.unlink(missing_ok=True)
    country, units, landuse = _land(size, seed, progress)
    cadastre = survey(landuse, units, seed)
    urban = urban_zones(landuse, country)
    red = red_line(landuse, country, units, urban >= 0)
    fields = farmland(landuse, units, cadastre, (urban < 0) & (red < 0), seed)
    others = [*regimes(landuse, country, red), *minerals(landuse, country)]
    free = (urban < 0) & (red < 0) & (fields < 0)
    drawn = [*others, planned(landuse, urban), reserves(landuse, free, seed)]
    rows: dict[str, int] = {}
    with GeoPackageWriter(path) as writer:
        progress("writing the land survey")
        rows["xzq"] = write_units(writer, units, landuse, cadastre.area)
        rows["dltb"] = write_parcels(writer, landuse, cadastre)
        rows["dltb_previous"] = write_previous(writer, landuse, units, seed)
        progress("writing the control lines")
        rows["yjjbnttb"] = write_farmland(writer, landuse, cadastre, fields, seed)
        rows["stbhhx"] = write_red_line(writer, landuse, units, red)
        rows["czkfbj"] = write_urban(writer, landuse, units, urban)
        for layer in drawn:
            rows[layer.spec.name] = layer.write(writer, landuse, units)
        rows["coverage"] = write_coverage(writer, units, landuse)
        progress("writing buildings and projects")
        rows["buildings"] = write_buildings(writer, country, landuse, cadastre)
        projects = approved(country, units, landuse)
        rows["approved_projects"] = write_projects(writer, projects)
    progress("measuring areas")
    for table in rows:
        build_areas(path, table)
    progress("writing files to try")
    lines = Lines(fields >= 0, red >= 0, urban, touched(others, landuse))
    files = write_trials(directory / "parcels", country, units, landuse, lines)
    files += _shapefile(directory / "shapefile", projects)
    return Summary(path, rows, tuple(files))


def _shapefile(folder: Path, projects: Projects) -> list[Path]:
    folder.mkdir(exist_ok=True)
    columns = {name: np.array(v, dtype=float if name == "YDMJ" else object) for name, v in projects.columns.items()}
    return write_shapefile(folder / "批准项目.shp", projects.geometry, columns, PROJECTS.srid)


def _land(size: str, seed: int, progress: Progress) -> tuple[Country, Units, Landuse]:
    progress("carving the relief")
    relief = carve(seed, size)
    progress("placing rivers, settlements and roads")
    country = settle(relief, SIZES[size])
    units = organise(country)
    country = replace(country, village=_renumbered(country, units))
    progress("dividing the land into parcels")
    sites = seed_points(country)
    return country, units, parcels(country, sites, in_province(country, sites.xy))


def _renumbered(country: Country, units: Units) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return the grid of villages numbered in the order of their codes; land beyond them goes to the nearest."""
    points = country.settlements.points[: country.villages]
    own = points[units.origin]
    number = np.empty(len(points), dtype=np.int64)
    for village, point in enumerate(points):
        number[village] = np.argmin(np.hypot(*(own - point).T))
    return number[country.village]
