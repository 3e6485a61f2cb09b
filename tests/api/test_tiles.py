"""Vector tiles through the application: bytes against the features, validation, refusals, documents, access."""

from __future__ import annotations

import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyproj
import pytest
import shapely
from httpx2 import Response
from shapely.geometry import shape
from starlette.testclient import TestClient

from onemap.app import create_app, publish_file
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec

MVT = "application/vnd.mapbox-vector-tile"
PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}
HALF = math.pi * 6378137.0
SETS = ("WebMercatorQuad", "WorldCRS84Quad", "CGCS2000Quad")
# EPSG code and false easting of zones, that of the demo among them, with and without the number in the easting.
ZONES = {
    "CGCS2000GK3Zone38": (4526, 38_500_000.0),
    "CGCS2000GK3CM114E": (4547, 500_000.0),
    "CGCS2000GK3Zone39": (4527, 39_500_000.0),
}
Limits = dict[str, Any]


def tileset(client: TestClient, collection: str, matrix_set: str) -> dict[str, Any]:
    response = client.get(f"/collections/{collection}/tiles/{matrix_set}", params={"f": "json"})
    assert response.status_code == 200
    return dict(response.json())


def limits(client: TestClient, collection: str, matrix_set: str, level: str) -> Limits:
    listed = tileset(client, collection, matrix_set)["tileMatrixSetLimits"]
    return next(item for item in listed if item["tileMatrix"] == level)


def path(collection: str, matrix_set: str, level: str, row: int, col: int) -> str:
    return f"/collections/{collection}/tiles/{matrix_set}/{level}/{row}/{col}"


def middle(found: Limits) -> tuple[int, int]:
    return (found["minTileRow"] + found["maxTileRow"]) // 2, (found["minTileCol"] + found["maxTileCol"]) // 2


@pytest.fixture(scope="module")
def some_tile(client: TestClient) -> str:
    """The path of a tile in the middle of the land-use layer, where there is data everywhere."""
    return path("dltb", "WebMercatorQuad", "13", *middle(limits(client, "dltb", "WebMercatorQuad", "13")))


def decode(response: Response) -> dict[str, Any]:
    assert response.status_code == 200
    assert response.headers["content-type"] == MVT
    options = {"y_coord_down": True, "geojson": True}
    return dict(mapbox_vector_tile.decode(response.content, default_options=options))


def corners(matrix_set: str, level: int, row: int, col: int) -> tuple[float, float, float, float]:
    """Return left, bottom, right, top of a tile, from the definition of the grid alone."""
    if matrix_set.endswith("Mercator") or matrix_set == "WebMercatorQuad":
        left, top, size = -HALF, HALF, 2 * HALF / 2**level
    elif matrix_set in ZONES:
        left, top, size = ZONES[matrix_set][1] - HALF / 2, HALF / 2, 2 * HALF / 2**level
    elif matrix_set == "TiandituCGCS2000":
        left, top, size = -180.0, 90.0, 360.0 / 2**level
    else:
        left, top, size = -180.0, 90.0, 180.0 / 2**level
    return left + col * size, top - (row + 1) * size, left + (col + 1) * size, top - row * size


def transformer_to(matrix_set: str) -> pyproj.Transformer | None:
    """Return the way from longitudes and latitudes to x, y of a set; None where they are the same."""
    if matrix_set in ZONES:
        return pyproj.Transformer.from_crs("EPSG:4490", ZONES[matrix_set][0], always_xy=True)
    if "Mercator" in matrix_set:
        return pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:3857", always_xy=True)
    return None


def to_tile(lonlat: np.ndarray, matrix_set: str, box: tuple[float, float, float, float]) -> np.ndarray:
    transformer = transformer_to(matrix_set)
    if transformer:
        lonlat = np.column_stack(transformer.transform(lonlat[:, 0], lonlat[:, 1]))
    size = box[2] - box[0]
    return np.column_stack([(lonlat[:, 0] - box[0]) / size, (box[3] - lonlat[:, 1]) / size]) * 4096


