"""A tile request is parsed once; each fault is named."""

from __future__ import annotations

from typing import Any

import pytest

from onemap.block.conditional import accepts_gzip, not_modified
from onemap.errors import InvalidParameter, MethodNotAllowed, NotAcceptable, NotFound, OneMapError
from onemap.tiles.params import PATTERN, TileRequest, parse_tile


def parse(
    path: str = "/collections/dltb/tiles/Q/14/5/6", query: bytes = b"", method: str = "GET", **headers: str
) -> TileRequest:
    match = PATTERN.fullmatch(path)
    assert match
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {"method": method, "query_string": query, "onemap.headers": names}
    return parse_tile(scope, match)


def test_parts_of_the_path() -> None:
    assert parse() == TileRequest("dltb", "Q", "14", 5, 6, False, None)
    assert parse("/collections/地类图斑/tiles/Q/14/5/6").collection == "地类图斑"


@pytest.mark.parametrize("row", ["-1", "1.5", "x", "+1", "1e3", "٣", "99999999999", " 1"])
def test_rows_and_columns_are_whole_numbers(row: str) -> None:
    with pytest.raises(NotFound):
        parse(f"/collections/dltb/tiles/Q/14/{row}/6")
    with pytest.raises(NotFound):
        parse(f"/collections/dltb/tiles/Q/14/6/{row}")


@pytest.mark.parametrize(
    ("query", "error", "named"),
    [
        (b"f=png", InvalidParameter, "png"),
        (b"f=mvt&f=mvt", InvalidParameter, "'f'"),
        (b"f=", InvalidParameter, "''"),
        (b"f=%ff", InvalidParameter, "UTF-8"),
    ],
)
def test_query(query: bytes, error: type[OneMapError], named: str) -> None:
    with pytest.raises(error) as caught:
        parse(query=query)
    assert named in caught.value.detail


def test_what_is_asked_of_the_content() -> None:
    assert parse(query=b"f=mvt").query is None
    assert parse(query=b"f=mvt&properties=DLBM&filter=a%3D1").query == {"properties": ["DLBM"], "filter": ["a=1"]}
    assert parse(query=b"datetime=2020-01-01").query == {"datetime": ["2020-01-01"]}


def test_tiles_of_the_dataset() -> None:
    assert parse("/tiles/Q/14/5/6").collection is None
    assert PATTERN.fullmatch("/tiles/Q/14/5") is None
    assert PATTERN.fullmatch("/collections//tiles/Q/14/5/6") is None


def test_a_named_format_goes_before_the_accept_header() -> None:
    assert parse(query=b"f=mvt", accept="text/html").level == "14"


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/vnd.mapbox-vector-tile",
        "application/x-protobuf",
        "text/html, application/*;q=0.5",
        "image/png, */*;q=0.1",
    ],
)
def test_accepted(accept: str) -> None:
    assert parse(accept=accept).row == 5


@pytest.mark.parametrize(
    "accept", ["image/png", "text/html, application/json", "*/*;q=0", "application/x-protobuf; q=0.0"]
)
def test_not_accepted(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        parse(accept=accept)


def test_methods() -> None:
    assert parse(method="HEAD").col == 6
    with pytest.raises(MethodNotAllowed) as caught:
        parse(method="POST")
    assert caught.value.extra["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("", False),
        ("br", False),
    ],
)
def test_gzip(header: str, taken: bool) -> None:
    assert accepts_gzip(header) is taken
    assert parse(accept_encoding=header).gzip is taken


def test_entity_tags() -> None:
    assert not_modified('"a", W/"b"', '"b"')
    assert not_modified("*", '"b"')
    assert not not_modified('"a-gz"', '"a"')
    assert not not_modified(None, '"a"')
