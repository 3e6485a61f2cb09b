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

_ADD: tuple[LiteralString, ...] = (
    "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} geometry(Geometry, {srid})"
    " GENERATED ALWAYS AS (ST_Transform(ST_Force2D({geom}), {srid})) STORED",
    "CREATE INDEX ON {table} USING gist ({column})",
    "ANALYZE {table}",
)
_DROP: tuple[LiteralString, ...] = ("ALTER TABLE {table} DROP COLUMN IF EXISTS {column}",)


def lonlat_steps(relation: Relation, storage: Crs, *, undo: bool = False) -> tuple[str, ...]:
    """Return the statements that add the column and its index to a table, or drop them; none where that is done.

    Raises ConfigError for what is no table with projected coordinates.
    """
    if relation.kind not in ("r", "p"):
        raise ConfigError(
            f"'{relation.name}' is no table.", f"Prepare the table below it, and have it select {LONLAT} too."
        )
    if storage.geographic:
        raise ConfigError(f"'{relation.name}' has longitudes and latitudes: its tiles need no other column.")
    if relation.lonlat is not None and not undo:
        return ()
    gaps = {
        "table": sql.Identifier(relation.schema, relation.name),
        "column": sql.Identifier(LONLAT),
        "geom": sql.Identifier(relation.geometry_column),
        "srid": sql.Literal(geographic_of(storage)),
    }
    return tuple(sql.SQL(step).format(**gaps).as_string(None) for step in (_DROP if undo else _ADD))


def carry_out(settings: PostgisSettings, relation: Relation, steps: tuple[str, ...]) -> None:
    """Run the statements in one transaction; the table is locked meanwhile. Raises ConfigError."""
    options = connection_options(settings) | {"options": "-c lock_timeout=5s", "application_name": "onemap tiles"}
    try:
        with psycopg.connect(**options) as connection:
            connection.execute(SEARCH_PATH)
            for step in steps:
                connection.execute(step.encode())
    except psycopg.Error as error:
        reason = error.diag.message_primary or "it cannot be reached"
        raise ConfigError(f"'{relation.name}' cannot be changed: {reason}.", error.diag.message_hint or "") from None