def lonlat_box(matrix_set: str, box: tuple[float, float, float, float]) -> str:
    transformer = transformer_to(matrix_set)
    if transformer:
        box = transformer.transform_bounds(*box, direction="INVERSE")
    return ",".join(str(value) for value in box)


@pytest.mark.parametrize("matrix_set", [*SETS, *list(ZONES)[:2], "TiandituCGCS2000", "TiandituWebMercator"])
@pytest.mark.parametrize("collection", ["dltb", "stbhhx"])
def test_tiles_show_the_features_where_they_are(client: TestClient, collection: str, matrix_set: str) -> None:
    """Areas of every feature, computed independently from its GeoJSON, equal those in the tile."""
    level = 13 if matrix_set in ("WorldCRS84Quad", "CGCS2000Quad") else 14
    row, col = middle(limits(client, collection, matrix_set, str(level)))
    box = corners(matrix_set, level, row, col)
    query = {"bbox": lonlat_box(matrix_set, box), "limit": "10000", "f": "json"}
    features = client.get(f"/collections/{collection}/items", params=query).json()["features"]
    window = shapely.box(0, 0, 4096, 4096)
    expected = {
        int(item["id"]): shapely.intersection(
            shapely.transform(shape(item["geometry"]), lambda xy: to_tile(xy, matrix_set, box)), window
        )
        for item in features
    }
    layer = decode(client.get(path(collection, matrix_set, str(level), row, col)))[collection]
    got = {item["id"]: shapely.intersection(shape(item["geometry"]), window) for item in layer["features"]}
    assert features
    for key, geometry in expected.items():
        area = got[key].area if key in got else 0.0
        assert abs(area - geometry.area) <= 0.75 * geometry.length + 1, key
    total = sum(item.area for item in expected.values())
    assert sum(item.area for item in got.values()) == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize("level", [9, 12])
def test_polygons_are_valid_and_cover_the_tile(client: TestClient, level: int) -> None:
    row, col = middle(limits(client, "dltb", "WebMercatorQuad", str(level)))
    layer = decode(client.get(path("dltb", "WebMercatorQuad", str(level), row, col)))["dltb"]
    assert layer["extent"] == 4096
    assert layer["version"] == 2
    drawn = [shape(item["geometry"]) for item in layer["features"]]
    assert shapely.is_valid(drawn).all()
    assert {item.geom_type for item in drawn} <= {"Polygon", "MultiPolygon"}


def test_properties_are_the_visible_columns(client: TestClient, some_tile: str) -> None:
    feature = decode(client.get(some_tile))["dltb"]["features"][0]
    item = client.get(f"/collections/dltb/items/{feature['id']}", params={"f": "json"}).json()
    given = {name: value for name, value in item["properties"].items() if value is not None}
    assert feature["properties"] == given


def collections(client: TestClient) -> list[str]:
    listed = client.get("/collections", params={"f": "json"}).json()["collections"]
    return [item["id"] for item in listed]


def test_the_coarsest_level_of_every_collection_shows_something(client: TestClient) -> None:
    for collection in collections(client):
        first = tileset(client, collection, "WebMercatorQuad")["tileMatrixSetLimits"][0]
        rows = range(first["minTileRow"], first["maxTileRow"] + 1)
        cols = range(first["minTileCol"], first["maxTileCol"] + 1)
        paths = [path(collection, "WebMercatorQuad", first["tileMatrix"], row, col) for row in rows for col in cols]
        assert len(paths) <= 4
        assert any(client.get(item).status_code == 200 for item in paths), collection


