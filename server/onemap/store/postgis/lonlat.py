"""A column with longitudes and latitudes beside the geometries of a projected table: tiles need no transformation then.

Gauss-Kruger zones lie askew under every tile, so that each vertex of each tile is transformed. A generated column does
that once, whenever a row is written, and cannot differ from the geometry that it is made from.
"""

from __future__ import annotations

from typing import LiteralString

import psycopg
from psycopg import sql

from onemap.config import PostgisSettings
from onemap.errors import ConfigError
from onemap.geo.crs import Crs
from onemap.store.postgis.connect import SEARCH_PATH, connection_options
from onemap.store.postgis.mvt import geographic_of
from onemap.store.postgis.relation import LONLAT, Relation

_STEPS: tuple[LiteralString, ...] = (
    "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} geometry(Geometry, {srid})"
    " GENERATED ALWAYS AS (ST_Transform(ST_Force2D({geom}), {srid})) STORED",
    "CREATE INDEX ON {table} USING gist ({column})",
    "ANALYZE {table}",
)


def add_lonlat(settings: PostgisSettings, relation: Relation, storage: Crs) -> None:
    """Add the column and its index to a table, which is written anew and locked meanwhile. Raises ConfigError.

    A server uses it from its next start on.
    """
    if relation.kind != "r" or storage.geographic:
        raise ConfigError(f"'{relation.name}' is no table with projected coordinates.")
    gaps = {
        "table": sql.Identifier(relation.schema, relation.name),
        "column": sql.Identifier(LONLAT),
        "geom": sql.Identifier(relation.geometry_column),
        "srid": sql.Literal(geographic_of(storage)),
    }
    options = connection_options(settings) | {"options": "-c lock_timeout=5s", "application_name": "onemap tiles"}
    try:
        with psycopg.connect(**options) as connection:
            connection.execute(SEARCH_PATH)
            for step in _STEPS:
                connection.execute(sql.SQL(step).format(**gaps))
    except psycopg.Error as error:
        reason = error.diag.message_primary or "it cannot be reached"
        raise ConfigError(f"The column of '{relation.name}' cannot be added: {reason}.") from None
