"""Write GeoPackage 1.3 files with sqlite3 and shapely, without OGR.

The same input gives the same bytes: the clock is never read, the caller states when the data was last changed.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from onemap.catalog.model import FieldType

APPLICATION_ID = 0x47504B47  # "GPKG"
USER_VERSION = 10300

_TYPE = re.compile(
    r"(BOOLEAN|TINYINT|SMALLINT|MEDIUMINT|INT|INTEGER|FLOAT|DOUBLE|REAL|DATE|DATETIME|(TEXT|BLOB)(\(\d+\))?)"
)
# In the order of the type numbers of shapely, whose third type never comes out of a GeoPackage.
_GEOMETRY_TYPES = (
    "POINT",
    "LINESTRING",
    "LINEARRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
)
_INDEXED_AT_ONCE = 10_000
_MULTI_OF = {"POINT": "MULTIPOINT", "LINESTRING": "MULTILINESTRING", "POLYGON": "MULTIPOLYGON"}

_SYSTEM_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE IF NOT EXISTS gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE IF NOT EXISTS gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL,
  z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE IF NOT EXISTS gpkg_extensions (
  table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL, scope TEXT NOT NULL,
  CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
"""

# The triggers of the R-tree extension keep the index right when QGIS or OGR edits the file; their ST_ functions
# exist on the connections of those programs. {t}: table, {g}: geometry, {k}: key, {r}: index, {n}: name stem.
_RTREE_TRIGGERS = """
CREATE TRIGGER {n_insert} AFTER INSERT ON {t} WHEN (NEW.{g} NOTNULL AND NOT ST_IsEmpty(NEW.{g})) BEGIN
  INSERT OR REPLACE INTO {r} VALUES (NEW.{k}, ST_MinX(NEW.{g}), ST_MaxX(NEW.{g}), ST_MinY(NEW.{g}), ST_MaxY(NEW.{g}));
END;
CREATE TRIGGER {n_update2} AFTER UPDATE OF {g} ON {t}
  WHEN OLD.{k} = NEW.{k} AND (NEW.{g} ISNULL OR ST_IsEmpty(NEW.{g})) BEGIN
  DELETE FROM {r} WHERE id = OLD.{k};
END;
CREATE TRIGGER {n_update4} AFTER UPDATE ON {t}
  WHEN OLD.{k} != NEW.{k} AND (NEW.{g} ISNULL OR ST_IsEmpty(NEW.{g})) BEGIN
  DELETE FROM {r} WHERE id IN (OLD.{k}, NEW.{k});
END;
CREATE TRIGGER {n_update5} AFTER UPDATE ON {t}
  WHEN OLD.{k} != NEW.{k} AND (NEW.{g} NOTNULL AND NOT ST_IsEmpty(NEW.{g})) BEGIN
  DELETE FROM {r} WHERE id = OLD.{k};
  INSERT OR REPLACE INTO {r} VALUES (NEW.{k}, ST_MinX(NEW.{g}), ST_MaxX(NEW.{g}), ST_MinY(NEW.{g}), ST_MaxY(NEW.{g}));
END;
CREATE TRIGGER {n_update6} AFTER UPDATE OF {g} ON {t} WHEN OLD.{k} = NEW.{k}
  AND (NEW.{g} NOTNULL AND NOT ST_IsEmpty(NEW.{g})) AND (OLD.{g} NOTNULL AND NOT ST_IsEmpty(OLD.{g})) BEGIN
  UPDATE {r} SET minx = ST_MinX(NEW.{g}), maxx = ST_MaxX(NEW.{g}), miny = ST_MinY(NEW.{g}), maxy = ST_MaxY(NEW.{g})
  WHERE id = NEW.{k};
END;
CREATE TRIGGER {n_update7} AFTER UPDATE OF {g} ON {t} WHEN OLD.{k} = NEW.{k}
  AND (NEW.{g} NOTNULL AND NOT ST_IsEmpty(NEW.{g})) AND (OLD.{g} ISNULL OR ST_IsEmpty(OLD.{g})) BEGIN
  INSERT INTO {r} VALUES (NEW.{k}, ST_MinX(NEW.{g}), ST_MaxX(NEW.{g}), ST_MinY(NEW.{g}), ST_MaxY(NEW.{g}));
END;
CREATE TRIGGER {n_delete} AFTER DELETE ON {t} WHEN OLD.{g} NOTNULL BEGIN
  DELETE FROM {r} WHERE id = OLD.{k};
END;
"""
_TRIGGER_NAMES = ("insert", "update2", "update4", "update5", "update6", "update7", "delete")
_RTREE_EXTENSION = ("gpkg_rtree_index", "http://www.geopackage.org/spec120/#extension_rtree", "write-only")