def test_one_entity_tag_for_each_encoding(client: TestClient, some_tile: str) -> None:
    plain, packed = client.get(some_tile, headers=PLAIN), client.get(some_tile, headers=GZIP)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) == len(plain.content)
    tags = [plain.headers["etag"], packed.headers["etag"]]
    assert tags[0] != tags[1]
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    for headers, tag, other in [(PLAIN, tags[0], tags[1]), (GZIP, tags[1], tags[0])]:
        unchanged = client.get(some_tile, headers={**headers, "If-None-Match": f'"x", W/{tag}'})
        assert unchanged.status_code == 304
        assert unchanged.content == b""
        assert unchanged.headers["etag"] == tag
        assert unchanged.headers["cache-control"]
        assert "Accept-Encoding" in unchanged.headers["vary"]
        assert client.get(some_tile, headers={**headers, "If-None-Match": other}).status_code == 200


def test_entity_tags_differ_between_tiles_and_stay_the_same(client: TestClient, some_tile: str) -> None:
    assert client.get(some_tile).headers["etag"] == client.get(some_tile).headers["etag"]
    head, _, col = some_tile.rpartition("/")
    assert client.get(f"{head}/{int(col) + 1}").headers["etag"] != client.get(some_tile).headers["etag"]


def test_head_and_options(client: TestClient, some_tile: str) -> None:
    got, head = client.get(some_tile, headers=PLAIN), client.head(some_tile, headers=PLAIN)
    assert head.status_code == 200
    assert head.content == b""
    names = ("etag", "content-length", "content-type", "vary", "cache-control")
    assert [head.headers[name] for name in names] == [got.headers[name] for name in names]
    options = client.options(some_tile)
    assert options.status_code == 204
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"


