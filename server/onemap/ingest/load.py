"""Write a layer that was read into a GeoPackage store."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from onemap.errors import ConfigError
from onemap.geo.area import measure_for
from onemap.geo.crs import crs_from_srid
from onemap.ingest.read import Layer
from onemap.store.geopackage.areas import build_areas
from onemap.store.geopackage.writer import GeoPackageWriter, TableSpec

_SINGLE = {0: "POINT", 1: "LINESTRING", 3: "POLYGON", 4: "MULTIPOINT", 5: "MULTILINESTRING", 6: "MULTIPOLYGON"}
_FAMILY = {"POINT": "MULTIPOINT", "LINESTRING": "MULTILINESTRING", "POLYGON": "MULTIPOLYGON"}


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written, and what is not right with it."""

    table: str
    features: int
    srid: int
    geometry_type: str
    missing: int
    invalid: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.table}: {self.features} features, {self.geometry_type}, EPSG:{self.srid}"]
        if self.missing:
            lines.append(f"  {self.missing} features have no geometry")
        lines += [f"  invalid geometry: {reason}" for reason in self.invalid[:5]]
        if len(self.invalid) > 5:
            lines.append(f"  ... and {len(self.invalid) - 5} more invalid geometries")
        return "\n".join(lines)


def load(layer: Layer, path: Path, table: str, title: str) -> Summary:
    """Write a layer as a new table of a GeoPackage; polygon layers also get their stored areas.

    Geometries are stored as they are: invalid ones are counted and named, not changed. Raises
    ConfigError when the table is there already or the file is in use by another writer.
    """
    crs_from_srid(layer.srid)
    kind = geometry_type(layer)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with GeoPackageWriter(path) as writer:
            writer.create_table(TableSpec(table, kind, layer.srid, layer.fields, title=title))
            writer.insert(table, layer.geometries, layer.columns)
            writer.finish(table, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    except ValueError as error:
        raise ConfigError(f"{error}.", "Choose another identifier with --id.") from None
    except sqlite3.OperationalError as error:
        raise ConfigError(
            f"{path} cannot be written: {error}.", "Stop the server that uses it, and try again."
        ) from None
    if kind.endswith("POLYGON") and _measurable(layer.srid):
        build_areas(path, table)
    missing = int(shapely.is_missing(layer.geometries).sum())
    return Summary(table, len(layer.geometries), layer.srid, kind, missing, invalid(layer.geometries))


def geometry_type(layer: Layer) -> str:
    """Return the narrowest GeoPackage geometry type that holds all geometries of a layer."""
    kinds = set(np.unique(shapely.get_type_id(layer.geometries)).tolist()) - {-1}
    names = {_SINGLE.get(kind, "GEOMETRY") for kind in kinds}
    if len(names) == 1:
        return names.pop()
    families = {_FAMILY.get(name, name) for name in names}
    return families.pop() if len(families) == 1 else "GEOMETRY"


def _measurable(srid: int) -> bool:
    try:
        measure_for(srid)
    except ValueError:
        return False
    return True


def invalid(geometries: NDArray[np.object_]) -> tuple[str, ...]:
    """Return a line for each invalid geometry."""
    wrong = np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries))
    return tuple(f"feature {at + 1}: {shapely.is_valid_reason(geometries[at])}" for at in wrong.tolist())
