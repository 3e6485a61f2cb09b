"""The SELECT statements of a view: visible columns, the view's rows AND the request's filter."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from onemap.catalog.model import Field, TableInfo
from onemap.store.base import Batch, FeatureQuery, Key, SortKey, View
from onemap.store.geopackage.blob import decode
from onemap.store.geopackage.filters import conditions
from onemap.store.keys import integer_key
from onemap.store.sql import Sql, compose, identifier, identifiers

_SELECT = "SELECT {key}, {geom}{columns} FROM {table} WHERE "
_COUNT_SECONDS = 0.2


class Select:
    """Read features of one view in the order of a query."""

    def __init__(self, view: View, query: FeatureQuery | None = None, rtree: str | None = None) -> None:
        query = query or FeatureQuery(limit=0)
        table = view.collection.table
        self.where, self.values = conditions(view, query, rtree)
        self.fields = view.only(query.columns)
        self._sorted = bool(query.order)
        self._key = identifier(view.collection.key)
        self._integer_key = view.collection.key == table.primary_key
        kinds = {field.name: field.type for field in table.fields}
        self._integers = self._integer_key or kinds.get(view.collection.key) == "integer"
        names = identifiers(field.name for field in self.fields)
        self._gaps = {
            "key": self._key,
            "primary": identifier(table.primary_key),
            "geom": identifier(table.geometry_column),
            "columns": Sql(", " + names.text) if self.fields else Sql(""),
            "table": identifier(table.name),
            "where": self.where or Sql("1"),
            "order": _order(query.order, self._key),
        }

    def after(self, connection: sqlite3.Connection, after: Key | None, most: int) -> Batch:
        """Return up to ``most`` features whose key is above ``after``, in the order of the key."""
        bound = "{key} > ? AND " if after is not None else ""
        values = [after] if after is not None else []
        return self._run(connection, bound + "{where} ORDER BY {key} LIMIT ?", [*values, *self.values, most])

    def by_key(self, connection: sqlite3.Connection, key: str) -> Batch:
        """Return the feature with this id, or an empty batch."""
        value: Key | None = integer_key(key) if self._integers else key
        if value is None:
            return self._batch([])
        return self._run(connection, "{key} = ? AND {where} LIMIT 1", [value, *self.values])

    def by_primary_keys(self, connection: sqlite3.Connection, ids: Sequence[int]) -> Batch:
        """Return the features with these primary keys, in the order of the query."""
        condition = "{primary} IN (SELECT value FROM json_each(?)) AND {where} ORDER BY {order}"
        return self._run(connection, condition, [_json(ids), *self.values])

    def first(self, connection: sqlite3.Connection, most: int) -> list[int]:
        """Return the primary keys of the first features in the order of the query."""
        sql = "SELECT {primary} FROM {table} WHERE {where} ORDER BY {order} LIMIT ?"
        return [row[0] for row in connection.execute(compose(sql, **self._gaps), [*self.values, most])]

    def ordered(self, connection: sqlite3.Connection, ids: Sequence[int], after: Key | None) -> list[int]:
        """Return the primary keys, those at or before ``after`` left out, in the order of the query."""
        if self._integer_key and not self._sorted:
            return [identity for identity in ids if after is None or identity > int(after)]
        sql = "SELECT {primary} FROM {table} WHERE {primary} IN (SELECT value FROM json_each(?))"
        values: list[Any] = [_json(ids)]
        if self._sorted:
            sql, values = sql + " AND {where}", [*values, *self.values]
        elif after is not None:
            sql, values = sql + " AND {key} > ?", [*values, after]
        rows = connection.execute(compose(sql + " ORDER BY {order}", **self._gaps), values)
        return [row[0] for row in rows]

    def matching(self, connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
        """Return those of the primary keys whose features match."""
        sql = "SELECT {primary} FROM {table} WHERE {primary} IN (SELECT value FROM json_each(?)) AND {where}"
        return [row[0] for row in connection.execute(compose(sql, **self._gaps), [_json(ids), *self.values])]

    def count(self, connection: sqlite3.Connection) -> int | None:
        """Return how many features match, or None when counting takes longer than a fifth of a second."""
        deadline = time.monotonic() + _COUNT_SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            sql = compose("SELECT count(*) FROM {table} WHERE {where}", **self._gaps)
            return int(connection.execute(sql, self.values).fetchone()[0])
        except sqlite3.OperationalError:
            return None
        finally:
            connection.set_progress_handler(None, 0)

    def count_of(self, connection: sqlite3.Connection, ids: Sequence[int]) -> int:
        """Return how many of the features with these primary keys match."""
        if self.where is None:
            return len(ids)
        sql = "SELECT count(*) FROM {table} WHERE {primary} IN (SELECT value FROM json_each(?)) AND {where}"
        row = connection.execute(compose(sql, **self._gaps), [_json(ids), *self.values]).fetchone()
        return int(row[0])

    def _run(self, connection: sqlite3.Connection, condition: str, values: list[Any]) -> Batch:
        return self._batch(connection.execute(compose(_SELECT + condition, **self._gaps), values).fetchall())

    def _batch(self, rows: list[tuple[Any, ...]]) -> Batch:
        columns = list(zip(*rows, strict=True)) if rows else [()] * (2 + len(self.fields))
        return Batch(columns[0], decode(columns[1]), _named(self.fields, columns[2:]))


def _named(fields: Sequence[Field], columns: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Return the columns by name; booleans, which SQLite keeps as numbers, as such."""
    return {
        field.name: [None if value is None else bool(value) for value in values] if field.type == "boolean" else values
        for field, values in zip(fields, columns, strict=True)
    }


def _order(order: Sequence[SortKey], key: Sql) -> Sql:
    """Return the list of an ORDER BY clause."""
    directions = {False: "{name} ASC NULLS LAST", True: "{name} DESC NULLS LAST"}
    parts = [compose(directions[sort.descending], name=identifier(sort.name)) for sort in order]
    return Sql(", ".join([*parts, key.text]))


def _json(ids: Sequence[int]) -> str:
    return orjson.dumps(list(ids)).decode()


def every_row(connection: sqlite3.Connection, table: TableInfo, size: int = 2000) -> Iterator[Batch]:
    """Yield all features of a table as they are stored, in the order of the primary key."""
    statement = compose(
        "SELECT {key}, {geom}{columns} FROM {table} ORDER BY {key}",
        key=identifier(table.primary_key),
        geom=identifier(table.geometry_column),
        columns=Sql("".join(f", {identifier(field.name).text}" for field in table.fields)),
        table=identifier(table.name),
    )
    cursor = connection.execute(statement)
    while rows := cursor.fetchmany(size):
        columns = list(zip(*rows, strict=True))
        yield Batch(columns[0], decode(columns[1]), _named(table.fields, columns[2:]))
