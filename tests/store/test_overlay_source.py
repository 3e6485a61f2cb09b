"""The overlay source on a real GeoPackage: index, stored areas and what keeps them right, attributes."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from onemap.block.caller import Caller, set_caller
from onemap.errors import ClientGone, ConfigError
from onemap.geo.area import measure_for
from onemap.geo.overlay import overlay
from onemap.store.geopackage.areas import area_table, build_areas
from onemap.store.geopackage.blob import decode
from onemap.store.geopackage.connect import ClosingConnection, open_readonly
from onemap.store.geopackage.overlay import GeoPackageOverlaySource
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from onemap.store.sql import Sql
from tests.synthetic import ORIGINS, blob, corridor, coverage

COUNT = 3000
SIDE = 20_000.0
ODD_TABLE = 'dl"tb; DROP'
TABLES = {"dltb": 4526, ODD_TABLE: 4490}
CHANGED = "2026-01-01T00:00:00.000Z"


def source_of(connection: sqlite3.Connection, table: str = "dltb") -> GeoPackageOverlaySource:
    return GeoPackageOverlaySource(connection, table, "geom", "fid", f"rtree_{table}_geom", TABLES[table])


@pytest.fixture(scope="module")
def shapes() -> dict[str, NDArray[Any]]:
    return {table: coverage(COUNT, 8, srid, SIDE) for table, srid in TABLES.items()}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, NDArray[Any]]) -> Path:
    """A GeoPackage with stored areas."""
    path = tmp_path_factory.mktemp("overlay") / "province.gpkg"
    fields = (FieldSpec("DLBM", "TEXT(5)"), FieldSpec('QS"XZ', "TEXT(2)"), FieldSpec("number", "INTEGER"))
    with GeoPackageWriter(path) as writer:
        for table, srid in TABLES.items():
            writer.create_table(TableSpec(table, "MULTIPOLYGON", srid, fields))
            columns = {"DLBM": [f"0{n % 4}01" for n in range(COUNT)], 'QS"XZ': ["20"] * COUNT, "number": range(COUNT)}
            writer.insert(table, shapes[table], {name: list(values) for name, values in columns.items()})
            writer.finish(table, CHANGED)
    for table in TABLES:
        assert build_areas(path, table) == COUNT
    return path


@pytest.fixture
def connection(original: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_readonly(original)) as opened:
        yield opened


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "copy.gpkg"))


def editor(path: Path) -> sqlite3.Connection:
    """A connection as GIS programs have it: with the functions that the R-tree's triggers call."""
    connection = sqlite3.connect(path, isolation_level=None, factory=ClosingConnection)
    connection.create_function("ST_IsEmpty", 1, lambda blob: bool(shapely.is_empty(decode([blob]))[0]))
    for number, name in enumerate(("ST_MinX", "ST_MinY", "ST_MaxX", "ST_MaxY")):
        connection.create_function(name, 1, lambda blob, at=number: float(shapely.bounds(decode([blob]))[0, at]))
    return connection


def place(polygon: Any, table: str) -> Any:
    x, y, unit = ORIGINS[TABLES[table]]
    return shapely.transform(polygon, lambda xy: xy * unit + [x, y])


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("size", [1, 300, 5000, 40_000])
def test_index_gives_what_a_query_gives(connection: sqlite3.Connection, table: str, size: float) -> None:
    bounds = place(shapely.box(7000, 6000, 7000 + size, 6000 + size), table).bounds
    ids, boxes = source_of(connection, table).candidates(bounds)
    quoted = f"rtree_{table}_geom".replace('"', '""')
    rows = connection.execute(
        f'SELECT id, minx, miny, maxx, maxy FROM "{quoted}" WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?',
        [bounds[0], bounds[2], bounds[1], bounds[3]],
    ).fetchall()
    assert len(rows) > 0
    order = np.argsort(ids)
    assert np.column_stack([ids, boxes])[order].tolist() == [list(map(float, row)) for row in sorted(rows)]


