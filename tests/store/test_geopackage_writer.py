"""The GeoPackage writer: what GDAL and sqlite3 read from its files, and that the same input gives the same bytes."""

from __future__ import annotations

import sqlite3
import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

DAY = "2026-01-31T00:00:00.000Z"
SPEC = TableSpec(
    "地块 \"a\" 'b' {c}",
    "MULTIPOLYGON",
    4526,
    (
        FieldSpec("名称", "TEXT(18)"),
        FieldSpec('odd "name"', "REAL"),
        FieldSpec("n", "INTEGER"),
        FieldSpec("day", "DATE"),
        FieldSpec("at", "DATETIME"),
        FieldSpec("ok", "BOOLEAN"),
    ),
    title="标题",
    description="说明",
)


def rows(count: int) -> tuple[np.ndarray, dict[str, object]]:
    boxes = np.array([shapely.box(38500000 + i, 3400000, 38500001 + i, 3400002) for i in range(count)], dtype=object)
    return boxes, {
        "名称": [f"地块{i}" for i in range(count)],
        'odd "name"': np.arange(count) / 8,
        "n": np.arange(count),
        "day": ["2026-01-31"] * count,
        "at": [DAY] * count,
        "ok": [i % 2 == 0 for i in range(count)],
    }


def written(path: Path, count: int = 500) -> Path:
    with GeoPackageWriter(path) as writer:
        writer.create_table(SPEC)
        writer.insert(SPEC.name, *rows(count))
        writer.finish(SPEC.name, DAY)
    return path