COLUMN_TYPES: Mapping[FieldType, str] = {
    "string": "TEXT",
    "integer": "INTEGER",
    "number": "REAL",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "DATETIME",
    "binary": "BLOB",
}
"""The column type that holds a field (GeoPackage 1.3, table 1)."""


@dataclass(frozen=True)
class FieldSpec:
    """Name a column and its GeoPackage data type, for example TEXT(18), REAL, INTEGER, DATE, DATETIME, BOOLEAN."""

    name: str
    type: str

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.type):
            raise ValueError(f"{self.type!r} of field {self.name!r} is no GeoPackage column type")


@dataclass(frozen=True)
class TableSpec:
    """Describe a feature table: a two-dimensional geometry column and its attribute columns."""

    name: str
    geometry_type: str
    srid: int
    fields: tuple[FieldSpec, ...]
    geometry_column: str = "geom"
    primary_key: str = "fid"
    title: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if self.geometry_type not in (*_GEOMETRY_TYPES, "GEOMETRY"):
            raise ValueError(f"{self.geometry_type!r} of table {self.name!r} is no geometry type")
        names = [self.primary_key, self.geometry_column, *(field.name for field in self.fields)]
        if len({name.lower() for name in names}) < len(names):
            raise ValueError(f"Table {self.name!r} names a column twice")


class OtherGeometryType(ValueError):
    """A geometry is of another type than its table's."""


class _Table:
    """Remember what was written to one table until its index is built."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self.rows = 0
        self.keys: list[NDArray[np.int64]] = []
        self.bounds: list[NDArray[np.float64]] = []

    def indexed(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the keys and the bounds (n, 4) of the rows whose geometry is neither missing nor empty."""
        if not self.keys:
            return np.empty(0, np.int64), np.empty((0, 4))
        keys, bounds = np.concatenate(self.keys), np.concatenate(self.bounds)
        present = ~np.isnan(bounds[:, 0])
        return keys[present], bounds[present]


