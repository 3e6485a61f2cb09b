"""The processes over the demo province: what they answer, against independent computation, and what they refuse."""

from __future__ import annotations

import base64
import json
import math
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.geo.area import measure_for
from onemap.geo.crs import CRS84_URI, EPSG
from onemap.store.geopackage.blob import decode
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.unit.parcel_files import archive, geopackage, shapefile, square_txt, zipped

MEDIA = {".txt": "text/plain", ".zip": "application/zip", ".gpkg": "application/geopackage+sqlite3"}
RING = [[114.30, 30.50], [114.31, 30.50], [114.31, 30.51], [114.30, 30.51], [114.30, 30.50]]
SQUARE = {"type": "Polygon", "coordinates": [RING]}
BOX = [(38528700.0, 3387100.0), (38528700.0, 3387200.0), (38528800.0, 3387200.0), (38528800.0, 3387100.0)]
PARCEL_PROCESSES = (
    "parcel-parse",
    "ellipsoid-area",
    "sheet-index",
    "geometry-check",
    "landuse-breakdown",
    "farmland-change",
    "control-line-check",
)


def qualified(content: bytes, media_type: str) -> dict[str, str]:
    return {"value": base64.b64encode(content).decode(), "encoding": "base64", "mediaType": media_type}


def sample(data: Path, begin: str) -> Any:
    """One of the demo's parcel files, as an input."""
    path = next((data / "demo" / "parcels").glob(f"{begin}*"))
    content = path.read_bytes()
    return json.loads(content) if path.suffix == ".geojson" else qualified(content, MEDIA[path.suffix])


def post(client: TestClient, process: str, inputs: Any, **more: Any) -> Any:
    return client.post(f"/processes/{process}/execution", json={"inputs": inputs, **more})


def run(client: TestClient, process: str, parcels: Any, **inputs: Any) -> dict[str, Any]:
    response = post(client, process, {"parcels": parcels, **inputs})
    assert response.status_code == 200, response.text
    return response.json()


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    document = response.json()
    assert document["status"] == status
    assert document["type"]
    assert document["detail"]
    return document


def layer(result: dict[str, Any], role: str) -> dict[str, Any]:
    return next(item for item in result["layers"] if item["role"] == role)


def table(data: Path, name: str, *columns: str) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """Geometries and columns of a table, read without the server."""
    with closing(sqlite3.connect(f"file:{data / 'demo' / 'province.gpkg'}?mode=ro", uri=True)) as file, file:
        rows = file.execute(f"SELECT geom, {', '.join(columns)} FROM {name}").fetchall()
    file.close()
    return decode([row[0] for row in rows]), [row[1:] for row in rows]


def random_parcels(data: Path, count: int) -> list[shapely.Polygon]:
    """Irregular parcels inside the province, EPSG:4526, x y."""
    chance = np.random.default_rng(5)
    landuse, _ = table(data, "dltb", "fid")
    west, south, east, north = shapely.total_bounds(landuse)
    province = shapely.union_all(landuse)
    shapely.prepare(province)
    made: list[shapely.Polygon] = []
    while len(made) < count:
        angles = np.sort(chance.uniform(0, 2 * np.pi, 9))
        reach = chance.uniform(50, 400, 9)
        x, y = chance.uniform((west, south), (east, north))
        parcel = shapely.Polygon(np.column_stack([x + reach * np.cos(angles), y + reach * np.sin(angles)]))
        if parcel.is_valid and province.contains(parcel):
            made.append(parcel)
    return made


def as_input(parcel: shapely.Geometry, code: int = 4526) -> dict[str, Any]:
    """A geometry in x, y of a system as JSON-FG, in the order of the authority."""
    feature = json.loads(shapely.to_geojson(shapely.transform(parcel, lambda xy: xy[:, ::-1])))
    return {"type": "Feature", "coordRefSys": f"{EPSG}{code}", "place": feature, "geometry": None, "properties": {}}


