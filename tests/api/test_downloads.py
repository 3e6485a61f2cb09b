"""Downloads over HTTP: each format read by another program, complete or refused, named, and linked."""

from __future__ import annotations

import contextlib
import csv
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import geopandas
import numpy as np
import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.config import Limits, Settings
from onemap.errors import Crowded, TooLarge
from onemap.features.encode import BY_NAME, DOWNLOADS
from onemap.features.places import places_of
from tests.conftest import ROOT, settings_of

ITEMS = "/collections/dltb/items"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
NAMES = [item.format.name for item in DOWNLOADS]


def limited(data: Path, most: int) -> TestClient:
    """Return a client of the demo where a download holds at most so many features."""
    instance = load_instance(ROOT, "business", data)
    limits = instance.settings.limits.model_copy(update={"download_max": most})
    settings = instance.settings.model_copy(update={"limits": limits})
    return TestClient(create_app(replace(instance, settings=settings)), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def narrow(data: Path) -> TestClient:
    """A client of the demo where a download holds at most 300 features."""
    return limited(data, 300)


def frame(content: bytes, name: str, folder: Path) -> geopandas.GeoDataFrame:
    extension = next(item.extension for item in DOWNLOADS if item.format.name == name)
    path = folder / f"file.{extension}"
    path.write_bytes(content)
    if name == "csv":
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        shapes = geopandas.GeoSeries.from_wkt([row["WKT"] for row in rows])
        return geopandas.GeoDataFrame(rows, geometry=shapes)
    return geopandas.read_parquet(path) if name == "parquet" else geopandas.read_file(path)


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_result_is_that_of_geojson(client: TestClient, name: str, tmp_path: Path) -> None:
    query = {"DLBM": "0301"}
    features = client.get(ITEMS, params={**query, "limit": 10_000}).json()["features"]
    assert len(features) > 100
    response = client.get(ITEMS, params={**query, "f": name})
    media_type = next(item.format.media_type for item in DOWNLOADS if item.format.name == name)
    assert response.headers["content-type"].split(";")[0] == media_type
    assert response.headers["content-crs"] == "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"
    assert response.headers["ogc-numbermatched"] == str(len(features))
    assert "next" not in response.links
    made = frame(response.content, name, tmp_path)
    assert sorted(made["BSM"]) == sorted(feature["properties"]["BSM"] for feature in features)
    assert set(made["DLBM"]) == {"0301"}
    want = geopandas.GeoDataFrame.from_features(features)
    corners = [item.sort_values("BSM").geometry.bounds.to_numpy() for item in (made, want)]
    assert np.allclose(*corners, rtol=0, atol=2e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "csv"])
def test_the_crs_asked_for(client: TestClient, name: str, tmp_path: Path) -> None:
    response = client.get(ITEMS, params={"f": name, "limit": 5, "crs": EPSG + "4526"})
    assert response.headers["content-crs"] == f"<{EPSG}4526>"
    made = frame(response.content, name, tmp_path)
    assert made.crs.to_epsg() == 4526
    assert 38_000_000 < made.total_bounds[0] < 39_000_000


@pytest.mark.parametrize("name", NAMES)
def test_nothing_found_is_an_empty_file(client: TestClient, name: str, tmp_path: Path) -> None:
    response = client.get(ITEMS, params={"f": name, "filter": "FALSE"})
    assert response.status_code == 200
    assert len(frame(response.content, name, tmp_path)) == 0


@pytest.mark.parametrize("name", NAMES)
def test_too_much_is_refused_before_anything_is_sent(narrow: TestClient, name: str) -> None:
    response = narrow.get(ITEMS, params={"f": name})
    assert response.status_code == 413
    assert "300" in response.json()["detail"]
    assert "limit and offset" in response.json()["hint"]


def test_parts_lead_on_to_the_end(narrow: TestClient, tmp_path: Path) -> None:
    response = narrow.get(ITEMS, params={"f": "csv", "limit": 250, "DLBM": "0301"})
    total, keys = int(response.headers["ogc-numbermatched"]), list(frame(response.content, "csv", tmp_path)["fid"])
    while "next" in response.links:
        assert response.links["next"]["type"] == "text/csv"
        response = narrow.get(response.links["next"]["url"])
        keys += list(frame(response.content, "csv", tmp_path)["fid"])
    assert len(keys) == len(set(keys)) == total > 250


def test_limit_is_cut_to_the_most(narrow: TestClient, tmp_path: Path) -> None:
    response = narrow.get(ITEMS, params={"f": "csv", "limit": 100_000})
    assert len(frame(response.content, "csv", tmp_path)) == 300
    assert "offset=300" in response.links["next"]["url"]


