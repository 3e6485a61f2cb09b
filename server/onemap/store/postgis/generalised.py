"""Tables of generalised features: written once for a layer and a grid, found again by the statements of tiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

import orjson
import psycopg
import shapely
from psycopg import sql

from onemap.catalog.model import TableInfo
from onemap.config import PostgisSettings
from onemap.errors import ConfigError
from onemap.geo.crs import crs_from_srid
from onemap.store.base import Key, View
from onemap.store.changelog import Changes
from onemap.store.postgis.changelog import ChangeLog
from onemap.store.postgis.connect import SEARCH_PATH, connection_options
from onemap.store.postgis.discover import read_sql
from onemap.store.postgis.gridding import on_grid, twins
from onemap.store.postgis.relation import Relation
from onemap.store.postgis.sessions import Sessions
from onemap.store.tiling import Generalised, GeneralisedTable, Grid

SCHEMA = "onemap_tiles"
_CHANGES = 10_000
_THERE = b"SELECT to_regclass('onemap_tiles.generalised') IS NOT NULL"
_KEPT = b"""
SELECT id, srid, origin_x, origin_y, unit, features, columns, position, since::text, mark, note::text,
       to_char(made AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM onemap_tiles.generalised WHERE table_schema = %(schema)s AND table_name = %(name)s ORDER BY unit
"""
_NEXT = b"SELECT nextval(pg_get_serial_sequence('onemap_tiles.generalised', 'id'))"
_NOTE = b"""
INSERT INTO onemap_tiles.generalised
  (id, table_schema, table_name, srid, origin_x, origin_y, unit, features, columns, position, since, mark, note)
OVERRIDING SYSTEM VALUE
VALUES (%(id)s, %(schema)s, %(name)s, %(srid)s, %(x)s, %(y)s, %(unit)s, %(features)s, %(columns)s, %(position)s,
        %(since)s::pg_snapshot, %(mark)s, %(note)s::jsonb)
"""
_FORGET = b"""
DELETE FROM onemap_tiles.generalised WHERE table_schema = %(schema)s AND table_name = %(name)s
  AND (%(unit)s::float8 IS NULL OR (srid, origin_x, origin_y, unit) = (%(srid)s, %(x)s, %(y)s, %(unit)s)) RETURNING id
"""
_STAMP = b"SELECT count(*), coalesce(max(id), 0) FROM onemap_tiles.generalised"
_READERS = b"""
SELECT DISTINCT r.rolname::text FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.oid = %(oid)s::oid AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner
"""
# What was generalised: the shape on each grid, NULL where nothing is left of it there.
_TEMPORARY = sql.SQL(
    "CREATE TEMP TABLE onemap_shape ON COMMIT DROP AS"
    " SELECT t.{named} AS feature, {shapes}, ARRAY[t.{named}] AS members FROM {table} t LIMIT 0"
)
_COLUMN = sql.SQL("NULL::geometry AS {shape}")
_STEPS: tuple[LiteralString, ...] = (
    # Along a curve that fills the plane: what is near lies on the same pages.
    "CREATE TABLE {made} AS SELECT {columns}, s.{shape} AS {geom} FROM onemap_shape s"
    " JOIN {table} t ON t.{named} = s.feature WHERE s.{shape} IS NOT NULL ORDER BY s.{shape}",
    "CREATE INDEX ON {made} USING gist ({geom})",
    "CREATE INDEX ON {made} ({key})",
    "CREATE TABLE {members} AS {member}",
    "CREATE INDEX ON {members} (member, feature)",
    "CREATE INDEX ON {members} (feature, member)",
    "ANALYZE {made}",
    "ANALYZE {members}",
)
_MEMBER: LiteralString = "SELECT s.feature, m.member FROM onemap_shape s CROSS JOIN LATERAL unnest(s.members) m(member)"
# The log names features by the primary key, whatever the collection names them by.
_MEMBER_KEYS: LiteralString = (
    "SELECT f.{key} AS feature, m.{key} AS member FROM onemap_shape s CROSS JOIN LATERAL unnest(s.members) p(member)"
    " JOIN {table} f ON f.{named} = s.feature JOIN {table} m ON m.{named} = p.member"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A table of generalised features as it stands: what the protocol tells of it, and how it is read.

    ``since``: where its log of changes is to be read from, None for a layer without one.
    """

    id: int
    table: GeneralisedTable
    columns: frozenset[str]
    since: str | None

    def relation(self, base: Relation) -> Relation:
        """Return the table with the columns of the layer; its shapes are in units of its grid."""
        return replace(base, schema=SCHEMA, name=f"g{self.id}", kind="r", srid=0, flat=True, indexed=True)


class GeneralisedTables:
    """The generalised features of a database."""

    def __init__(self, settings: PostgisSettings, sessions: Sessions, log: ChangeLog) -> None:
        self._settings = settings
        self._sessions = sessions
        self._log = log

    def mark(self, relation: Relation) -> str:
        """Return a mark of the present content of a table, to be taken before its features are read."""
        position = self._log.position()
        since, mark = self._sessions.row(read_sql("mark"), {"oid": relation.oid})
        return orjson.dumps([position, since, mark]).decode()

    def stamp(self) -> str:
        """Return a token that is another one after features were generalised anew, or forgotten."""
        if not self._sessions.row(_THERE)[0]:
            return ""
        return "-".join(map(str, self._sessions.row(_STAMP)))

    def find(self, table: TableInfo, relation: Relation) -> tuple[Kept, ...]:
        """Return what is kept of a table, the finest grid first."""
        if not self._sessions.row(_THERE)[0]:
            return ()
        rows = self._sessions.rows(_KEPT, {"schema": relation.schema, "name": relation.name})
        if not rows:
            return ()
        _, logged = self._sessions.row(read_sql("writable"), {"oid": relation.oid, "target": relation.oid})
        now = str(self._sessions.row(read_sql("mark"), {"oid": relation.oid})[1])
        changes: dict[str, Changes] = {}
        if logged:
            positions = {str(row[7]) for row in rows}
            changes = {position: self._log.changes(position, [table.name], _CHANGES) for position in positions}
        return tuple(_kept(row, table, changes.get(row[7]), now) for row in rows)

    def write(
        self,
        view: View,
        relation: Relation,
        grid: Grid,
        batches: Iterable[Generalised],
        mark: str,
        note: Mapping[str, Any],
    ) -> None:
        """Write the generalised features of a table for a grid, in one transaction. Raises ConfigError.

        Where the grid is one of WebMercatorQuad they are written for that of longitudes and latitudes with units as
        long, too. What was kept before is read until the end.
        """
        if relation.kind not in ("r", "m"):
            raise ConfigError(f"'{relation.name}' is no table; only tables and materialised views are generalised.")
        position, since, counted = orjson.loads(mark)
        fields = {field.name for field in view.collection.table.fields}
        columns = sorted({relation.key, view.collection.key} | fields)
        told = {"columns": columns, "position": position, "since": since, "mark": counted}
        told["note"] = orjson.dumps(dict(note)).decode()
        grids = twins(grid)
        with _Writing(self._settings, relation) as connection:
            connection.execute(read_sql("generalised"))
            _fill(connection, view, relation, grids, batches)
            for at, each in enumerate(grids):
                identifier = _scalar(connection, _NEXT)
                gaps = _gaps(view, relation, identifier, columns) | {"shape": _shape(at)}
                for step in _STEPS:
                    connection.execute(sql.SQL(step).format(**gaps))
                _share(connection, relation, gaps)
                features = _scalar(connection, sql.SQL("SELECT count(*) FROM {made}").format(**gaps))
                values = _values(relation, each)
                _forget(connection, values)
                connection.execute(_NOTE, {**values, **told, "id": identifier, "features": features})

    def drop(self, relation: Relation) -> None:
        """Forget the generalised features of a table. Raises ConfigError."""
        if self._sessions.row(_THERE)[0]:
            with _Writing(self._settings, relation) as connection:
                _forget(connection, _values(relation, None))


def _kept(row: Sequence[Any], table: TableInfo, changes: Changes | None, now: str) -> Kept:
    """Return a table as it stands; ``changes``: those of its layer since it was made, None for one without a log."""
    identifier, srid, x, y, unit, features, columns, _, since, mark, note, made = row
    changed, stale = 0, now != mark
    if changes is not None:
        changed, stale = len({change.key for change in changes.changed}), table.name in changes.unknown
    grid = Grid(crs_from_srid(srid), (x, y), unit)
    told = GeneralisedTable(grid, features, made, changed, stale, orjson.loads(note))
    return Kept(identifier, told, frozenset(columns), since if changes is not None else None)


class _Writing:
    """A transaction on a connection of its own, that may take as long as it takes."""

    def __init__(self, settings: PostgisSettings, relation: Relation) -> None:
        self._settings = settings
        self._name = relation.name

    def __enter__(self) -> psycopg.Connection[Any]:
        options = connection_options(self._settings)
        options |= {"options": "-c lock_timeout=5s -c jit=off", "application_name": "onemap generalise"}
        try:
            self._connection = psycopg.connect(**options)
        except psycopg.Error:
            raise ConfigError("The database cannot be reached.") from None
        self._connection.execute(SEARCH_PATH)
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            self._connection.__exit__(kind, error, None)
        except psycopg.Error as failed:
            error = failed
        if isinstance(error, psycopg.Error):
            reason = error.diag.message_primary or "it cannot be reached"
            raise ConfigError(f"The generalised features of '{self._name}' cannot be kept: {reason}.") from None


def _values(relation: Relation, grid: Grid | None) -> dict[str, Any]:
    """Return what names a table of generalised features; None: all of a layer."""
    place = {"schema": relation.schema, "name": relation.name}
    if grid is None:
        return {**place, "srid": None, "x": None, "y": None, "unit": None}
    return {**place, "srid": grid.crs.srid, "x": grid.origin[0], "y": grid.origin[1], "unit": grid.unit}


def _forget(connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> None:
    for row in connection.execute(_FORGET, values).fetchall():
        names = sql.SQL(", ").join([sql.Identifier(SCHEMA, f"g{row[0]}{end}") for end in ("", "_members")])
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(names))


def _scalar(connection: psycopg.Connection[Any], statement: bytes | sql.Composed) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _shape(at: int) -> sql.Identifier:
    return sql.Identifier(f"shape{at}")


def _gaps(view: View, relation: Relation, identifier: int, columns: Sequence[str]) -> dict[str, sql.Composable]:
    gaps: dict[str, sql.Composable] = {
        "table": sql.Identifier(relation.schema, relation.name),
        "named": sql.Identifier(view.collection.key),
        "key": sql.Identifier(relation.key),
        "geom": sql.Identifier(relation.geometry_column),
        "columns": sql.SQL(", ").join(sql.Identifier("t", name) for name in columns),
        "made": sql.Identifier(SCHEMA, f"g{identifier}"),
        "members": sql.Identifier(SCHEMA, f"g{identifier}_members"),
    }
    gaps["member"] = sql.SQL(_MEMBER if relation.key == view.collection.key else _MEMBER_KEYS).format(**gaps)
    return gaps


def _fill(
    connection: psycopg.Connection[Any],
    view: View,
    relation: Relation,
    grids: Sequence[Grid],
    batches: Iterable[Generalised],
) -> None:
    """Copy what was generalised into a temporary table."""
    shapes = sql.SQL(", ").join([_COLUMN.format(shape=_shape(at)) for at in range(len(grids))])
    connection.execute(_TEMPORARY.format(shapes=shapes, **_gaps(view, relation, 0, [])))
    storage = view.collection.storage
    with connection.cursor().copy("COPY onemap_shape FROM STDIN") as copy:
        for batch in batches:
            wkb = [shapely.to_wkb(on_grid(batch.geometries, storage, grid), hex=True).tolist() for grid in grids]
            members: Sequence[Sequence[Key] | None] = batch.members or [None] * len(batch)
            for key, parts, *shapes_ in zip(batch.keys, members, *wkb, strict=True):
                copy.write_row((key, *shapes_, list(parts) if parts is not None and len(parts) > 1 else None))
    connection.execute("ANALYZE onemap_shape")


def _share(connection: psycopg.Connection[Any], relation: Relation, gaps: Mapping[str, sql.Composable]) -> None:
    """Let those read the result who may read the layer."""
    schema, kept = sql.Identifier(SCHEMA), sql.Identifier(SCHEMA, "generalised")
    for row in connection.execute(_READERS, {"oid": relation.oid}).fetchall():
        reader = sql.SQL("PUBLIC") if row[0] is None else sql.Identifier(row[0])
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, reader))
        tables = sql.SQL(", ").join([kept, gaps["made"], gaps["members"]])
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, reader))