def test_land_use_equals_an_independent_computation(client: TestClient, data: Path) -> None:
    shapes, rows = table(data, "dltb", "DLBM", "QSXZ")
    measure = measure_for(4526)
    for parcel in random_parcels(data, 12):
        result = run(client, "landuse-breakdown", as_input(parcel))
        assert result["parcels"]["crs"] == f"{EPSG}4526"
        assert result["parcels"]["area"] == pytest.approx(measure.area(parcel), rel=1e-12)
        expected: dict[tuple[str, str], float] = defaultdict(float)
        met = np.flatnonzero(shapely.intersects(shapes, parcel))
        for at, area in zip(met, measure.areas(shapely.intersection(shapes[met], parcel)), strict=True):
            expected[rows[at][0], "state" if rows[at][1] in ("10", "20", "21") else "collective"] += area
        found = {(item["code"], item["ownership"]): item["area"] for item in result["gross"]["classes"]}
        assert found == pytest.approx({key: area for key, area in expected.items() if area > 1e-6}, abs=1e-6)
        total = math.fsum(found.values()) + result["remainder"]["area"]
        assert total == pytest.approx(result["parcels"]["area"], rel=1e-9)


def test_land_use_tables_close(client: TestClient, data: Path) -> None:
    for begin in ("a_", "b_", "d_", "e_"):
        result = run(client, "landuse-breakdown", sample(data, begin))
        rows = [*result["classes"], result["remainder"]]
        assert round(sum(row["areaRounded"] for row in rows), 2) == round(result["parcels"]["area"], 2)
        assert round(sum(row["hectares"] for row in rows), 4) == round(result["parcels"]["area"] / 1e4, 4)
        groups = result["groups"]
        assert set(groups) >= {"agricultural", "construction", "unused"}
        assert round(sum(item["areaRounded"] for item in groups.values()), 2) == pytest.approx(
            sum(row["areaRounded"] for row in result["classes"]), abs=1e-6
        )
        for level in ("county", "town", "village"):
            regions = [item for item in result["regions"] if item["level"] == level]
            assert all(item["name"] for item in regions)
            covered = math.fsum(item["area"] for item in result["classes"])
            assert math.fsum(item["area"] for item in regions) == pytest.approx(covered, rel=1e-9)
            for column, places in (("areaRounded", 2), ("hectares", 4)):
                whole = math.fsum(item[column] for item in result["classes"])
                assert math.fsum(item[column] for item in regions) == pytest.approx(whole, abs=10 ** -(places + 2))
        for region in result["regions"]:
            assert round(sum(item["areaRounded"] for item in region["classes"]), 2) == region["areaRounded"]


def test_the_tables_of_the_ministry_agree(client: TestClient, data: Path) -> None:
    for begin in ("a_", "c_", "e_"):
        result = run(client, "landuse-breakdown", sample(data, begin), ministry=True)
        tables = result["ministry"]
        rows = tables["XS_XMKJFW"]
        assert [row["SZXZQDM"] for row in rows] == [i["code"] for i in result["regions"] if i["level"] == "county"]
        for row in [*rows, tables["total"]]:
            assert row["YDMJ"] == pytest.approx(row["ZYNYDMJ"] + row["ZYJSYDMJ"] + row["ZYWLDMJ"], abs=1e-9)
            assert row["ZYSTMJ"] <= row["ZYGDMJ"] <= row["ZYNYDMJ"]
        whole = sum(row["YDMJ"] for row in rows) + tables["unclassified"]
        assert whole == pytest.approx(round(result["parcels"]["area"] / 1e4, 4), abs=1e-9)
        assert tables["total"]["ZYGDMJ"] == result["cultivated"]["hectares"]
        owned = tables["ZZ_XMZDFW"]
        assert owned["ZYGYTDMJ"] + owned["ZYJTTDMJ"] == pytest.approx(owned["YDZMJ"], abs=1e-9)
        assert owned["ZYGYGDMJ"] + owned["ZYJTGDMJ"] == pytest.approx(tables["total"]["ZYGDMJ"], abs=1e-9)
        assert all(row["BHYNMJ"] is None and row["WTHMJ"] is None for row in rows)
    assert {row["ZYYNMJ"] for row in rows if row["SZXZQDM"] == "990202"} == {None}