def test_other_origins_may_read_tiles(client: TestClient, some_tile: str) -> None:
    response = client.get(some_tile, headers={"Origin": "https://maps.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "ETag" in response.headers["access-control-expose-headers"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(client: TestClient, some_tile: str, method: str) -> None:
    response = client.request(method, some_tile)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "tail",
    [
        "WebMercatorQuad/13/2147483647/0",
        "WebMercatorQuad/13/0/0",
        "WebMercatorQuad/0/0/0",
        "WebMercatorQuad/99/0/0",
        "WebMercatorQuad/x/0/0",
        "WebMercatorQuad/13/a/b",
        "WebMercatorQuad/13/-1/5",
        "WebMercatorQuad/13/1.0/5",
        "NoSuchQuad/13/3000/6000",
    ],
)
def test_tiles_that_are_not_there(client: TestClient, tail: str) -> None:
    response = client.get(f"/collections/dltb/tiles/{tail}")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == 404
    assert problem["detail"]
    assert problem["hint"]


def test_the_row_after_the_last_is_not_there(client: TestClient) -> None:
    for matrix_set in SETS:
        found = limits(client, "dltb", matrix_set, "12")
        inside = path("dltb", matrix_set, "12", found["maxTileRow"], found["minTileCol"])
        assert client.get(inside).status_code in (200, 204)
        assert (
            client.get(path("dltb", matrix_set, "12", found["maxTileRow"] + 1, found["minTileCol"])).status_code == 404
        )


def test_unknown_and_hidden_collections_look_alike(internet: TestClient) -> None:
    tails = ["", "/WebMercatorQuad", "/WebMercatorQuad/tilejson.json", "/WebMercatorQuad/13/3300/6700"]
    for tail in tails:
        hidden, unknown = (internet.get(f"/collections/{name}/tiles{tail}") for name in ("dltb", "random"))
        assert (hidden.status_code, unknown.status_code) == (404, 404)
        assert hidden.json()["detail"].replace("dltb", "random") == unknown.json()["detail"]


@pytest.mark.parametrize(("query", "named"), [("propertis=DLBM", "propertis"), ("f=png", "png"), ("f=mvt&f=mvt", "f")])
def test_bad_queries_are_named(client: TestClient, some_tile: str, query: str, named: str) -> None:
    response = client.get(f"{some_tile}?{query}")
    assert response.status_code == 400
    assert named in response.json()["detail"]
    assert client.get(f"{some_tile}?f=mvt").status_code == 200


def test_nothing_acceptable(client: TestClient, some_tile: str) -> None:
    assert client.get(some_tile, headers={"Accept": "image/png"}).status_code == 406
    assert client.get(some_tile, headers={"Accept": "application/x-protobuf"}).status_code == 200


def test_an_empty_tile_inside_the_limits_is_204(client: TestClient) -> None:
    """The redline areas are few: among the tiles inside their limits some hold nothing."""
    found = limits(client, "stbhhx", "WebMercatorQuad", "13")
    rows = np.linspace(found["minTileRow"], found["maxTileRow"], 8).astype(int)
    cols = np.linspace(found["minTileCol"], found["maxTileCol"], 8).astype(int)
    paths = [path("stbhhx", "WebMercatorQuad", "13", row, col) for row in rows for col in cols]
    answers = [client.get(item) for item in paths]
    assert {answer.status_code for answer in answers} == {200, 204}
    assert all(bool(answer.content) == (answer.status_code == 200) for answer in answers)


@pytest.fixture
def changing(tmp_path: Path) -> tuple[TestClient, Path]:
    """An application over a file with one square that the test may change."""
    file = tmp_path / "squares.gpkg"
    with GeoPackageWriter(file) as writer:
        writer.create_table(TableSpec("squares", "POLYGON", 4490, (FieldSpec("name", "TEXT"),)))
        writer.insert("squares", np.array([shapely.box(110, 30, 111, 31)]), {"name": ["old"]})
        writer.finish("squares", "2026-01-01T00:00:00Z")
    return TestClient(create_app(publish_file(file)), raise_server_exceptions=False), file


def test_a_change_of_the_data_changes_tile_and_tag(changing: tuple[TestClient, Path]) -> None:
    client, file = changing
    tile = path("squares", "CGCS2000Quad", "5", *middle(limits(client, "squares", "CGCS2000Quad", "5")))
    before = client.get(tile)
    with closing(sqlite3.connect(file)) as connection, connection:
        # The triggers of the spatial index call functions that SQLite does not have; the square stays where it is.
        for name, value in [("IsEmpty", 0), ("MinX", 110), ("MaxX", 111), ("MinY", 30), ("MaxY", 31)]:
            connection.create_function("ST_" + name, 1, lambda _, value=value: value)
        connection.execute("UPDATE squares SET name = 'new' WHERE name = 'old'")
    end = time.monotonic() + 5
    while (after := client.get(tile, headers={"If-None-Match": before.headers["etag"]})).status_code == 304:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert decode(before)["squares"]["features"][0]["properties"] == {"name": "old"}
    assert decode(after)["squares"]["features"][0]["properties"] == {"name": "new"}


def test_cgcs2000quad_tile_lies_where_its_numbers_say(changing: tuple[TestClient, Path]) -> None:
    """110 to 111 E, 30 to 31 N at level 5 (5.625 degrees): column 51, row 10, from the top left corner."""
    client, _ = changing
    feature = decode(client.get(path("squares", "CGCS2000Quad", "5", 10, 51)))["squares"]["features"][0]
    left, top, unit = -180 + 51 * 5.625, 90 - 10 * 5.625, 5.625 / 4096
    expected = shapely.box(
        round((110 - left) / unit), round((top - 31) / unit), round((111 - left) / unit), round((top - 30) / unit)
    )
    assert shapely.equals(shape(feature["geometry"]), expected)


def test_points_of_a_mixed_layer_are_drawn_at_every_level(tmp_path: Path) -> None:
    shapes = [shapely.Point(110.5, 30.5), shapely.LineString([(110, 30), (111, 31)]), shapely.box(110, 30, 110.2, 30.2)]
    with GeoPackageWriter(tmp_path / "mixed.gpkg") as writer:
        writer.create_table(TableSpec("mixed", "GEOMETRY", 4490, (FieldSpec("name", "TEXT"),)))
        writer.insert("mixed", np.array(shapes, dtype=object), {"name": ["point", "line", "square"]})
        writer.finish("mixed", "2026-01-01T00:00:00Z")
    client = TestClient(create_app(publish_file(tmp_path / "mixed.gpkg")), raise_server_exceptions=False)
    for level, drawn in [("3", {"point", "line", "square"}), ("0", {"point"})]:
        tile = path("mixed", "CGCS2000Quad", level, *middle(limits(client, "mixed", "CGCS2000Quad", level)))
        names = {item["properties"]["name"] for item in decode(client.get(tile))["mixed"]["features"]}
        assert drawn <= names


BORDER = ((115.2, 20.0), (115.3, 25.0), (115.4, 30.0), (115.5, 35.0), (115.6, 40.0), (115.7, 45.0))


@pytest.fixture(scope="module")
def border(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Squares of 0.1 degrees in EPSG:4490 on both sides of 115.5 E, where zones 38 and 39 meet."""
    file = tmp_path_factory.mktemp("border") / "border.gpkg"
    squares = [shapely.box(*corner, corner[0] + 0.1, corner[1] + 0.1) for corner in BORDER]
    with GeoPackageWriter(file) as writer:
        writer.create_table(TableSpec("squares", "POLYGON", 4490, (FieldSpec("name", "TEXT"),)))
        writer.insert("squares", np.array(squares, dtype=object), {"name": list("abcdef")})
        writer.finish("squares", "2026-01-01T00:00:00Z")
    return TestClient(create_app(publish_file(file)), raise_server_exceptions=False)


def test_a_layer_on_a_border_of_zones_is_in_both(border: TestClient) -> None:
    document = border.get("/collections/squares/tiles", params={"f": "json"}).json()
    zones = {item["tileMatrixSetId"] for item in document["tilesets"]} - {*SETS, "TiandituCGCS2000"}
    assert zones == {
        "TiandituWebMercator",
        *("CGCS2000GK3Zone38", "CGCS2000GK3Zone39", "CGCS2000GK3CM114E", "CGCS2000GK3CM117E"),
    }


@pytest.mark.parametrize("matrix_set", ["CGCS2000GK3Zone38", "CGCS2000GK3Zone39"])
@pytest.mark.parametrize("level", [4, 7, 9])
def test_zone_tiles_hold_all_that_lies_in_them(border: TestClient, matrix_set: str, level: int) -> None:
    """Every square is drawn where PROJ puts its corners, also in coarse tiles, which leave the zone far behind."""
    found = limits(border, "squares", matrix_set, str(level))
    seen: dict[int, float] = {}
    for row in range(found["minTileRow"], found["maxTileRow"] + 1):
        for col in range(found["minTileCol"], found["maxTileCol"] + 1):
            response = border.get(path("squares", matrix_set, str(level), row, col))
            box = corners(matrix_set, level, row, col)
            for item in decode(response)["squares"]["features"] if response.status_code == 200 else ():
                west, south = BORDER[item["id"] - 1]
                square = shapely.get_coordinates(shapely.box(west, south, west + 0.1, south + 0.1))
                expected = shapely.Polygon(to_tile(square, matrix_set, box))
                window = shapely.box(0, 0, 4096, 4096)
                got = shapely.intersection(shape(item["geometry"]), window).area
                assert got == pytest.approx(shapely.intersection(expected, window).area, rel=0.02, abs=30)
                seen[item["id"]] = seen.get(item["id"], 0.0) + got
    assert set(seen) == {1, 2, 3, 4, 5, 6}


def test_tilesets_of_a_collection(client: TestClient) -> None:
    document = client.get("/collections/dltb/tiles", params={"f": "json"}).json()
    found = {item["tileMatrixSetId"] for item in document["tilesets"]}
    assert {*SETS, "TiandituCGCS2000", "TiandituWebMercator", "CGCS2000GK3Zone38", "CGCS2000GK3CM114E"} <= found
    assert len(found) < 14
    for item in document["tilesets"]:
        assert item["dataType"] == "vector"
        assert item["tileMatrixSetLimits"]
        own = next(found["href"] for found in item["links"] if found["rel"] == "self")
        assert client.get(own).json()["tileMatrixSetURI"] == item["tileMatrixSetURI"]


def test_tileset_document(client: TestClient) -> None:
    document = tileset(client, "dltb", "CGCS2000Quad")
    assert document["crs"] == "http://www.opengis.net/def/crs/EPSG/0/4490"
    assert document["tileMatrixSetURI"].endswith("/tileMatrixSets/CGCS2000Quad")
    template = next(item for item in document["links"] if item["rel"] == "item")
    assert template["type"] == MVT
    assert template["templated"] is True
    assert template["href"].endswith("/collections/dltb/tiles/CGCS2000Quad/{tileMatrix}/{tileRow}/{tileCol}?f=mvt")
    (layer,) = document["layers"]
    assert layer["geometryDimension"] == 2
    schema = layer["propertiesSchema"]["properties"]
    assert schema["TBMJ"]["type"] == "number"
    assert schema["BSM"]["type"] == "string"
    box = client.get("/collections/dltb", params={"f": "json"}).json()["extent"]["spatial"]["bbox"][0]
    bounding = document["boundingBox"]
    assert [*bounding["lowerLeft"], *bounding["upperRight"]] == pytest.approx(box, abs=1e-6)
    levels = [item["tileMatrix"] for item in document["tileMatrixSetLimits"]]
    assert levels == [str(level) for level in range(int(levels[0]), 24)]


def test_registered_sets_have_their_registered_uris(client: TestClient) -> None:
    listed = client.get("/tileMatrixSets", params={"f": "json"}).json()["tileMatrixSets"]
    uris = {item["id"]: item["uri"] for item in listed}
    registry = "http://www.opengis.net/def/tilematrixset/OGC/1.0/"
    assert uris["WebMercatorQuad"] == registry + "WebMercatorQuad"
    assert uris["WorldCRS84Quad"] == registry + "WorldCRS84Quad"
    definition = client.get(uris["CGCS2000Quad"], params={"f": "json"}).json()
    assert definition["orderedAxes"] == ["Lat", "Lon"]
    assert definition["tileMatrices"][0]["pointOfOrigin"] == [90, -180]
    assert definition["uri"] == uris["CGCS2000Quad"]


def test_tilejson(client: TestClient) -> None:
    document = client.get("/collections/dltb/tiles/WebMercatorQuad/tilejson.json").json()
    assert document["tilejson"] == "3.0.0"
    assert document["scheme"] == "xyz"
    (layer,) = document["vector_layers"]
    assert layer["id"] == "dltb"
    assert layer["fields"]["DLBM"] == "String"
    assert layer["fields"]["TBMJ"] == "Number"
    zoom = document["maxzoom"]
    assert document["minzoom"] < zoom <= 18
    lon, lat, _ = document["center"]
    west, south, east, north = document["bounds"]
    assert west < lon < east
    assert south < lat < north
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom)
    (template,) = document["tiles"]
    address = template.replace("{z}", str(zoom)).replace("{x}", str(x)).replace("{y}", str(y))
    assert "dltb" in decode(client.get(address))
    assert client.get("/collections/dltb/tiles/CGCS2000Quad/tilejson.json").status_code == 404


def test_unknown_parameters_of_the_documents(client: TestClient) -> None:
    for address in ("/tileMatrixSets", "/collections/dltb/tiles", "/collections/dltb/tiles/WebMercatorQuad"):
        assert client.get(address, params={"unknown": "1"}).status_code == 400
    assert client.get("/tileMatrixSets/NoSuchQuad").status_code == 404
    assert "WebMercatorQuad" in client.get("/tileMatrixSets/WebMercatorquad").json()["hint"]


@pytest.mark.parametrize(
    "address",
    [
        "/tileMatrixSets",
        "/tileMatrixSets/CGCS2000Quad",
        "/collections/dltb/tiles",
        "/collections/dltb/tiles/WebMercatorQuad",
        "/collections/dltb/tiles/CGCS2000Quad",
    ],
)
def test_pages(client: TestClient, address: str) -> None:
    response = client.get(address, headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "CGCS2000Quad" in response.text or "WebMercatorQuad" in response.text
