"""Making what the servers of an instance keep for themselves in a database: one of them makes it, the others wait."""

from __future__ import annotations

from typing import Any

import psycopg

_LOCK = b"SELECT pg_advisory_xact_lock(7032250513)"
_SCHEMA = b"SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'onemap'"
# Asked of the tables themselves: a session may remember of a name, for to_regclass, that there was nothing.
_TABLE = (
    b"SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    b" WHERE n.nspname = 'onemap' AND c.relname = %(table)s"
)


def must_make(connection: psycopg.Connection[Any], table: str) -> bool:
    """Tell whether a table of the schema ``onemap`` is to be made, and keep others from making any until the commit.

    Makes the schema where there is none. The connection is in a transaction. Raises psycopg.Error, LockNotAvailable
    among others when another server takes too long.
    """
    connection.execute(_LOCK)
    if not connection.execute(_SCHEMA).fetchone():
        connection.execute(b"CREATE SCHEMA onemap")
    return connection.execute(_TABLE, {"table": table}).fetchone() is None