def test_farmland_of_the_ministry_is_that_of_the_farmland_layer(client: TestClient, data: Path) -> None:
    shapes, rows = table(data, "yjjbnttb", "KCXS")
    measure = measure_for(4526)
    parcel = max(shapes, key=lambda shape: shape.area).buffer(150)
    expected = 0.0
    for shape, (ratio,) in zip(shapes, rows, strict=True):
        if parcel.intersects(shape):
            expected += measure.area(parcel & shape) * (1 - (ratio or 0))
    tables = run(client, "landuse-breakdown", as_input(parcel), ministry=True)["ministry"]
    assert tables["total"]["ZYYNMJ"] == pytest.approx(expected / 1e4, abs=2e-4)
    owned = tables["ZZ_XMZDFW"]
    assert owned["ZYGYYJJBNTMJ"] + owned["ZYJTYJJBNTMJ"] == pytest.approx(tables["total"]["ZYYNMJ"], abs=1e-9)


def test_what_no_layer_says_is_null_in_the_tables_of_the_ministry(client: TestClient, data: Path) -> None:
    result = run(client, "landuse-breakdown", sample(data, "a_"), ministry=True, layers=["landuse"])
    assert result["ministry"]["total"]["ZYYNMJ"] is None
    assert result["ministry"]["total"]["SJSTHXMJ"] is None
    assert [item["role"] for item in result["data"]] == ["landuse"]


def test_control_lines_equal_an_independent_computation(client: TestClient, data: Path) -> None:
    for table_name, role, srid in (("yjjbnttb", "farmland", 4526), ("stbhhx", "redline", 4490)):
        shapes, _ = table(data, table_name, "fid")
        measure = measure_for(srid)
        step = pyproj.Transformer.from_crs(4526, srid, always_xy=True)
        for parcel in random_parcels(data, 8):
            moved = shapely.transform(parcel, lambda xy, step=step: np.column_stack(step.transform(xy[:, 0], xy[:, 1])))
            expected = float(measure.areas(shapely.intersection(shapes, moved)).sum())
            found = layer(run(client, "control-line-check", as_input(parcel)), role)
            assert found["area"] == pytest.approx(expected, abs=1e-5)
            assert found["share"] == pytest.approx(expected / measure.area(moved), abs=1e-9)
            assert math.fsum(hit["area"] for hit in found["hits"]) == pytest.approx(expected, abs=1e-5)


def test_farmland_is_prohibited_except_for_a_national_project(client: TestClient, data: Path) -> None:
    result = run(client, "control-line-check", sample(data, "a_"))
    farmland = layer(result, "farmland")
    assert (result["verdict"], farmland["status"]) == ("involved-prohibited", "involved-prohibited")
    assert farmland["significant"]
    assert [item["id"] for item in farmland["basis"]] == ["land-35", "land-44", "land-46"]
    areas = [hit["area"] for hit in farmland["hits"]]
    assert areas == sorted(areas, reverse=True)
    assert result["rules"] == {"catalogue": "control-lines", "version": "2.0.0", "effective": "2026-01-01"}
    national = run(client, "control-line-check", sample(data, "a_"), purpose="national-key")
    assert layer(national, "farmland")["status"] == "involved-conditional"


def test_personal_data_never_leaves(client: TestClient, data: Path) -> None:
    hits = layer(run(client, "control-line-check", sample(data, "a_")), "farmland")["hits"]
    assert hits
    assert not {"ZRRZJHM", "LXDH", "JZDZ", "ZRRMC", "ZZRR"} & hits[0]["properties"].keys()


def test_where_nothing_was_delivered_nothing_is_said_to_be_free(client: TestClient, data: Path) -> None:
    result = run(client, "control-line-check", sample(data, "c_"))
    farmland = layer(result, "farmland")
    assert (farmland["status"], farmland["coverage"], farmland["hits"]) == ("no-coverage", 0.0, [])
    assert result["verdict"] == "no-coverage"
    assert next(item for item in result["data"] if item["role"] == "farmland")["coverage"] == 0.0


def test_a_parcel_far_from_all_layers_is_not_covered(client: TestClient) -> None:
    far = [[80.0, 40.0], [80.01, 40.0], [80.01, 40.01], [80.0, 40.01], [80.0, 40.0]]
    result = run(client, "control-line-check", {"type": "Polygon", "coordinates": [far]})
    assert {item["status"] for item in result["layers"]} == {"no-coverage"}
    assert {item["distance"] for item in result["layers"]} == {None}


