"""Label points: each feature has one, in one tile of a level, by each way in which tiles are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from onemap.app import create_app, load_instance
from onemap.geo.crs import crs_from_srid, transform
from onemap.store.geopackage.writer import FieldSpec, GeoPackageWriter, TableSpec
from tests.conftest import Cluster
from tests.decoding import Feature, read_layers
from tests.synthetic import coverage
from tests.tile_instances import ENGINES, Engine, onemap, write_instance
from tests.tile_places import GRIDS, Place

SIDE = 40_000.0
FIELDS = (FieldSpec("name", "TEXT(20)"),)


def squares() -> list[shapely.Geometry]:
    """Return squares whose middles are corners and sides of tiles of the national grid."""
    step = 180 / 2**8
    corners = [(112.5 + step * n / 2, 30.234375 + step * m / 2) for n in range(5) for m in range(5)]
    return [shapely.box(x - 0.125, y - 0.125, x + 0.125, y + 0.125) for x, y in corners]


def crescents() -> list[shapely.Geometry]:
    """Return shapes whose middle is outside of them, some of several parts."""
    whole = list(coverage(120, 4, 4526, SIDE))
    bent = [shape.difference(shape.centroid.buffer(np.sqrt(shape.area) / 3)) for shape in whole]
    return [shapely.MultiPolygon([part for part in shapely.get_parts(shape) if part.area]) for shape in bent]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("labels") / "labels.gpkg"
    with GeoPackageWriter(file) as writer:
        for table, srid, shapes in (("squares", 4490, squares()), ("crescents", 4526, crescents())):
            writer.create_table(TableSpec(table, "MULTIPOLYGON", srid, FIELDS))
            many = [shapely.MultiPolygon([item]) if item.geom_type == "Polygon" else item for item in shapes]
            writer.insert(table, np.array(many), {"name": [f"n{number}" for number in range(len(many))]})
            writer.finish(table, "2026-01-01T00:00:00.000Z")
    return file


@pytest.fixture(scope="module", params=ENGINES)
def served(request: pytest.FixtureRequest, path: Path, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    engine: Engine = request.param
    root = tmp_path_factory.mktemp(engine)
    cluster: Cluster = request.getfixturevalue("cluster")
    source = cluster.copy(path) if engine == "postgis" else path
    pack = "always" if engine == "pack" else "never"
    write_instance(root, source, ("squares", "crescents"), {"pack": pack, "labels": True})
    if engine == "pack":
        onemap("tiles", "build", "--root", str(root))
    return TestClient(create_app(load_instance(root)))


def places(client: TestClient, table: str, matrix_set: str, level: str) -> Iterator[tuple[int, int]]:
    tileset = client.get(f"/collections/{table}/tiles/{matrix_set}", params={"f": "json"}).json()
    limits = next(item for item in tileset["tileMatrixSetLimits"] if item["tileMatrix"] == level)
    for row in range(limits["minTileRow"], limits["maxTileRow"] + 1):
        for col in range(limits["minTileCol"], limits["maxTileCol"] + 1):
            yield row, col


def layers(client: TestClient, table: str, address: str) -> dict[str, list[Feature]]:
    answer = client.get(f"/collections/{table}/tiles/{address}")
    assert answer.status_code in (200, 204), answer.text
    return read_layers(answer.content) if answer.status_code == 200 else {}


@pytest.mark.parametrize(("table", "levels"), [("squares", ("7", "9", "10")), ("crescents", ("10", "12"))])
@pytest.mark.parametrize("matrix_set", GRIDS)
def test_each_feature_has_one_label_point_in_all_tiles(
    served: TestClient, table: str, levels: tuple[str, ...], matrix_set: str
) -> None:
    shapes = squares() if table == "squares" else crescents()
    storage = crs_from_srid(4490 if table == "squares" else 4526)
    for level in levels:
        found: Counter[int] = Counter()
        for row, col in places(served, table, matrix_set, level):
            for feature in layers(served, table, f"{matrix_set}/{level}/{row}/{col}").get(f"{table}:label", []):
                assert feature.id is not None
                found[feature.id] += 1
                assert feature.properties == {"name": ("string_value", f"n{feature.id - 1}")}
                ((x, y),) = feature.paths[0]
                assert 0 <= x < 4096
                assert 0 <= y < 4096
                stored = np.array([shapes[feature.id - 1]])
                shape = transform(stored, storage, crs_from_srid(GRIDS[matrix_set]))[0]
                left, bottom, _, top = Place(matrix_set, int(level), row, col).box
                unit = (top - bottom) / 4096
                here = shapely.Point(left + (x + 0.5) * unit, top - (y + 0.5) * unit)
                assert shape.distance(here) <= 2 * unit
        assert set(found.values()) == {1}
        assert len(found) == len(shapes) or (table == "crescents" and len(found) > 60)


def test_a_point_on_a_corner_of_tiles_is_in_the_one_to_the_south_east(served: TestClient) -> None:
    """The first square: 112.5 E is the left side of column 416, 30.234375 N the upper side of row 85 of level 8."""
    seen = {
        (row, col): [feature.paths[0][0] for feature in made.get("squares:label", []) if feature.id == 1]
        for row in (84, 85)
        for col in (415, 416)
        if (made := layers(served, "squares", f"CGCS2000Quad/8/{row}/{col}"))
    }
    assert len(seen) == 4
    assert {place: list(map(tuple, points)) for place, points in seen.items() if points} == {(85, 416): [(0, 0)]}


def test_the_documents_of_tiles_name_the_layer(served: TestClient) -> None:
    tilejson = served.get("/collections/squares/tiles/WebMercatorQuad/tilejson.json").json()
    assert [layer["id"] for layer in tilejson["vector_layers"]] == ["squares", "squares:label"]
    tileset = served.get("/tiles/WebMercatorQuad", params={"f": "json"}).json()
    told = {layer["id"]: layer["geometryDimension"] for layer in tileset["layers"]}
    assert told == {"squares": 2, "squares:label": 0, "crescents": 2, "crescents:label": 0}


def test_label_points_follow_a_filter(served: TestClient) -> None:
    asked = [
        layers(served, "squares", f"CGCS2000Quad/7/{row}/{col}?filter=name%3D'n3'").get("squares:label", [])
        for row, col in places(served, "squares", "CGCS2000Quad", "7")
    ]
    assert [feature.id for found in asked for feature in found] == [4]