class GeoPackageWriter:
    """Create or extend a GeoPackage 1.3; use as a context manager.

    Rows are appended in the order given. Coordinates are in the order of the table's CRS in GIS use: easting or
    longitude first (GeoPackage 1.3, requirement 33). Nothing is kept when the block is left by an exception. The
    finished file is in rollback-journal mode, so it can be read from a medium that cannot be written.
    ``cache_mib``: how much memory SQLite may use for pages.
    """

    def __init__(self, path: Path, *, cache_mib: int = 200) -> None:
        self._path = path
        self._cache_mib = cache_mib
        self._tables: dict[str, _Table] = {}
        self._db: sqlite3.Connection

    def __enter__(self) -> Self:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(f"PRAGMA cache_size = -{self._cache_mib * 1000}")
        self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version = {USER_VERSION}")
        self._db.execute("BEGIN")
        for statement in _statements(_SYSTEM_TABLES):
            self._db.execute(statement)
        for srid in (-1, 0, 4326):
            self._add_reference_system(srid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
                self._db.execute("ANALYZE")
                self._db.execute("PRAGMA optimize")
            else:
                self._db.execute("ROLLBACK")
        finally:
            self._db.close()

    def create_table(self, spec: TableSpec) -> None:
        """Create an empty feature table and register it; raise ValueError when the file has it already."""
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE lower(name) = ?", (spec.name.lower(),)).fetchone():
            raise ValueError(f"The file has a table {spec.name!r} already")
        self._add_reference_system(spec.srid)
        self._db.execute(_create(spec))
        self._db.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id)"
            " VALUES (?, 'features', ?, ?, '1970-01-01T00:00:00.000Z', ?)",
            (spec.name, spec.title or spec.name, spec.description, spec.srid),
        )
        self._db.execute(
            "INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, 0, 0)",
            (spec.name, spec.geometry_column, spec.geometry_type, spec.srid),
        )
        self._tables[spec.name] = _Table(spec)

    def insert(
        self,
        table: str,
        geometries: NDArray[Any],
        columns: Mapping[str, Sequence[Any] | NDArray[Any]],
        keys: NDArray[np.int64] | None = None,
    ) -> None:
        """Append rows: shapely geometries (n,), None for a missing one, and one sequence (n,) per field.

        ``keys`` are the primary keys (n,); rows are numbered from 1 where they are not given. Single parts become
        multi-part geometries where the table asks for those. Raise ValueError when a field is missing or unknown or
        a length differs, and OtherGeometryType, with nothing appended, for geometries that the table does not take.
        """
        state = self._tables[table]
        spec = state.spec
        values = [_listed(columns, field.name, len(geometries)) for field in spec.fields]
        if len(columns) != len(values):
            raise ValueError(f"Table {table!r} has no field {sorted(set(columns) - {f.name for f in spec.fields})}")
        geometries = _fitted(np.asarray(geometries, dtype=object), spec)
        keys = np.arange(state.rows + 1, state.rows + 1 + len(geometries)) if keys is None else keys
        names = [spec.primary_key, spec.geometry_column, *(field.name for field in spec.fields)]
        self._db.executemany(
            f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, names))}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608
            zip(keys.tolist(), blobs(geometries, spec.srid), *values, strict=True),
        )
        state.rows += len(geometries)
        state.keys.append(keys)
        state.bounds.append(shapely.bounds(geometries).reshape(-1, 4))

    def widen(self, table: str) -> None:
        """Let a table hold geometries of any type, with the rows it has."""
        state, old = self._tables[table], quoted(f"narrow_{table}")
        state.spec = replace(state.spec, geometry_type="GEOMETRY")
        self._db.execute(f"ALTER TABLE {quoted(table)} RENAME TO {old}")
        self._db.execute(_create(state.spec))
        self._db.execute(f"INSERT INTO {quoted(table)} SELECT * FROM {old}")  # noqa: S608
        self._db.execute(f"DROP TABLE {old}")
        self._db.execute(
            "UPDATE gpkg_geometry_columns SET geometry_type_name = 'GEOMETRY' WHERE table_name = ?", (table,)
        )

    def finish(self, table: str, last_change: str) -> None:
        """Record the extent and the time of change (UTC, 2026-01-31T00:00:00.000Z) and build the R-tree."""
        state = self._tables.pop(table)
        keys, bounds = state.indexed()
        extent = [*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)] if len(keys) else [None] * 4
        self._db.execute(
            "UPDATE gpkg_contents SET last_change = ?, min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = ?",
            (last_change, *extent, table),
        )
        self._build_index(state.spec, keys, bounds)

    def _build_index(self, spec: TableSpec, keys: NDArray[np.int64], bounds: NDArray[np.float64]) -> None:
        index = f"rtree_{spec.name}_{spec.geometry_column}"
        self._db.execute(f"CREATE VIRTUAL TABLE {quoted(index)} USING rtree(id, minx, maxx, miny, maxy)")
        insert = f"INSERT INTO {quoted(index)} VALUES (?, ?, ?, ?, ?)"  # noqa: S608
        for first in range(0, len(keys), _INDEXED_AT_ONCE):
            some = slice(first, first + _INDEXED_AT_ONCE)
            sides = (bounds[some, i].tolist() for i in (0, 2, 1, 3))
            self._db.executemany(insert, zip(keys[some].tolist(), *sides, strict=True))
        names = {f"n_{name}": quoted(f"{index}_{name}") for name in _TRIGGER_NAMES}
        t, g, k = quoted(spec.name), quoted(spec.geometry_column), quoted(spec.primary_key)
        for statement in _statements(_RTREE_TRIGGERS):
            self._db.execute(statement.format(t=t, g=g, k=k, r=quoted(index), **names))
        self._db.execute(
            "INSERT INTO gpkg_extensions VALUES (?, ?, ?, ?, ?)", (spec.name, spec.geometry_column, *_RTREE_EXTENSION)
        )

    def _add_reference_system(self, srid: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", _reference_system(srid)
        )