def test_the_distance_is_that_of_the_nearest_feature(client: TestClient, data: Path) -> None:
    result = run(client, "control-line-check", sample(data, "f_"))
    found = layer(result, "redline")
    assert (found["status"], found["coverage"]) == ("not-involved", 1.0)
    parsed = run(client, "parcel-parse", sample(data, "f_"))["features"]["features"][0]["geometry"]
    parcel = shapely.from_geojson(json.dumps(parsed))
    shapes, _ = table(data, "stbhhx", "fid")
    geod = pyproj.Geod(ellps="GRS80")
    # Independently: the least geodesic length between densified outlines.
    ours = shapely.get_coordinates(shapely.segmentize(parcel.boundary, 2e-5))
    least = math.inf
    for shape in shapes:
        near = shapely.get_coordinates(shapely.segmentize(shape.boundary, 2e-5))
        near = near[(np.abs(near - ours.mean(axis=0)) < 0.05).all(axis=1)]
        if not len(near):
            continue
        tree = shapely.STRtree(shapely.points(near * (math.cos(math.radians(ours[0, 1])), 1)))
        pairs = tree.query_nearest(shapely.points(ours * (math.cos(math.radians(ours[0, 1])), 1)), all_matches=False)
        starts, ends = ours[pairs[0]], near[pairs[1]]
        least = min(least, geod.inv(starts[:, 0], starts[:, 1], ends[:, 0], ends[:, 1])[2].min())
    assert found["distance"] == pytest.approx(least, abs=3.0)


def test_outside_the_urban_boundary_is_what_matters_there(client: TestClient, data: Path) -> None:
    urban = layer(run(client, "control-line-check", sample(data, "f_")), "urban-boundary")
    assert urban["status"] == "involved-conditional"
    assert urban["hits"] == []
    assert [item["id"] for item in urban["basis"]] == ["boundary-193-outside"]
    town, rows = table(data, "czkfbj", "GHFQDM")
    core = max((shape for shape, row in zip(town, rows, strict=True) if row[0] == "110"), key=lambda shape: shape.area)
    spot = shapely.box(*np.repeat([shapely.get_coordinates(core.representative_point())[0]], 2, axis=0).ravel())
    inside = layer(
        run(client, "control-line-check", json.loads(shapely.to_geojson(spot.buffer(1e-5)))), "urban-boundary"
    )
    assert inside["status"] == "involved-allowed"
    assert inside["outside"]["area"] == 0.0


def test_layers_may_be_chosen_by_role_or_id(client: TestClient, data: Path) -> None:
    by_role = run(client, "control-line-check", sample(data, "a_"), layers=["redline"])
    by_id = run(client, "control-line-check", sample(data, "a_"), layers=["stbhhx"])
    assert [item["collection"] for item in by_role["layers"]] == ["stbhhx"]
    assert by_role == by_id


def test_hidden_layers_are_as_unknown_ones(internet: TestClient, data: Path) -> None:
    response = post(internet, "control-line-check", {"parcels": sample(data, "a_")})
    result = response.json()
    assert response.status_code == 200
    for word in ("yjjbnttb", "stbhhx", "dltb"):
        assert word not in response.text
        assert word not in internet.get("/processes/control-line-check?f=json").text
    assert layer(result, "farmland")["status"] == "no-coverage"
    assert layer(result, "farmland")["collection"] is None
    assert result["verdict"] == "no-coverage"
    hidden = [post(internet, "control-line-check", {"parcels": SQUARE, "layers": [name]}) for name in
              ("yjjbnttb", "farmland", "zzz-unknown")]  # fmt: skip
    told = [problem(item, 400) for item in hidden]
    assert {item["pointer"] for item in told} == {"/inputs/layers/0"}
    texts = [
        item["detail"].replace(name, "X")
        for item, name in zip(told, ("yjjbnttb", "farmland", "zzz-unknown"), strict=True)
    ]
    assert len(set(texts)) == 1
    assert len({item.get("hint") for item in told}) == 1
    nothing = problem(post(internet, "landuse-breakdown", {"parcels": SQUARE}), 400)
    assert "dltb" not in json.dumps(nothing)


