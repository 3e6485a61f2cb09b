"""Styles through the application: only own addresses, every reference answered, nothing of what is hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from onemap.app import create_app, publish_file
from onemap.styles.fonts import FONT
from tests.conformance.world import PLACES, write_world
from tests.sld import faults

OWN = "http://testserver/"
NAMESPACES = ("http://www.opengis.net/", "http://www.w3.org/")
PUBLIC = {"xzq", "buildings", "czkfbj"}


def ids(client: TestClient) -> list[str]:
    listed = client.get("/styles", params={"f": "json"}).json()["styles"]
    return [item["id"] for item in listed]


def mapbox(client: TestClient, identifier: str, **query: str) -> dict[str, Any]:
    answer = client.get(f"/styles/{identifier}", params={"f": "mapbox", **query})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox.style+json"
    return dict(answer.json())


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def test_no_style_names_another_host(client: TestClient) -> None:
    for identifier in ids(client):
        named = [text for text in strings(mapbox(client, identifier)) if "//" in text]
        assert named
        assert [text for text in named if not text.startswith(OWN)] == []
        sld = client.get(f"/styles/{identifier}", params={"f": "sld11"}).text
        assert [
            text for text in re.findall(r'"(https?://[^"]*)"', sld) if not text.startswith((OWN, *NAMESPACES))
        ] == []


def test_all_that_a_style_names_is_there(client: TestClient) -> None:
    for identifier in ids(client):
        style = mapbox(client, identifier)
        for name, source in style["sources"].items():
            tilejson = client.get(source["url"]).json()
            drawn = {layer["source-layer"] for layer in style["layers"] if layer.get("source") == name}
            assert drawn <= {layer["id"] for layer in tilejson["vector_layers"]} <= {name, f"{name}:label"}
            fields = set(tilejson["vector_layers"][0]["fields"])
            used = {item for layer in style["layers"] if layer.get("source") == name for item in properties(layer)}
            assert used <= fields
        for ratio in ("", "@2x"):
            places = client.get(f"{style['sprite']}{ratio}.json").json()
            patterns = {layer["paint"].get("fill-pattern") for layer in style["layers"] if "paint" in layer} - {None}
            assert patterns <= places.keys()
            assert client.get(f"{style['sprite']}{ratio}.png").content.startswith(b"\x89PNG")
        for stack in {layer["layout"]["text-font"][0] for layer in style["layers"] if layer["type"] == "symbol"}:
            address = style["glyphs"].replace("{fontstack}", stack).replace("{range}", "0-255")
            assert client.get(address).status_code == 200


def properties(value: Any) -> Iterator[str]:
    """Yield the properties that the expressions of a layer read."""
    if isinstance(value, dict):
        for item in value.values():
            yield from properties(item)
    elif isinstance(value, list):
        if len(value) == 2 and value[0] in ("get", "has"):
            yield value[1]
        for item in value:
            yield from properties(item)


def test_each_sld_has_the_structure_of_the_standard(client: TestClient) -> None:
    for identifier in ids(client):
        answer = client.get(f"/styles/{identifier}", params={"f": "sld11"})
        assert answer.headers["content-type"] == "application/vnd.ogc.sld+xml;version=1.1"
        assert faults(answer.content) == []
        for address in re.findall(r'href="([^"]*)"', answer.text):
            pattern = client.get(address)
            assert pattern.status_code == 200
            assert pattern.headers["content-type"] == "image/svg+xml"


def test_the_structure_check_can_fail(client: TestClient) -> None:
    body = client.get("/styles/redline", params={"f": "sld11"}).content
    assert faults(
        body.replace(b"<se:GraphicFill>", b"<se:GraphicFull>").replace(b"</se:GraphicFill>", b"</se:GraphicFull>")
    )
    assert faults(body.replace(b'name="fill"', b'name="fil"'))
    assert faults(body.replace(b'version="1.1.0"', b'version="1.0.0"'))


def test_maplibre_and_sld_have_the_same_classes_and_colours(client: TestClient) -> None:
    fill = next(layer for layer in mapbox(client, "landuse")["layers"] if layer["id"] == "dltb:0.0.fill")
    match = fill["paint"]["fill-color"][2:-1]
    colours = {code: colour for codes, colour in zip(match[::2], match[1::2], strict=True) for code in codes}
    sld = client.get("/styles/landuse", params={"f": "sld11"}).text
    rules = re.findall(
        r"<se:Name>(\w+)</se:Name>.*?<ogc:Literal>(\w+)</ogc:Literal>.*?\"fill\">(#\w+)<", sld, re.DOTALL
    )
    found = {literal: colour for _, literal, colour in rules}
    assert len(colours) > 70
    assert {code: found.get(code) for code in colours} == colours


def test_titles_are_in_the_language_asked_for(client: TestClient) -> None:
    assert mapbox(client, "redline", lang="zh")["name"] == "生态保护红线"
    assert mapbox(client, "redline", lang="en")["name"] == "Ecological redline"
    english = client.get("/styles/landuse/legend", params={"f": "json", "lang": "en"}).json()
    assert {"code": "0101", "title": "Paddy field"}.items() <= english["layers"][0]["items"][10].items()
    chinese = client.get("/styles/landuse/legend", params={"f": "png", "lang": "zh"}).content
    assert chinese != client.get("/styles/landuse/legend", params={"f": "png", "lang": "en"}).content


def test_a_legend_lists_each_class_with_its_symbol(client: TestClient) -> None:
    legend = client.get("/styles/urban-boundary/legend", params={"f": "json"}).json()
    assert [(layer["collection"], layer["property"]) for layer in legend["layers"]] == [("czkfbj", "GHFQDM")]
    items = legend["layers"][0]["items"]
    assert [item["code"] for item in items] == ["110", "120", "130"]
    assert all(item["image"].startswith("data:image/png;base64,") for item in items)
    assert len({item["image"] for item in items}) == 3
    image = client.get("/styles/urban-boundary/legend", params={"f": "png"})
    assert image.headers["content-type"] == "image/png"
    assert image.content.startswith(b"\x89PNG")


def test_hidden_collections_are_in_no_style_of_the_internet_zone(internet: TestClient) -> None:
    assert set(ids(internet)) == {"admin", "buildings", "urban-boundary", "onemap"}
    style = mapbox(internet, "onemap")
    assert set(style["sources"]) == PUBLIC
    legend = internet.get("/styles/onemap/legend", params={"f": "json"}).json()
    assert {layer["collection"] for layer in legend["layers"]} == PUBLIC
    for text in (json.dumps(style), internet.get("/styles/onemap", params={"f": "sld11"}).text, json.dumps(legend)):
        assert "dltb" not in text
        assert "DLBM" not in text
    for path in ("/styles/landuse", "/styles/landuse/metadata", "/styles/landuse/legend", "/collections/dltb/styles"):
        hidden, unknown = (
            internet.get(path),
            internet.get(path.replace("landuse", "nowhere").replace("dltb", "nowhere")),
        )
        assert hidden.status_code == unknown.status_code == 404


def test_a_collection_has_its_styles_and_the_first_is_the_default(client: TestClient) -> None:
    listed = client.get("/collections/dltb/styles", params={"f": "json"}).json()
    assert [item["id"] for item in listed["styles"]] == ["landuse", "landuse-groups", "onemap"]
    assert listed["default"] == "landuse"
    default = client.get("/collections/dltb/styles/default", params={"f": "mapbox"}).json()
    assert set(default["sources"]) == {"dltb"}
    whole = client.get("/collections/dltb/styles/onemap", params={"f": "mapbox"}).json()
    assert set(whole["sources"]) == {"dltb"}
    assert client.get("/collections/dltb/styles/admin", params={"f": "mapbox"}).status_code == 404
    assert set(mapbox(client, "default")["sources"]) == set(mapbox(client, "onemap")["sources"])


def test_every_collection_of_the_demo_has_a_style_of_its_own_and_is_on_the_whole_map(client: TestClient) -> None:
    collections = {item["id"] for item in client.get("/collections", params={"f": "json"}).json()["collections"]}
    for collection in sorted(collections):
        first, *_, last = client.get(f"/collections/{collection}/styles", params={"f": "json"}).json()["styles"]
        assert first["id"] not in (collection, "onemap") or collection == "buildings"
        assert last["id"] == "onemap"
        legend = client.get(f"/styles/{first['id']}/legend", params={"f": "json"}).json()
        assert all(layer["items"] for layer in legend["layers"])
    whole = client.get("/styles/onemap/legend", params={"f": "json"}).json()
    drawn = [layer["collection"] for layer in whole["layers"]]
    assert sorted(drawn) == sorted(collections)
    assert drawn[:3] == ["dltb_previous", "dltb", "ghyt"]
    assert drawn[-1] == "xzq"


def test_the_rules_of_a_style_draw_every_feature_whatever_its_kind(client: TestClient) -> None:
    """A kind that no rule names, or none at all, must not make a protected area invisible."""
    for collection in ("kcd", "kyq", "lswhbhx", "sd", "yyssyd", "zrbhd"):
        style = client.get(f"/collections/{collection}/styles/default", params={"f": "mapbox"}).json()
        filters = [layer["filter"] for layer in style["layers"] if layer["id"].endswith(".line")]
        assert len(filters) == 2
        kinds = {value for text in filters for value in strings(text) if not value.isascii()}
        for properties in ({}, {"LXMC": "另一类"}, *({"LXMC": kind} for kind in sorted(kinds))):
            assert [held(condition, properties) for condition in filters].count(True) == 1, (collection, properties)


def held(condition: Any, properties: dict[str, str]) -> Any:
    """Return the value of an expression of MapLibre, of those that these styles use."""
    if not isinstance(condition, list):
        return condition
    name, *rest = condition
    if name == "get":
        return properties.get(rest[0])
    values = [held(item, properties) for item in rest]
    if name in ("==", "!="):
        return (values[0] == values[1]) == (name == "==")
    made: dict[str, Any] = {"has": lambda: rest[0] in properties, "!": lambda: not values[0]}
    return made[name]() if name in made else {"any": any, "all": all}[name](values)


def test_collections_without_a_style_file_get_a_plain_style(tmp_path: Path) -> None:
    write_world(tmp_path / "world.gpkg", PLACES)
    client = TestClient(create_app(publish_file(tmp_path / "world.gpkg")))
    collections = [item["id"] for item in client.get("/collections", params={"f": "json"}).json()["collections"]]
    assert set(collections) <= set(ids(client))
    for identifier in collections:
        style = mapbox(client, identifier)
        assert set(style["sources"]) == {identifier}
        assert faults(client.get(f"/styles/{identifier}", params={"f": "sld11"}).content) == []
        assert client.get(f"/styles/{identifier}/legend", params={"f": "png"}).status_code == 200
    assert set(mapbox(client, "default")["sources"]) == set(collections)


def test_maps_that_ask_for_json_get_the_style(client: TestClient) -> None:
    answer = client.get("/styles/admin", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/vnd.mapbox.style+json"
    assert client.get("/styles/admin", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")
    assert client.get("/styles/admin", headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize(
    "path",
    ["/fonts/Nothing/0-255.pbf", f"/fonts/{FONT}/0-256.pbf", f"/fonts/{FONT}/1-256.pbf",
     f"/fonts/{FONT}/65536-65791.pbf",
     f"/fonts/{FONT}/x.pbf", "/fonts/..%2F..%2Fstatic/0-255.pbf", "/fonts/../0-255.pbf", "/sprites/nothing.json",
     "/sprites/nothing.png", "/sprites/nothing.svg", "/styles/..%2Fonemap", "/styles/nothing"],
)  # fmt: skip
def test_what_is_not_known_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_glyphs_come_compressed_and_may_be_kept(client: TestClient) -> None:
    path = f"/fonts/Missing,{FONT}/19968-20223.pbf"
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert plain.headers["content-type"] == "application/x-protobuf"
    assert "max-age" in plain.headers["cache-control"]
    assert packed.headers["etag"] != plain.headers["etag"]
    again = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]})
    assert again.status_code == 304
    assert FONT.encode() in plain.content[:64]


def test_the_font_has_the_characters_of_the_titles(client: TestClient) -> None:
    documents = [client.get(f"/styles/{item}/legend", params={"f": "json"}).json() for item in ids(client)]
    chars = {char for document in documents for text in strings({**document, "image": ""}) for char in text}
    wanted = {ord(char) for char in chars if "\u4e00" <= char <= "\u9fff"}
    assert len(wanted) > 100
    for first in {code & ~0xFF for code in wanted}:
        body = client.get(f"/fonts/{FONT}/{first}-{first + 255}.pbf", headers={"Accept-Encoding": "identity"}).content
        assert {code for code in wanted if code & ~0xFF == first} <= codes(body)


def codes(body: bytes) -> set[int]:
    """Return the code points of a file of glyphs, read from its fields 1 (stacks), 3 (glyphs), 1 (id)."""
    found: set[int] = set()
    for _, stack in fields(body):
        found |= {next(fields(glyph))[1] for number, glyph in fields(stack) if number == 3}
    return found


def fields(body: bytes) -> Iterator[tuple[int, Any]]:
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = body[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(body):
        key = varint()
        value = varint()
        if key & 7 == 2:
            yield key >> 3, body[at : at + value]
            at += value
        else:
            yield key >> 3, value


def test_an_empty_range_is_an_empty_file(client: TestClient) -> None:
    answer = client.get(f"/fonts/{FONT}/57344-57599.pbf", headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.content == b""


def test_the_template_of_the_fonts_is_not_percent_encoded(client: TestClient) -> None:
    assert mapbox(client, "admin")["glyphs"] == OWN + "fonts/{fontstack}/{range}.pbf"
