"""The overlay source of the PostGIS store against the one of the GeoPackage store, on the same features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import publish_database, publish_file
from onemap.block import Principal
from onemap.cql import equals
from onemap.geo.area import measure_for
from onemap.geo.overlay import overlay
from onemap.store import Store, View
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster
from tests.synthetic import ORIGINS, blob, corridor, coverage

COUNT, SIDE = 2000, 20_000.0
ODD_TABLE = 'dl"tb; DROP'
TABLES = {"dltb": 4526, ODD_TABLE: 4490}
Opened = dict[str, tuple[Store, View]]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overlay") / "t.gpkg"
    fields = (FieldSpec("DLBM", "TEXT(5)"), FieldSpec('QS"XZ %s', "TEXT(2)"), FieldSpec("number", "INTEGER"))
    with GeoPackageWriter(path) as writer:
        for table, srid in TABLES.items():
            shapes = coverage(COUNT, 8, srid, SIDE)
            shapes[3] = shapely.Polygon(place([(100, 100), (200, 300), (200, 100), (100, 300)], srid))
            writer.create_table(TableSpec(table, "MULTIPOLYGON", srid, fields))
            columns: dict[str, list[Any]] = {"DLBM": [f"0{n % 4}01" for n in range(COUNT)], "number": [*range(COUNT)]}
            writer.insert(table, shapes, columns | {'QS"XZ %s': ["20"] * COUNT})
            writer.finish(table, "2026-01-01T00:00:00.000Z")
    return path


def place(xy: Any, srid: int) -> Any:
    x, y, unit = ORIGINS[srid]
    return np.asarray(xy) * unit + [x, y]


@pytest.fixture(scope="module")
def dsn(path: Path, cluster: Cluster) -> str:
    return cluster.copy(path)


@pytest.fixture(scope="module")
def gpkg(path: Path) -> Opened:
    return opened(publish_file(path))


@pytest.fixture(scope="module")
def postgis(dsn: str) -> Opened:
    return opened(publish_database(dsn))


def opened(instance: Any) -> Opened:
    views = {view.collection.table.name: view for view in instance.gate.views(Principal())}
    return {name: (instance.gate.store(view), view) for name, view in views.items()}


def project(kind: str, srid: int) -> shapely.Geometry:
    shape = blob(10_000, 10_000, 6000, 1000, 1) if kind == "blob" else corridor((1000, 2000), (19_000, 15_000), 80)
    return shapely.transform(shape, lambda xy: place(xy, srid))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", ["blob", "corridor"])
def test_both_stores_give_the_same_overlay(gpkg: Opened, postgis: Opened, table: str, kind: str) -> None:
    shape = project(kind, TABLES[table])
    (first, view), (second, other) = gpkg[table], postgis[table]
    want = overlay(shape, first.overlay_source(view), pieces=True)
    for _ in range(2):  # measured, then remembered
        found = overlay(shape, second.overlay_source(other), pieces=True)
        assert found.ids.tolist() == want.ids.tolist()
        assert found.areas == pytest.approx(want.areas, rel=1e-12)
        assert found.whole.tolist() == want.whole.tolist()
    names = ["number", "DLBM", 'QS"XZ %s']
    keys = [*want.ids.tolist()[::-1], 99_999]
    assert second.attributes(other, keys, names) == first.attributes(view, keys, names)


def test_a_thin_project_reads_few_candidates(postgis: Opened) -> None:
    store, view = postgis["dltb"]
    shape = project("corridor", 4526)
    source = store.overlay_source(view)
    everything, boxes = source.candidates(shape.bounds)
    seen: list[int] = []

    def meets(boxes: Any) -> Any:
        seen.append(len(boxes))
        return np.asarray(shapely.intersects(shape, shapely.box(*boxes.T)))

    ids, _ = source.candidates(shape.bounds, meets)
    assert set(ids) == set(everything[shapely.intersects(shape, shapely.box(*boxes.T))])
    assert seen[1] < len(everything) / 2


def test_hidden_rows_do_not_exist(gpkg: Opened, postgis: Opened) -> None:
    shape = project("blob", 4526)
    rows = equals("DLBM", "0101")
    (first, view), (second, other) = gpkg["dltb"], postgis["dltb"]
    want = overlay(shape, first.overlay_source(replace(view, rows=rows)))
    found = overlay(shape, second.overlay_source(replace(other, rows=rows)))
    assert found.ids.tolist() == want.ids.tolist() != []
    hidden = second.attributes(replace(other, rows=rows), [1, 2, 3, 4], ["DLBM"])["DLBM"]
    assert hidden == [None, "0101", None, None]


def test_an_edit_is_measured_anew_and_a_snapshot_does_not_see_it(postgis: Opened, dsn: str) -> None:
    store, view = postgis["dltb"]
    source = store.overlay_source(view)
    ids = np.array([11, 12, 99_999, 11])
    before = source.areas(ids)
    assert before[2] == 0
    assert before[0] == before[3] == measure_for(4526).areas(source.geometries(ids[:1]))[0]
    with psycopg.connect(dsn, autocommit=True) as connection, source.snapshot():
        assert source.areas(ids).tolist() == before.tolist()
        connection.execute("UPDATE dltb SET geom = (SELECT geom FROM dltb WHERE fid = 12) WHERE fid = 11")
        with source.snapshot():
            assert source.areas(ids).tolist() == before.tolist()
    after = source.areas(ids)
    assert after[0] == after[1] == before[1]


def test_a_key_that_is_no_integer(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE named AS SELECT 'K' || fid AS code, geom FROM dltb WHERE fid > 20")
        connection.execute("ALTER TABLE named ADD PRIMARY KEY (code)")
        connection.execute("CREATE INDEX ON named USING gist (geom)")
    store, view = opened(publish_database(dsn))["named"]
    found = overlay(project("blob", 4526), store.overlay_source(view))
    codes = store.attributes(view, found.ids.tolist(), ["code"])["code"]
    assert len(codes) > 100
    assert all(isinstance(code, str) and code.startswith("K") for code in codes)


@pytest.mark.parametrize("process", ["control-line-check", "landuse-breakdown"])
def test_processes_say_the_same_of_both_stores(client: TestClient, postgis_client: TestClient, process: str) -> None:
    square = {"type": "Polygon", "coordinates": [[[113.85, 30.48], [113.9, 30.48], [113.9, 30.52], [113.85, 30.48]]]}
    body = {"inputs": {"parcels": {"value": square, "mediaType": "application/geo+json"}}}
    answers = [one.post(f"/processes/{process}/execution", json=body) for one in (client, postgis_client)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    first, second = (without(answer.json()) for answer in answers)
    assert first == second


def without(found: Any) -> Any:
    """Return a result without what differs between runs and stores, numbers in ten digits."""
    if isinstance(found, dict):
        return {name: without(value) for name, value in found.items() if name not in ("version", "digest", "id")}
    if isinstance(found, list):
        return [without(value) for value in found]
    return float(f"{found:.10g}") if isinstance(found, float) else found
