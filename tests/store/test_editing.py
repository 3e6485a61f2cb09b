"""Changing features in both stores: what is stored, what is logged, and who notices."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing

import psycopg
import pytest
import shapely

from onemap.block import Principal
from onemap.errors import Busy, Conflict, InvalidFeature, NotFound, PreconditionFailed
from onemap.geo.crs import Bounds
from onemap.store import Batch, Edit, FeatureQuery, View, WritableStore, feature_state
from onemap.store.geopackage.functions import register_geometry
from tests.editing import COUNT, Editable, X, Y, square

BOXES = "operation, old_minx, old_miny, old_maxx, old_maxy, new_minx, new_miny, new_maxx, new_maxy"


def opened(editable: Editable, name: str = "parcels") -> tuple[View, WritableStore]:
    view = editable.instance.gate.view(Principal(), name)
    return view, editable.instance.gate.writable(Principal(), view)


def parcel(column: int) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([square(column)])


def total(view: View, store: WritableStore) -> int | None:
    return store.count(view, FeatureQuery(0), 10_000)


def keys(batches: list[Batch]) -> list[object]:
    return [key for batch in batches for key in batch.keys]


def test_insert_update_delete(editable: Editable) -> None:
    view, store = opened(editable)
    new = store.edit(view, [Edit("insert", None, {"name": "new"}, parcel(20), shaped=True)])[0]
    key = str(new.keys[0])
    assert new.keys[0] == COUNT + 1
    assert new.columns["name"][0] == "new"
    assert new.geometries[0].equals(parcel(20))
    changed = store.edit(view, [Edit("update", key, {"floors": 7, "open": False})])[0]
    assert (changed.columns["floors"][0], changed.columns["open"][0]) == (7, False)
    assert changed.geometries[0].equals(parcel(20))
    assert len(store.edit(view, [Edit("delete", key)])[0]) == 0
    assert not len(store.feature(view, key))
    assert editable.changes() == [("insert",), ("update",), ("delete",)]


def test_boxes_of_the_log(editable: Editable) -> None:
    view, store = opened(editable)
    store.edit(view, [Edit("update", "3", {}, parcel(9), shaped=True)])
    store.edit(view, [Edit("update", "3", {}, None, shaped=True)])
    old, new = square(2).bounds, square(9).bounds
    assert editable.changes(BOXES) == [("update", *old, *new), ("update", *new, None, None, None, None)]


def test_one_transaction(editable: Editable) -> None:
    view, store = opened(editable)
    edits = [Edit("insert", None, {"name": f"n{at}"}, parcel(20 + at), shaped=True) for at in range(3)]
    with pytest.raises(InvalidFeature):
        store.edit(view, [*edits, Edit("insert", None, {"floors": 1}, None, shaped=True)])
    assert total(view, store) == COUNT
    assert editable.changes() == []
    store.edit(view, edits)
    store.edit(view, edits[:1])
    column = "xid::text" if editable.dsn is not None else "tx"
    transactions = [row[0] for row in editable.changes(column)]
    assert transactions[0] == transactions[1] == transactions[2] != transactions[3]


def test_state_of_a_feature(editable: Editable) -> None:
    view, store = opened(editable)
    before = feature_state(store.feature(view, "1"))
    after = store.edit(view, [Edit("update", "1", {"area": 1.5}, conditional=True, expected=frozenset([before]))])[0]
    assert feature_state(after) == feature_state(store.feature(view, "1")) != before
    with pytest.raises(PreconditionFailed):
        store.edit(view, [Edit("update", "1", {"area": 2.5}, conditional=True, expected=frozenset([before]))])
    with pytest.raises(PreconditionFailed):
        store.edit(view, [Edit("delete", "999", conditional=True)])
    with pytest.raises(NotFound):
        store.edit(view, [Edit("delete", "999")])
    assert store.feature(view, "1").columns["area"][0] == 1.5


def test_keys_that_are_texts(editable: Editable) -> None:
    view, store = opened(editable, "sites")
    made = store.edit(view, [Edit("insert", None, {"code": "B1", "height": 2.5}, shapely.Point(114, 30), shaped=True)])
    assert made[0].keys[0] == "B1"
    with pytest.raises(Conflict):
        store.edit(view, [Edit("insert", None, {"code": "B1"}, shapely.Point(114, 30), shaped=True)])
    store.edit(view, [Edit("delete", "B1")])
    assert keys(list(store.batches(view, FeatureQuery(10)))) == ["A1", "A2", "A3"]


def test_a_second_server_sees_changes_at_once(editable: Editable) -> None:
    view, store = opened(editable)
    other_view, other = opened(editable.again())
    for at in range(20):
        before = (other.version(other_view.collection), total(other_view, other))
        store.edit(view, [Edit("insert", None, {"name": "new"}, parcel(at), shaped=True)])
        assert total(other_view, other) == COUNT + 1 + at
        assert (other.version(other_view.collection), total(other_view, other)) != before


def test_state_changes_with_every_edit(editable: Editable) -> None:
    """That of the server that edits at once; another one of a database asks every second."""
    view, store = opened(editable)
    _, other = opened(editable.again())
    seen = {store.state()}
    elsewhere = {other.state()}
    for at in range(30):
        store.edit(view, [Edit("update", "1", {"area": float(at)})])
        seen.add(store.state())
        elsewhere.add(other.state())
    assert len(seen) == 31
    if editable.dsn is None:
        assert len(elsewhere) == 31
    else:
        deadline = time.monotonic() + 3
        while len(elsewhere) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            elsewhere.add(other.state())
        assert len(elsewhere) > 1


def test_busy(editable: Editable) -> None:
    view, store = opened(editable)
    edit = Edit("update", "1", {"area": 1.0})
    if editable.dsn is not None:
        with psycopg.connect(editable.dsn) as other:
            other.execute("SELECT FROM parcels WHERE fid = 1 FOR UPDATE")
            with pytest.raises(Busy):
                store.edit(view, [edit])
    else:
        with closing(sqlite3.connect(editable.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Busy):
                store.edit(view, [edit])
            other.execute("ROLLBACK")
    store.edit(view, [edit])


def test_other_programs_are_logged(editable: Editable) -> None:
    view, store = opened(editable)
    before = store.version(view.collection)
    if editable.dsn is not None:
        with psycopg.connect(editable.dsn) as other:
            other.execute("UPDATE parcels SET fid = 100 WHERE fid = 1")
            other.execute("DELETE FROM parcels WHERE fid = 2")
            other.execute("INSERT INTO parcels SELECT 300, geom, name FROM parcels WHERE fid = 3")
            other.execute("TRUNCATE sites")
        expected = [("delete", "1"), ("update", "100"), ("delete", "2"), ("insert", "300"), ("truncate", None)]
    else:
        with closing(sqlite3.connect(editable.path)) as other:
            register_geometry(other)
            other.execute("UPDATE parcels SET fid = 100 WHERE fid = 1")
            other.execute("DELETE FROM parcels WHERE fid = 2")
            other.execute("INSERT OR REPLACE INTO parcels SELECT * FROM parcels WHERE fid = 3")
            other.commit()
        expected = [("update", 100), ("delete", 1), ("delete", 2), ("delete", 3), ("insert", 3)]
    assert editable.changes("operation, key") == expected
    assert store.version(view.collection) != before


def test_ogr_edits_are_logged(editable: Editable) -> None:
    if editable.dsn is not None:
        pytest.skip("a file for OGR")
    if not shutil.which("ogrinfo") and not os.environ.get("CI"):
        pytest.skip("ogrinfo is not installed: apt-get install gdal-bin")
    sql = "UPDATE parcels SET geom = ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 4547) WHERE fid = 4"
    command = ["ogrinfo", "-q", "-dialect", "SQLITE", "-sql", sql, str(editable.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ERROR" not in done.stderr
    assert editable.changes(BOXES) == [("update", *square(3).bounds, 0.0, 0.0, 1.0, 1.0)]


def extent(editable: Editable) -> Bounds:
    row = editable.rows("SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'parcels'")[0]
    return (row[0], row[1], row[2], row[3])


def test_contents_are_kept_right(editable: Editable) -> None:
    if editable.dsn is not None:
        pytest.skip("only a GeoPackage has gpkg_contents")
    view, store = opened(editable)
    first = extent(editable)
    assert first == (X, Y, X + 1480, Y + 80)
    store.edit(view, [Edit("insert", None, {"name": "far"}, parcel(40), shaped=True)])
    assert extent(editable) == (X, Y, X + 4080, Y + 80)
    store.edit(view, [Edit("delete", "16")])
    assert extent(editable) == first
    for key in range(1, COUNT + 1):
        store.edit(view, [Edit("delete", str(key))])
    assert extent(editable) == (None, None, None, None)
    changed = editable.rows("SELECT last_change FROM gpkg_contents WHERE table_name = 'parcels'")[0][0]
    assert changed > "2026-01-01T00:00:00.000Z"
    assert store.extent(view) is None
    assert editable.rows("SELECT count(*) FROM rtree_parcels_geom") == [(0,)]


def test_without_the_log_nothing_is_edited(editable: Editable) -> None:
    view, store = opened(editable)
    if editable.dsn is not None:
        with psycopg.connect(editable.dsn) as other:
            other.execute("ALTER TABLE parcels DISABLE TRIGGER onemap_change")
    else:
        with closing(sqlite3.connect(editable.path)) as other:
            other.execute("DROP TRIGGER onemap_change_parcels_delete")
    assert "not logged" in store.read_only(view.collection.table)
    store.enable_editing(view.collection.table)
    assert store.read_only(view.collection.table) == ""
