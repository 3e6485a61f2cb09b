"""What a request asks of the content of tiles: the same features as items with the same parameters give."""

from __future__ import annotations

from typing import Any

import mapbox_vector_tile
import pytest
from starlette.testclient import TestClient

STORES = ("client", "postgis_client")
DLTB = "/collections/dltb"
TILESET = f"{DLTB}/tiles/WebMercatorQuad"


@pytest.fixture(scope="module", params=STORES)
def served(request: pytest.FixtureRequest) -> TestClient:
    client: TestClient = request.getfixturevalue(request.param)
    return client


def layers(client: TestClient, address: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    response = client.get(address, params=query)
    assert response.status_code in (200, 204), response.text
    return dict(mapbox_vector_tile.decode(response.content)) if response.status_code == 200 else {}


def limits(client: TestClient, tileset: str, level: str) -> dict[str, Any]:
    listed = client.get(tileset, params={"f": "json"}).json()["tileMatrixSetLimits"]
    return dict(next(item for item in listed if item["tileMatrix"] == level))


def tile(client: TestClient, tileset: str, level: str) -> str:
    found = limits(client, tileset, level)
    row, col = ((found[f"minTile{side}"] + found[f"maxTile{side}"]) // 2 for side in ("Row", "Col"))
    return f"{tileset}/{level}/{row}/{col}"


def keys(found: dict[str, Any], layer: str = "dltb") -> set[int]:
    return {item["id"] for item in found[layer]["features"]} if layer in found else set()


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "DLBM LIKE '01%' AND TBMJ > 3000"},
        {"filter": '{"op":"=","args":[{"property":"DLBM"},"0103"]}', "filter-lang": "cql2-json"},
        {"DLBM": "0103"},
        {"q": "水田"},
        {"datetime": "2023-01-01/.."},
        {"datetime": "../2020-12-31"},
        {"subset": 'datetime("2024-01-01":*)'},
    ],
)
def test_the_features_are_those_of_the_items(served: TestClient, query: dict[str, str]) -> None:
    address = tile(served, TILESET, "14")
    every = keys(layers(served, address))
    plain = {("datetime" if name == "subset" else name): value for name, value in query.items()}
    if "subset" in query:
        plain["datetime"] = "2024-01-01/.."
    listed = served.get(f"{DLTB}/items", params={**plain, "limit": "10000"}).json()["features"]
    wanted = {int(item["id"]) for item in listed}
    assert every
    assert keys(layers(served, address, query)) == every & wanted


def test_a_filter_with_a_geometry_is_in_its_crs(served: TestClient) -> None:
    address = tile(served, TILESET, "13")
    every = keys(layers(served, address))
    box = served.get(DLTB, params={"f": "json"}).json()["extent"]["spatial"]["bbox"][0]
    middle = (box[0] + box[2]) / 2
    lonlat = {"filter": f"S_INTERSECTS(geom, BBOX({box[0]},{box[1]},{middle},{box[3]}))"}
    latlon = {
        "filter": f"S_INTERSECTS(geom, BBOX({box[1]},{box[0]},{box[3]},{middle}))",
        "filter-crs": "http://www.opengis.net/def/crs/EPSG/0/4490",
    }
    found = keys(layers(served, address, lonlat))
    assert found == keys(layers(served, address, latlon))
    assert found < every


def test_properties(served: TestClient) -> None:
    address = tile(served, TILESET, "14")
    whole, some = layers(served, address)["dltb"], layers(served, address, {"properties": "DLBM,TBMJ"})["dltb"]
    assert {name for item in some["features"] for name in item["properties"]} == {"DLBM", "TBMJ"}
    assert {item["id"]: item["properties"]["DLBM"] for item in some["features"]} == {
        item["id"]: item["properties"]["DLBM"] for item in whole["features"]
    }
    none = layers(served, address, {"properties": ""})["dltb"]
    assert {name for item in none["features"] for name in item["properties"]} == set()


def test_each_content_has_a_tag_of_its_own(served: TestClient) -> None:
    address = tile(served, TILESET, "14")
    queries = [{}, {"DLBM": "0103"}, {"DLBM": "0101"}, {"properties": "DLBM"}, {"properties": "DLMC"}]
    tags = [served.get(address, params=query).headers["etag"] for query in queries]
    assert len(set(tags)) == len(queries)
    again = served.get(address, params=queries[1], headers={"If-None-Match": tags[1]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"filter": "DLBM ="}, "filter"),
        ({"filter": "NOTHERE = 1"}, "NOTHERE"),
        ({"filter-lang": "ecql"}, "filter-lang"),
        ({"filter": "DLBM = '0101'", "filter-crs": "EPSG:4490"}, "filter-crs"),
        ({"datetime": "2024-13-01"}, "datetime"),
        ({"subset": "Lat(1:2)"}, "subset"),
        ({"subset": "datetime(*)"}, "subset"),
        ({"properties": "DLBM,NOTHERE"}, "NOTHERE"),
        ({"DLBM": "9999"}, "DLBM"),
        ({"limit": "1"}, "limit"),
        ({"collections": "dltb"}, "collections"),
        ({"bbox": "1,2,3,4"}, "bbox"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, query: dict[str, str], named: str) -> None:
    for address in (tile(client, TILESET, "14"), TILESET, f"{TILESET}/tilejson.json"):
        response = client.get(address, params=query)
        assert response.status_code == 400, address
        assert named in response.json()["detail"]


