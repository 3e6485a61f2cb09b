"""OGC API Tiles Part 1 1.0 (20-057) and OGC Two Dimensional Tile Matrix Set 2.0 (17-083r4), JSON encoding."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import mapbox_vector_tile
import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
CORE = TILES + "core"
OAS30 = TILES + "oas30"
TMS = "http://www.opengis.net/spec/tms/2.0/conf/"
SET = TMS + "tilematrixset"
SET_JSON = TMS + "json-tilematrixset"
LIMITS = TMS + "tilematrixsetlimits"
LIMITS_JSON = TMS + "json-tilematrixsetlimits"
METADATA = TMS + "tilesetmetadata"
METADATA_JSON = TMS + "json-tilesetmetadata"
JSON = {"Accept": "application/json"}
MVT = "application/vnd.mapbox-vector-tile"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
REGISTRY = "http://www.opengis.net/def/tilematrixset/OGC/1.0/"
REGISTERED = ("WebMercatorQuad", "WorldCRS84Quad")

POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
COUNT = {"type": "integer", "minimum": 1}
LINK = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": {"href": {"type": "string"}, "rel": {"type": "string"}, "templated": {"type": "boolean"}},
}
MATRIX_SET_SCHEMA = {
    "type": "object",
    "required": ["crs", "tileMatrices"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "uri": {"type": "string", "format": "uri"},
        "crs": {"type": "string"},
        "orderedAxes": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        "tileMatrices": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": [
                    "id",
                    "scaleDenominator",
                    "cellSize",
                    "pointOfOrigin",
                    "tileWidth",
                    "tileHeight",
                    "matrixWidth",
                    "matrixHeight",
                ],
                "properties": {
                    "id": {"type": "string"},
                    "scaleDenominator": {"type": "number", "exclusiveMinimum": 0},
                    "cellSize": {"type": "number", "exclusiveMinimum": 0},
                    "cornerOfOrigin": {"enum": ["topLeft", "bottomLeft"]},
                    "pointOfOrigin": POINT,
                    "tileWidth": COUNT,
                    "tileHeight": COUNT,
                    "matrixWidth": COUNT,
                    "matrixHeight": COUNT,
                },
            },
        },
    },
}
LIMITS_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["tileMatrix", "minTileRow", "maxTileRow", "minTileCol", "maxTileCol"],
        "properties": {
            "tileMatrix": {"type": "string"},
            "minTileRow": {"type": "integer", "minimum": 0},
            "maxTileRow": {"type": "integer", "minimum": 0},
            "minTileCol": {"type": "integer", "minimum": 0},
            "maxTileCol": {"type": "integer", "minimum": 0},
        },
    },
}
BOX = {
    "type": "object",
    "required": ["lowerLeft", "upperRight"],
    "properties": {"lowerLeft": POINT, "upperRight": POINT},
}
TILESET_SCHEMA = {
    "type": "object",
    "required": ["dataType", "crs", "links"],
    "properties": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "dataType": {"enum": ["map", "vector", "coverage"]},
        "crs": {"type": "string"},
        "tileMatrixSetURI": {"type": "string", "format": "uri"},
        "tileMatrixSetLimits": LIMITS_SCHEMA,
        "mediaTypes": {"type": "array", "items": {"type": "string"}},
        "boundingBox": BOX,
        "centerPoint": {"type": "object", "required": ["coordinates"], "properties": {"coordinates": POINT}},
        "links": {"type": "array", "items": LINK},
        "layers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["id", "dataType"],
                "properties": {
                    "id": {"type": "string"},
                    "dataType": {"enum": ["map", "vector", "coverage"]},
                    "geometryDimension": {"type": "integer", "minimum": 0, "maximum": 3},
                    "minTileMatrix": {"type": "string"},
                    "maxTileMatrix": {"type": "string"},
                    "boundingBox": BOX,
                    "propertiesSchema": {
                        "type": "object",
                        "required": ["type", "properties"],
                        "properties": {"type": {"const": "object"}, "properties": {"type": "object"}},
                    },
                },
            },
        },
    },
}


def check(document: Any, schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)


def link(document: dict[str, Any], rel: str) -> dict[str, Any]:
    return next(item for item in document["links"] if item["rel"] == rel)


def tilesets(server: TestClient) -> Iterator[dict[str, Any]]:
    """Yield the full metadata of tilesets, found by following links from the landing page and the collections.

    Of the Gauss-Kruger zones, which differ in nothing but their CRS, that of the dataset's first one.
    """
    sources = [server.get("/", headers=JSON).json(), *server.get("/collections", headers=JSON).json()["collections"]]
    for number, source in enumerate(sources):
        listed = server.get(link(source, REL + "tilesets-vector")["href"], headers=JSON).json()["tilesets"]
        assert listed
        zones = [item for item in listed if "GK3" in item["tileMatrixSetId"]]
        for item in listed:
            if item not in zones or (number == 0 and item is zones[0]):
                yield server.get(link(item, "self")["href"], headers=JSON).json()


def address(tileset: dict[str, Any], level: str, row: int, col: int) -> str:
    href = str(link(tileset, "item")["href"])
    for name, value in (("{tileMatrix}", level), ("{tileRow}", row), ("{tileCol}", col)):
        assert href.count(name) == 1
        href = href.replace(name, str(value))
    return href


def levels(tileset: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the limits of a coarse, a middle and the finest level."""
    limits = tileset["tileMatrixSetLimits"]
    return [limits[0], limits[len(limits) // 2], limits[-1]]


@pytest.mark.abstract_test(CORE, "/conf/core/tc-op")
def test_tiles_are_available_by_the_template(server: TestClient) -> None:
    for tileset in tilesets(server):
        first = tileset["tileMatrixSetLimits"][0]
        rows = range(first["minTileRow"], first["maxTileRow"] + 1)
        cols = range(first["minTileCol"], first["maxTileCol"] + 1)
        found = [server.get(address(tileset, first["tileMatrix"], row, col)) for row in rows for col in cols]
        assert {response.status_code for response in found} <= {200, 204}
        assert any(response.status_code == 200 for response in found)


def tile_operations(server: TestClient) -> dict[str, dict[str, Any]]:
    paths = server.get("/api", params={"f": "json"}).json()["paths"]
    return {
        path: item["get"]
        for path, item in paths.items()
        if item.get("get", {}).get("operationId", "").endswith(".getTile")
    }


def path_parameter(server: TestClient, name: str) -> list[dict[str, Any]]:
    operations = tile_operations(server)
    assert operations
    return [item for operation in operations.values() for item in operation["parameters"] if item["name"] == name]


@pytest.mark.abstract_test(CORE, "/conf/core/tc-tilematrix-definition")
def test_tile_matrix_parameter(server: TestClient) -> None:
    for item in path_parameter(server, "tileMatrix"):
        assert (item["in"], item["required"], item["schema"]["type"]) == ("path", True, "string")


@pytest.mark.abstract_test(CORE, "/conf/core/tc-tilerow-definition")
def test_tile_row_parameter(server: TestClient) -> None:
    for item in path_parameter(server, "tileRow"):
        assert (item["in"], item["required"], item["schema"]["type"]) == ("path", True, "integer")


@pytest.mark.abstract_test(CORE, "/conf/core/tc-tilecol-definition")
def test_tile_col_parameter(server: TestClient) -> None:
    for item in path_parameter(server, "tileCol"):
        assert (item["in"], item["required"], item["schema"]["type"]) == ("path", True, "integer")


@pytest.mark.abstract_test(CORE, "/conf/core/tc-success")
def test_success(server: TestClient) -> None:
    """Every layer of a tile lies within it and its buffer; the media type is the one asked for."""
    for tileset in tilesets(server):
        first = tileset["tileMatrixSetLimits"][0]
        href = address(tileset, first["tileMatrix"], first["minTileRow"], first["minTileCol"])
        response = server.get(href, headers={"Accept": MVT})
        if response.status_code == 204:
            continue
        assert response.status_code == 200
        assert response.headers["content-type"] == MVT
        for layer in mapbox_vector_tile.decode(response.content).values():
            numbers = [value for item in layer["features"] for value in _numbers(item["geometry"]["coordinates"])]
            assert min(numbers) >= -64
            assert max(numbers) <= layer["extent"] + 64


def _numbers(coordinates: Any) -> Iterator[float]:
    if isinstance(coordinates, (int, float)):
        yield coordinates
        return
    for part in coordinates:
        yield from _numbers(part)


@pytest.mark.abstract_test(CORE, "/conf/core/tc-error")
def test_error(server: TestClient) -> None:
    for tileset in tilesets(server):
        for limits in levels(tileset):
            level, row, col = limits["tileMatrix"], limits["maxTileRow"], limits["minTileCol"]
            assert server.get(address(tileset, level, row, col)).status_code in (200, 204)
            assert server.get(address(tileset, level, row + 1, col)).status_code == 404
            assert server.get(address(tileset, level, 2147483647, 2147483647)).status_code == 404
        assert server.get(address(tileset, "none", 0, 0)).status_code == 404


@pytest.mark.abstract_test(CORE, "/conf/core/conformance-success")
def test_conformance(server: TestClient) -> None:
    declared = server.get("/conformance", headers=JSON).json()["conformsTo"]
    assert {CORE, TILES + "tileset", TILES + "tilesets-list", TILES + "geodata-tilesets", TILES + "mvt"} <= set(
        declared
    )
    assert {TILES + "dataset-tilesets", TILES + "collections-selection", TILES + "datetime"} <= set(declared)


@pytest.mark.abstract_test(TILES + "tileset", "/conf/tileset/description")
def test_tileset_description(server: TestClient) -> None:
    for tileset in tilesets(server):
        check(tileset, TILESET_SCHEMA)
        identifier = tileset["tileMatrixSetId"]
        if identifier in REGISTERED:
            assert tileset["tileMatrixSetURI"] == REGISTRY + identifier
        check(server.get(link(tileset, REL + "tiling-scheme")["href"], headers=JSON).json(), MATRIX_SET_SCHEMA)
        item = link(tileset, "item")
        assert item["type"] == MVT
        assert item["templated"] is True
        own = server.get(link(tileset, "self")["href"])
        assert own.headers["content-type"] == link(tileset, "self")["type"] == "application/json"


@pytest.mark.abstract_test(TILES + "tilesets-list", "/conf/tilesets-list/tileset-links")
def test_tilesets_list(server: TestClient) -> None:
    collections = server.get("/collections", headers=JSON).json()["collections"]
    for source in (server.get("/", headers=JSON).json(), *collections):
        base = link(source, "self")["href"].split("?")[0].rstrip("/")
        response = server.get(base + "/tiles", headers=JSON)
        assert response.headers["content-type"] == "application/json"
        for item in response.json()["tilesets"]:
            check(item, TILESET_SCHEMA)
            assert item["tileMatrixSetURI"]
            assert link(item, REL + "tiling-scheme")["href"]
            assert link(item, "self")["type"] == "application/json"
            assert link(item, "self")["href"].split("?")[0] == f"{base}/tiles/{item['tileMatrixSetId']}"


@pytest.mark.abstract_test(TILES + "geodata-tilesets", "/conf/geodata-tilesets/desc-links")
def test_collections_link_to_their_tilesets(server: TestClient) -> None:
    for collection in server.get("/collections", headers=JSON).json()["collections"]:
        found = link(collection, REL + "tilesets-vector")
        assert found["href"].startswith("http")
        assert found["href"].endswith(f"/collections/{collection['id']}/tiles")
        assert found["type"] == "application/json"


@pytest.mark.abstract_test(TILES + "geodata-tilesets", "/conf/geodata-tilesets/operation")
def test_collections_have_tilesets(server: TestClient) -> None:
    for collection in server.get("/collections", headers=JSON).json()["collections"]:
        response = server.get(f"/collections/{collection['id']}/tiles", headers=JSON)
        assert response.status_code == 200
        assert len(response.json()["tilesets"]) >= 1


def dataset(server: TestClient) -> dict[str, Any]:
    return dict(server.get("/tiles/WebMercatorQuad", headers=JSON).json())


def busy_tile(server: TestClient) -> str:
    """Return a tile of the dataset with more than one layer, or with as many as there are."""
    tileset, found = dataset(server), {}
    most = min(2, len(tileset["layers"]))
    for limits in tileset["tileMatrixSetLimits"]:
        row, col = ((limits[f"minTile{side}"] + limits[f"maxTile{side}"]) // 2 for side in ("Row", "Col"))
        href = address(tileset, limits["tileMatrix"], row, col)
        response = server.get(href)
        found = mapbox_vector_tile.decode(response.content) if response.status_code == 200 else {}
        if len(found) >= most:
            return href
    raise AssertionError("no tile of the dataset has several layers")


@pytest.mark.abstract_test(TILES + "dataset-tilesets", "/conf/dataset-tilesets/landingpage")
def test_landing_page_links_to_the_tilesets_of_the_dataset(server: TestClient) -> None:
    found = link(server.get("/", headers=JSON).json(), REL + "tilesets-vector")
    assert found["href"].startswith("http")
    assert found["href"].endswith("/tiles")
    assert found["type"] == "application/json"


@pytest.mark.abstract_test(TILES + "dataset-tilesets", "/conf/dataset-tilesets/operation")
def test_the_dataset_has_tilesets(server: TestClient) -> None:
    response = server.get("/tiles", headers=JSON)
    assert response.status_code == 200
    assert {item["tileMatrixSetId"] for item in response.json()["tilesets"]} >= set(REGISTERED)
    collections = server.get("/collections", headers=JSON).json()["collections"]
    assert shapes(item["id"] for item in dataset(server)["layers"]) == [item["id"] for item in collections]


def shapes(names: Iterable[str]) -> list[str]:
    """Return the names of layers that are collections: those of their labels stand beside them."""
    return [name for name in names if not name.endswith(":label")]


@pytest.mark.abstract_test(TILES + "collections-selection", "/conf/collections-selection/query-collections")
def test_collections_parameter(server: TestClient) -> None:
    names = shapes(item["id"] for item in dataset(server)["layers"])
    path = "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"
    paths = server.get("/api", params={"f": "json"}).json()["paths"]
    for operation in (paths[path]["get"], paths["/tiles/{tileMatrixSetId}"]["get"]):
        (parameter,) = [item for item in operation["parameters"] if item["name"] == "collections"]
        assert (parameter["in"], parameter["required"], parameter["style"]) == ("query", False, "form")
        assert parameter["explode"] is False
        assert parameter["schema"] == {"type": "array", "items": {"type": "string"}}
    href = busy_tile(server)
    addresses = [link(item, "self")["href"] for item in server.get("/collections", headers=JSON).json()["collections"]]
    for chosen in (names[:1], names[:2], names, [addresses[0].split("?")[0]]):
        for target in (href, "/tiles/WebMercatorQuad"):
            assert server.get(target, params={"collections": ",".join(chosen)}).status_code in (200, 204)
    for target in (href, "/tiles/WebMercatorQuad"):
        assert server.get(target, params={"collections": "no-such-collection"}).status_code == 400


@pytest.mark.abstract_test(TILES + "collections-selection", "/conf/collections-selection/collections-response")
def test_collections_response(server: TestClient) -> None:
    """Only the collections selected are in tiles and tilesets, the first one first."""
    href = busy_tile(server)
    names = shapes(mapbox_vector_tile.decode(server.get(href).content))
    for chosen in (names[:1], names[::-1]):
        query = {"collections": ",".join(chosen)}
        assert shapes(mapbox_vector_tile.decode(server.get(href, params=query).content)) == chosen
        document = server.get("/tiles/WebMercatorQuad", params=query, headers=JSON).json()
        assert shapes(item["id"] for item in document["layers"]) == chosen


@pytest.mark.abstract_test(TILES + "datetime", "/conf/datetime/axis")
def test_datetime_is_an_axis_of_subset(server: TestClient) -> None:
    """A subset of the time axis means what the datetime parameter means; both are accepted by all tiles."""
    for tileset in tilesets(server):
        if tileset["tileMatrixSetId"] != "WebMercatorQuad":
            continue
        limits = tileset["tileMatrixSetLimits"][0]
        href = address(tileset, limits["tileMatrix"], limits["minTileRow"], limits["minTileCol"])
        for subset, interval in (
            ('datetime("2020-01-01":"2021-12-31")', "2020-01-01/2021-12-31"),
            ('datetime("2020-06-30")', "2020-06-30"),
            ('datetime(*:"1900-01-01T00:00:00Z")', "../1900-01-01T00:00:00Z"),
            ('datetime("1900-01-01":*)', "1900-01-01/.."),
        ):
            one, other = (server.get(href, params=query) for query in ({"subset": subset}, {"datetime": interval}))
            assert one.status_code in (200, 204)
            assert one.content == other.content
        for wrong in ("datetime(2020-01-01)", 'Lat("1":"2")', 'datetime("2020-13-01")', 'datetime("")'):
            assert server.get(href, params={"subset": wrong}).status_code == 400


@pytest.mark.abstract_test(OAS30, "/conf/oas30/completeness")
def test_api_definition_describes_the_tile_resources(server: TestClient) -> None:
    paths = server.get("/api", params={"f": "json"}).json()["paths"]
    assert {"/tileMatrixSets", "/tileMatrixSets/{tileMatrixSetId}", "/tiles", "/tiles/{tileMatrixSetId}"} <= set(paths)
    assert "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}" in paths
    for collection in server.get("/collections", headers=JSON).json()["collections"]:
        base = f"/collections/{collection['id']}/tiles"
        tile = paths[base + "/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"]["get"]
        assert {base, base + "/{tileMatrixSetId}"} <= set(paths)
        assert MVT in tile["responses"]["200"]["content"]
        named = {item["name"] for item in tile["parameters"] if item["in"] == "path"}
        assert named == {"tileMatrixSetId", "tileMatrix", "tileRow", "tileCol"}


@pytest.mark.abstract_test(OAS30, "/conf/oas30/operation-id")
def test_operation_ids_have_their_suffixes(server: TestClient) -> None:
    paths = server.get("/api", params={"f": "json"}).json()["paths"]
    operations = {path: item["get"]["operationId"] for path, item in paths.items() if "get" in item}
    assert operations["/tiles"].endswith(".dataset.vector.getTileSetsList")
    assert operations["/tiles/{tileMatrixSetId}"].endswith(".dataset.vector.getTileSet")
    tile = operations["/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"]
    assert tile.endswith(".dataset.vector.getTile")
    for collection in server.get("/collections", headers=JSON).json()["collections"]:
        base = f"/collections/{collection['id']}/tiles"
        assert operations[base].endswith(".collection.vector.getTileSetsList")
        assert operations[base + "/{tileMatrixSetId}"].endswith(".collection.vector.getTileSet")
        tile = operations[base + "/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"]
        assert tile.endswith(".collection.vector.getTile")


@pytest.mark.abstract_test(TILES + "mvt", "/conf/mvt/content")
def test_vector_tile_content(server: TestClient) -> None:
    """Layers are those that the metadata names, in its order; features have a type and a geometry in its grid."""
    seen = 0
    for tileset in tilesets(server):
        for limits in levels(tileset):
            href = address(tileset, limits["tileMatrix"], limits["maxTileRow"], limits["maxTileCol"])
            response = server.get(href, headers={"Accept": MVT})
            if response.status_code != 200:
                continue
            tile = mapbox_vector_tile.decode(response.content)
            assert list(tile) == [item["id"] for item in tileset["layers"] if item["id"] in tile]
            for layer in tile.values():
                assert layer["extent"] == 4096
                assert all(item["geometry"]["coordinates"] for item in layer["features"])
                seen += len(layer["features"])
    assert seen


def matrix_sets(server: TestClient) -> Iterator[dict[str, Any]]:
    listed = server.get("/tileMatrixSets", headers=JSON).json()["tileMatrixSets"]
    assert listed
    for item in listed:
        response = server.get(link(item, "self")["href"])
        assert response.headers["content-type"] == "application/json"
        document = response.json()
        assert document["id"] == item["id"]
        yield document


@pytest.mark.abstract_test(SET, "/conf/tilematrixset/model")
def test_matrix_set_model(server: TestClient) -> None:
    """Scale denominators fit the cell sizes (0.28 mm pixels), ids are unique, levels are ordered by scale."""
    for document in matrix_sets(server):
        metres = 6378137.0 * math.pi / 180 if "Lon" in document["orderedAxes"] else 1.0
        matrices = document["tileMatrices"]
        assert len({item["id"] for item in matrices}) == len(matrices)
        for item in matrices:
            assert item["scaleDenominator"] == pytest.approx(item["cellSize"] * metres / 0.00028, rel=1e-9)
        scales = [item["scaleDenominator"] for item in matrices]
        assert scales == sorted(scales, reverse=True)


@pytest.mark.abstract_test(SET_JSON, "/conf/json-tilematrixset/model")
@pytest.mark.abstract_test(SET_JSON, "/conf/json-tilematrixset/schema")
def test_matrix_set_json(server: TestClient) -> None:
    for document in matrix_sets(server):
        check(document, MATRIX_SET_SCHEMA)


@pytest.mark.abstract_test(SET_JSON, "/conf/json-tilematrixset/media-type")
@pytest.mark.abstract_test(SET_JSON, "/conf/json-tilematrixset/ietf")
def test_matrix_set_json_is_json(server: TestClient) -> None:
    for identifier in REGISTERED:
        response = server.get(f"/tileMatrixSets/{identifier}", headers=JSON)
        assert response.headers["content-type"] == "application/json"
        json.loads(response.content.decode("utf-8"), parse_constant=pytest.fail)


@pytest.mark.abstract_test(LIMITS, "/conf/tilematrixsetlimits/model")
def test_limits_model(server: TestClient) -> None:
    """Limits name levels of the set, in its order, and stay within the matrix of each."""
    for tileset in tilesets(server):
        definition = server.get(link(tileset, REL + "tiling-scheme")["href"], headers=JSON).json()
        matrices = {item["id"]: item for item in definition["tileMatrices"]}
        named = [limits["tileMatrix"] for limits in tileset["tileMatrixSetLimits"]]
        assert named == [item for item in matrices if item in named]
        for limits in tileset["tileMatrixSetLimits"]:
            matrix = matrices[limits["tileMatrix"]]
            assert 0 <= limits["minTileRow"] <= limits["maxTileRow"] < matrix["matrixHeight"]
            assert 0 <= limits["minTileCol"] <= limits["maxTileCol"] < matrix["matrixWidth"]


@pytest.mark.abstract_test(LIMITS_JSON, "/conf/json-tilematrixsetlimits/model")
@pytest.mark.abstract_test(LIMITS_JSON, "/conf/json-tilematrixsetlimits/schema")
@pytest.mark.abstract_test(LIMITS_JSON, "/conf/json-tilematrixsetlimits/ietf")
def test_limits_json(server: TestClient) -> None:
    for tileset in tilesets(server):
        check(tileset["tileMatrixSetLimits"], LIMITS_SCHEMA)


@pytest.mark.abstract_test(METADATA, "/conf/tilematrixsetmetadata/model")
@pytest.mark.abstract_test(METADATA, "/conf/tilematrixsetmetadata/identifier")
def test_tileset_metadata_model(server: TestClient) -> None:
    for tileset in tilesets(server):
        assert tileset["title"]
        assert tileset["dataType"] == "vector"
        definition = server.get(link(tileset, REL + "tiling-scheme")["href"], headers=JSON).json()
        assert definition["crs"] == tileset["crs"]
        assert definition["uri"] == tileset["tileMatrixSetURI"]
        for layer in tileset["layers"]:
            assert layer["crs"] == tileset["crs"]
            assert layer["propertiesSchema"]["properties"]
            assert layer["minScaleDenominator"] <= layer["maxScaleDenominator"]
            if layer["id"].endswith(":label"):
                continue  # a point for each feature, at every level
            runs = layer["generalisation"]
            assert (runs[0]["minTileMatrix"], runs[-1]["maxTileMatrix"]) == (
                layer["minTileMatrix"],
                layer["maxTileMatrix"],
            )
            assert all(run["description"] for run in runs)


@pytest.mark.abstract_test(METADATA_JSON, "/conf/json-tilesetmetadata/model")
@pytest.mark.abstract_test(METADATA_JSON, "/conf/json-tilesetmetadata/schema")
@pytest.mark.abstract_test(METADATA_JSON, "/conf/json-tilesetmetadata/media-type")
@pytest.mark.abstract_test(METADATA_JSON, "/conf/json-tilesetmetadata/ietf")
def test_tileset_metadata_json(server: TestClient) -> None:
    for tileset in tilesets(server):
        check(tileset, TILESET_SCHEMA)
        response = server.get(link(tileset, "self")["href"])
        assert response.headers["content-type"] == "application/json"
