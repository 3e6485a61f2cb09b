"""Tiles that processes share in a file: purged in one transaction, bounded, and done without when the file fails."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from onemap.config import shipped
from onemap.tiles.cache import Asked, Body, Place, Source, presence
from onemap.tiles.cache import file as cache_file
from onemap.tiles.cache import shared as shared_file
from onemap.tiles.cache.counters import Counters
from onemap.tiles.cache.cover import Cover
from onemap.tiles.cache.shared import SharedTiles
from onemap.tiles.matrixset import load_matrix_sets

SETS = load_matrix_sets(shipped("matrixsets"))
LAND, WATER = Source("a", "land", 4490), Source("a", "water", 4490)
HERE: tuple[float, float, float, float] = (-179.9, 89.7, -179.8, 89.8)
BODY = Body.of(b"x" * 5000)


async def nothing(finish: Callable[[bytes], Body]) -> Body:
    return finish(b"")


def asked(name: str, *sources: Source, row: int = 0, col: int = 0, level: str = "8") -> Asked:
    place = Place("WorldCRS84Quad", level, row, col)
    return Asked(name, lambda: name.encode(), sources or (LAND,), place, nothing)


def opened(path: Path, capacity: int = 10**8) -> SharedTiles:
    shared = SharedTiles(path, capacity, Counters())
    assert shared.adopt("a", "0") is not None
    return shared


def keep(shared: SharedTiles, item: Asked, body: Body = BODY) -> bool:
    ticket = shared.ticket(item)
    return ticket is not None and shared.put(item, ticket, body)


def purge(shared: SharedTiles, position: str, **covers: Cover | None) -> bool:
    named = {source: covers[source.table] for source in (LAND, WATER) if source.table in covers}
    return shared.purge("a", position, named, (LAND, WATER))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "tiles.sqlite"


def test_one_process_finds_what_another_has_kept(path: Path) -> None:
    one, two = opened(path), opened(path)
    assert two.get(asked("tile")) is None
    assert keep(one, asked("tile"))
    assert two.get(asked("tile")) == BODY
    assert two.get(asked("other")) is None
    assert keep(two, asked("tile"), Body.of(b"again"))
    assert one.get(asked("tile")) == Body.of(b"again")


def test_a_purge_drops_covered_tiles_of_the_source_only(path: Path) -> None:
    one, two = opened(path), opened(path)
    for item in (asked("here"), asked("far", row=100, col=100), asked("water", WATER), asked("both", LAND, WATER)):
        assert keep(one, item)
    assert purge(two, "1", land=Cover([HERE], 4490, SETS))
    found = [one.get(item) is not None for item in (asked("here"), asked("far", row=100, col=100))]
    assert found == [False, True]
    assert one.get(asked("water", WATER)) is not None
    assert one.get(asked("both", LAND, WATER)) is None
    assert purge(one, "2", water=None)
    assert two.get(asked("water", WATER)) is None
    assert two.get(asked("far", row=100, col=100)) is not None
    assert keep(two, asked("water", WATER))
    assert one.get(asked("water", WATER)) is not None


def test_a_tile_whose_data_changed_while_it_was_made_is_refused(path: Path) -> None:
    maker, other = opened(path), opened(path)
    here, far = asked("here"), asked("far", row=100, col=100)
    tickets = [maker.ticket(item) for item in (here, far)]
    assert purge(other, "1", land=Cover([HERE], 4490, SETS))
    assert [maker.put(item, ticket, BODY) for item, ticket in zip((here, far), tickets, strict=True) if ticket] == [
        False,
        True,
    ]
    ticket = maker.ticket(here)
    assert ticket is not None
    assert purge(other, "2", land=None)
    assert not maker.put(here, ticket, BODY)
    assert keep(maker, here)


def test_the_position_is_that_of_the_last_purge_and_of_a_new_file_the_present_one(path: Path) -> None:
    one = SharedTiles(path, 10**8, Counters())
    assert one.adopt("a", "7") == "7"
    assert one.adopt("a", "8") == "7"
    assert purge(one, "9")
    assert SharedTiles(path, 10**8, Counters()).adopt("a", "10") == "9"
    assert one.sources("a") == set()
    keep(one, asked("tile", LAND, WATER))
    assert one.sources("a") == {LAND, WATER}


def test_a_purge_that_does_not_know_all_sources_is_refused_and_nothing_is_used_until_one_does(path: Path) -> None:
    one = opened(path)
    assert keep(one, asked("tile"))
    assert not one.purge("a", "1", {}, (WATER,))
    assert one.get(asked("tile")) is None
    assert one.ticket(asked("tile")) is None
    assert one.adopt("a", "x") == "0"
    assert one.purge("a", "1", {}, (WATER, LAND))
    assert one.get(asked("tile")) == BODY


def test_the_file_is_bounded_and_the_oldest_go_first(path: Path) -> None:
    capacity = 2_000_000
    shared = opened(path, capacity)
    for number in range(800):
        assert keep(shared, asked(str(number), row=number % 50, col=number // 50), Body.of(os.urandom(5000)))
    assert shared.size() < capacity + 64 * 8192 * 2
    assert path.stat().st_size < 2 * capacity
    assert shared.get(asked("0")) is None
    assert shared.get(asked("799", row=799 % 50, col=799 // 50)) is not None
    with closing(sqlite3.connect(path)) as connection:
        tiles, covers = (connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("tile", "cover"))
    assert tiles == covers > 100


def test_a_locked_file_costs_a_moment_and_no_error(path: Path) -> None:
    shared = opened(path)
    assert keep(shared, asked("old"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert shared.get(asked("old")) == BODY
        assert not keep(shared, asked("new"))
        assert not purge(shared, "1", land=None)
        assert shared.get(asked("old")) is None  # what could not be purged is not used
        other.execute("ROLLBACK")
    assert purge(shared, "1", land=None)
    assert keep(shared, asked("new"))
    assert shared.get(asked("new")) == BODY


@pytest.mark.parametrize("damage", ["no database", "torn", "emptied", "other tables", "removed"])
def test_a_broken_file_is_begun_anew(path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    first = opened(path)
    for number in range(50):
        keep(first, asked(str(number), row=number))
    first.close()
    if damage == "no database":
        path.write_bytes(b"nonsense " * 5000)
    elif damage == "torn":
        content = path.read_bytes()
        path.write_bytes(content[:8192] + os.urandom(len(content) // 2) + content[8192 + len(content) // 2 :])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "removed":
        path.unlink()
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE tile")
    shared = SharedTiles(path, 10**8, Counters())
    for _ in range(3):
        shared.adopt("a", "0")
        for number in range(50):
            assert shared.get(asked(str(number), row=number)) in (None, BODY)
            keep(shared, asked(str(number), row=number))
    assert shared.get(asked("1", row=1)) == BODY
    _ = caplog


def test_a_body_that_is_not_what_was_kept_is_not_used(path: Path) -> None:
    shared = opened(path)
    keep(shared, asked("tile"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tile SET body = x'00'")
    assert shared.get(asked("tile")) is None


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    counters = Counters()
    shared = SharedTiles(tmp_path / "file" / "tiles.sqlite", 10**8, counters)
    assert shared.adopt("a", "0") is None
    assert shared.get(asked("tile")) is None
    assert not keep(shared, asked("tile"))
    assert not purge(shared, "1", land=None)
    assert shared.sources("a") == set()
    assert shared.size() == 0
    assert sum("tile cache" in item.message for item in caplog.records) == 1
    assert counters.faults > 0


def test_a_full_disk_is_done_without(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite says that the disk is full; after a while the file is tried again."""
    shared = opened(path)
    assert keep(shared, asked("old"))
    monkeypatch.setattr(cache_file, "_RETRY_SECONDS", 0.0)
    shared.close()
    monkeypatch.setattr(cache_file, "_PRAGMAS", (*cache_file._PRAGMAS, "max_page_count = 30"))
    kept = [keep(shared, asked(str(number), row=number), Body.of(os.urandom(20_000))) for number in range(30)]
    assert kept[0]
    assert not kept[-1]
    assert shared.get(asked("0", row=0)) is not None
    monkeypatch.setattr(cache_file, "_PRAGMAS", (*cache_file._PRAGMAS[:-1],))
    shared.close()
    assert keep(shared, asked("new"))


