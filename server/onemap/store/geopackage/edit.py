"""Change features of a GeoPackage: one transaction on a connection that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from onemap.catalog.model import TableInfo
from onemap.cql import register
from onemap.errors import Busy, Conflict, Forbidden, InvalidFeature
from onemap.store.base import Batch, View
from onemap.store.geopackage.changes import last_change, modified
from onemap.store.geopackage.functions import register_geometry
from onemap.store.geopackage.select import Select
from onemap.store.geopackage.writer import blobs
from onemap.store.sql import Sql, compose, identifier, identifiers
from onemap.store.writing import Edit, check_state, refused, shows_all

_BUSY_SECONDS = 2.0
_SIDES = (("min_x", "ST_MinX", "minx", "min"), ("min_y", "ST_MinY", "miny", "min"),
          ("max_x", "ST_MaxX", "maxx", "max"), ("max_y", "ST_MaxY", "maxy", "max"))  # fmt: skip
# The R-tree rounds outwards to 32-bit floats, in order: the outermost feature is among those of the outermost boxes.
_OUTERMOST = (
    "(SELECT {pick}({corner}(t.{geom})) FROM {table} t WHERE t.{key} IN"
    " (SELECT id FROM {rtree} WHERE {side} = (SELECT {pick}({side}) FROM {rtree})))"
)
_WHOLE = "(SELECT {pick}({corner}({geom})) FROM {table} WHERE NOT ST_IsEmpty({geom}))"


def apply(path: Path, view: View, edits: Sequence[Edit], rtree: str | None) -> list[Batch]:
    """Make changes in one transaction and return each feature as it then is; see ``WritableStore.edit``."""
    with _writing(path) as connection:
        editing = _Editing(connection, view)
        begun = last_change(connection)
        connection.execute("UPDATE onemap_transaction SET tx = ?", [begun + 1])
        made = [editing.make(edit) for edit in edits]
        _describe(connection, view.collection.table, begun, rtree)
        connection.execute("UPDATE onemap_transaction SET tx = NULL")
    return made


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection in a transaction that is kept when the block ends well."""
    uri = path.resolve().as_uri() + "?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA recursive_triggers = 1")
        connection.execute("PRAGMA foreign_keys = 1")
        register(connection)
        register_geometry(connection)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy("Another program is writing to the file of this collection.") from None
        raise
    finally:
        connection.close()


class _Editing:
    """The changes of one transaction."""

    def __init__(self, connection: sqlite3.Connection, view: View) -> None:
        self._connection = connection
        self._view = view
        self._select = Select(view)
        table = view.collection.table
        self._table, self._key = identifier(table.name), identifier(view.collection.key)
        self._geometry = table.geometry_column
        row = connection.execute("SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", [table.name])
        self._srs = int(row.fetchone()[0])

    def make(self, edit: Edit) -> Batch:
        """Make one change and return the feature, seen through the view."""
        if edit.operation == "insert":
            return self._insert(edit)
        stored = self._select.by_key(self._connection, edit.key or "")
        check_state(edit, stored, self._view, lambda: modified(self._connection, self._view.collection, stored.keys[0]))
        key = stored.keys[0]
        if edit.operation == "delete":
            self._run("DELETE FROM {table} WHERE {key} = ?", {}, [key])
            return self._select.by_key(self._connection, edit.key or "")
        columns = self._columns(edit)
        if columns:
            sets = Sql(", ".join(compose("{name} = ?", name=identifier(name)) for name in columns))
            self._run("UPDATE {table} SET {sets} WHERE {key} = ?", {"sets": sets}, [*columns.values(), key])
        return self._seen(str(key))

    def _insert(self, edit: Edit) -> Batch:
        columns = self._columns(edit)
        name = self._view.collection.key
        if name in columns:
            self._check_free(columns[name])
        gaps = {"names": identifiers(columns), "marks": Sql(", ".join("?" * len(columns)))}
        text = "INSERT INTO {table} ({names}) VALUES ({marks})" if columns else "INSERT INTO {table} DEFAULT VALUES"
        number = self._run(text, gaps, list(columns.values())).lastrowid
        return self._seen(str(columns.get(name, number)))

    def _check_free(self, key: Any) -> None:
        sql = compose("SELECT 1 FROM {table} WHERE {key} = ? LIMIT 1", table=self._table, key=self._key)
        if self._connection.execute(sql, [key]).fetchone():
            raise taken(self._view, key)

    def _columns(self, edit: Edit) -> dict[str, Any]:
        columns: dict[str, Any] = dict(edit.values)
        if edit.shaped:
            shapes = np.array([edit.geometry], dtype=object)
            columns[self._geometry] = next(iter(blobs(shapes, self._srs)))
        return columns

    def _run(self, template: str, gaps: dict[str, Sql], values: list[Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(compose(template, table=self._table, key=self._key, **gaps), values)
        except sqlite3.IntegrityError as error:
            raise _refusal(error, self._view) from None

    def _seen(self, key: str) -> Batch:
        batch = self._select.by_key(self._connection, key)
        if not len(batch):
            raise Forbidden("The feature would be none that may be seen here.")
        if not shows_all(self._view):
            return batch
        return replace(batch, modified=modified(self._connection, self._view.collection, batch.keys[0]))


def taken(view: View, key: object) -> Conflict:
    """Return the error for a key that another feature has."""
    return Conflict(f"'{view.collection.id}' has a feature '{str(key)[:80]}' already.")


def _refusal(error: sqlite3.IntegrityError, view: View) -> Conflict | InvalidFeature:
    text = str(error)
    name = text.rpartition(".")[2] if "." in text else None
    if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_NOTNULL:
        return refused(name, view, "must have a value")
    if error.sqlite_errorcode in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return Conflict("Another feature has a value that must be there once only.")
    return refused(None, view, "")


def _describe(connection: sqlite3.Connection, table: TableInfo, begun: int, rtree: str | None) -> None:
    """Record time and extent of a table in gpkg_contents, as its last changes have left it."""
    gaps = {"table": identifier(table.name), "geom": identifier(table.geometry_column)}
    gaps |= {"key": identifier(table.primary_key)} | ({"rtree": identifier(rtree)} if rtree else {})
    touched = _touched(connection, table, begun)
    sets = ["last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"]
    for column, corner, side, pick in _SIDES:
        if touched:
            parts = {"corner": Sql(corner), "side": Sql(side), "pick": Sql(pick)}
            sets.append(f"{column} = " + compose(_OUTERMOST if rtree else _WHOLE, **gaps, **parts))
    text = "UPDATE gpkg_contents SET {sets} WHERE table_name = ?"
    connection.execute(compose(text, sets=Sql(", ".join(sets))), [table.name])


def _touched(connection: sqlite3.Connection, table: TableInfo, begun: int) -> bool:
    """Whether changes since ``begun`` reach or leave the edges of the extent that gpkg_contents has."""
    row = connection.execute(
        "SELECT 1 FROM onemap_change c JOIN gpkg_contents t USING (table_name) WHERE c.seq > ? AND c.table_name = ?"
        " AND (t.min_x IS NULL OR c.old_minx <= t.min_x OR c.old_miny <= t.min_y OR c.old_maxx >= t.max_x"
        " OR c.old_maxy >= t.max_y OR c.new_minx < t.min_x OR c.new_miny < t.min_y OR c.new_maxx > t.max_x"
        " OR c.new_maxy > t.max_y) LIMIT 1",
        [begun, table.name],
    ).fetchone()
    return row is not None
