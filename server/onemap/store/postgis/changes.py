"""The log of changes of a database: triggers write it (see changes.sql), whatever program makes the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from onemap.config import PostgisSettings
from onemap.errors import ConfigError
from onemap.store.base import Modified
from onemap.store.postgis.connect import connection_options
from onemap.store.postgis.discover import read_sql
from onemap.store.postgis.making import must_make
from onemap.store.postgis.relation import Column, Relation, quoted
from onemap.store.postgis.sessions import Row
from onemap.store.postgis.target import obstacle, target_of

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
    "CREATE TRIGGER onemap_change AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"
    " EXECUTE FUNCTION onemap.log_change({key}, {geom})",
    # Also when rows arrive by replication.
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER onemap_change",
)
# Of a table and of each of its partitions: the trigger of a partitioned table is not made for them by the database.
_TRUNCATE: tuple[LiteralString, ...] = (
    "DROP TRIGGER IF EXISTS onemap_truncate ON {table}",
    "CREATE TRIGGER onemap_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT"
    " EXECUTE FUNCTION onemap.log_change({key}, {geom})",
    "ALTER TABLE {table} ENABLE ALWAYS TRIGGER onemap_truncate",
)
_PARTS = (
    b"SELECT n.nspname::text, c.relname::text FROM pg_partition_tree(%(oid)s::oid::regclass) p"
    b" JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.level > 0"
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
    """Log the changes of a table from now on, in one transaction; of a view, those of the table below it.

    A log that is complete already stays what it is. Raises ConfigError.
    """
    options = connection_options(settings) | {"options": "-c lock_timeout=5s", "application_name": "onemap editing"}
    try:
        with psycopg.connect(**options) as connection:
            _enable(connection, relation)
    except psycopg.Error as error:
        reason = error.diag.message_primary or "it cannot be reached"
        raise ConfigError(f"The changes of '{relation.name}' cannot be logged: {reason}.") from None


def _enable(connection: psycopg.Connection[TupleRow], relation: Relation) -> None:
    def rows(statement: Any, values: Mapping[str, Any]) -> list[Row]:
        return connection.execute(statement, values).fetchall()

    if reason := obstacle(rows, relation):
        raise ConfigError(f"The changes of '{relation.name}' cannot be logged: {reason}.")
    target = target_of(rows, relation)
    must_make(connection, "change")  # what is there is brought up to date
    connection.execute(read_sql("changes"))
    found = connection.execute(_POSTGIS).fetchone()
    connection.execute(_PATH.format(postgis=sql.Identifier(found[0] if found else "public")))
    complete = rows(read_sql("writable"), {"oid": target.oid, "target": target.oid})[0][1]
    if complete and target.kind != "p":
        return
    names = {"key": sql.Literal(target.key), "geom": sql.Literal(target.geometry_column)}
    parts = rows(_PARTS, {"oid": target.oid}) if target.kind == "p" else []
    for step in _STEPS:
        connection.execute(sql.SQL(step).format(table=sql.Identifier(target.schema, target.name), **names))
    for part in [(target.schema, target.name), *parts]:
        for step in _TRUNCATE:
            connection.execute(sql.SQL(step).format(table=sql.Identifier(*part), **names))
    values = {"schema": target.schema, "name": target.name, "logged": bool(complete)}
    connection.execute(_LOGGED, values)