def test_the_visible_layers_are_offered_in_the_description(client: TestClient, internet: TestClient) -> None:
    def offered(caller: TestClient) -> list[str]:
        items = caller.get("/processes/control-line-check?f=json").json()["inputs"]["layers"]["schema"]["items"]
        return items["enum"]

    assert {"yjjbnttb", "farmland", "stbhhx", "redline", "czkfbj", "urban-boundary"} <= set(offered(client))
    assert set(offered(internet)) == {"czkfbj", "urban-boundary"}


@pytest.mark.parametrize("process", PARCEL_PROCESSES)
def test_the_same_question_gives_the_same_bytes(client: TestClient, data: Path, process: str) -> None:
    for begin in ("b_", "e_"):
        one, other = (post(client, process, {"parcels": sample(data, begin)}) for _ in range(2))
        assert one.content == other.content
        assert one.status_code == 200


@pytest.mark.parametrize("process", PARCEL_PROCESSES)
def test_every_result_begins_and_ends_alike(client: TestClient, data: Path, process: str) -> None:
    result = run(client, process, sample(data, "b_"))
    assert result["process"]["id"] == process
    assert result["areaDefinition"].endswith("/def/area/cgcs2000-ellipsoidal-additive")
    assert result["parcels"]["count"] == 2
    assert result["parcels"]["digest"].startswith("sha256:")
    assert [item["name"] for item in result["parcels"]["items"]]
    assert isinstance(result["warnings"], list)
    assert all({"collection", "role", "version", "date", "coverage"} == item.keys() for item in result["data"])


def test_parcels_that_overlap_are_not_counted_twice(client: TestClient, data: Path) -> None:
    parcel = random_parcels(data, 1)[0]
    single = run(client, "landuse-breakdown", as_input(parcel))
    both = {"type": "FeatureCollection", "features": [as_input(parcel), as_input(parcel)]}
    result = run(client, "landuse-breakdown", both)
    assert result["parcels"]["count"] == 2
    assert result["parcels"]["area"] == pytest.approx(single["parcels"]["area"], rel=1e-9)
    assert [item["area"] for item in result["classes"]] == pytest.approx([item["area"] for item in single["classes"]])
    assert "parcels-overlap" in {item["code"] for item in result["warnings"]}


def test_parcel_parse_gives_longitude_latitude(client: TestClient, data: Path) -> None:
    result = run(client, "parcel-parse", sample(data, "b_"))
    features = result["features"]["features"]
    assert len(features) == 2
    area = measure_for(4490).areas(np.array([shapely.from_geojson(json.dumps(item["geometry"])) for item in features]))
    assert area.sum() == pytest.approx(result["parcels"]["area"], rel=1e-5)
    assert result["parcels"]["crs"] == f"{EPSG}4526"


def test_ellipsoid_area_in_three_units(client: TestClient) -> None:
    result = run(client, "ellipsoid-area", qualified(square_txt().encode("gbk"), "text/plain"))
    row = result["areas"][0]
    assert (row["index"], row["id"]) == (0, "A-01")
    assert row["areaRounded"] == round(row["area"], 2)
    assert row["hectares"] == round(row["area"] / 1e4, 4)
    assert row["mu"] == round(row["area"] * 3 / 2000, 2)
    assert run(client, "ellipsoid-area", SQUARE)["parcels"]["crs"] == CRS84_URI


def test_the_response_may_be_a_document(client: TestClient) -> None:
    raw = run(client, "ellipsoid-area", SQUARE)
    document = post(client, "ellipsoid-area", {"parcels": SQUARE}, response="document", outputs={"result": {}})
    assert document.json() == {"result": raw}


def test_prefer_respond_async_is_answered_at_once(client: TestClient) -> None:
    body = {"inputs": {"parcels": SQUARE}}
    response = client.post("/processes/ellipsoid-area/execution", json=body, headers={"Prefer": "respond-async"})
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