def test_nodes_that_are_not_wanted_are_left_out(connection: sqlite3.Connection) -> None:
    source = source_of(connection)
    strip = place(corridor((1000, 1000), (19_000, 19_000), 50), "dltb")
    shapely.prepare(strip)
    seen: list[int] = []

    def meets(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        seen.append(len(boxes))
        return np.asarray(shapely.intersects(strip, shapely.box(*boxes.T)))

    ids, _ = source.candidates(strip.bounds, meets)
    everything, boxes = source.candidates(strip.bounds)
    assert set(ids) == set(everything[shapely.intersects(strip, shapely.box(*boxes.T))])
    assert sum(seen) < len(everything) / 2


@pytest.mark.parametrize("table", TABLES)
def test_overlay_from_the_file(connection: sqlite3.Connection, table: str, shapes: dict[str, NDArray[Any]]) -> None:
    measure = measure_for(TABLES[table])
    for shape in (blob(10_000, 10_000, 6000, 1000, 1), corridor((1000, 2000), (19_000, 15_000), 80)):
        project = place(shape, table)
        found = overlay(project, source_of(connection, table))
        expected = measure.areas(shapely.intersection(project, shapes[table]))
        assert found.ids.tolist() == (np.flatnonzero(expected) + 1).tolist()
        assert found.areas == pytest.approx(expected[expected > 0], rel=1e-9, abs=1e-4)
        assert found.areas.sum() == pytest.approx(measure.area(project), rel=5e-12)


@pytest.mark.parametrize("table", TABLES)
def test_areas_are_those_of_the_features(
    connection: sqlite3.Connection, table: str, shapes: dict[str, NDArray[Any]]
) -> None:
    source = source_of(connection, table)
    ids = np.array([2000, 7, 7, 3000, 1, 99_999])
    expected = measure_for(TABLES[table]).areas(shapes[table][np.array([1999, 6, 6, 2999, 0])])
    assert source.areas(ids)[:-1].tolist() == expected.tolist()
    assert source.areas(ids)[-1] == 0
    assert shapely.equals(source.geometries(ids)[:-1], shapes[table][np.array([1999, 6, 6, 2999, 0])]).all()
    assert source.geometries(ids)[-1] is None


def test_attributes_keep_the_order_of_the_ids(connection: sqlite3.Connection) -> None:
    source = source_of(connection, ODD_TABLE)
    found = source.attributes(np.array([30, 4, 88_888, 30]), ["number", "DLBM", 'QS"XZ'])
    assert found == {
        "number": [29, 3, None, 29],
        "DLBM": ["0101", "0301", None, "0101"],
        'QS"XZ': ["20", "20", None, "20"],
    }
    assert source.attributes(np.array([1, 2]), []) == {}
    assert source.attributes(np.array([], dtype=np.int64), ["DLBM"]) == {"DLBM": []}


def test_unknown_columns_are_an_error(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        source_of(connection).attributes(np.array([1]), ['x" FROM sqlite_master --'])


def test_rows_out_of_sight_do_not_exist(connection: sqlite3.Connection) -> None:
    seen = replace(source_of(connection), rows=(Sql('"DLBM" = ? OR "number" < ?'), ["0101", 5]))
    project = place(shapely.box(0, 0, SIDE, SIDE), "dltb")
    found = overlay(project, seen)
    attributes = seen.attributes(found.ids, ["DLBM", "number"])
    assert 0 < len(found.ids) < COUNT / 3
    assert all(
        code == "0101" or number < 5 for code, number in zip(attributes["DLBM"], attributes["number"], strict=True)
    )


def test_a_table_without_an_index(connection: sqlite3.Connection) -> None:
    project = place(blob(10_000, 10_000, 3000, 300, 1), "dltb")
    indexed = source_of(connection)
    plain = replace(indexed, rtree_table=None)
    expected = overlay(project, indexed)
    for source in (plain, replace(plain, boxes=plain.candidates((-1e9, -1e9, 1e9, 1e9)))):
        found = overlay(project, source)
        assert found.ids.tolist() == expected.ids.tolist()
        assert found.areas.tolist() == expected.areas.tolist()


def test_an_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "empty.gpkg"
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("dltb", "MULTIPOLYGON", 4526, ()))
        writer.finish("dltb", CHANGED)
    assert build_areas(path, "dltb") == 0
    with closing(open_readonly(path)) as connection:
        found = overlay(place(shapely.box(0, 0, 9, 9), "dltb"), source_of(connection))
    assert len(found.ids) == 0


def test_edits_remove_the_areas_they_change(copy: Path) -> None:
    """The three ways of editing a feature: the area is that of the new geometry at once, stored or not."""
    with closing(editor(copy)) as connection:
        source = source_of(connection)
        before = source.areas(np.arange(1, 6))
        connection.execute("UPDATE dltb SET geom = (SELECT geom FROM dltb WHERE fid = 1) WHERE fid = 2")
        connection.execute("UPDATE dltb SET DLBM = '0301' WHERE fid = 3")
        connection.execute("DELETE FROM dltb WHERE fid = 4")
        connection.execute("INSERT OR REPLACE INTO dltb (fid, geom) SELECT 5, geom FROM dltb WHERE fid = 1")
        stored = [row[0] for row in connection.execute("SELECT fid FROM onemap_area_dltb WHERE fid < 7 ORDER BY fid")]
        assert stored == [1, 3, 6]
        assert source.areas(np.arange(1, 6)).tolist() == [before[0], before[0], before[2], 0, before[0]]


def test_areas_are_not_used_when_the_table_was_made_anew(copy: Path) -> None:
    with closing(editor(copy)) as connection:
        assert area_table(connection, "dltb", 4526) == "onemap_area_dltb"
        assert area_table(connection, "dltb", 4547) is None
        connection.executescript(
            "CREATE TABLE other AS SELECT * FROM dltb; DROP TABLE dltb;"
            "CREATE TABLE dltb (fid INTEGER PRIMARY KEY, geom BLOB);"
            "INSERT INTO dltb SELECT fid, (SELECT geom FROM other WHERE fid = 9) FROM other WHERE fid < 9;"
        )
        assert area_table(connection, "dltb", 4526) is None
        areas = source_of(connection).areas(np.array([1, 8]))
        assert areas.tolist() == [areas[0], areas[0]]
    assert build_areas(copy, "dltb") == 8
    with closing(open_readonly(copy)) as connection:
        assert area_table(connection, "dltb", 4526) == "onemap_area_dltb"


def test_areas_of_another_definition_are_not_used(copy: Path) -> None:
    with closing(editor(copy)) as connection:
        connection.execute("UPDATE onemap_area_dltb SET area = 1")
        assert source_of(connection).areas(np.array([5])) == [1]
        connection.execute("UPDATE onemap_area SET definition = 'planar'")
        assert source_of(connection).areas(np.array([5])) > 1


def test_without_stored_areas_the_result_is_the_same(copy: Path) -> None:
    project = place(blob(10_000, 10_000, 6000, 1000, 1), "dltb")
    with closing(editor(copy)) as connection:
        stored = overlay(project, source_of(connection))
        connection.execute("DROP TABLE onemap_area")
        measured = overlay(project, source_of(connection))
    assert measured.areas.tolist() == stored.areas.tolist()


def test_invalid_features_count_as_repaired(copy: Path) -> None:
    """A bow-tie of 2 x 5000 m2 counts the same whether it is inside, cut, stored or measured."""
    with closing(editor(copy)) as connection:
        bow_tie = shapely.Polygon([(100, 100), (200, 300), (200, 100), (100, 300)])
        blob_of = b"GP\x00\x01" + (4526).to_bytes(4, "little") + shapely.to_wkb(place(bow_tie, "dltb"))
        connection.execute("DELETE FROM dltb")
        connection.execute("INSERT INTO dltb (fid, geom) VALUES (1, ?)", [blob_of])
        source, whole = source_of(connection), place(shapely.box(0, 0, 900, 900), "dltb")
        cut = overlay(place(shapely.box(0, 0, 900, 200), "dltb"), source)
        measured = overlay(whole, source)
        build_areas(copy, "dltb")
        stored = overlay(whole, source)
    assert measured.areas.tolist() == stored.areas.tolist() == pytest.approx([10_000], rel=1e-3)
    assert cut.areas == pytest.approx(stored.areas / 2, rel=1e-6)
    assert cut.repaired.tolist() == [1]


def test_a_snapshot_keeps_its_state(copy: Path) -> None:
    with closing(editor(copy)) as writer, closing(open_readonly(copy)) as connection:
        writer.execute("PRAGMA journal_mode = WAL")
        source = source_of(connection)
        ids = np.array([1, 2])
        with source.snapshot():
            before = source.areas(ids)
            writer.execute("DELETE FROM dltb WHERE fid = 1")
            with source.snapshot():
                assert source.areas(ids).tolist() == before.tolist()
            assert source.geometries(ids)[0] is not None
        assert not connection.in_transaction
        assert source.geometries(ids)[0] is None


def test_tables_that_cannot_be_measured(copy: Path) -> None:
    with pytest.raises(ConfigError, match="no feature table 'nothing'"):
        build_areas(copy, "nothing")
    with closing(editor(copy)) as connection:
        connection.execute("UPDATE gpkg_spatial_ref_sys SET organization_coordsys_id = 3857 WHERE srs_id = 4526")
    with pytest.raises(ConfigError, match="3857"):
        build_areas(copy, "dltb")


def test_what_nobody_waits_for_any_more_is_not_read_on(connection: sqlite3.Connection) -> None:
    caller = Caller()
    reads: list[str] = []

    def noted(statement: str) -> None:
        reads.append(statement)
        caller.gone = len(reads) == 3  # in the middle of the index

    set_caller(caller)
    connection.set_trace_callback(noted)
    try:
        with pytest.raises(ClientGone):
            overlay(place(corridor((1000, 1000), (19_000, 19_000), 50), "dltb"), source_of(connection))
    finally:
        connection.set_trace_callback(None)
        set_caller(Caller())
    assert sum("SELECT" in statement for statement in reads) <= 2