def _create(spec: TableSpec) -> str:
    columns = [
        f"{quoted(spec.primary_key)} INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
        f"{quoted(spec.geometry_column)} {spec.geometry_type}",
        *(f"{quoted(field.name)} {field.type}" for field in spec.fields),
    ]
    return f"CREATE TABLE {quoted(spec.name)} ({', '.join(columns)})"


def quoted(identifier: str) -> str:
    """Return an SQL identifier in double quotes, safe for any name without a NUL character."""
    if not identifier or "\x00" in identifier:
        raise ValueError("An SQL name must have characters and none of them NUL")
    return '"' + identifier.replace('"', '""') + '"'


def _statements(script: str) -> Iterator[str]:
    """Split a script into its statements; a trigger with its inner semicolons stays whole."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


def _reference_system(srid: int) -> tuple[str, int, str, int, str, str]:
    if srid < 1:
        kind = "cartesian" if srid < 0 else "geographic"
        return (
            f"Undefined {kind} SRS",
            srid,
            "NONE",
            srid,
            "undefined",
            f"undefined {kind} coordinate reference system",
        )
    crs = pyproj.CRS.from_epsg(srid)
    return crs.name, srid, "EPSG", srid, crs.to_wkt("WKT1_GDAL"), crs.area_of_use.name if crs.area_of_use else ""


def _listed(columns: Mapping[str, Sequence[Any] | NDArray[Any]], name: str, length: int) -> list[Any]:
    if name not in columns:
        raise ValueError(f"Field {name!r} has no values")
    column = columns[name]
    values: list[Any] = column.tolist() if isinstance(column, np.ndarray) else list(column)
    if len(values) != length:
        raise ValueError(f"Field {name!r} has {len(values)} values for {length} geometries")
    return values


def _fitted(geometries: NDArray[Any], spec: TableSpec) -> NDArray[Any]:
    """Return the geometries in the table's type, single parts promoted to multi-part ones."""
    if spec.geometry_type in ("GEOMETRY", "GEOMETRYCOLLECTION"):
        return geometries
    wanted = _GEOMETRY_TYPES.index(spec.geometry_type)
    kinds = shapely.get_type_id(geometries)
    single = [kind for kind, multi in _MULTI_OF.items() if multi == spec.geometry_type]
    if single:
        lone = np.flatnonzero(kinds == _GEOMETRY_TYPES.index(single[0]))
        geometries = geometries.copy()
        build = {4: shapely.multipoints, 5: shapely.multilinestrings, 6: shapely.multipolygons}[wanted]
        geometries[lone] = build(geometries[lone], indices=np.arange(len(lone)))
        kinds[lone] = wanted
    if np.any((kinds != wanted) & (kinds >= 0)):
        raise OtherGeometryType(f"Table {spec.name!r} takes only {spec.geometry_type}")
    return geometries


def blobs(geometries: NDArray[Any], srid: int) -> Iterator[bytes | None]:
    """Yield GeoPackage binary geometries: a header with the envelope, then little-endian two-dimensional WKB."""
    bounds = shapely.bounds(geometries).reshape(-1, 4)
    header = np.zeros(
        len(geometries), dtype=[("magic", "S2"), ("version", "u1"), ("flags", "u1"), ("srs", "<i4"), ("box", "<f8", 4)]
    )
    header["magic"], header["srs"] = b"GP", srid
    header["box"] = bounds[:, [0, 2, 1, 3]]
    empty = np.isnan(bounds[:, 0])
    header["flags"] = np.where(empty, 0b00010001, 0b00000011)
    raw, size = header.tobytes(), header.dtype.itemsize
    bodies = shapely.to_wkb(geometries, output_dimension=2, byte_order=1)
    for number, body in enumerate(bodies):
        start = number * size
        # An empty geometry carries no envelope: only the first eight bytes of its header are written.
        yield None if body is None else raw[start : start + (8 if empty[number] else size)] + body
