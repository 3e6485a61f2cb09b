"""Areas of whole features, kept in the GeoPackage beside the table they belong to.

``onemap_area_<table>`` holds an area per feature; ``onemap_area`` says by which definition and for which CRS they
were measured. Triggers on the feature table remove the area of every feature that is edited, by whatever program, so
an area that is there is right; a feature without one is measured when it is asked for. The triggers vanish with the
table: without them the areas are not used.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from onemap.errors import ConfigError
from onemap.geo.area import AREA_DEFINITION, measure_for
from onemap.geo.overlay import Floats, Geometries, repair
from onemap.store.geopackage.blob import decode
from onemap.store.sql import Sql, compose, identifier

_CHUNK = 5000
_REGISTRY = """
CREATE TABLE IF NOT EXISTS onemap_area (
  table_name TEXT NOT NULL PRIMARY KEY, definition TEXT NOT NULL, srid INTEGER NOT NULL)
"""
_TRIGGERS = {
    "insert": "CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN DELETE FROM {areas} WHERE fid = NEW.{key}; END",
    "update": "CREATE TRIGGER {name} AFTER UPDATE OF {key}, {geom} ON {table} BEGIN"
    " DELETE FROM {areas} WHERE fid IN (OLD.{key}, NEW.{key}); END",
    "delete": "CREATE TRIGGER {name} AFTER DELETE ON {table} BEGIN DELETE FROM {areas} WHERE fid = OLD.{key}; END",
}


def build_areas(path: Path, table: str) -> int:
    """Measure every feature of a table and store the areas in the same file; return how many there are.

    Replaces what is stored already, in one transaction. Raises ConfigError when the table has no geometries or no
    area is defined for its CRS.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        geometry, srid = _geometry_column(connection, table)
        key = _primary_key(connection, table)
        gaps = {
            "table": identifier(table),
            "key": identifier(key),
            "geom": identifier(geometry),
            "areas": identifier(_area_name(table)),
        }
        _create(connection, table, gaps)
        count = _fill(connection, gaps, srid)
        connection.execute(
            "INSERT OR REPLACE INTO onemap_area VALUES (?, ?, ?)", [table, measure_for(srid).definition, srid]
        )
        connection.execute("COMMIT")
    return count


def area_table(connection: sqlite3.Connection, table: str, srid: int) -> str | None:
    """Return the name of the table's area table, None when it has none that can be relied on."""
    name = _area_name(table)
    names = [_trigger_name(table, event) for event in _TRIGGERS]
    parts = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('onemap_area', ?)"
        " OR type = 'trigger' AND tbl_name = ? AND name IN (?, ?, ?)",
        [name, table, *names],
    ).fetchone()[0]
    if parts < 2 + len(names):
        return None
    known = connection.execute(
        "SELECT 1 FROM onemap_area WHERE table_name = ? AND definition = ? AND srid = ?", [table, AREA_DEFINITION, srid]
    ).fetchone()
    return name if known else None


def measured(geometries: Geometries, srid: int) -> Floats:
    """Measure whole features in m2, invalid ones after repair: as they count when they are cut."""
    return measure_for(srid).areas(repair(geometries))


def _create(connection: sqlite3.Connection, table: str, gaps: dict[str, Sql]) -> None:
    connection.execute(_REGISTRY)
    connection.execute(compose("DROP TABLE IF EXISTS {areas}", **gaps))
    connection.execute(compose("CREATE TABLE {areas} (fid INTEGER PRIMARY KEY, area REAL NOT NULL)", **gaps))
    for event, template in _TRIGGERS.items():
        name = identifier(_trigger_name(table, event))
        connection.execute(compose("DROP TRIGGER IF EXISTS {name}", name=name))
        connection.execute(compose(template, name=name, **gaps))


def _fill(connection: sqlite3.Connection, gaps: dict[str, Sql], srid: int) -> int:
    select = compose("SELECT {key}, {geom} FROM {table} WHERE {geom} IS NOT NULL ORDER BY {key}", **gaps)
    insert = compose("INSERT INTO {areas} VALUES (?, ?)", **gaps)
    cursor = connection.execute(select)
    count = 0
    while rows := cursor.fetchmany(_CHUNK):
        areas = measured(decode([row[1] for row in rows]), srid)
        keys = np.array([row[0] for row in rows], dtype=np.int64)
        known = np.isfinite(areas)
        connection.executemany(insert, zip(keys[known].tolist(), areas[known].tolist(), strict=True))
        count += int(np.count_nonzero(known))
    return count


def _geometry_column(connection: sqlite3.Connection, table: str) -> tuple[str, int]:
    row = connection.execute(
        "SELECT g.column_name, s.organization_coordsys_id FROM gpkg_geometry_columns g"
        " JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id WHERE g.table_name = ?",
        [table],
    ).fetchone()
    if row is None:
        raise ConfigError(f"The GeoPackage has no feature table '{table}'.")
    measure_for(int(row[1]))
    return str(row[0]), int(row[1])


def _primary_key(connection: sqlite3.Connection, table: str) -> str:
    columns = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk = 1", [table]).fetchall()
    if len(columns) != 1:
        raise ConfigError(f"The table '{table}' has no primary key.")
    return str(columns[0][0])


def _area_name(table: str) -> str:
    return f"onemap_area_{table}"


def _trigger_name(table: str, event: str) -> str:
    return f"onemap_area_{table}_{event}"
