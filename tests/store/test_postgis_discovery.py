"""What is found in a database, what is left out and why; the SQL that is offered does what it says."""

from __future__ import annotations

import datetime
from pathlib import Path

import psycopg
import pytest

from onemap.app import publish_database
from onemap.block import Principal
from onemap.cql import equals
from onemap.errors import ConfigError
from onemap.ingest import copy_geopackage
from onemap.store import FeatureQuery, LeftOut
from onemap.store.postgis import PostgisStore
from tests.conftest import Cluster, settings_of

TYPES = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN code AS varchar(5);
CREATE TABLE everything (
  fid bigint PRIMARY KEY, geom geometry(Point, 4490),
  small smallint, big bigint, whole numeric(12, 0), exact numeric(15, 2), float4 real, float8 double precision,
  flag boolean, day date, moment timestamptz, plain timestamp, name text, short varchar(7), fixed char(4), dlbm code,
  identity uuid, document jsonb, list integer[], mood mood, raw bytea, clock time, second geometry(Polygon, 4490));
COMMENT ON TABLE everything IS E'Every type\\nAll the types there are.';
COMMENT ON COLUMN everything.name IS '名称';
CREATE INDEX ON everything USING gist (geom);
INSERT INTO everything VALUES (9007199254740993, 'SRID=4490;POINT(113 30)', 1, 9223372036854775807, 123456789012, 12.34,
  1.1, 0.1, true, '2025-12-31', '2025-12-31 08:00:00.5+08', '2025-12-31 12:00', '甲', 'abc', 'ab', '0101',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, 2]}', '{1,2}', 'good', '\\x00', '12:30', NULL),
 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', NULL, '-infinity', NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL);
