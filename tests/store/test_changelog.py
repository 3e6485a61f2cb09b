"""Reading the log of changes in both stores: every change once, whenever it commits; what no log tells is unknown."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
import shapely

from onemap.block import Principal
from onemap.store import Edit, View
from onemap.store.changelog import Changes, LoggedStore
from onemap.store.geopackage.functions import register_geometry
from onemap.store.postgis.store import PostgisStore
from tests.conftest import settings_of
from tests.editing import Editable, square

TABLES = ("parcels", "sites")
SOON = 20.0


class Logged:
    """A store with its log, and other programs that write to it."""

    def __init__(self, editable: Editable) -> None:
        self.editable = editable
        self.view: View = editable.instance.gate.view(Principal(), "parcels")
        self.writable = editable.instance.gate.writable(Principal(), self.view)
        assert isinstance(self.writable, LoggedStore)
        self.store: LoggedStore = self.writable
        self.postgis = editable.dsn is not None

    @contextmanager
    def other(self) -> Iterator[Any]:
        """A connection of another program, in a transaction."""
        if self.editable.dsn is not None:
            with psycopg.connect(self.editable.dsn) as connection:
                yield connection
            return
        with closing(sqlite3.connect(self.editable.path, timeout=30)) as connection:
            register_geometry(connection)
            connection.execute("PRAGMA recursive_triggers = 1")
            yield connection
            connection.commit()

    def run(self, statement: str) -> None:
        """Run a statement in another program."""
        with self.other() as connection:
            connection.execute(statement)

    def since(self, position: str, most: int = 10_000, tables: tuple[str, ...] = TABLES) -> Changes:
        """Return what changed."""
        return self.store.changes(position, tables, most)


@pytest.fixture
def log(editable: Editable) -> Logged:
    return Logged(editable)


def told(changes: Changes) -> list[tuple[str, int, str]]:
    return sorted((item.table, item.key, item.operation) for item in changes.changed)


def test_changes_have_table_key_operation_and_boxes(log: Logged) -> None:
    start = log.store.position()
    new = shapely.MultiPolygon([square(9)])
    log.writable.edit(log.view, [Edit("update", "3", {}, new, shaped=True), Edit("delete", "4")])
    log.writable.edit(log.view, [Edit("insert", None, {"name": "new"}, new, shaped=True)])
    log.writable.edit(log.view, [Edit("update", "5", {}, None, shaped=True)])
    found = {item.key: item for item in log.since(start).changed}
    assert {key: item.operation for key, item in found.items()} == {3: "update", 4: "delete", 16: "insert", 5: "update"}
    assert (found[3].before, found[3].after) == (square(2).bounds, square(9).bounds)
    assert (found[4].before, found[4].after) == (square(3).bounds, None)
    assert (found[16].before, found[16].after) == (None, square(9).bounds)
    assert (found[5].before, found[5].after) == (square(4).bounds, None)
    assert {item.table for item in found.values()} == {"parcels"}


def test_each_change_once_and_only_of_the_tables_asked_for(log: Logged) -> None:
    first = log.store.position()
    log.run("UPDATE parcels SET floors = 7 WHERE name = 'parcel 1'")
    log.run("UPDATE sites SET height = 7")
    some = log.since(first)
    assert told(some) == [("parcels", 2, "update"), *(("sites", key, "update") for key in (1, 2, 3))]
    assert log.since(some.position).changed == ()
    assert told(log.store.changes(first, ("parcels",))) == [("parcels", 2, "update")]
    assert told(log.since(first)) == told(some)


def test_more_than_asked_for_is_unknown(log: Logged) -> None:
    start = log.store.position()
    log.run("UPDATE parcels SET floors = 7 WHERE name < 'parcel 3'")  # 0, 1, 10..14, 2
    log.run("UPDATE sites SET height = 7")
    found = log.since(start, most=7)
    assert found.unknown == {"parcels"}
    assert told(found) == [("sites", key, "update") for key in (1, 2, 3)]
    assert log.since(start, most=8).unknown == frozenset()
    later = log.since(found.position, most=7)
    assert (later.changed, later.unknown) == ((), frozenset())


def test_pruned_log_is_unknown_before_and_told_after(log: Logged) -> None:
    start = log.store.position()
    log.run("UPDATE parcels SET floors = 7")
    middle = log.store.position()
    log.run("DELETE FROM " + ("onemap.change" if log.postgis else "onemap_change"))
    log.run("UPDATE sites SET height = 8")
    assert log.since(start).unknown >= {"parcels", "sites"}
    if not log.postgis:  # a database prunes up to a transaction: what was open then cannot be told apart
        assert log.since(middle).unknown == frozenset()
    after = log.store.position()
    log.run("UPDATE sites SET height = 9")
    found = log.since(after)
    assert found.unknown == frozenset()
    assert told(found) == [("sites", key, "update") for key in (1, 2, 3)]


def test_a_table_without_log_is_unknown_when_it_may_have_changed(log: Logged) -> None:
    start = log.store.position()
    every = (*TABLES, "outline")
    assert log.since(start, tables=every) == Changes(start)
    log.writable.edit(log.view, [Edit("delete", "1")])
    log.writable.edit(log.view, [Edit("delete", "2")])
    assert log.since(start, tables=every).unknown == frozenset()
    log.run("DELETE FROM outline")
    end = time.monotonic() + SOON  # the counters of a database come late
    while not (found := log.since(start, tables=every)).unknown:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert found.unknown == {"outline"}
    assert len(found.changed) == 2
    assert log.since(found.position, tables=every).unknown == frozenset()


def test_changes_before_logging_began_are_unknown(log: Logged) -> None:
    start = log.store.position()
    outline = next(item for item in log.store.tables()[0] if item.name == "outline")
    log.run("DELETE FROM outline")
    log.writable.enable_editing(outline)
    assert log.since(start, tables=("outline",)).unknown == {"outline"}
    now = log.store.position()
    log.writable.enable_editing(outline)  # a second time: goes on
    assert log.since(now, tables=("outline",)).unknown == frozenset()


def test_unreadable_positions_and_those_of_other_sources_are_unknown(log: Logged) -> None:
    for position in ("", "nonsense", "1~2~3~4"):
        assert log.since(position).unknown == set(TABLES)


def test_truncate_and_late_commits(log: Logged) -> None:
    if not log.postgis:
        pytest.skip("a GeoPackage has one writer at a time, and no TRUNCATE")
    with log.other() as late:
        late.execute("UPDATE parcels SET floors = 1 WHERE fid = 1")
        start = log.store.position()
        log.run("UPDATE parcels SET floors = 1 WHERE fid = 2")
        middle = log.since(start)
        assert told(middle) == [("parcels", 2, "update")]
    assert told(log.since(middle.position)) == [("parcels", 1, "update")]
    log.run("TRUNCATE sites")
    assert log.since(middle.position).unknown == {"sites"}
    log.run("TRUNCATE onemap.change")
    assert log.since(middle.position).unknown >= {"parcels", "sites"}


def test_a_user_who_may_not_read_the_log(log: Logged) -> None:
    if not log.postgis:
        pytest.skip("a GeoPackage has no users")
    dsn = str(log.editable.dsn)
    log.run("DROP ROLE IF EXISTS reader_of_changes")
    log.run("CREATE ROLE reader_of_changes LOGIN")
    log.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_of_changes")
    store = PostgisStore(settings_of(dsn.replace("postgres@", "reader_of_changes@")))
    try:
        start = store.position()
        log.run("DELETE FROM sites")
        end = time.monotonic() + SOON
        while not (found := store.changes(start, TABLES)).unknown:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert found.unknown == {"sites"}
    finally:
        store.close()
        log.run("DROP OWNED BY reader_of_changes")
        log.run("DROP ROLE reader_of_changes")


def test_waiting_ends_soon_after_a_change(log: Logged) -> None:
    start = log.store.position()
    log.store.wait(start, 0.01)  # opens what it needs
    start = log.store.position()
    began = time.monotonic()
    log.store.wait(start, 0.3)
    assert 0.25 < time.monotonic() - began < 5
    timer = threading.Timer(0.2, log.run, ["UPDATE parcels SET floors = 7 WHERE fid = 1"])
    timer.start()
    began = time.monotonic()
    log.store.wait(start, 30)
    assert time.monotonic() - began < 10
    timer.join()
    assert told(log.since(start)) == [("parcels", 1, "update")]


class Heard:
    """Counts calls."""

    def __init__(self) -> None:
        self.calls = 0

    def listen(self) -> None:
        self.calls += 1


def test_listeners_hear_of_edits_as_long_as_they_live(log: Logged) -> None:
    one, two = Heard(), Heard()
    log.store.listen(one.listen)
    log.store.listen(two.listen)
    log.writable.edit(log.view, [Edit("delete", "1")])
    del two
    log.writable.edit(log.view, [Edit("delete", "2")])
    assert one.calls == 2


def test_concurrent_writers_lose_nothing_and_count_once(log: Logged) -> None:
    """Writers commit in another order than they write; a reader follows all the while."""
    writers, edits = (6, 40) if log.postgis else (3, 15)
    made: list[set[int]] = [set() for _ in range(writers)]
    faults: list[BaseException] = []

    def write(number: int) -> None:
        chance = random.Random(number)
        for at in range(edits):
            key = 1000 + number * 1000 + at
            try:
                with log.other() as connection:
                    mark = "%s" if log.postgis else "?"
                    connection.execute(f"INSERT INTO parcels (fid, name) VALUES ({mark}, 'x')", (key,))
                    time.sleep(chance.random() * 0.02)
                    if chance.random() < 0.25:
                        connection.rollback()
                        continue
                made[number].add(key)
            except BaseException as error:
                faults.append(error)
                raise

    position, seen = log.store.position(), []
    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found = log.since(position)
        seen += [item.key for item in found.changed]
        position = found.position
        time.sleep(0.003)
    seen += [item.key for item in log.since(position).changed]
    assert not faults
    assert len(seen) == len(set(seen))
    assert set(seen) == set().union(*made)


def test_a_table_without_log_is_as_it_was_for_another_process_too(log: Logged) -> None:
    """What a process has kept of a table without a log is good for the next one, as long as nothing was changed."""
    every = (*TABLES, "outline")
    position = log.store.position()
    again = log.editable.again().instance.stores["edit"]
    assert isinstance(again, LoggedStore)
    assert again.changes(position, every).unknown == frozenset()
    log.run("DELETE FROM outline")
    end = time.monotonic() + SOON
    while "outline" not in log.editable.again().instance.stores["edit"].changes(position, every).unknown:  # type: ignore[attr-defined]
        assert time.monotonic() < end
        time.sleep(0.2)
