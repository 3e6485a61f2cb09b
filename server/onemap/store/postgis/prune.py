"""Drop old changes from the log of a database; see prune.sql for the rule."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from onemap.config import PostgisSettings
from onemap.errors import ConfigError
from onemap.store.postgis.connect import connection_options
from onemap.store.postgis.discover import read_sql
from onemap.store.writing import Pruned

_THERE = (
    b"SELECT count(*) = 3 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    b" WHERE n.nspname = 'onemap' AND c.relname IN ('change', 'log', 'reader')"
)


def prune(settings: PostgisSettings, keep: timedelta) -> Pruned:
    """Drop changes older than ``keep`` that no reader still needs. Raises ConfigError."""
    options = connection_options(settings) | {"options": "-c lock_timeout=5s", "application_name": "onemap changes"}
    try:
        with psycopg.connect(**options) as connection:
            there = connection.execute(_THERE).fetchone()
            row = connection.execute(read_sql("prune"), {"keep": keep}).fetchone() if there and there[0] else None
    except psycopg.Error as error:
        reason = error.diag.message_primary or "it cannot be reached"
        raise ConfigError(f"The log of changes cannot be pruned: {reason}.") from None
    return Pruned(row[0], row[1], tuple(row[2])) if row else Pruned()
