"""Pruning the log of changes: by age, never before its readers, and without anybody else noticing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from onemap.block import Principal
from onemap.store import Edit, Pruned, View, WritableStore
from tests.editing import Editable

MONTH = timedelta(days=30)


def opened(editable: Editable, name: str = "sites") -> tuple[View, WritableStore]:
    view = editable.instance.gate.view(Principal(), name)
    return view, editable.instance.gate.writable(Principal(), view)


def execute(editable: Editable, *statements: str) -> None:
    if editable.dsn is not None:
        with psycopg.connect(editable.dsn) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]
        return
    with closing(sqlite3.connect(editable.path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def change(view: View, store: WritableStore, count: int, key: str = "A1") -> None:
    for at in range(count):
        store.edit(view, [Edit("update", key, {"height": float(at)})])


def age(editable: Editable, days: int) -> None:
    """Make all changes, and the log itself, so many days older."""
    if editable.dsn is not None:
        back = f"at = at - interval '{days} days'"
        execute(
            editable,
            f"UPDATE onemap.change SET {back}",
            f"UPDATE onemap.log SET since = since - interval '{days} days'",
        )
        return
    form = "strftime('%Y-%m-%dT%H:%M:%fZ', {}, '-{} days')"
    execute(
        editable,
        f"UPDATE onemap_change SET at = {form.format('at', days)}",
        f"UPDATE onemap_log SET since = {form.format('since', days)}",
    )


def read_by(editable: Editable, name: str, days: float, ago: float = 0) -> None:
    """A reader has read all there is, so many days ago, and says within what time it comes back."""
    if editable.dsn is not None:
        execute(
            editable,
            "INSERT INTO onemap.reader VALUES"
            f" ('{name}', pg_current_snapshot(), interval '{days} days', now() - interval '{ago} days')"
            " ON CONFLICT (name) DO UPDATE SET snapshot = excluded.snapshot, at = excluded.at",
        )
        return
    execute(
        editable,
        "INSERT OR REPLACE INTO onemap_reader SELECT"
        f" '{name}', coalesce(max(seq), 0), {days}, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{ago} days')"
        " FROM onemap_change",
    )


def fill(editable: Editable) -> None:
    """Add a thousand changes and one of sites, so that those before them are neither the last thousand nor the last."""
    if editable.dsn is not None:
        execute(
            editable,
            "INSERT INTO onemap.change (table_schema, table_name, key, operation)"
            " SELECT 'public', 'parcels', i::text, 'update' FROM generate_series(1, 1000) i"
            " UNION ALL SELECT 'public', 'sites', '3', 'update'",
        )
    else:
        rows = (
            " WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1000)"
            " SELECT 'parcels', value, 'update' FROM n UNION ALL SELECT 'sites', 3, 'update'"
        )
        execute(editable, "INSERT INTO onemap_change (table_name, key, operation)" + rows)


def count(editable: Editable, table: str = "sites") -> int:
    return [row[0] for row in editable.changes("table_name")].count(table)


def test_by_age(editable: Editable) -> None:
    view, store = opened(editable)
    change(view, store, 3)
    age(editable, 40)
    change(view, store, 2)
    fill(editable)
    assert store.prune(timedelta(days=50)) == Pruned(0)
    assert store.prune(MONTH) == Pruned(3)
    assert count(editable) == 3
    assert count(editable, "parcels") == 1000
    assert store.prune(MONTH) == Pruned(0)


def test_what_readers_have_not_read_stays(editable: Editable) -> None:
    """A reader holds what it has not seen, however old, as long as it comes back within the time it has declared."""
    view, store = opened(editable)
    change(view, store, 2)
    read_by(editable, "tiles", days=7, ago=1)
    read_by(editable, "sync", days=100, ago=50)
    change(view, store, 3)
    read_by(editable, "fast", days=1)
    age(editable, 40)
    fill(editable)
    assert store.prune(MONTH) == Pruned(2, 3, ("sync", "tiles"))
    assert count(editable) == 4
    read_by(editable, "tiles", days=7)
    assert store.prune(MONTH) == Pruned(0, 3, ("sync",))
    read_by(editable, "sync", days=100)
    assert store.prune(MONTH) == Pruned(3)


def test_a_reader_that_does_not_come_back_holds_nothing(editable: Editable) -> None:
    view, store = opened(editable)
    read_by(editable, "sync", days=7, ago=8)
    change(view, store, 3)
    age(editable, 40)
    fill(editable)
    assert store.prune(MONTH) == Pruned(3)


def test_a_change_that_commits_late_is_not_lost(editable: Editable) -> None:
    """What was not committed when a reader looked is unread, whatever its number and its time."""
    if editable.dsn is None:
        pytest.skip("in a GeoPackage numbers are in the order of the commits")
    view, store = opened(editable)
    with psycopg.connect(editable.dsn) as slow:
        slow.execute("UPDATE sites SET height = 9 WHERE code = 'A2'")
        change(view, store, 2)
        read_by(editable, "sync", days=7)
    age(editable, 40)
    fill(editable)
    assert store.prune(MONTH) == Pruned(2, 1, ("sync",))
    assert [row for row in editable.changes("table_name, key") if row[0] == "sites"] == [
        ("sites", "2"),
        ("sites", "3"),
    ]


def test_the_log_says_from_when_on_it_is_complete(editable: Editable) -> None:
    """A reader that was away too long finds that the log begins later than it last read."""
    view, store = opened(editable)
    change(view, store, 1, "A1")
    age(editable, 40)
    change(view, store, 1, "A2")
    fill(editable)
    before = store.modified(view, "A1")
    assert before is not None
    assert before.date is not None
    store.prune(MONTH)
    after, other = store.modified(view, "A1"), store.modified(view, "A2")
    assert after is not None
    assert other is not None
    assert (after.changes, after.since) == ((), before.changes[0])
    assert other.date is not None
    assert datetime.now(UTC) - other.date < timedelta(minutes=1)


def test_nobody_notices(editable: Editable) -> None:
    """The version of the data stays, and in a database its state too; a GeoPackage is a file that was written to."""
    view, store = opened(editable)
    other_view, other = opened(editable.again())
    change(view, store, 3)
    age(editable, 40)
    fill(editable)
    store.enable_editing(view.collection.table)
    time.sleep(1.2)
    before = (store.version(view.collection), other.version(other_view.collection))
    states = (store.state(), other.state()) if editable.dsn is not None else ()
    assert store.prune(MONTH) == Pruned(3)
    time.sleep(1.2)
    assert (store.version(view.collection), other.version(other_view.collection)) == before
    if editable.dsn is not None:
        assert (store.state(), other.state()) == states


def test_many_at_once(editable: Editable, monkeypatch: pytest.MonkeyPatch) -> None:
    from onemap.store.geopackage import prune

    monkeypatch.setattr(prune, "_AT_ONCE", 2)
    view, store = opened(editable)
    change(view, store, 7)
    age(editable, 40)
    change(view, store, 1)
    fill(editable)
    assert store.prune(MONTH) == Pruned(7)


def test_without_a_log(editable: Editable) -> None:
    _, store = opened(editable)
    if editable.dsn is not None:
        execute(editable, "DROP SCHEMA onemap CASCADE")
    else:
        execute(editable, "DROP TABLE onemap_log")
    assert store.prune(MONTH) == Pruned(0)


def test_the_command(editable: Editable) -> None:
    view, store = opened(editable)
    change(view, store, 2)
    read_by(editable, "tiles", days=7)
    change(view, store, 3)
    age(editable, 40)
    fill(editable)
    command = [str(Path(sys.executable).with_name("onemap")), "changes", "prune", "--root", str(editable.root)]
    command += ["--keep", "10", "--store", f"edit={editable.dsn or editable.path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (0, "edit: 2 changes dropped, 3 older ones kept for tiles\n"), done.stderr
