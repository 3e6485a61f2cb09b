from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely

from onemap.encode.dbase import short_names
from onemap.features.encode import Options
from onemap.features.encode.shapefile import write
from onemap.geo.crs import Crs
from tests.unit.encodings import BOX, BOXES, BSM, LARGEST, ZONE_37, batches, collection, context, field

POINT, LINE = shapely.Point(113, 30), shapely.LineString([(113, 30), (114, 31)])


def archive(folder: Path, geometries: list[Any], columns: dict[str, Any] | None = None, **more: Any) -> Path:
    path = folder / "made.zip"
    path.write_bytes(b"".join(write(batches(geometries, columns), context(**more))))
    return path


def read(path: Path, layer: str = "dltb") -> tuple[dict[str, Any], Any, dict[str, list[Any]]]:
    meta, _, wkb, data = pyogrio.raw.read(f"/vsizip/{path}/{layer}.shp", datetime_as_string=True)
    return meta, shapely.from_wkb(wkb), {str(n): list(v) for n, v in zip(meta["fields"], data, strict=True)}


def remarks(path: Path) -> dict[str, dict[str, str]]:
    text = zipfile.ZipFile(path).read("_fields.csv").decode("utf-8-sig")
    return {row["shapefile_field"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_values(encoding: str, tmp_path: Path) -> None:
    path = archive(tmp_path, [BOX, BOXES, None], options=Options(encoding=encoding))
    names = zipfile.ZipFile(path).namelist()
    assert sorted(names) == ["_fields.csv", *(f"dltb.{part}" for part in ("cpg", "dbf", "prj", "shp", "shx"))]
    assert zipfile.ZipFile(path).read("dltb.cpg").decode() == encoding.upper()
    table = zipfile.ZipFile(path).read("dltb.dbf")
    assert "汉字，".encode(encoding) in table
    meta, shapes, columns = read(path)
    assert columns["fid"] == [7, 8, 9]
    assert columns["BSM"] == [BSM, '汉字，"引号"\n换行', None]
    assert columns["DLBM"] == ["0101", "=1+1", None]
    assert columns["WIDE"] == [str(LARGEST), str(-(2**63)), None]
    assert columns["SJNF"][:2] == [2025, -5]
    assert columns["TBMJ"][:2] == [12345.678, 1.8e11 + 0.125]
    assert [value and value[:10] for value in columns["PZRQ"]] == ["2025-12-31", "1999-01-01", None]
    assert meta["dtypes"][7] == "datetime64[D]"
    assert columns["GXSJ"][1] == "2000-02-29T00:00:00.000Z"
    assert meta["dtypes"][6] == "bool"
    assert shapely.equals(shapes[:2], [BOX, BOXES]).all()
    assert remarks(path)["WIDE"]["remark"] == "integers of more than 18 digits, written as text"
    assert remarks(path)["TBMJ"] == {"shapefile_field": "TBMJ", "field": "TBMJ", "title_zh": "图斑面积",
                                     "title_en": "tbmj", "type": "number", "unit": "m2", "remark": ""}  # fmt: skip


@pytest.mark.parametrize("number", [10**18 - 1, 123456789012345678, -(10**17) + 1, 2**53 + 1])
def test_integers_of_eighteen_digits_stay_numbers(number: int, tmp_path: Path) -> None:
    made = collection(fields=(field("i", "integer"),))
    meta, _, columns = read(archive(tmp_path, [BOX], {"i": [number]}, made=made))
    assert columns["i"] == [number]
    assert meta["dtypes"][1] == "int64"


def test_prj_is_of_esri(tmp_path: Path) -> None:
    zone: Crs = ZONE_37
    text = zipfile.ZipFile(archive(tmp_path, [BOX], crs=zone)).read("dltb.prj").decode()
    assert text.startswith('PROJCS["CGCS2000_3_Degree_GK_Zone_37"')
    assert "D_China_2000" in text


def test_long_and_foreign_text(tmp_path: Path) -> None:
    made = collection(fields=(field("t", "string"),))
    values = {"t": ["说" * 200, "a" * 300]}
    for encoding, length in (("utf-8", 84), ("gbk", 127)):
        path = archive(tmp_path, [BOX, BOX], values, made=made, options=Options(encoding=encoding))
        assert read(path)[2]["t"] == ["说" * length, "a" * 254]
        assert remarks(path)["t"]["remark"] == "2 values cut to 254 bytes"
    path = archive(tmp_path, [BOX], {"t": ["㐀村𠀀"]}, made=made, options=Options(encoding="gbk"))
    assert read(path)[2]["t"] == ["?村?"]
    assert "replaced" in remarks(path)["t"]["remark"]


@pytest.mark.parametrize(
    ("names", "encoding", "want"),
    [
        (["YJJBNTTBBH", "YJJBNTTBMJX", "YJJBNTTBMJY"], "utf-8", ["YJJBNTTBBH", "YJJBNTTBMJ", "YJJBNTTB_1"]),
        (["name", "NAME"], "utf-8", ["name", "NAME_1"]),
        (["行政区代码名称", "行政区代码"], "utf-8", ["行政区", "行政_1"]),
        (["行政区代码名称", "行政区代码"], "gbk", ["行政区代码", "行政区代_1"]),
        ([f"abcdefghij{n}" for n in range(12)][-2:], "utf-8", ["abcdefghij", "abcdefgh_1"]),
    ],
)
def test_short_names(names: list[str], encoding: str, want: list[str]) -> None:
    assert short_names(names, encoding) == want


def test_names_lead_back(tmp_path: Path) -> None:
    fields = (field("行政区代码名称", "string", "行政区"), field("行政区代码", "string", "代码"))
    for encoding in ("utf-8", "gbk"):
        path = archive(tmp_path, [BOX], {fields[0].name: ["a"], fields[1].name: ["b"]},
                       made=collection(fields=fields), options=Options(encoding=encoding))  # fmt: skip
        _, _, columns = read(path)
        assert {remarks(path)[name]["field"] for name in columns} == {"fid", *(item.name for item in fields)}
        assert list(columns.values())[1:] == [["a"], ["b"]]


def test_one_shapefile_for_each_family(tmp_path: Path) -> None:
    both = shapely.GeometryCollection([POINT, shapely.GeometryCollection([BOX])])
    columns = {"a": ["1", "2", "3", "4", "5"]}
    made = collection("GEOMETRY", (field("a", "string"),))
    path = archive(tmp_path, [POINT, LINE, BOX, both, shapely.MultiPoint([(1, 2), (3, 4)])], columns, made=made)
    assert {name for name in zipfile.ZipFile(path).namelist() if name.endswith("shp")} == {
        "dltb_point.shp", "dltb_line.shp", "dltb_polygon.shp"
    }  # fmt: skip
    meta, shapes, values = read(path, "dltb_point")
    assert meta["geometry_type"] == "MultiPoint"
    assert sorted(values["a"]) == ["1", "4", "5"]
    assert sum(shapely.get_num_geometries(shapes)) == 4
    assert read(path, "dltb_line")[2]["a"] == ["2"]
    assert sorted(read(path, "dltb_polygon")[2]["a"]) == ["3", "4"]


def test_lines_and_points_alone(tmp_path: Path) -> None:
    for kind, shape in (("POINT", POINT), ("LINESTRING", LINE)):
        path = archive(tmp_path, [shape, None], {}, made=collection(kind, ()))
        meta, shapes, _ = read(path)
        assert meta["geometry_type"].upper() == kind
        assert list(shapes) == [shape, None]


def test_a_field_may_be_called_geometry(tmp_path: Path) -> None:
    made = collection(fields=(field("geometry", "string"), field("geom", "string")))
    path = archive(tmp_path, [BOX], {"geometry": ["a"], "geom": ["b"]}, made=made)
    _, shapes, columns = read(path)
    assert shapes[0].equals(BOX)
    assert (columns["geometry"], columns["geom"]) == (["a"], ["b"])


@pytest.mark.parametrize("identifier", ["features", "地类.图斑-2025"])
def test_the_files_are_named_after_the_collection(identifier: str, tmp_path: Path) -> None:
    path = archive(tmp_path, [BOX], {}, made=replace(collection(fields=()), id=identifier))
    extensions = ("cpg", "dbf", "prj", "shp", "shx")
    assert set(zipfile.ZipFile(path).namelist()) == {"_fields.csv", *(f"{identifier}.{part}" for part in extensions)}
    assert read(path, identifier)[1][0].equals(BOX)