def test_queryables_are_parameters_of_tiles_alone(client: TestClient) -> None:
    """The documents that describe tiles hand on a ``filter``, which says the same and more."""
    for address in (TILESET, f"{TILESET}/tilejson.json"):
        assert client.get(address, params={"DLBM": "0103"}).status_code == 400
        assert client.get(address, params={"filter": "DLBM = '0103'"}).status_code == 200


def test_documents_hand_the_query_on(client: TestClient) -> None:
    query = {"filter": "DLBM = '0103' AND TBMJ > 1", "properties": "DLBM", "datetime": "2024-01-01"}
    document = client.get(TILESET, params={**query, "f": "json"}).json()
    template = next(item["href"] for item in document["links"] if item["rel"] == "item")
    assert list(document["layers"][0]["propertiesSchema"]["properties"]) == ["DLBM"]
    described = client.get(next(item["href"] for item in document["links"] if item["title"] == "TileJSON")).json()
    assert described["vector_layers"][0]["fields"] == {"DLBM": "String"}
    address = tile(client, TILESET, "14")
    level, row, col = address.split("/")[-3:]
    by_template = template.replace("{tileMatrix}", level).replace("{tileRow}", row).replace("{tileCol}", col)
    by_tilejson = described["tiles"][0].replace("{z}", level).replace("{y}", row).replace("{x}", col)
    assert layers(client, by_template) == layers(client, by_tilejson) == layers(client, address, query)


def test_a_dataset_tile_is_the_tiles_of_its_collections(served: TestClient) -> None:
    listed = [item["id"] for item in served.get("/collections", params={"f": "json"}).json()["collections"]]
    coarsest = _limits(served, "/tiles/WebMercatorQuad")[0]["tileMatrix"]
    for level in (coarsest, "9", "12", "14"):
        address = tile(served, "/tiles/WebMercatorQuad", level)
        found = layers(served, address)
        single = {}
        for identifier in listed:
            response = served.get(f"/collections/{identifier}{address}")
            if response.status_code == 200:
                single |= mapbox_vector_tile.decode(response.content)
        assert found == single
        # the label points of a collection after its features
        assert list(found) == [layer for name in listed for layer in (name, f"{name}:label") if layer in found]
    assert len(found) >= 3


def test_collections_are_chosen_in_order(served: TestClient) -> None:
    address = tile(served, "/tiles/WebMercatorQuad", "13")
    assert list(layers(served, address, {"collections": "xzq,dltb"})) == ["xzq", "xzq:label", "dltb"]
    assert list(layers(served, address, {"collections": "dltb,xzq,dltb"})) == ["dltb", "xzq", "xzq:label"]
    by_address = "http://testserver/collections/xzq?f=json"
    assert list(layers(served, address, {"collections": by_address})) == ["xzq", "xzq:label"]
    document = served.get("/tiles/WebMercatorQuad", params={"collections": "xzq,dltb", "f": "json"}).json()
    assert [item["id"] for item in document["layers"]] == ["xzq", "xzq:label", "dltb"]
    template = next(item["href"] for item in document["links"] if item["rel"] == "item")
    assert template.endswith("/{tileMatrix}/{tileRow}/{tileCol}?f=mvt&collections=xzq,dltb")


def test_dataset_limits_hold_those_of_all_collections(client: TestClient) -> None:
    whole = {item["tileMatrix"]: item for item in _limits(client, "/tiles/WebMercatorQuad")}
    for collection in client.get("/collections", params={"f": "json"}).json()["collections"]:
        for item in _limits(client, f"/collections/{collection['id']}/tiles/WebMercatorQuad"):
            around = whole[item["tileMatrix"]]
            for side in ("Row", "Col"):
                assert around[f"minTile{side}"] <= item[f"minTile{side}"] <= around[f"maxTile{side}"]
                assert around[f"minTile{side}"] <= item[f"maxTile{side}"] <= around[f"maxTile{side}"]


def _limits(client: TestClient, address: str) -> list[dict[str, Any]]:
    return list(client.get(address, params={"f": "json"}).json()["tileMatrixSetLimits"])


@pytest.mark.parametrize(
    ("query", "named"),
    [({"collections": "nothere"}, "nothere"), ({"collections": ""}, "''"), ({"filter": "a=1"}, "filter")],
)
def test_what_is_wrong_with_a_dataset_query_is_named(client: TestClient, query: dict[str, str], named: str) -> None:
    for address in (tile(client, "/tiles/WebMercatorQuad", "12"), "/tiles/WebMercatorQuad"):
        response = client.get(address, params=query)
        assert response.status_code == 400
        assert named in response.json()["detail"]


def test_the_dataset_is_what_the_principal_may_see(client: TestClient, internet: TestClient) -> None:
    visible = {item["id"] for item in internet.get("/collections", params={"f": "json"}).json()["collections"]}
    document = internet.get("/tiles/WebMercatorQuad", params={"f": "json"}).json()
    assert {item["id"].removesuffix(":label") for item in document["layers"]} == visible
    assert "dltb" not in visible
    address = tile(client, "/tiles/WebMercatorQuad", "12")
    assert "dltb" in layers(client, address)
    response = internet.get(address)
    assert response.status_code == 404 or "dltb" not in mapbox_vector_tile.decode(response.content)
    hidden = internet.get("/tiles/WebMercatorQuad", params={"collections": "dltb"})
    unknown = internet.get("/tiles/WebMercatorQuad", params={"collections": "nada"})
    assert hidden.status_code == unknown.status_code == 400
    assert hidden.json()["detail"].replace("dltb", "nada") == unknown.json()["detail"]
