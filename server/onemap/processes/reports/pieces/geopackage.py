"""Pieces as a GeoPackage: a table for each layer."""

from __future__ import annotations

from pathlib import Path

from onemap.processes.reports.pieces.tables import PieceTable, fitted
from onemap.store.geopackage.writer import COLUMN_TYPES, FieldSpec, GeoPackageWriter, TableSpec

_UNDATED = "1970-01-01T00:00:00.000Z"
"""Time of change of all tables: the file says nothing of when it was made."""


def geopackage_bytes(tables: list[PieceTable], folder: Path) -> bytes:
    """Return the file; coordinates in x, y of each table's own system."""
    path = folder / "pieces.gpkg"
    with GeoPackageWriter(path, cache_mib=32) as writer:
        for table in tables:
            fields = tuple(FieldSpec(name, COLUMN_TYPES[kind]) for name, kind in table.types.items())
            spec = TableSpec(table.name, "MULTIPOLYGON", table.crs.srid, fields, title=table.title)
            writer.create_table(spec)
            writer.insert(table.name, table.geometries, {name: fitted(table, name) for name in table.types})
            writer.finish(table.name, _UNDATED)
    return path.read_bytes()
