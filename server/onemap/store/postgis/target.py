"""Where the changes of a relation go: to itself, or from a view to the table below it, whose changes are logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from onemap.errors import ConfigError
from onemap.store.postgis.discover import read_sql
from onemap.store.postgis.relation import Relation
from onemap.store.postgis.sessions import Row

# What PostgreSQL would delete from when told to delete from a view: it says so itself.
_EXPLAIN = sql.SQL("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) DELETE FROM {table}")
_KINDS = {"m": "it is a materialised view", "f": "it is a foreign table"}
Rows = Callable[[Any, Mapping[str, Any]], list[Row]]


@dataclass(frozen=True, slots=True)
class Target:
    """A table that features are written to. ``key``, ``geometry_column``: those that its log of changes has."""

    oid: int
    schema: str
    name: str
    kind: str
    key: str
    geometry_column: str


def obstacle(rows: Rows, relation: Relation) -> str:
    """Return why features of a relation cannot be changed at all, an empty text when they can."""
    if relation.kind in _KINDS:
        return _KINDS[relation.kind]
    if relation.kind != "v":
        return ""
    names = [relation.key, relation.geometry_column]
    whole, columns = rows(read_sql("updatable"), {"oid": relation.oid, "names": names})[0]
    if not whole:
        return "it is a view that the database cannot pass changes through"
    return "" if columns else "its key or its geometry is worked out by a view"


def target_of(rows: Rows, relation: Relation) -> Target:
    """Return the table that changes reach. Raises ConfigError where its log could not name features."""
    if relation.kind != "v":
        named = (relation.key, relation.geometry_column)
        return Target(relation.oid, relation.schema, relation.name, relation.kind, *named)
    plan = rows(_EXPLAIN.format(table=relation.table), {})[0][0][0]["Plan"]
    schema, name = plan["Schema"], plan["Relation Name"]
    oid, kind, keys, geometries = rows(read_sql("base"), {"schema": schema, "name": name})[0]
    geometry = relation.geometry_column if relation.geometry_column in geometries else geometries[0]
    if not keys:
        raise ConfigError(f"The table '{name}' below '{relation.name}' has no unique column that is never null.")
    if len(geometries) > 1 and geometry != relation.geometry_column:
        raise ConfigError(f"The table '{name}' below '{relation.name}' has several geometry columns.")
    return Target(oid, schema, name, kind, keys[0], geometry)