def test_a_glance_notices_when_a_source_begins_anew_or_is_purged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_file, "_TICKET_SECONDS", 0.0)
    one, two = opened(path), opened(path)
    assert keep(one, asked("tile"))
    assert one.glance(asked("tile"))[0] == BODY
    missing, before = one.glance(asked("other"))
    assert missing is None
    assert before is not None
    assert one.glance(asked("another"))[1] is before
    assert purge(two, "1", land=Cover([HERE], 4490, SETS))
    purged = one.glance(asked("other"))[1]
    assert purged is not None
    assert (purged.sources, purged.seq > before.seq) == (before.sources, True)
    assert purge(two, "2", land=None)
    assert one.glance(asked("other")) == (None, None)
    assert keep(two, asked("tile"))
    assert one.glance(asked("tile"))[0] == BODY
    anew = one.glance(asked("other"))[1]
    assert anew is not None
    assert anew.sources != before.sources
    assert not one.put(asked("late"), before, BODY)


def test_what_cannot_be_there_is_not_looked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_file, "_TICKET_SECONDS", 600.0)
    one, two = opened(path), opened(path)
    assert keep(one, asked("tile"))
    assert keep(two, asked("beside", row=900))
    _, before = one.glance(asked("other"))
    assert before is not None
    assert purge(two, "1", land=Cover([HERE], 4490, SETS))
    assert one.glance(asked("other")) == (None, before)  # from memory
    assert not one.put(asked("other"), before, BODY)  # it may be of before the purge
    assert one.put(asked("far", row=900), before, BODY)
    assert keep(two, asked("other"))
    assert one.glance(asked("other"))[0] == BODY  # kept by another process
    assert purge(one, "1", land=Cover([HERE], 4490, SETS))
    after = one.glance(asked("another"))[1]
    assert after is not None
    assert after.seq > before.seq