"""
BAD = """
CREATE TABLE no_key (name text, geom geometry(Point, 4490));
CREATE TABLE no_srid (fid int PRIMARY KEY, geom geometry(Point));
INSERT INTO no_srid VALUES (1, 'POINT(113 30)');
CREATE TABLE mixed (fid int PRIMARY KEY, geom geometry);
INSERT INTO mixed VALUES (1, 'SRID=4490;POINT(113 30)'), (2, 'SRID=4326;POINT(113 30)');
CREATE TABLE unknown (fid int PRIMARY KEY, geom geometry(Point, 900999));
CREATE TABLE xian (fid int PRIMARY KEY, geom geometry(Point, 2362));
CREATE TABLE round (fid int PRIMARY KEY, geom geometry(CurvePolygon, 4490));
CREATE TABLE globe (fid int PRIMARY KEY, geom geography(Point, 4326));
CREATE TABLE secret (fid int PRIMARY KEY, geom geometry(Point, 4490));
CREATE TABLE slow (fid int PRIMARY KEY, geom geometry(Point, 4490));
CREATE VIEW keyless AS SELECT name, geom FROM no_key;
"""


def store_of(dsn: str, **more: object) -> PostgisStore:
    return PostgisStore(settings_of(dsn, **more))


def execute(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def test_types_and_comments(cluster: Cluster) -> None:
    dsn = cluster.fresh()
    execute(dsn, TYPES)
    instance = publish_database(dsn)
    view = instance.gate.view(Principal(), "everything")
    table = view.collection.table
    assert (table.title, table.description) == ("Every type", "All the types there are.")
    kinds = {field.name: field.type for field in table.fields}
    assert kinds == {
        "small": "integer", "big": "integer", "whole": "integer", "exact": "number", "float4": "number",
        "float8": "number", "flag": "boolean", "day": "date", "moment": "datetime", "plain": "datetime",
        "name": "string", "short": "string", "fixed": "string", "dlbm": "string", "identity": "string",
        "document": "string", "list": "string", "mood": "string", "clock": "string",
    }  # fmt: skip
    lengths = {field.name: field.max_length for field in table.fields if field.max_length}
    assert lengths == {"short": 7, "fixed": 4, "dlbm": 5}
    assert next(field for field in table.fields if field.name == "name").title.zh == "名称"
    store = instance.gate.store(view)
    batch = store.feature(view, "9007199254740993")
    assert batch.keys[0] == 9007199254740993
    assert {name: values[0] for name, values in batch.columns.items()} == {
        "small": 1, "big": 9223372036854775807, "whole": 123456789012, "exact": 12.34, "float4": 1.1, "float8": 0.1,
        "flag": True, "day": "2025-12-31", "moment": "2025-12-31T00:00:00.500Z", "plain": "2025-12-31T12:00:00.000Z",
        "name": "甲", "short": "abc", "fixed": "ab", "dlbm": "0101",
        "identity": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "document": '{"a": [1, 2]}', "list": "[1,2]",
        "mood": "good", "clock": "12:30:00",
    }  # fmt: skip
    empty = store.feature(view, "2")
    assert empty.geometries[0] is None
    assert {values[0] for values in empty.columns.values()} == {None}
    for name in ("identity", "mood", "list", "big", "dlbm", "day", "exact"):
        value = batch.columns[name][0]
        found = list(store.batches(view, FeatureQuery(10, filter=equals(name, value))))
        assert [key for part in found for key in part.keys] == [9007199254740993], name
    notes = [left for left in instance.left_out if left.published]
    assert ["second" in left.reason for left in notes] == [True]


def test_what_is_left_out_and_why(cluster: Cluster) -> None:
    dsn = cluster.fresh()
    execute(
        dsn,
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)"
        " SELECT 900999, 'own', 1, srtext, proj4text FROM spatial_ref_sys WHERE srid = 4490",
        BAD,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE ALL ON secret FROM reader",
    )
    tables, left = store_of(dsn.replace("postgres@", "reader@")).tables()
    assert [table.name for table in tables] == ["slow"]
    reasons = {item.table: item for item in left if not item.published}
    words = {
        "no_key": "no primary key", "no_srid": "no SRID", "mixed": "several SRIDs (4326, 4490)",
        "unknown": "no EPSG code", "xian": "Xian 1980", "round": "CURVEPOLYGON", "globe": "geography",
        "secret": "may not read", "keyless": "no primary key",
    }  # fmt: skip
    assert set(reasons) == set(words)
    assert all(text in reasons[name].reason and reasons[name].remedy for name, text in words.items())
    notes = [item for item in left if item.published]
    assert [(item.table, "spatial index" in item.reason) for item in notes] == [("slow", True)]


@pytest.mark.parametrize("name", ["no_key", "no_srid", "mixed", "unknown", "slow", "secret", "globe", "round"])
def test_the_remedy_helps(cluster: Cluster, name: str) -> None:
    dsn = cluster.fresh()
    execute(
        dsn,
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)"
        " SELECT 900999, 'own', 1, srtext, proj4text FROM spatial_ref_sys WHERE srid = 4490",
        BAD,
        "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE ALL ON secret FROM reader",
    )
    reader = dsn.replace("postgres@", "reader@")
    remedy = left_out(reader, name)[0].remedy.replace("<user>", "reader").replace("<columns>", "fid")
    execute(dsn, remedy, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    tables, _ = store_of(reader).tables()
    assert {name, f"{name}_view"} & {table.name for table in tables}
    assert not [item for item in left_out(reader, name) if "spatial index" in item.reason and name == "slow"]


def left_out(dsn: str, name: str) -> list[LeftOut]:
    return [item for item in store_of(dsn).tables()[1] if item.table == name]


def test_views_partitions_and_schemas(cluster: Cluster) -> None:
    dsn = cluster.fresh()
    execute(
        dsn,
        "CREATE SCHEMA town",
        "CREATE TABLE lots (fid int PRIMARY KEY, area float8, geom geometry(Polygon, 4490))",
        "CREATE INDEX ON lots USING gist (geom)",
        "CREATE TABLE town.lots (LIKE lots INCLUDING ALL)",
        'CREATE VIEW big_lots AS SELECT fid AS "BSM", area, geom FROM lots WHERE area > 5',
        "CREATE VIEW odd_lots AS SELECT fid AS number, geom FROM lots",
        "CREATE MATERIALIZED VIEW some_lots AS SELECT fid AS lot, geom FROM lots",
        "CREATE UNIQUE INDEX ON some_lots (lot)",
        "CREATE TABLE parts (fid int, county text, geom geometry(Polygon, 4490), PRIMARY KEY (fid))"
        " PARTITION BY RANGE (fid)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
        "CREATE INDEX ON parts USING gist (geom)",
        "CREATE TABLE named (code text PRIMARY KEY, geom geometry(Point, 4490))",
        *(
            f"INSERT INTO {table} (fid, geom) SELECT i, ST_MakeEnvelope(113 + i, 30, 113.5 + i, 30.5, 4490)"
            " FROM generate_series(1, 4) i"
            for table in ("lots", "town.lots", "parts")
        ),
        "UPDATE lots SET area = fid * 2",
        "REFRESH MATERIALIZED VIEW some_lots",
        "INSERT INTO named VALUES ('B/1', 'SRID=4490;POINT(1 1)'), ('a', 'SRID=4490;POINT(2 2)')",
    )
    store = PostgisStore(settings_of(dsn), {"odd_lots": "number"})
    keys = {table.name: table.primary_key for table in store.tables()[0]}
    assert keys == {
        "public.lots": "fid", "town.lots": "fid", "big_lots": "BSM", "odd_lots": "number", "some_lots": "lot",
        "parts": "fid", "named": "code",
    }  # fmt: skip
    assert "lots" in {table.name for table in store_of(dsn, schemas=("town",)).tables()[0]}
    instance = publish_database(dsn)
    for name, count in {"public.lots": 4, "big_lots": 2, "some_lots": 4, "parts": 4, "named": 2}.items():
        view = instance.gate.view(Principal(), name)
        source = instance.gate.store(view)
        assert sum(len(batch) for batch in source.batches(view, FeatureQuery(10))) == count
        assert source.version(view.collection)
        assert source.extent(view) is not None
    named = instance.gate.view(Principal(), "named")
    assert instance.gate.store(named).feature(named, "B/1").columns["code"] == ("B/1",)


def test_an_empty_table_and_growth(cluster: Cluster) -> None:
    """A feature outside the bounds known so far is found by a box as soon as the state has changed."""
    dsn = cluster.fresh()
    execute(
        dsn,
        "CREATE TABLE t (fid int PRIMARY KEY, day date, geom geometry(Point, 4490))",
        "CREATE INDEX ON t USING gist (geom)",
    )
    instance = publish_database(dsn)
    view = instance.gate.view(Principal(), "t")
    store = instance.gate.store(view)
    assert store.extent(view) is None
    assert list(store.batches(view, FeatureQuery(10))) == []
    before, version = store.state(), store.version(view.collection)
    execute(dsn, "INSERT INTO t VALUES (1, now(), 'SRID=4490;POINT(113 30)')")
    deadline = datetime.datetime.now() + datetime.timedelta(seconds=5)
    while store.state() == before:
        assert datetime.datetime.now() < deadline
    assert store.extent(view) == pytest.approx((113, 30, 113, 30), abs=1e-4)
    assert store.version(view.collection) != version


def test_nothing_gives_the_password_away(
    cluster: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    secret = "hunter2-very-secret"
    address = cluster.fresh().replace("postgres@", f"postgres:{secret}@")
    settings = settings_of(address)
    assert secret not in repr(settings) + str(settings.model_dump())
    assert PostgisStore(settings).ready()
    for wrong in (f"postgresql://{secret}@[::1", f"{secret}"):
        with pytest.raises(ConfigError) as caught:
            PostgisStore(settings_of(wrong))
        assert secret not in str(caught.value) + caught.value.hint + repr(caught.value.__cause__)
    nobody = PostgisStore(settings_of(address.replace(address.rsplit(":", 1)[1], "1/none")))
    assert not nobody.ready()
    shown = capfd.readouterr()
    assert secret not in shown.out + shown.err + caplog.text


def test_the_password_from_a_file(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("p w\n")
    assert PostgisStore(settings_of(cluster.fresh(), password_file=path)).ready()
    with pytest.raises(ConfigError, match="password file"):
        PostgisStore(settings_of(cluster.fresh(), password_file=tmp_path / "none"))


def test_readers_cannot_write(cluster: Cluster) -> None:
    store = store_of(cluster.fresh())
    with pytest.raises(Exception, match="cannot be reached"):
        store._sessions.rows(b"CREATE TABLE x (a int)")


def test_import_keeps_everything(cluster: Cluster, data: Path) -> None:
    dsn = cluster.copy(data / "demo" / "province.gpkg")
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT count(*), max(fid), ST_SRID(min(geom)), obj_description('dltb'::regclass) FROM dltb"
        ).fetchone()
        indexes = connection.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'dltb'").fetchone()
    assert row is not None
    assert row[:3] == (5000, 5000, 4526)
    assert row[3].startswith("地类图斑")
    assert indexes == (2,)
    with pytest.raises(ConfigError, match="already"):
        list(copy_geopackage(data / "demo" / "province.gpkg", settings_of(dsn)))
