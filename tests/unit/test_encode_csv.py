from __future__ import annotations

import csv
import io

import pytest
import shapely

from onemap.features.encode import Options
from onemap.features.encode.csv import write
from onemap.geo.crs import CRS84, crs_from_srid
from tests.unit.encodings import BOX, BOXES, BSM, FIELDS, LARGEST, ZONE_37, batches, collection, context, field


def rows(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_values_are_exact() -> None:
    data = b"".join(write(batches([BOX, BOXES, None]), context()))
    header, first, second, third = rows(data)
    assert header == ["WKT", "fid", *(item.name for item in FIELDS)]
    assert first[1:] == ["7", BSM, "0101", str(LARGEST), "2025", "12345.678", "true", "2025-12-31",
                         "2025-12-31T23:59:58.500Z"]  # fmt: skip
    assert second[2:5] == ['汉字，"引号"\n换行', "'=1+1", str(-(2**63))]
    assert second[5] == "-5"
    assert third == ["", "9"] + [""] * 8
    assert b'"2025"' not in data
    assert data.endswith(b"\r\n")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra"])
def test_formulas_are_disarmed(text: str) -> None:
    made = context(collection(fields=(field("a", "string"),)))
    assert rows(b"".join(write(batches([None], {"a": [text]}), made)))[1][-1] == "'" + text


def test_geometry_is_in_the_axis_order_of_the_authority() -> None:
    for crs, point in ((CRS84, "POINT (113 30)"), (crs_from_srid(4490), "POINT (30 113)")):
        data = b"".join(write(batches([shapely.Point(113, 30)], {}), context(collection("POINT", ()), crs)))
        assert rows(data)[1][0] == point
    data = b"".join(write(batches([BOX], {}), context(collection("POLYGON", ()), ZONE_37)))
    north, east = shapely.from_wkt(rows(data)[1][0]).exterior.coords[0]
    assert 3_300_000 < north < 3_400_000
    assert 37_600_000 < east < 37_800_000


@pytest.mark.parametrize(("crs", "names"), [(CRS84, ["lon", "lat"]), (ZONE_37, ["easting", "northing"])])
def test_points_in_two_columns(crs: object, names: list[str]) -> None:
    made = context(collection("POINT", ()), crs, options=Options(geometry="xy"))  # type: ignore[arg-type]
    header, point, missing = rows(b"".join(write(batches([shapely.Point(113, 30), None], {}), made)))
    assert header == [*names, "fid"]
    assert float(point[0]) > float(point[1])
    assert missing == ["", "", "8"]


def test_titles_and_collisions() -> None:
    made = collection(fields=(field("WKT", "string", "名称"), field("B", "string", "名称")))
    for headers, want in (("zh", ["WKT", "fid", "名称", "名称_1"]), ("name", ["WKT_1", "fid", "WKT", "B"])):
        assert rows(b"".join(write(batches([]), context(made, options=Options(headers=headers)))))[0] == want


def test_no_geometry_and_the_limit() -> None:
    made = context(collection(fields=()), options=Options(geometry="none"), limit=3)
    assert rows(b"".join(write(batches([BOX] * 5, {}), made))) == [["fid"], ["7"], ["8"], ["9"]]