def test_the_limit_is_described_as_it_is(narrow: TestClient, client: TestClient) -> None:
    """No answer has more features than the maximum of the parameter; what is less for some is in its description."""
    for server, most, download in ((client, 1_000_000, 1_000_000), (narrow, 10_000, 300)):
        document = server.get("/api", params={"f": "json"}).json()
        parameter = next(item for item in document["paths"][ITEMS]["get"]["parameters"] if item["name"] == "limit")
        assert parameter["schema"] == {"type": "integer", "minimum": 1, "maximum": most, "default": 10}
        assert "10,000 in pages" in parameter["description"]
        assert f"{download:,} in files" in parameter["description"]
    page = client.get(ITEMS, params={"limit": 1_000_000}).json()
    assert page["numberReturned"] == min(10_000, page["numberMatched"])


def test_names(client: TestClient) -> None:
    for lang, title in (("zh", "地类图斑"), ("en", "")):
        given = client.get(ITEMS, params={"f": "gpkg", "limit": 1, "lang": lang}).headers["content-disposition"]
        assert given.startswith("attachment; filename=\"dltb.gpkg\"; filename*=UTF-8''")
        assert title in unquote(given)
        assert given.isascii()
    assert "content-disposition" not in client.get(ITEMS, params={"f": "json"}).headers


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("f=csv&headers=de", "headers"),
        ("f=json&headers=zh", "headers"),
        ("f=csv&encoding=gbk", "encoding"),
        ("f=shp&encoding=big5", "encoding"),
        ("f=csv&geometry=xy", "points"),
        ("geometry=wkt", "geometry"),
    ],
)
def test_options_are_checked(client: TestClient, query: str, says: str) -> None:
    response = client.get(f"{ITEMS}?{query}")
    assert response.status_code == 400
    assert says in response.json()["detail"]


def test_a_paging_token_is_of_pages(client: TestClient) -> None:
    page = client.get(ITEMS, params={"limit": 5}).json()
    token = next(link["href"] for link in page["links"] if link["rel"] == "next")
    response = client.get(token.replace("f=json", "f=csv"))
    assert response.status_code == 400
    assert "next" in response.json()["detail"]


def test_the_media_type_is_negotiated(client: TestClient) -> None:
    for item in DOWNLOADS:
        response = client.get(ITEMS, params={"limit": 1}, headers={"Accept": item.format.media_type})
        assert response.headers["content-type"].split(";")[0] == item.format.media_type
    assert client.get(ITEMS, params={"f": "geojson"}).headers["content-type"] == "application/geo+json"


def test_links(client: TestClient) -> None:
    page = client.get(ITEMS, params={"limit": 5, "DLBM": "0301", "offset": 5}).json()
    found = [link for link in page["links"] if link["rel"] == "enclosure"]
    assert [link["type"] for link in found] == [item.format.media_type for item in DOWNLOADS]
    assert all("DLBM=0301" in link["href"] and "limit" not in link["href"] for link in found)
    listed = client.get("/collections/dltb", params={"f": "json"}).json()["links"]
    assert [link["type"] for link in listed if link["rel"] == "enclosure"] == [link["type"] for link in found]
    for path in (ITEMS, "/collections/dltb"):
        text = client.get(path, params={"f": "html"}).text
        assert all(f"items?f={name}" in text for name in NAMES)


def test_hidden_fields_stay_hidden(client: TestClient, internet: TestClient, tmp_path: Path) -> None:
    for identifier in [item["id"] for item in internet.get("/collections").json()["collections"]]:
        schema = internet.get(f"/collections/{identifier}/schema", params={"f": "json"}).json()["properties"]
        response = internet.get(f"/collections/{identifier}/items", params={"f": "parquet", "limit": 2})
        columns = set(frame(response.content, "parquet", tmp_path).columns)
        assert columns <= {*schema, "fid", "bbox", "geom"}


def asked(application: Any, query: str, leave: bool = False) -> list[dict[str, Any]]:
    """Return the messages of an answer, whatever it ends with; ``leave`` with the first piece of the body."""
    messages: list[dict[str, Any]] = []

    async def run() -> None:
        left = anyio.Event()

        async def receive() -> dict[str, object]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)
            if leave and message.get("body"):
                left.set()
            await anyio.sleep(0)

        scope = {"type": "http", "method": "GET", "path": ITEMS, "raw_path": ITEMS.encode(), "root_path": "",
                 "query_string": query.encode(), "headers": [(b"host", b"test")],
                 "scheme": "http", "server": ("testserver", 80),
                 "client": ("127.0.0.1", 1), "http_version": "1.1", "asgi": {"version": "3.0"}}  # fmt: skip
        with anyio.move_on_after(20) as patience, contextlib.suppress(Exception):
            await application(scope, receive, send)
        assert not patience.cancelled_caught, "the answer did not end"

    anyio.run(run)
    return messages