BOW_TIE = [RING[0], RING[2], RING[1], RING[3], RING[0]]
FILES = {f"p{suffix}": content for suffix, content in shapefile([BOX], ["甲"]).items()}
XIAN80 = pyproj.CRS.from_epsg(2362).to_wkt("WKT1_ESRI")
WORLD = [[-179, -80], [179, -80], [179, 80], [-179, 80], [-179, -80]]
BAD_PARCELS: dict[str, tuple[Any, int]] = {
    "bow-tie": ({"type": "Polygon", "coordinates": [BOW_TIE]}, 422),
    "spike": ({"type": "Polygon", "coordinates": [[*RING[:2], [114.33, 30.50], *RING[1:]]]}, 422),
    "unclosed": ({"type": "Polygon", "coordinates": [RING[:-1]]}, 422),
    "hole outside": ({"type": "Polygon", "coordinates": [RING, [[x + 1, y] for x, y in RING]]}, 422),
    "deep": ({"type": "Polygon", "coordinates": json.loads("[" * 20 + "1" + "]" * 20)}, 400),
    "empty": ({"type": "FeatureCollection", "features": []}, 422),
    "point": ({"type": "Point", "coordinates": [114, 30]}, 422),
    "no type": ({}, 400),
    "text": ("POLYGON((0 0,1 1,1 0,0 0))", 400),
    "null": (None, 400),
    "array": ([SQUARE], 400),
    "reference": ({"href": "http://127.0.0.1:9/x"}, 400),
    "xian 80": (qualified(square_txt(坐标系="西安80").encode(), "text/plain"), 422),
    "mixed encodings": (qualified(square_txt().encode("gbk") + "\n地块名称".encode() * 2, "text/plain"), 400),
    "empty file": (qualified(b"", "text/plain"), 400),
    "empty zip": (qualified(b"", "application/zip"), 400),
    "empty geopackage": (qualified(b"", "application/geopackage+sqlite3"), 400),
    "no base64": ({"value": "%%%", "encoding": "base64", "mediaType": "text/plain"}, 400),
    "base64 with a line break": ({"value": "QUJD\nREVG", "encoding": "base64", "mediaType": "text/plain"}, 400),
    "other encoding": ({"value": "abc", "encoding": "hex", "mediaType": "text/plain"}, 400),
    "other media type": (qualified(b"x", "application/x-evil"), 400),
    "number as file": ({"value": 5, "mediaType": "text/plain"}, 400),
    "zip bomb": (qualified(archive({**FILES, "p.sbn": bytes(9_000_000)}), "application/zip"), 413),
    "path trick": (qualified(archive({**FILES, "../../evil": b"x"}), "application/zip"), 400),
    "nested zip": (qualified(archive({**FILES, "inner.zip": b"x"}), "application/zip"), 400),
    "xian 80 shapefile": (qualified(zipped(shapefile([BOX], ["甲"], prj=XIAN80)), "application/zip"), 422),
    "geopackage of points": (qualified(geopackage([shapely.Point(1, 2)]), "application/geopackage+sqlite3"), 422),
    "whole world": ({"type": "Polygon", "coordinates": [WORLD]}, 413),
    "outside the domain": ({"type": "Polygon", "coordinates": [[[x, y + 65] for x, y in RING]]}, 422),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PARCELS)
