from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as some

from onemap.errors import InvalidParameter
from onemap.features.token import Tokens
from onemap.geo.crs import CRS84, crs_from_srid
from onemap.geo.geojson import geojson
from onemap.query.temporal import parse_datetime
from onemap.store import Position, SortKey


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025-06-01", "2025-06-01T00:00:00+00:00", "2025-06-01T23:59:59.999999+00:00"),
        ("2025-06-01T08:00:00+08:00", "2025-06-01T00:00:00+00:00", "2025-06-01T00:00:00+00:00"),
        ("2025-06-01/..", "2025-06-01T00:00:00+00:00", None),
        ("../2025-06-01", None, "2025-06-01T23:59:59.999999+00:00"),
        ("/2025-06-01t00:00:00z", None, "2025-06-01T00:00:00+00:00"),
        ("../..", None, None),
    ],
)
def test_datetime(text: str, start: str | None, end: str | None) -> None:
    interval = parse_datetime(text)
    assert (interval.start and interval.start.isoformat()) == start
    assert (interval.end and interval.end.isoformat()) == end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025",
        "2025-13-01",
        "2025-02-30",
        "2025-06-01T25:00:00Z",
        "2025-06-01T00:00:00",
        "a/b/c",
        "2025-06-02/2025-06-01",
        "2025-06-01 00:00:00Z",
        "９９９９-01-01",
    ],
)
def test_what_is_no_datetime(text: str) -> None:
    with pytest.raises(InvalidParameter, match="datetime"):
        parse_datetime(text)


@given(
    some.one_of(
        some.integers(-(2**62), 2**62),
        some.text(max_size=40).filter(lambda text: "\x00" not in text and text.isprintable()),
    )
)
def test_tokens_give_their_key_back(key: int | str) -> None:
    tokens = Tokens(b"secret")
    place = Position(key, ("0101", None, 1.5))
    assert tokens.read(tokens.write(place, "dltb"), "dltb") == place


def test_tokens_of_others_are_refused() -> None:
    token = Tokens(b"secret").write(Position(5), "dltb")
    down = (SortKey("TBMJ", descending=True),)
    for secret, collection, order in ((b"other", "dltb", ()), (b"secret", "xzq", ()), (b"secret", "dltb", down)):
        with pytest.raises(InvalidParameter, match="next"):
            Tokens(secret).read(token, collection, order)
    for wrong in ("", "x", "AAAA", token[:-2], token + "A", "é", "!" * 40):
        with pytest.raises(InvalidParameter):
            Tokens(b"secret").read(wrong, "dltb")


GEOMETRIES = [
    "POINT (1 2)",
    "LINESTRING (0 0, 1 1)",
    "POLYGON ((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
    "MULTIPOINT ((0 0), (1 1))",
    "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    "GEOMETRYCOLLECTION (POINT (1 2), POLYGON ((0 0, 1 0, 1 1, 0 0)))",
]


def test_geojson_equals_what_shapely_reads_back() -> None:
    shapes = shapely.from_wkt([*GEOMETRIES, None, "POLYGON EMPTY"])
    made = orjson.loads(orjson.dumps(geojson(shapes, CRS84, CRS84), option=orjson.OPT_SERIALIZE_NUMPY))
    assert made[-2:] == [None, None]
    for shape, document in zip(shapes[:-2], made[:-2], strict=True):
        assert document["type"] == shape.geom_type
        assert shapely.geometry.shape(document).equals(shape)


def test_geojson_swaps_the_axes_of_the_authority() -> None:
    (made,) = geojson(shapely.from_wkt(["POINT (113.5 30.5)"]), CRS84, crs_from_srid(4490))
    assert made is not None
    assert list(made["coordinates"]) == [30.5, 113.5]


def test_now_is_utc() -> None:
    from onemap.features.encode import timestamp

    assert abs((datetime.fromisoformat(timestamp()) - datetime.now(UTC)).total_seconds()) < 5