@pytest.mark.parametrize(
    ("name", "status"), [("csv", 200), ("parquet", 413), ("gpkg", 413), ("fgb", 413), ("shp", 413)]
)
def test_too_much_that_was_not_counted_breaks_off(data: Path, name: str, status: int) -> None:
    """A box with more candidates than are counted: the answer is a problem, or it never ends properly."""
    messages = asked(limited(data, 2500).app, f"f={name}&bbox=110,28,118,34")
    assert messages[0]["status"] == status
    if status == 200:
        assert sum(len(message["body"]) for message in messages[1:]) > 100_000
        assert all(message["more_body"] for message in messages[1:])


def test_a_stream_is_closed_when_the_client_leaves(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave after the first piece of a body: the answer ends, and the generator is closed."""
    closed = []

    def endless(*_: object) -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            closed.append(True)

    encoding = BY_NAME["csv"]
    monkeypatch.setitem(BY_NAME, "csv", replace(encoding, writer=endless))
    assert asked(create_app(load_instance(ROOT, "business", data)), "f=csv", leave=True)
    assert closed == [True]


def crowded(data: Path, most: int) -> Any:
    """Return an application with so many places for downloads."""
    instance = load_instance(ROOT, "business", data)
    limits = instance.settings.limits.model_copy(update={"downloads": most})
    return create_app(replace(instance, settings=instance.settings.model_copy(update={"limits": limits})))


def test_downloads_have_places_and_pages_need_none(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While every place is taken another download is put off, and pages come as ever; then the place is free again."""
    going, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> Iterator[bytes]:
        yield b"x"
        going.set()
        assert go_on.wait(20)
        yield b"y"

    monkeypatch.setitem(BY_NAME, "csv", replace(BY_NAME["csv"], writer=slow))
    client = TestClient(crowded(data, 1))
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(client.get(ITEMS, params={"f": "csv"}).status_code))
    thread.start()
    assert going.wait(20)
    for name in ("csv", "gpkg"):
        refused = client.get(ITEMS, params={"f": name, "limit": 1})
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "OM-5033", "10")
    for name in ("json", "html", "jsonfg"):
        assert client.get(ITEMS, params={"f": name, "limit": 1}).status_code == 200
    go_on.set()
    thread.join()
    assert answers == [200]
    assert client.get(ITEMS, params={"f": "gpkg", "limit": 1}).status_code == 200


def test_a_place_is_given_back_however_a_download_ends(data: Path) -> None:
    app = crowded(data, 1)
    client = TestClient(app)
    for _ in range(2):
        assert client.get(ITEMS, params={"f": "csv", "next": "x"}).status_code == 400
        assert client.get(ITEMS, params={"f": "csv", "headers": "de"}).status_code == 400
        assert client.head(ITEMS, params={"f": "gpkg"}).status_code == 200
        assert client.get(ITEMS, params={"f": "csv", "limit": 1}, headers={"Accept-Encoding": ""}).status_code == 200
        assert asked(app, "f=csv", leave=True)[0]["status"] == 200
    assert client.get(ITEMS, params={"f": "fgb", "limit": 1}).status_code == 200


def test_places_are_fewer_than_connections() -> None:
    def most(downloads: int, *connections: int) -> int:
        stores = {str(at): settings_of("postgresql://", connections=many) for at, many in enumerate(connections)}
        places = places_of(Settings(limits=Limits(downloads=downloads), stores=stores))
        for taken in range(100):
            try:
                places.take()
            except Crowded:
                return taken
        raise AssertionError

    assert [most(4), most(4, 8), most(4, 8, 3), most(9, 8), most(4, 1)] == [4, 4, 2, 7, 1]


@pytest.mark.parametrize("name", ["gpkg", "shp", "fgb"])
def test_finished_files_have_a_length(data: Path, name: str) -> None:
    messages = asked(crowded(data, 4), f"f={name}&limit=3000")
    headers = dict(messages[0]["headers"])
    sizes = [len(message.get("body", b"")) for message in messages[1:]]
    assert len(sizes) > 2, "the file is sent in pieces"
    assert int(headers[b"content-length"]) == sum(sizes)
    assert messages[-1].get("more_body", False) is False


def test_streams_have_none(data: Path) -> None:
    headers = dict(asked(crowded(data, 4), "f=csv&limit=3000")[0]["headers"])
    assert b"content-length" not in headers


@pytest.mark.parametrize("name", ["gpkg", "parquet"])
def test_a_failure_before_the_first_byte_is_a_problem(data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """However long it takes: nothing is sent while a file is being made."""

    def failing(*_: object) -> Iterator[bytes]:
        yield b""
        yield b""
        raise TooLarge

    monkeypatch.setitem(BY_NAME, name, replace(BY_NAME[name], writer=failing))
    assert asked(crowded(data, 1), f"f={name}")[0]["status"] == 413