@pytest.mark.parametrize("process", ["control-line-check", "parcel-parse"])
def test_bad_parcels_are_problems_and_the_server_lives(client: TestClient, name: str, process: str) -> None:
    parcels, status = BAD_PARCELS[name]
    problem(post(client, process, {"parcels": parcels}), status)
    assert client.get("/processes").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", ""),
        (b"null", ""),
        (b'{"inputs": []}', "/inputs"),
        (b'{"inputs": {}}', "/inputs"),
        (b"{}", "/inputs"),
        (b'{"invalid-execute-request": true}', "/invalid-execute-request"),
        (b'{"inputs": {"parcel": 1}}', "/inputs/parcel"),
        (b'{"inputs": {"parcels": {"type": "Polygon", "coordinates": NaN}}}', None),
        (b'{"inputs": {}, "inputs": {}}', None),
        (b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}", None),
    ],
)
def test_bad_bodies_are_problems(client: TestClient, body: bytes, pointer: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    found = problem(client.post("/processes/control-line-check/execution", content=body, headers=headers), 400)
    assert found.get("pointer") == pointer


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"outputs": []}, "/outputs"),
        ({"outputs": {"report": {}}}, "/outputs/report"),
        ({"outputs": {"result": 1}}, "/outputs/result"),
        ({"outputs": {"result": {"transmissionMode": "pigeon"}}}, "/outputs/result/transmissionMode"),
        ({"outputs": {"result": {"format": {"mediaType": "application/pdf"}}}}, "/outputs/result/format"),
        ({"response": "both"}, "/response"),
        ({"subscriber": {"successUri": "http://127.0.0.1"}}, "/subscriber"),
        ({"output": {}}, "/output"),
    ],
)
def test_bad_members_are_pointed_at(client: TestClient, more: dict[str, Any], pointer: str) -> None:
    assert problem(post(client, "ellipsoid-area", {"parcels": SQUARE}, **more), 400)["pointer"] == pointer


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [
        ({"layers": "farmland"}, "/inputs/layers"),
        ({"layers": []}, "/inputs/layers"),
        ({"layers": [1]}, "/inputs/layers/0"),
        ({"layers": ["buildings"]}, "/inputs/layers/0"),
        ({"layers": ["farmland", "x'; DROP TABLE dltb"]}, "/inputs/layers/1"),
        ({"purpose": "fun"}, "/inputs/purpose"),
        ({"purpose": 1}, "/inputs/purpose"),
        ({"crs": 4526}, "/inputs/crs"),
        ({"crs": "x" * 300}, "/inputs/crs"),
    ],
)
def test_bad_inputs_are_pointed_at(client: TestClient, inputs: dict[str, Any], pointer: str) -> None:
    found = problem(post(client, "control-line-check", {"parcels": SQUARE, **inputs}), 400)
    assert found["pointer"] == pointer
    assert len(found.get("value", "")) < 100


def test_an_unknown_crs_or_process_or_media_type(client: TestClient) -> None:
    problem(post(client, "ellipsoid-area", {"parcels": SQUARE, "crs": f"{EPSG}99999"}), 400)
    assert problem(post(client, "no-such", {}), 404)["type"].endswith("/no-such-process")
    headers = {"Content-Type": "application/xml"}
    problem(client.post("/processes/echo/execution", content=b"<x/>", headers=headers), 415)
    problem(client.get("/processes/echo/execution"), 405)
    problem(client.get("/processes?limit=0"), 400)
    problem(client.get("/processes?limit=many"), 400)
    problem(client.get("/processes?q=1"), 400)


@pytest.fixture
def odd(tmp_path: Path) -> TestClient:
    """An instance with layers of every fault: a red line over itself, no extent declared, a system without areas."""
    (tmp_path / "config").mkdir()
    (tmp_path / "collections").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "config" / "base.yml").write_text(
        "zone: business\nstores: {odd: {type: geopackage, path: odd.gpkg}}\nprocesses: {max_hits: 2}\n"
    )
    squares = [shapely.box(x, 30.5, x + 0.004, 30.51) for x in (114.300, 114.302, 114.307)]
    mercator = shapely.box(12723600, 3560000, 12724600, 3561000)
    with GeoPackageWriter(tmp_path / "data" / "odd.gpkg") as writer:
        for table_name, srid, shapes in (("red", 4490, squares), ("farm", 3857, [mercator]), ("urban", 4490, [])):
            writer.create_table(
                TableSpec(table_name, "POLYGON", srid, (FieldSpec("LX", "TEXT(20)"),), title=table_name)
            )
            kinds = ["11", "核心保护区", "11"][: len(shapes)]
            writer.insert(table_name, np.array(shapes, dtype=object), {"LX": kinds})
            writer.finish(table_name, "2026-01-01T00:00:00.000Z")
    for table_name, role in (("red", "redline"), ("farm", "farmland"), ("urban", "urban-boundary")):
        (tmp_path / "collections" / f"{table_name}.yml").write_text(
            f"id: {table_name}\ntitle: {table_name}\nsource: {{store: odd, table: {table_name}}}\n"
            f"level: P\nrole: {role}\nfields: {{LX: {{role: type}}}}\n"
        )
    return TestClient(create_app(load_instance(tmp_path)), raise_server_exceptions=False)


