from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import geopandas
import orjson
import pyarrow as pa
import pyarrow.parquet as parquet
import pyproj
import pytest
import shapely

from onemap.errors import TooLarge
from onemap.features.encode.geoparquet import write
from onemap.geo.crs import CRS84, Crs
from tests.unit.encodings import BOX, BOXES, LARGEST, ROWS, ZONE_37, batches, collection, context, field, repeated


def table(data: bytes) -> Any:
    return parquet.read_table(io.BytesIO(data))


def geo(data: bytes) -> dict[str, Any]:
    return dict(orjson.loads(parquet.read_metadata(io.BytesIO(data)).metadata[b"geo"]))


def test_values_and_types_are_exact() -> None:
    made = table(b"".join(write(batches([BOX, BOXES, None]), context())))
    assert [str(item.type) for item in made.schema][:9] == [
        "int64", "string", "string", "int64", "int64", "double", "bool", "date32[day]", "timestamp[ms, tz=UTC]"
    ]  # fmt: skip
    assert made.column("fid").to_pylist() == [7, 8, 9]
    assert made.column("WIDE").to_pylist() == [LARGEST, -(2**63), None]
    assert made.column("DLBM").to_pylist() == ["0101", "=1+1", None]
    assert made.column("TBMJ").to_pylist() == [ROWS[0][4], ROWS[1][4], None]
    assert [str(value) for value in made.column("PZRQ").to_pylist()] == ["2025-12-31", "1999-01-01", "None"]
    assert made.column("GXSJ").to_pylist()[0].isoformat() == "2025-12-31T23:59:58.500000+00:00"
    assert made.column("bbox").to_pylist()[::2] == [{"xmin": 113, "ymin": 30, "xmax": 113.5, "ymax": 30.25}, None]


@pytest.mark.parametrize(("crs", "code"), [(CRS84, "OGC:CRS84"), (ZONE_37, "EPSG:4525")])
def test_metadata(crs: Crs, code: str) -> None:
    data = b"".join(write(batches([BOX, BOXES, None]), context(crs=crs)))
    described = geo(data)
    column = described["columns"]["geom"]
    assert (described["version"], described["primary_column"]) == ("1.1.0", "geom")
    assert column["geometry_types"] == ["Polygon", "MultiPolygon"]
    assert pyproj.CRS.from_json_dict(column["crs"]) == pyproj.CRS.from_user_input(code)
    assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    frame = geopandas.read_parquet(io.BytesIO(data))
    assert column["bbox"] == pytest.approx(list(frame.total_bounds))
    assert frame.geometry[0].exterior.coords[0][0] > frame.geometry[0].exterior.coords[0][1]
    assert frame.geometry[2] is None


def test_a_box_is_found_through_the_covering(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    shapes, columns = repeated(500)
    path.write_bytes(b"".join(write(batches(shapes, columns, 100), context())))
    assert len(geopandas.read_parquet(path, bbox=(110.0001, 30, 110.0009, 30.1))) == 1


def test_row_groups_are_sent_as_they_fill() -> None:
    shapes, columns = repeated(21_000)
    pieces = list(write(batches(shapes, columns, 1000), context(limit=100_000)))
    assert len(pieces) == 4
    assert all(len(piece) > 1000 for piece in pieces)
    assert parquet.read_metadata(io.BytesIO(b"".join(pieces))).num_row_groups == 3


def test_an_empty_collection_has_its_schema() -> None:
    data = b"".join(write(batches([]), context()))
    assert table(data).num_rows == 0
    assert table(data).column_names[-2:] == ["geom", "bbox"]
    assert geo(data)["columns"]["geom"]["geometry_types"] == []
    assert len(geopandas.read_parquet(io.BytesIO(data))) == 0


def test_what_a_type_cannot_hold_becomes_null(caplog: pytest.LogCaptureFixture) -> None:
    fields = (field("i", "integer"), field("d", "date"), field("t", "datetime"), field("s", "string"))
    values = {
        "i": ["x", 5.0, 5.5],
        "d": ["2025-02-30", "2025-02-28", "2025-02-28T00:00:00Z"],
        "t": ["2025-01-01T08:00:00+08:00", "2025-01-01T00:00:00", "soon"],
        "s": [1, b"a", "a"],
    }
    made = table(b"".join(write(batches([BOX] * 3, values, 3), context(collection(fields=fields)))))
    assert made.column("i").to_pylist() == [None, 5, None]
    assert [str(value) for value in made.column("d").to_pylist()] == ["None", "2025-02-28", "2025-02-28"]
    assert [value and value.isoformat() for value in made.column("t").to_pylist()] == [
        "2025-01-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00", None
    ]  # fmt: skip
    assert made.column("s").to_pylist() == ["1", "b'a'", "a"]
    assert "'x' in the field i is no integer" in caplog.text


def test_a_failure_leaves_no_valid_file() -> None:
    shapes, columns = repeated(21_000)
    stream = write(batches(shapes, columns, 1000), context(limit=20_500, whole=True))
    sent = [next(stream)]
    with pytest.raises(TooLarge, match="20,500"):
        sent.extend(stream)
    with pytest.raises(pa.ArrowInvalid):
        table(b"".join(sent))


def test_fields_named_like_the_columns_of_the_format() -> None:
    made = context(collection(fields=(field("bbox", "string"), field("GEOM", "string"))))
    values = {"bbox": ["a"], "GEOM": ["b"]}
    names = table(b"".join(write(batches([shapely.Point(1, 2)], values), made))).column_names
    assert names == ["fid", "bbox_1", "GEOM", "geom_1", "bbox"]