def ask(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db, db:
        result = db.execute(sql).fetchall()
    db.close()
    return result


def test_gdal_reads_every_type_without_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = pyogrio.read_info(path)
        meta, _, geometry, columns = pyogrio.raw.read(path, max_features=2)
    assert (info["crs"], info["geometry_type"], info["features"]) == ("EPSG:4526", "MultiPolygon", 500)
    assert info["layer_metadata"] == {"IDENTIFIER": "标题", "DESCRIPTION": "说明"}
    values = dict(zip(meta["fields"], columns, strict=True))
    assert list(values["名称"]) == ["地块0", "地块1"]
    assert list(values['odd "name"']) == [0.0, 0.125]
    assert str(values["day"][0]) == "2026-01-31"
    assert list(values["ok"]) == [True, False]
    assert shapely.from_wkb(geometry[1]).equals(shapely.multipolygons([rows(2)[0][1]]))


def test_gdal_finds_by_box_through_the_index(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg")
    found = pyogrio.raw.read(path, bbox=(38500010.2, 3400000, 38500012.8, 3400001), columns=["n"])[3][0]
    assert sorted(found) == [10, 11, 12]
    index = f"rtree_{SPEC.name}_geom".replace('"', '""')
    assert ask(path, f'SELECT count(*) FROM "{index}"') == [(500,)]


def test_gdal_edits_the_file_and_the_index_follows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", 5)
    more = shapely.to_wkb(shapely.multipolygons([[shapely.box(1, 2, 3, 4)]]).reshape(1))
    fields = ["名称", 'odd "name"', "n"]
    values = [np.array(["新"], dtype=object), np.array([1.0]), np.array([9])]
    pyogrio.raw.write(
        path, more, values, fields, layer=SPEC.name, geometry_type="MultiPolygon", crs="EPSG:4526", append=True
    )
    assert list(pyogrio.raw.read(path, bbox=(0, 0, 5, 5), columns=["n"])[3][0]) == [9]


def test_the_file_is_a_geopackage_1_3_in_rollback_mode(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg")
    assert ask(path, "PRAGMA application_id") == [(0x47504B47,)]
    assert ask(path, "PRAGMA user_version") == [(10300,)]
    assert ask(path, "PRAGMA journal_mode") == [("delete",)]
    assert ask(path, "PRAGMA foreign_key_check") == []
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "SELECT srs_id FROM gpkg_spatial_ref_sys ORDER BY 1") == [(-1,), (0,), (4326,), (4526,)]
    assert ask(path, "SELECT last_change, min_x, min_y, max_x, max_y, srs_id FROM gpkg_contents") == [
        (DAY, 38500000.0, 3400000.0, 38500500.0, 3400002.0, 4526)
    ]
    assert ask(path, "SELECT column_name, extension_name, scope FROM gpkg_extensions") == [
        ("geom", "gpkg_rtree_index", "write-only")
    ]
    assert ask(path, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'") == [(7,)]
    assert not list(tmp_path.glob("a.gpkg-*"))


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a.gpkg").read_bytes() == written(tmp_path / "b.gpkg").read_bytes()


def test_missing_and_empty_geometries_are_kept_and_not_indexed(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    spec = TableSpec("t", "POLYGON", 4490, (FieldSpec("n", "INTEGER"),))
    with GeoPackageWriter(path) as writer:
        writer.create_table(spec)
        writer.insert("t", np.array([None, shapely.Polygon(), shapely.box(113, 30, 114, 31)]), {"n": [1, 2, 3]})
        writer.finish("t", DAY)
    assert ask(path, "SELECT id FROM rtree_t_geom") == [(3,)]
    geometry = shapely.from_wkb(pyogrio.raw.read(path)[2])
    assert geometry[0] is None
    assert geometry[1].is_empty
    assert geometry[2].bounds == (113, 30, 114, 31)


def test_an_empty_table_is_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("t", "POINT", 4490, ()))
        writer.finish("t", DAY)
    assert pyogrio.read_info(path)["features"] == 0


@pytest.mark.parametrize(
    ("kind", "single", "multi"),
    [
        ("MULTIPOINT", shapely.Point(1, 2), "MultiPoint"),
        ("MULTILINESTRING", shapely.LineString([(0, 0), (1, 1)]), "MultiLineString"),
        ("MULTIPOLYGON", shapely.box(0, 0, 1, 1), "MultiPolygon"),
    ],
)
def test_single_parts_become_multi_part(tmp_path: Path, kind: str, single: shapely.Geometry, multi: str) -> None:
    path = tmp_path / "a.gpkg"
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("t", kind, 4490, ()))
        writer.insert("t", np.array([single]), {})
        writer.finish("t", DAY)
    read = shapely.from_wkb(pyogrio.raw.read(path)[2])[0]
    assert read.geom_type == multi
    assert read.equals(single)


def test_a_second_table_joins_an_existing_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", 3)
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("second", "POINT", 4547, (FieldSpec("n", "INTEGER"),)))
        writer.insert("second", shapely.points([[500000.0, 3400000.0]]), {"n": [1]})
        writer.insert("second", shapely.points([[500001.0, 3400001.0]]), {"n": [2]})
        writer.finish("second", DAY)
    assert ask(path, "SELECT fid, n FROM second") == [(1, 1), (2, 2)]
    assert {name for name, _ in pyogrio.list_layers(path)} == {SPEC.name, "second"}


def interrupted(path: Path) -> None:
    with GeoPackageWriter(path) as writer:
        writer.create_table(TableSpec("second", "POINT", 4547, ()))
        raise RuntimeError("stop")


def test_nothing_stays_after_an_exception(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", 3)
    with pytest.raises(RuntimeError, match="stop"):
        interrupted(path)
    assert ask(path, "SELECT table_name FROM gpkg_contents") == [(SPEC.name,)]


def test_wrong_input_is_refused(tmp_path: Path) -> None:
    spec = TableSpec("t", "POLYGON", 4490, (FieldSpec("n", "INTEGER"),))
    square = np.array([shapely.box(0, 0, 1, 1)])
    with GeoPackageWriter(tmp_path / "a.gpkg") as writer:
        writer.create_table(spec)
        with pytest.raises(ValueError, match="already"):
            writer.create_table(spec)
        with pytest.raises(ValueError, match="no values"):
            writer.insert("t", square, {})
        with pytest.raises(ValueError, match="no field"):
            writer.insert("t", square, {"n": [1], "m": [2]})
        with pytest.raises(ValueError, match="2 values for 1"):
            writer.insert("t", square, {"n": [1, 2]})
        with pytest.raises(ValueError, match="only POLYGON"):
            writer.insert("t", shapely.points([[0.0, 0.0]]), {"n": [1]})
        writer.finish("t", DAY)
    with pytest.raises(ValueError, match="no GeoPackage column type"):
        FieldSpec("n", "TEXT); DROP TABLE t; --")
    with pytest.raises(ValueError, match="no geometry type"):
        TableSpec("t", "CIRCLE", 4490, ())
    with pytest.raises(ValueError, match="twice"):
        TableSpec("t", "POINT", 4490, (FieldSpec("FID", "INTEGER"),))