def test_a_layer_over_itself_is_counted_once_and_the_worst_case_decides(odd: TestClient) -> None:
    result = run(odd, "control-line-check", SQUARE)
    red = layer(result, "redline")
    alone = run(odd, "ellipsoid-area", {"type": "Polygon", "coordinates": [
        [[114.3, 30.5], [114.306, 30.5], [114.306, 30.51], [114.3, 30.51], [114.3, 30.5]]]})  # fmt: skip
    right = run(odd, "ellipsoid-area", {"type": "Polygon", "coordinates": [
        [[114.307, 30.5], [114.31, 30.5], [114.31, 30.51], [114.307, 30.51], [114.307, 30.5]]]})  # fmt: skip
    assert red["area"] == pytest.approx(alone["parcels"]["area"] + right["parcels"]["area"], rel=1e-9)
    assert red["status"] == "involved-prohibited"
    assert (red["count"], len(red["hits"])) == (3, 2)
    assert {"layer-overlaps-itself", "hits-cut"} <= {item["code"] for item in result["warnings"]}


def test_land_use_over_itself_counts_for_the_first_feature(tmp_path: Path) -> None:
    """Two squares over each other and one that is apart: the classes sum to the union, pieces and all."""
    squares = [shapely.box(0, 0, 300, 300), shapely.box(100, 0, 400, 300), shapely.box(500, 0, 600, 100)]
    shapes = np.array([shapely.affinity.translate(item, 38500000, 3380000) for item in squares], dtype=object)
    (tmp_path / "collections").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "base.yml").write_text("stores: {odd: {type: geopackage, path: odd.gpkg}}\n")
    with GeoPackageWriter(tmp_path / "data" / "odd.gpkg") as writer:
        fields = (FieldSpec("ID", "TEXT(5)"), FieldSpec("DL", "TEXT(5)"), FieldSpec("KC", "REAL"))
        writer.create_table(TableSpec("use", "POLYGON", 4526, fields, title="use"))
        writer.insert("use", shapes, {"ID": ["b", "a", "c"], "DL": ["0101", "0701", "0301"], "KC": [0.1, 0.0, 0.0]})
        writer.finish("use", "2026-01-01T00:00:00.000Z")
    (tmp_path / "collections" / "use.yml").write_text(
        "id: use\ntitle: use\nsource: {store: odd, table: use}\nlevel: P\nrole: landuse\nkey: ID\n"
        "fields: {ID: {}, DL: {role: code}, KC: {role: deduction-ratio}}\n"
    )
    client = TestClient(create_app(load_instance(tmp_path)), raise_server_exceptions=False)
    parcel = shapely.affinity.translate(shapely.box(-100, -100, 1000, 400), 38500000, 3380000)
    result = run(client, "landuse-breakdown", as_input(parcel))
    measure = measure_for(4526)
    own = {item["code"]: item["area"] for item in result["classes"]}
    mine = measure.area(shapes[0] - shapes[1])
    expected = {
        "0101": 0.9 * mine,
        "1203": 0.1 * mine,
        "0301": measure.area(shapes[2]),
        "0701": measure.area(shapes[1]),
    }
    assert own == pytest.approx(expected, rel=1e-9)
    assert result["remainder"]["area"] == pytest.approx(measure.area(parcel - shapely.union_all(shapes)), rel=1e-9)
    assert "layer-overlaps-itself" in {item["code"] for item in result["warnings"]}
    total = math.fsum(own.values()) + result["remainder"]["area"]
    assert total == pytest.approx(result["parcels"]["area"], rel=1e-9)


def test_one_failing_layer_does_not_spoil_the_others(odd: TestClient) -> None:
    result = run(odd, "control-line-check", SQUARE)
    farmland = layer(result, "farmland")
    assert (farmland["status"], farmland["hits"]) == ("error", [])
    assert farmland["requestId"]
    assert layer(result, "redline")["status"] == "involved-prohibited"
    assert result["verdict"] == "involved-prohibited"


def test_a_layer_that_declares_no_extent_never_says_not_involved(odd: TestClient) -> None:
    result = run(odd, "control-line-check", SQUARE, layers=["urban", "red"])
    urban = layer(result, "urban-boundary")
    assert (urban["status"], urban["coverage"], urban["hits"]) == ("no-coverage", 0.0, [])
    assert "no-declared-coverage" in {item["code"] for item in result["warnings"]}
