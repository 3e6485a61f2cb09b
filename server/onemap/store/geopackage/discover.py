"""Find the feature tables of a GeoPackage."""

from __future__ import annotations

import re
import sqlite3

from onemap.catalog.model import Field, FieldType, TableInfo
from onemap.config.models import Text
from onemap.errors import ConfigError
from onemap.geo.crs import crs_from_srid
from onemap.store.base import LeftOut
from onemap.store.sql import compose, identifier

_TYPE = re.compile(r"([A-Z ]+?)\s*(?:\((\d+)[\d, ]*\))?", re.IGNORECASE)
_TYPES: dict[str, FieldType] = {
    "BOOLEAN": "boolean",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "MEDIUMINT": "integer",
    "INT": "integer",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "FLOAT": "number",
    "DOUBLE": "number",
    "REAL": "number",
    "NUMERIC": "number",
    "TEXT": "string",
    "VARCHAR": "string",
    "CHAR": "string",
    "BLOB": "binary",
    "DATE": "date",
    "DATETIME": "datetime",
}
_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 32}
_CONTENTS = """
SELECT c.table_name, c.data_type, c.identifier, c.description, g.column_name, g.geometry_type_name, g.srs_id, g.z + g.m,
       s.organization, s.organization_coordsys_id, s.srs_name
FROM gpkg_contents c
LEFT JOIN gpkg_geometry_columns g USING (table_name)
LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id
ORDER BY c.rowid
"""


def discover(connection: sqlite3.Connection) -> tuple[list[TableInfo], list[LeftOut]]:
    """Return the feature tables that can be published and those that cannot, with the reason."""
    found: list[TableInfo] = []
    left: list[LeftOut] = []
    try:
        rows = connection.execute(_CONTENTS).fetchall()
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"The file is not a GeoPackage: {error}.") from None
    for name, kind, title, description, column, geometry_type, _, more, organization, srid, srs_name in rows:
        if kind != "features":
            left.append(LeftOut(name, f"it holds {kind}, not features"))
            continue
        try:
            layer = (column, geometry_type, _srid(organization, srid, srs_name), more == 0)
            found.append(_table(connection, name, (title, description), layer))
        except ConfigError as error:
            left.append(LeftOut(name, error.detail, error.hint))
    return found, left


def _srid(organization: str | None, code: int | None, name: str | None) -> int:
    if (organization or "").upper() != "EPSG" or code is None:
        raise ConfigError(
            f"its coordinate reference system ({name or 'none'}) has no EPSG code",
            "Declare the EPSG code in gpkg_spatial_ref_sys, or import the layer with --crs.",
        )
    return crs_from_srid(code).srid


def _table(
    connection: sqlite3.Connection, name: str, texts: tuple[str | None, str | None], layer: tuple[str, str, int, bool]
) -> TableInfo:
    column, kind, srid, flat = layer
    columns = connection.execute(compose("PRAGMA table_info({table})", table=identifier(name))).fetchall()
    keys = [row[1] for row in columns if row[5]]
    if len(keys) != 1:
        raise ConfigError("it has no single-column primary key", "Add an INTEGER PRIMARY KEY column.")
    fields = [
        _field(row[1], row[2], row[3] == 1 and row[4] is None) for row in columns if row[1] not in (column, keys[0])
    ]
    kept = tuple(field for field in fields if field.type != "binary")
    needed = any(row[1] == column and row[3] and row[4] is None for row in columns)
    return TableInfo(
        name, column, kind.upper(), srid, keys[0], kept, texts[0] or name, texts[1] or "", needed, flat
    )  # fmt: skip


def _field(name: str, declared: str, required: bool) -> Field:
    match = _TYPE.fullmatch(declared.strip())
    base = match[1].upper() if match else ""
    length = int(match[2]) if match and match[2] and base in ("TEXT", "VARCHAR", "CHAR") else None
    return Field(
        name,
        _TYPES.get(base, "string"),
        Text(zh=name, en=name),
        max_length=length,
        required=required,
        bits=_BITS.get(base, 64),
    )
