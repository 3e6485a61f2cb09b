"""The interval of time that the features of a relation cover."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from onemap.store.postgis.relation import Relation
from onemap.store.postgis.sessions import Sessions

_INTERVAL = sql.SQL("SELECT {start}, {end} FROM (SELECT min({a}) AS a, max({b}) AS b FROM {table} t) t")


def interval_of(sessions: Sessions, relation: Relation, start: str, end: str) -> tuple[Any, Any]:
    """Return the first value of the column ``start`` and the last of ``end``; None where there is none."""
    first, last = relation.columns[start], relation.columns[end]
    statement = _INTERVAL.format(
        start=first.read_from("a"),
        end=last.read_from("b"),
        a=first.reference,
        b=last.reference,
        table=relation.table,
    )
    row = sessions.row(statement)
    return row[0], row[1]
