from __future__ import annotations

import pytest

from onemap.block import GEOJSON, HTML, JSON, Links
from onemap.block.conditional import accepts_gzip, not_modified
from onemap.block.query import shorten
from onemap.errors import InvalidParameter, NotAcceptable, OneMapError, UnknownParameter, did_you_mean
from onemap.web.negotiate import choose_format, choose_language
from onemap.web.problem import problem
from onemap.web.routing import parse_query


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/geo+json", "json"),
        ("text/html", "html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("application/json;q=0.1, text/html;q=0.5", "html"),
        ("text/*", "html"),
        ("application/*", "json"),
    ],
)
def test_format_by_accept(accept: str, name: str) -> None:
    assert choose_format((GEOJSON, HTML), None, accept).name == name


def test_format_by_parameter() -> None:
    assert choose_format((JSON, HTML), "html", "application/json") is HTML
    with pytest.raises(InvalidParameter, match="'f' is 'htm'"):
        choose_format((JSON, HTML), "htm", "")


def test_nothing_acceptable() -> None:
    for accept in ("application/gml+xml", "application/json;q=0"):
        with pytest.raises(NotAcceptable):
            choose_format((JSON,), None, accept)


def test_language() -> None:
    assert choose_language(None, None, "") == "zh"
    assert choose_language(None, None, "en-US,en;q=0.9") == "en"
    assert choose_language(None, None, "zh-CN,zh;q=0.9,en;q=0.8") == "zh"
    assert choose_language(None, "en", "zh-CN") == "en"
    assert choose_language("zh", "en", "en") == "zh"


def test_problems_of_the_inside_say_nothing() -> None:
    document = problem(ValueError("/etc/secret SELECT"), "/x", "1")
    assert document["status"] == 500
    assert "secret" not in str(document)
    assert "SELECT" not in str(document)


def test_problems_carry_code_hint_and_request_id() -> None:
    document = problem(UnknownParameter("no 'x'", "Did you mean 'y'?"), "/items", "abc")
    assert document == {
        "type": "about:blank",
        "title": "Unknown parameter",
        "status": 400,
        "detail": "no 'x'",
        "instance": "/items",
        "code": "OM-4002",
        "requestId": "abc",
        "hint": "Did you mean 'y'?",
    }


def test_codes_of_errors_are_unique() -> None:
    classes = [OneMapError]
    for kind in classes:
        classes.extend(kind.__subclasses__())
    codes = [kind.code for kind in classes if "code" in vars(kind)]
    assert len(codes) == len(set(codes)) > 10


def test_did_you_mean() -> None:
    assert did_you_mean("limmit", ["limit", "bbox"]) == "Did you mean 'limit'?"
    assert did_you_mean("DLBM", ["dlbm"]) == "Did you mean 'dlbm'?"
    assert did_you_mean("zzz", ["b", "a"]) == "Valid: a, b."


def test_links() -> None:
    links = Links("https://map.example/one", "/collections/图斑/items")
    assert links.to("collections", "图斑", f="json") == "https://map.example/one/collections/%E5%9B%BE%E6%96%91?f=json"
    assert links.to() == "https://map.example/one/"
    assert links.self({"limit": ["5"], "next": ["x"]}, next=None, f="html").endswith("/items?limit=5&f=html")


def test_etags() -> None:
    assert not_modified('"a", W/"b"', '"b"')
    assert not_modified("*", '"b"')
    assert not not_modified('"a"', '"b"')
    assert not not_modified(None, '"b"')


def test_gzip() -> None:
    assert accepts_gzip("br, gzip;q=0.5")
    assert not accepts_gzip("gzip;q=0, br")
    assert not accepts_gzip("")


def test_query() -> None:
    assert parse_query(b"a=1&a=2&b=") == {"a": ["1", "2"], "b": [""]}
    for wrong in (b"a=%ff", b"a=\xff", b"&".join([b"x=1"] * 300)):
        with pytest.raises(InvalidParameter):
            parse_query(wrong)


def test_shorten_hides_control_characters() -> None:
    assert shorten("a\r\nb") == "a\ufffd\ufffdb"
    assert len(shorten("x" * 500)) == 61
