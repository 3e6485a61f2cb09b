"""Views: changes of the tables beneath them are changes of their features."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, publish_database
from onemap.block import Principal
from onemap.store.postgis import PostgisStore
from tests.conftest import Cluster, settings_of
from tests.decoding import read_layers

SCHEMA = """
CREATE TABLE parcel (fid int PRIMARY KEY, code text, owner int, geom geometry(Polygon, 4490));
INSERT INTO parcel SELECT n, 'a', n % 3, ST_MakeEnvelope(114 + n * 0.1, 30, 114.09 + n * 0.1, 30.09, 4490)
  FROM generate_series(0, 9) n;
CREATE INDEX ON parcel USING gist (geom);
CREATE TABLE owner (id int PRIMARY KEY, name text);
INSERT INTO owner SELECT n, 'owner ' || n FROM generate_series(0, 2) n;
CREATE TABLE apart (fid int PRIMARY KEY, geom geometry(Point, 4490));
CREATE FUNCTION wanted(code text) RETURNS bool LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM owner)';
CREATE VIEW plain AS SELECT fid, code, geom FROM parcel;
CREATE VIEW "Renamed" AS SELECT p.geom AS "a shape", p.fid AS id, p.code FROM parcel p WHERE p.code = 'a';
CREATE VIEW above AS SELECT id, "a shape" AS geom FROM "Renamed" WHERE id > 2;
CREATE VIEW joined AS SELECT p.fid, o.name, p.geom FROM parcel p JOIN owner o ON o.id = p.owner;
CREATE VIEW beside AS SELECT p.fid, n.name, p.geom FROM parcel p JOIN
  (SELECT id, upper(name) AS name FROM owner) n ON n.id = p.owner;
CREATE VIEW moved AS SELECT fid, ST_Translate(geom, 1, 0)::geometry(Polygon, 4490) AS geom FROM parcel;
CREATE VIEW united AS SELECT min(fid) AS fid, ST_Union(geom)::geometry(Geometry, 4490) AS geom FROM parcel
  GROUP BY owner;
CREATE VIEW counted AS SELECT fid, count(*) OVER () AS n, geom FROM parcel;
CREATE VIEW twice AS SELECT a.fid, count(b.fid) AS n, a.geom FROM parcel a JOIN parcel b ON a.owner = b.owner
  GROUP BY a.fid, a.geom;
