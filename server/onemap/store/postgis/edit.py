"""Change features of a database: one transaction, each feature locked before it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import shapely
from psycopg import errors as pg
from psycopg import sql

from onemap.errors import Busy, Conflict, Forbidden, InvalidFeature, OneMapError
from onemap.store.base import Batch, Modified, View
from onemap.store.heights import with_heights
from onemap.store.postgis.changes import modified, modified_statement
from onemap.store.postgis.connect import GuardedConnection
from onemap.store.postgis.relation import Relation, quoted
from onemap.store.postgis.select import Select, decode
from onemap.store.postgis.sessions import Row, Sessions, run
from onemap.store.writing import Edit, check_state, refused, shows_all

_INSERT = sql.SQL("INSERT INTO {table} AS t ({names}) VALUES ({marks}) RETURNING {key}")
_DEFAULTS = sql.SQL("INSERT INTO {table} AS t DEFAULT VALUES RETURNING {key}")
_UPDATE = sql.SQL("UPDATE {table} AS t SET {sets} WHERE {column} = %(one)s")
_DELETE = sql.SQL("DELETE FROM {table} AS t WHERE {column} = %(one)s")
_TAKEN = sql.SQL("SELECT 1 FROM {table} t WHERE {column} = %(one)s LIMIT 1")
_ALONE = sql.SQL("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
_NEXT = sql.SQL("SELECT coalesce(max({primary}), 0)::int8 + 1 FROM {table} t")
_SHAPE = sql.SQL("ST_GeomFromWKB(%(shape)s::bytea, {srid})")
_STORED = sql.SQL("SELECT ST_AsEWKB({geom}) FROM {table} t WHERE {column} = %(one)s")
_TOLERANCE, _TOLERANCE_DEGREES = 1e-3, 1e-8
_SET = sql.SQL("{name} = {value}")
_UNSEEN = "The feature would be none that may be seen here."
_BUSY = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)


def apply(sessions: Sessions, view: View, select: Select, edits: Sequence[Edit]) -> list[Batch]:
    """Make changes in one transaction and return each feature as it then is; see ``WritableStore.edit``."""
    with sessions.writing() as connection:
        editing = _Editing(connection, view, select)
        return [editing.make(edit) for edit in edits]


class _Editing:
    """The changes of one transaction."""

    def __init__(self, connection: GuardedConnection, view: View, select: Select) -> None:
        self._connection = connection
        self._view = view
        self._select = select
        self._relation: Relation = select.relation
        self._gaps: dict[str, sql.Composable] = {
            "table": self._relation.table,
            "key": select.key.read(),
            "column": select.key.reference,
            "primary": quoted("t", self._relation.key),
        }

    def make(self, edit: Edit) -> Batch:
        """Make one change and return the feature, seen through the view."""
        if edit.operation == "insert":
            return self._insert(edit)
        stored = self._find(edit.key or "", b" FOR UPDATE")
        check_state(edit, stored, self._view, lambda: self._modified(stored))
        key = stored.keys[0]
        if edit.operation == "delete":
            self._run(_DELETE, {"one": key})
            return self._find(edit.key or "")
        edit = self._raised(edit, key)
        values = self._values(edit)
        if values:
            sets = [_SET.format(name=quoted(name), value=value) for name, value in self._expressions(edit).items()]
            self._run(_UPDATE, {**values, "one": key}, sets=sql.SQL(", ").join(sets))
        return self._seen(str(key))

    def _raised(self, edit: Edit, key: object) -> Edit:
        """Return an edit with the heights that its geometry has in the table."""
        if not edit.shaped or self._relation.flat:
            return edit
        stored = (
            None if key is None else decode([self._run(_STORED, {"one": key}, geom=self._relation.geometry)[0][0]])[0]
        )
        tolerance = _TOLERANCE_DEGREES if self._view.collection.storage.geographic else _TOLERANCE
        made = with_heights(edit.geometry, stored, tolerance)
        return replace(edit, geometry=made, shaped=made is None or made is not stored)

    def _insert(self, edit: Edit) -> Batch:
        edit = self._raised(edit, None)
        values, expressions = self._values(edit), self._expressions(edit)
        name = self._view.collection.key
        if name in edit.values:
            self._check_free(edit.values[name])
        primary = self._relation.columns[self._relation.key]
        if primary.required and primary.kind == "integer" and primary.name not in edit.values:
            self._run(_ALONE)
            values["next"] = self._run(_NEXT)[0][0]
            expressions[primary.name] = sql.Placeholder("next")
        template = _INSERT if expressions else _DEFAULTS
        names, marks = map(quoted, expressions), expressions.values()
        rows = self._run(template, values, names=sql.SQL(", ").join(names), marks=sql.SQL(", ").join(marks))
        return self._seen(str(rows[0][0]))

    def _check_free(self, key: object) -> None:
        """Refuse a key that is taken; where no unique index does, two writers must not take it at once."""
        if self._select.key.rank is None:
            self._run(_ALONE)
        if self._run(_TAKEN, {"one": key}):
            raise Conflict(f"'{self._view.collection.id}' has a feature '{str(key)[:80]}' already.")

    def _values(self, edit: Edit) -> dict[str, Any]:
        values: dict[str, Any] = {f"v{at}": value for at, value in enumerate(edit.values.values())}
        if edit.shaped:
            shape = edit.geometry
            values["shape"] = None if shape is None else shapely.to_wkb(shape, output_dimension=3, byte_order=1)
        return values

    def _expressions(self, edit: Edit) -> dict[str, sql.Composable]:
        made: dict[str, sql.Composable] = {name: sql.Placeholder(f"v{at}") for at, name in enumerate(edit.values)}
        if edit.shaped:
            made[self._relation.geometry_column] = _SHAPE.format(srid=sql.Literal(self._relation.srid))
        return made

    def _find(self, key: str, suffix: bytes = b"") -> Batch:
        statement = self._select.by_key(key)
        if statement is None:
            return self._select.batch([])
        try:
            return self._select.batch(run(self._connection, statement[0] + suffix, statement[1]))
        except pg.DataError:  # a key that is no value of its column's type
            return self._select.batch([])
        except _BUSY:
            raise Busy("Another writer does not finish with this feature.") from None

    def _seen(self, key: str) -> Batch:
        batch = self._find(key)
        if not len(batch):
            raise Forbidden(_UNSEEN)
        told = shows_all(self._view) and self._relation.kind != "v"
        return replace(batch, modified=self._modified(batch)) if told else batch

    def _modified(self, batch: Batch) -> Modified | None:
        statement = modified_statement(self._relation, self._select.key)
        return modified(run(self._connection, statement, {"one": batch.keys[0]}))

    def _run(self, template: sql.SQL, values: dict[str, Any] | None = None, **gaps: sql.Composable) -> list[Row]:
        statement = template.format(**self._gaps, **gaps)
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values or {})
                return cursor.fetchall() if cursor.description else []
        except (pg.IntegrityError, pg.DataError, pg.WithCheckOptionViolation, *_BUSY) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: psycopg.Error) -> OneMapError:
        if isinstance(error, _BUSY):
            return Busy("Another writer does not finish with these features.")
        if isinstance(error, pg.WithCheckOptionViolation):
            return Forbidden(_UNSEEN)
        if isinstance(error, pg.UniqueViolation):
            return Conflict("Another feature has a value that must be there once only.")
        if isinstance(error, pg.NotNullViolation):
            return refused(error.diag.column_name, self._view, "must have a value")
        return InvalidFeature("A value does not fit its column, or a rule of the table.")