def test_what_may_be_there_is_learned_from_the_file(path: Path) -> None:
    one = opened(path)
    assert keep(one, asked("tile"))
    one.close()
    path.with_suffix(".names").unlink()
    two = opened(path)
    assert keep(two, asked("other"))
    assert two.glance(asked("none"))[0] is None
    assert two.glance(asked("tile"))[0] == BODY


def test_names_that_are_gone_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_CROWDED", 90)
    some = [b"%d" % number for number in range(100)]
    known = presence.Presence(tmp_path / "names")
    assert not known.lacks(b"5")  # nothing is known yet
    known.add(some[:80], lambda _: None)
    assert not known.lacks(b"5000")  # what was kept before could not be read
    known.add(some[:80], lambda _: ())
    assert known.lacks(b"5000")
    left = list(enumerate(some[:10], 1))
    known.renew(lambda after: left[after : after + 4])
    assert not any(known.lacks(name) for name in some[:80])
    known.add(some, lambda _: ())
    known.renew(lambda _: None)
    assert not any(known.lacks(name) for name in some)
    known.renew(lambda after: left[after : after + 4])
    assert [known.lacks(name) for name in some] == [False] * 10 + [True] * 90
    beside = presence.Presence(tmp_path / "names")
    beside.add([b"new"], lambda _: None)
    assert [beside.lacks(name) for name in (b"5", b"50", b"new")] == [False, True, False]
    assert not known.lacks(b"new")


def test_without_a_map_of_names_the_file_is_looked_into(path: Path) -> None:
    path.with_suffix(".names").mkdir(parents=True)
    shared = opened(path)
    assert keep(shared, asked("tile"))
    assert shared.glance(asked("tile"))[0] == BODY
    assert shared.glance(asked("other"))[1] is not None


def test_a_tile_that_was_begun_before_the_file_was_broken_is_not_kept(path: Path) -> None:
    shared = opened(path)
    late = asked("late")
    ticket = shared.ticket(late)
    assert ticket is not None
    shared.close()
    path.write_bytes(b"nonsense " * 5000)
    for _ in range(3):
        shared.adopt("a", "0")
    assert keep(shared, asked("tile"))
    assert not shared.put(late, ticket, BODY)
    assert shared.glance(late)[1] is not None