CREATE VIEW pairs AS SELECT a.fid, b.code AS other, a.geom FROM parcel a JOIN parcel b ON b.fid = a.fid + 1;
CREATE VIEW chosen AS SELECT fid, geom FROM parcel p WHERE EXISTS (SELECT FROM parcel b WHERE b.code = 'x');
CREATE VIEW asked AS SELECT fid, geom FROM parcel WHERE wanted(code);
CREATE VIEW both_ AS SELECT fid, geom FROM parcel UNION ALL SELECT fid + 100, geom FROM parcel;
CREATE VIEW few AS SELECT fid, geom FROM parcel ORDER BY code LIMIT 3;
"""
SHOWN = {"plain", "Renamed", "above", "joined"}
HIDDEN = {"moved", "counted", "pairs", "chosen", "asked"}


@pytest.fixture(scope="module")
def dsn(cluster: Cluster) -> str:
    address = cluster.fresh()
    with psycopg.connect(address) as connection:
        connection.execute(SCHEMA)
    store = PostgisStore(settings_of(address), own=True)
    store.enable_editing(next(item for item in store.tables()[0] if item.name == "parcel"))
    store.close()
    return address


@pytest.fixture
def store(dsn: str) -> Iterator[PostgisStore]:
    made = PostgisStore(settings_of(dsn))
    made.tables()
    yield made
    made.close()


def run(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


def soon(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_views_are_traced_to_the_table_whose_rows_they_show(store: PostgisStore) -> None:
    relations = store._discovered().relations
    beneath = {name: relation.beneath for name, relation in relations.items() if relation.kind == "v"}
    assert beneath.keys() >= SHOWN | HIDDEN
    assert {name for name, found in beneath.items() if found} == SHOWN
    assert {found.name for found in beneath.values() if found} == {"parcel"}
    owner = {name: found.others for name, found in beneath.items() if found and found.others}
    assert owner.keys() == {"joined"}


def test_changes_of_a_table_are_those_of_its_views(store: PostgisStore, dsn: str) -> None:
    start = store.position()
    run(dsn, "UPDATE parcel SET code = 'b' WHERE fid = 4")
    found = store.changes(start, {*SHOWN, *HIDDEN})
    assert found.unknown == HIDDEN
    assert {(item.table, item.key, item.before) for item in found.changed} == {
        (name, 4, (114.4, 30.0, 114.49, 30.09)) for name in SHOWN
    }
    position = found.position

    def told() -> bool:  # what the counters of the database say arrives a moment after what the log says
        nonlocal position
        again = store.changes(position, {*SHOWN, *HIDDEN})
        position = again.position
        return not again.unknown

    soon(told)


def test_changes_of_a_joined_table_may_change_anything_in_the_view(store: PostgisStore, dsn: str) -> None:
    start = store.position()
    run(dsn, "UPDATE owner SET name = upper(name)")
    soon(lambda: "joined" in store.changes(start, SHOWN).unknown)
    assert store.changes(start, SHOWN).unknown == {"joined"}


def test_changes_of_other_tables_are_none_of_a_view(store: PostgisStore, dsn: str) -> None:
    start = store.position()
    run(dsn, "INSERT INTO apart VALUES (1, NULL)")
    soon(lambda: store.changes(start, {"moved"}).unknown)
    assert store.changes(start, SHOWN).unknown == frozenset()
    run(dsn, "DELETE FROM apart")


def test_views_of_tables_without_a_log_follow_the_counters(store: PostgisStore, dsn: str) -> None:
    run(dsn, "CREATE VIEW spots AS SELECT fid, geom FROM apart")
    store.tables()
    start = store.position()
    run(dsn, "UPDATE parcel SET code = 'c' WHERE fid = 5")
    soon(lambda: store.changes(start, {"plain"}).changed)
    assert store.changes(start, {"spots"}).unknown == frozenset()
    run(dsn, "INSERT INTO apart VALUES (2, NULL)")
    soon(lambda: store.changes(start, {"spots"}).unknown)


def test_the_extent_of_a_view_that_takes_too_long_is_that_of_its_table(dsn: str) -> None:
    """Without it the view would have no tiles."""
    run(dsn, "CREATE VIEW slow AS SELECT fid, geom FROM parcel WHERE pg_sleep(0.5) IS NOT NULL")
    run(dsn, "ANALYZE parcel")
    instance = publish_database(dsn)
    view = next(item for item in instance.gate.views(Principal()) if item.collection.id == "slow")
    assert instance.gate.store(view).extent(view) == pytest.approx((114, 30, 114.99, 30.09), abs=1e-3)
    run(dsn, "DROP VIEW slow")


def test_an_edit_of_a_table_purges_the_tiles_of_its_views_that_it_covers(dsn: str) -> None:
    """By another program, within a second or so; tiles elsewhere stay in memory."""
    client = TestClient(create_app(publish_database(dsn)))
    near, far = ("/collections/plain/tiles/CGCS2000Quad/9/170/836", "/collections/plain/tiles/CGCS2000Quad/9/170/838")

    def codes(path: str) -> set[object]:
        answer = client.get(path)
        assert answer.status_code == 200
        return {feature.properties["code"][1] for feature in read_layers(answer.content)["plain"]}

    def counted(name: str) -> float:
        return sum(item.value for item in client.app.metrics() if item.name == name)  # type: ignore[attr-defined]

    assert "new" not in codes(near) | codes(far)
    run(dsn, "UPDATE parcel SET code = 'new' WHERE fid = 0")
    began = time.monotonic()
    soon(lambda: "new" in codes(near))
    assert time.monotonic() - began < 3
    made = counted("onemap_tiles_purged_total")
    assert (made, counted("onemap_tile_layers_dropped_total")) == (1, 0)
    assert "new" not in codes(far)
