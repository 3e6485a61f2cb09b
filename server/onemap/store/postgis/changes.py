"""The log of changes of a database: triggers write it (see changes.sql), whatever program makes the change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import LiteralString

import psycopg
from psycopg import sql

from onemap.config import PostgisSettings
from onemap.errors import ConfigError
from onemap.store.base import Modified
from onemap.store.postgis.connect import connection_options
from onemap.store.postgis.discover import read_sql
from onemap.store.postgis.relation import Column, Relation, quoted
from onemap.store.postgis.sessions import Row

_LOCK = b"SELECT pg_advisory_xact_lock(hashtext('onemap.change'))"
_POSTGIS = (
    b"SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    b" WHERE e.extname = 'postgis'"
)
_PATH = sql.SQL("ALTER FUNCTION onemap.log_change() SET search_path = pg_catalog, {postgis}, pg_temp")
# A log that was on already goes on; one that is switched on begins anew.
_LOGGED = (
    b"INSERT INTO onemap.log (table_schema, table_name) VALUES (%(schema)s, %(name)s)"
    b" ON CONFLICT (table_schema, table_name) DO UPDATE SET since = excluded.since, xid = excluded.xid"
    b" WHERE NOT %(logged)s"
)
_STEPS: tuple[LiteralString, ...] = (
    "DROP TRIGGER IF EXISTS onemap_change ON {table}",
    "DROP TRIGGER IF EXISTS onemap_truncate ON {table}",
    "CREATE TRIGGER onemap_change AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"
    " EXECUTE FUNCTION onemap.log_change({key}, {geom})",
    "CREATE TRIGGER onemap_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT"
    " EXECUTE FUNCTION onemap.log_change({key}, {geom})",
    # Also when rows arrive by replication.
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER onemap_change",
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER onemap_truncate",
)


_LAST = sql.SQL(
    "SELECT l.since, c.at FROM onemap.log l LEFT JOIN LATERAL (SELECT c.seq, c.at FROM onemap.change c"
    " WHERE c.table_schema = l.table_schema AND c.table_name = l.table_name AND c.key ="
    " (SELECT {primary}::text FROM {table} t WHERE {key} = %(one)s LIMIT 1) ORDER BY c.seq DESC LIMIT 2) c ON true"
    " WHERE l.table_schema = {schema} AND l.table_name = {name} ORDER BY c.seq DESC"
)


def modified_statement(relation: Relation, key: Column) -> bytes:
    """Return the statement for what the log says of a feature, ``one`` by the column ``key``; see ``modified``."""
    gaps = {"primary": quoted("t", relation.key), "table": relation.table, "key": key.reference}
    names = {"schema": sql.Literal(relation.schema), "name": sql.Literal(relation.name)}
    return _LAST.format(**gaps, **names).as_bytes(None)


def modified(rows: Sequence[Row]) -> Modified | None:
    """Return the rows of that statement as one answer; None where it is not known since when the log is complete."""
    if not rows:
        return None
    changes = tuple(at.astimezone(UTC) for _, at in rows if at is not None)
    return Modified(rows[0][0].astimezone(UTC), changes)


def enable_log(settings: PostgisSettings, relation: Relation) -> None:
    """Log the changes of a table from now on, in one transaction. Raises ConfigError.

    A log that is complete already stays what it is.
    """
    gaps = {
        "table": sql.Identifier(relation.schema, relation.name),
        "key": sql.Literal(relation.key),
        "geom": sql.Literal(relation.geometry_column),
    }
    options = connection_options(settings) | {"options": "-c lock_timeout=5s", "application_name": "onemap editing"}
    try:
        with psycopg.connect(**options) as connection:
            connection.execute(_LOCK)
            connection.execute(read_sql("changes"))
            row = connection.execute(_POSTGIS).fetchone()
            connection.execute(_PATH.format(postgis=sql.Identifier(row[0] if row else "public")))
            found = connection.execute(read_sql("writable"), {"oid": relation.oid}).fetchone()
            for step in _STEPS:
                connection.execute(sql.SQL(step).format(**gaps))
            values = {"schema": relation.schema, "name": relation.name, "logged": bool(found and found[1])}
            connection.execute(_LOGGED, values)
    except psycopg.Error as error:
        reason = error.diag.message_primary or "it cannot be reached"
        raise ConfigError(f"The changes of '{relation.name}' cannot be logged: {reason}.") from None
