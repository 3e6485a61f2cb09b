"""The log of changes of a GeoPackage: triggers write it, whatever program makes the change.

``onemap_change`` has a row for each feature inserted, updated or deleted: ``seq`` (ascending in the order of commits,
never used twice), table, primary key, operation, the boxes before and after (x, y of the storage CRS; NULL: no
geometry), and ``tx``, the first ``seq`` of the transaction for changes made by this server, NULL for those of other
programs. The log is written in the transaction of the change, so it has what the table has. ``onemap_log`` has a row
for each table whose changes are logged: the time ``since`` and the ``seq`` after which its log is complete;
``onemap_pruned`` says up to which ``seq`` rows were removed. ``onemap_reader`` has a row for each reader of the log: up
to which ``seq`` it has read, when (``at``), and within how many ``days`` it comes back.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from onemap.catalog.model import Collection, TableInfo
from onemap.errors import ConfigError
from onemap.store.base import Modified
from onemap.store.sql import Sql, compose, identifier

EVENTS = ("insert", "replace", "update", "delete")
_BUSY_SECONDS = 2.0
_TABLES = """
CREATE TABLE IF NOT EXISTS onemap_change (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tx INTEGER, table_name TEXT NOT NULL, key INTEGER NOT NULL,
  operation TEXT NOT NULL CHECK (operation IN ('insert', 'update', 'delete')),
  old_minx REAL, old_miny REAL, old_maxx REAL, old_maxy REAL, new_minx REAL, new_miny REAL, new_maxx REAL,
  new_maxy REAL, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS onemap_transaction (id INTEGER PRIMARY KEY CHECK (id = 1), tx INTEGER);
CREATE TABLE IF NOT EXISTS onemap_log (table_name TEXT PRIMARY KEY, since TEXT NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS onemap_reader (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, days REAL NOT NULL,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE INDEX IF NOT EXISTS onemap_change_table ON onemap_change (table_name, seq);
CREATE INDEX IF NOT EXISTS onemap_change_key ON onemap_change (table_name, key, seq);
INSERT OR IGNORE INTO onemap_transaction VALUES (1, NULL);
CREATE TABLE IF NOT EXISTS onemap_pruned (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL);
INSERT OR IGNORE INTO onemap_pruned VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS onemap_change_pruned AFTER DELETE ON onemap_change
  BEGIN UPDATE onemap_pruned SET upto = max(upto, OLD.seq); END;
"""
# A position that was read before the table was logged must not look like one after: a number is passed over.
_BEGIN = (
    "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'onemap_change'",
    "INSERT INTO sqlite_sequence SELECT 'onemap_change', 1"
    " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'onemap_change')",
)
_SINCE = (
    "INSERT OR REPLACE INTO onemap_log SELECT ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), seq"
    " FROM sqlite_sequence WHERE name = 'onemap_change'"
)
_LAST = (
    "SELECT l.since, c.at FROM onemap_log l LEFT JOIN (SELECT table_name, seq, at FROM onemap_change"
    " WHERE table_name = ? AND key = (SELECT {primary} FROM {table} WHERE {key} = ?) ORDER BY seq DESC LIMIT 2) c"
    " USING (table_name) WHERE l.table_name = ? ORDER BY c.seq DESC"
)
_LOG = (
    "INSERT INTO onemap_change (tx, table_name, key, operation, old_minx, old_miny, old_maxx, old_maxy,"
    " new_minx, new_miny, new_maxx, new_maxy) SELECT (SELECT tx FROM onemap_transaction), {text}, "
)
_NOTHING = Sql("NULL, NULL, NULL, NULL")
# An INSERT OR REPLACE deletes what it replaces without any delete trigger, unless recursive_triggers is on.
_TRIGGERS = {
    "insert": "CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {log} NEW.{key}, 'insert', {nothing}, {new}; END",
    "replace": "CREATE TRIGGER {name} BEFORE INSERT ON {table} BEGIN {log} OLD.{key}, 'delete', {old}, {nothing}"
    " FROM {table} AS OLD WHERE OLD.{key} = NEW.{key}; END",
    "update": "CREATE TRIGGER {name} AFTER UPDATE ON {table} BEGIN {log} NEW.{key}, 'update', {old}, {new};"
    " {log} OLD.{key}, 'delete', {old}, {nothing} WHERE OLD.{key} <> NEW.{key}; END",
    "delete": "CREATE TRIGGER {name} AFTER DELETE ON {table} BEGIN {log} OLD.{key}, 'delete', {old}, {nothing}; END",
}
_BOX = ", ".join(
    f"CASE WHEN NOT ST_IsEmpty({{row}}.{{geom}}) THEN {name}({{row}}.{{geom}}) END"
    for name in ("ST_MinX", "ST_MinY", "ST_MaxX", "ST_MaxY")
)


def enable_log(path: Path, table: TableInfo) -> None:
    """Log the changes of a table from now on; nothing happens when they are logged already. Raises ConfigError."""
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            if logged(connection, table.name):
                return
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES.split(";\n")[:-1]:
                connection.execute(statement)
            for event in EVENTS:
                connection.execute(compose("DROP TRIGGER IF EXISTS {name}", name=identifier(_name(table.name, event))))
                connection.execute(compose(_TRIGGERS[event], name=identifier(_name(table.name, event)), **_gaps(table)))
            for statement in _BEGIN:
                connection.execute(statement)
            connection.execute(_SINCE, [table.name])
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise ConfigError(f"{path}: the changes of '{table.name}' cannot be logged: {error}.") from None


def logged(connection: sqlite3.Connection, table: str) -> bool:
    """Whether the changes of a table are logged."""
    found = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? AND name IN (?, ?, ?, ?)"
        " OR type = 'table' AND name = 'onemap_log'",
        [table, *(_name(table, event) for event in EVENTS)],
    )
    return bool(found.fetchone()[0] == len(EVENTS) + 1)


def modified(connection: sqlite3.Connection, collection: Collection, key: str | int) -> Modified | None:
    """Return what the log says of a feature; None where it does not know since when it is complete."""
    table = collection.table
    gaps = {"primary": table.primary_key, "table": table.name, "key": collection.key}
    sql = compose(_LAST, **{name: identifier(text) for name, text in gaps.items()})
    rows = connection.execute(sql, [table.name, key, table.name]).fetchall()
    if not rows:
        return None
    return Modified(_moment(rows[0][0]), tuple(_moment(at) for _, at in rows if at is not None))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def has_log(connection: sqlite3.Connection, name: str = "onemap_change") -> bool:
    """Whether the file has the log of changes, or the table that tells this of it: older logs do not have all."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [name])
    return found.fetchone() is not None


def last_change(connection: sqlite3.Connection, table: TableInfo | None = None) -> int:
    """Return the number of the last change of a table, of any when none is named; 0 without any."""
    if table is None:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'onemap_change'").fetchone()
    else:
        row = connection.execute("SELECT max(seq) FROM onemap_change WHERE table_name = ?", [table.name]).fetchone()
    return int(row[0] or 0) if row else 0


def _gaps(table: TableInfo) -> dict[str, Sql]:
    geometry = identifier(table.geometry_column)
    text = Sql("'" + table.name.replace("'", "''") + "'")
    return {
        "table": identifier(table.name),
        "key": identifier(table.primary_key),
        "log": Sql(compose(_LOG, text=text)),
        "nothing": _NOTHING,
        "old": Sql(compose(_BOX, row=Sql("OLD"), geom=geometry)),
        "new": Sql(compose(_BOX, row=Sql("NEW"), geom=geometry)),
    }


def _name(table: str, event: str) -> str:
    return f"onemap_change_{table}_{event}"
