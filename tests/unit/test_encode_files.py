"""FlatGeobuf and GeoPackage, read back by GDAL, and what all formats made in a file have in common."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from onemap.errors import TooLarge
from onemap.features.encode import BY_NAME, DOWNLOADS
from onemap.geo.crs import CRS84, Crs, crs_from_srid
from onemap.store import Batch
from tests.unit.encodings import BOX, BOXES, BSM, COLUMNS, LARGEST, ZONE_37, batches, collection, context, field

POINT, LINE = shapely.Point(113, 30), shapely.LineString([(113, 30), (114, 31)])
FILES = ("gpkg", "fgb", "shp")


def made(name: str, folder: Path, geometries: list[Any], columns: dict[str, Any] | None = None, **more: Any) -> Path:
    encoding = BY_NAME[name]
    path = folder / f"made.{encoding.extension}"
    path.write_bytes(b"".join(encoding.writer(batches(geometries, columns), context(**more))))
    return path


def read(path: Path) -> tuple[dict[str, Any], np.ndarray[Any, Any], dict[str, list[Any]]]:
    """Return metadata, geometries and columns as GDAL reads them, in the order of the feature ids."""
    meta, fids, wkb, data = pyogrio.raw.read(path, return_fids=True, datetime_as_string=True)
    columns = {str(name): list(values) for name, values in zip(meta["fields"], data, strict=True)}
    ids = columns.get("fid", list(fids))
    order = np.argsort(ids)
    columns = {name: [values[at] for at in order] for name, values in {**columns, "fid": ids}.items()}
    return meta, shapely.from_wkb(wkb)[order], columns


@pytest.mark.parametrize("name", ["gpkg", "fgb"])
def test_values_are_exact(name: str, tmp_path: Path) -> None:
    meta, shapes, columns = read(made(name, tmp_path, [BOX, BOXES, BOX]))
    assert columns["fid"] == [7, 8, 9]
    assert columns["BSM"] == [BSM, '汉字，"引号"\n换行', None]
    assert columns["DLBM"] == ["0101", "=1+1", None]
    assert columns["TBMJ"][:2] == [12345.678, 1.8e11 + 0.125]
    assert [value and value[:10] for value in columns["PZRQ"]] == ["2025-12-31", "1999-01-01", None]
    assert columns["GXSJ"][0].replace("/", "-").startswith("2025-12-31")
    assert meta["geometry_type"] == ("Unknown" if name == "gpkg" else "MultiPolygon")
    assert shapely.equals(shapes, [BOX, BOXES, BOX]).all()
    complete = {item: column[:2] for item, column in COLUMNS.items()}
    _, _, two = read(made(name, tmp_path, [BOX, BOX], complete))
    assert [int(value) for value in two["WIDE"]] == [LARGEST, -(2**63)]
    assert [bool(value) for value in two["SFJZ"]] == [True, False]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("crs", "code"), [(CRS84, 4326), (crs_from_srid(4490), 4490), (ZONE_37, 4525)])
def test_coordinates_are_x_y_of_the_crs_asked_for(name: str, crs: Crs, code: int, tmp_path: Path) -> None:
    meta, shapes, _ = read(made(name, tmp_path, [POINT], {}, made=collection("POINT", ()), crs=crs))
    assert meta["crs"] == f"EPSG:{code}"
    assert meta["geometry_type"] == "Point"
    (x, y), low = shapes[0].coords[0], 113.0 if crs.geographic else 37_000_000.0
    assert (x, y) == (113.0, 30.0) if crs.geographic else x > low > y


@pytest.mark.parametrize("name", FILES)
def test_an_empty_collection_has_its_schema(name: str, tmp_path: Path) -> None:
    meta, shapes, _ = read(made(name, tmp_path, []))
    assert len(shapes) == 0
    assert {"BSM", "WIDE", "PZRQ"} <= set(meta["fields"])
    assert meta["geometry_type"] in ("Polygon", "MultiPolygon")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("missing", [None, shapely.Polygon()])
def test_features_without_geometry(name: str, missing: object, tmp_path: Path) -> None:
    _, shapes, columns = read(made(name, tmp_path, [BOX, missing, BOX]))
    assert [shape is None for shape in shapes] == [False, True, False]
    assert columns["DLBM"] == ["0101", "=1+1", None]
    _, shapes, _ = read(made(name, tmp_path, [None, None]))
    assert list(shapes) == [None, None]


@pytest.mark.parametrize("name", ["gpkg", "fgb"])
def test_geometries_of_all_kinds(name: str, tmp_path: Path) -> None:
    both = shapely.GeometryCollection([POINT, BOX])
    meta, shapes, _ = read(made(name, tmp_path, [POINT, LINE, both], made=collection("GEOMETRY")))
    assert meta["geometry_type"] == "Unknown"
    assert shapely.equals(shapes, [POINT, LINE, both]).all()


@pytest.mark.parametrize(
    ("declared", "geometries", "read_as"),
    [
        ("POINT", [POINT, POINT, shapely.MultiPoint([POINT, (1, 2)])], "Unknown"),
        ("POLYGON", [BOX, None, BOXES], "Unknown"),
        ("POLYGON", [BOX, None, BOX], "Polygon"),
        ("MULTIPOLYGON", [BOX, BOXES, None], "MultiPolygon"),
        ("MULTIPOLYGON", [BOXES, BOXES, shapely.GeometryCollection([POINT, BOX])], "Unknown"),
    ],
)
def test_geopackage_holds_what_its_table_should_not(
    declared: str, geometries: list[Any], read_as: str, tmp_path: Path
) -> None:
    meta, shapes, columns = read(made("gpkg", tmp_path, geometries, made=collection(declared)))
    assert meta["geometry_type"] == read_as
    assert [shape is None or shape.equals(want) for shape, want in zip(shapes, geometries, strict=True)] == [True] * 3
    assert columns["fid"] == [7, 8, 9]


def test_geopackage_types_titles_and_index(tmp_path: Path) -> None:
    path = made("gpkg", tmp_path, [BOX, BOXES, None])
    with sqlite3.connect(path) as file:
        types = {row[1]: row[2] for row in file.execute("PRAGMA table_info(dltb)")}
        assert (types["BSM"], types["WIDE"], types["SFJZ"], types["GXSJ"]) == (
            "TEXT(18)", "INTEGER", "BOOLEAN", "DATETIME"
        )  # fmt: skip
        assert file.execute("SELECT identifier, description FROM gpkg_contents").fetchone() == ("地类图斑", "说明")
        assert file.execute("SELECT count(*) FROM rtree_dltb_geom").fetchone() == (2,)
        assert file.execute("SELECT WIDE, DLBM FROM dltb WHERE fid = 7").fetchone() == (LARGEST, "0101")
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()


def test_flatgeobuf_is_indexed(tmp_path: Path) -> None:
    path = made("fgb", tmp_path, [BOX, shapely.box(120, 40, 121, 41)])
    assert len(pyogrio.raw.read(path, bbox=(120, 40, 121, 41))[2]) == 1
    assert pyogrio.read_info(path)["capabilities"]["fast_spatial_filter"]


@pytest.mark.parametrize("name", FILES)
def test_ids_that_are_text_and_not_a_field(name: str, tmp_path: Path) -> None:
    known = collection(fields=(field("A", "string"),), key="BSM")
    encoding = BY_NAME[name]
    batch = Batch([BSM, "0101"], np.array([BOX, BOX], dtype=object), {"A": ["a", "b"]})
    path = tmp_path / f"made.{encoding.extension}"
    path.write_bytes(b"".join(encoding.writer(iter([batch]), context(known))))
    assert sorted(read(path)[2]["BSM"]) == ["0101", BSM]


@pytest.mark.parametrize("name", [item.format.name for item in DOWNLOADS])
def test_a_whole_result_is_whole_or_fails(name: str, tmp_path: Path) -> None:
    for whole in (True, False):
        stream = BY_NAME[name].writer(batches([BOX] * 3, COLUMNS), context(limit=2, whole=whole, scratch=tmp_path))
        if whole:
            with pytest.raises(TooLarge, match="at most 2"):
                list(stream)
        else:
            assert len(b"".join(stream)) > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_left_behind(name: str, tmp_path: Path) -> None:
    stream = BY_NAME[name].writer(batches([BOX] * 3), context(scratch=tmp_path))
    assert next(stream)
    assert len(list(tmp_path.iterdir())) == 1
    stream.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FILES)
def test_a_client_that_leaves_ends_the_work(name: str, tmp_path: Path) -> None:
    taken = []

    def slow() -> Iterator[Batch]:
        for number in range(1000):
            time.sleep(0.05)
            taken.append(number)
            yield Batch([number], np.array([BOX], dtype=object), {key: values[:1] for key, values in COLUMNS.items()})

    stream = BY_NAME[name].writer(slow(), context(scratch=tmp_path))
    assert next(stream) == b""
    stream.close()  # type: ignore[attr-defined]
    assert len(taken) < 100
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("onemap-download")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["gpkg", "fgb"])
@pytest.mark.parametrize("identifier", ["features", "地类.图斑-2025"])
def test_the_layer_is_named_after_the_collection(name: str, identifier: str, tmp_path: Path) -> None:
    path = made(name, tmp_path, [BOX], {}, made=replace(collection(fields=()), id=identifier))
    assert pyogrio.list_layers(path)[0][0] == identifier
