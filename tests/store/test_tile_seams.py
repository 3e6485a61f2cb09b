"""A coverage stays one in its tiles: no gap, no overlap, and neighbouring tiles agree about what crosses their border.

The rules are those of ``test_tile_truth``: a border moves by at most the slack. Two surfaces that share a border may
so leave a gap of twice the slack between them, and overlap by as much. The levels are those at which no parcel is
smaller than half a CSS pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from starlette.testclient import TestClient

from tests import tile_layers
from tests.conftest import Cluster
from tests.tile_decoding import EXTENT, check_letter, decode
from tests.tile_instances import ENGINES, client_of
from tests.tile_layers import Geometries
from tests.tile_places import Place, place_at, place_xy

STRIP = 16
LEVELS = {"WebMercatorQuad": (11, 12, 13, 15), "CGCS2000Quad": (12, 14)}
TABLES = [f"cover_{srid}" for srid in tile_layers.SRIDS]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cover") / "layers.gpkg"


@pytest.fixture(scope="module")
def covers(file: Path) -> dict[str, Geometries]:
    return tile_layers.write(file, ["cover"])


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, file: Path, covers: dict[str, Geometries], cluster: Cluster) -> TestClient:
    return client_of(request.param, file, covers, cluster)


def block(covers: dict[str, Geometries], table: str, grid: str, level: int) -> Place:
    """Return the upper left one of four tiles around the middle of the coverage."""
    box = shapely.box(*shapely.total_bounds(covers[table]))
    middle = place_xy(np.array([[box.centroid.x, box.centroid.y]]), table, grid)[0]
    return place_at(grid, level, *middle)


def fetch(engine: TestClient, table: str, place: Place) -> dict[int, shapely.Geometry]:
    response = engine.get(f"/collections/{table}/tiles/{place.path}")
    assert response.status_code == 200, response.text
    assert check_letter(response.content)
    return decode(response.content, table)


CASES = [(table, grid, level) for table in TABLES for grid, levels in LEVELS.items() for level in levels]


@pytest.mark.parametrize(("table", "grid", "level"), CASES)
def test_a_coverage_stays_whole(
    engine: TestClient, covers: dict[str, Geometries], table: str, grid: str, level: int
) -> None:
    first = block(covers, table, grid, level)
    tiles = {(row, col): fetch(engine, table, first.beside(row, col)) for row in (0, 1) for col in (0, 1)}
    slack = first.slack
    for (row, col), drawn in tiles.items():
        _check_whole(drawn, covers[table], table, first.beside(row, col), slack)
    for row, col, down, right in ((0, 0, 0, 1), (1, 0, 0, 1), (0, 0, 1, 0), (0, 1, 1, 0)):
        _check_agreement(tiles[row, col], tiles[row + down, col + right], (down, right), slack)


def _check_whole(
    drawn: dict[int, shapely.Geometry], source: Geometries, table: str, place: Place, slack: float
) -> None:
    """Check a tile for gaps and overlaps that are left when all borders move by the slack."""
    exact = shapely.transform(source, lambda xy: place.units(place_xy(xy, table, place.grid)))
    covered = shapely.box(0, 0, EXTENT, EXTENT).intersection(shapely.coverage_union_all(exact))
    shapes = np.array(list(drawn.values()), dtype=object)
    gaps = covered.difference(shapely.union_all(shapes))
    assert gaps.buffer(-slack).is_empty, gaps.buffer(-slack).representative_point()
    assert gaps.area <= 0.001 * covered.area * slack
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = one < other
    shared = shapely.intersection(shapes[one[pairs]], shapes[other[pairs]])
    wide = ~shapely.is_empty(shapely.buffer(shared, -slack))
    assert not wide.any(), shared[wide][0].representative_point()


def _check_agreement(
    one: dict[int, shapely.Geometry], other: dict[int, shapely.Geometry], step: tuple[int, int], slack: float
) -> None:
    """Check that two tiles draw the same along their common border, within the strip that both of them draw."""
    down, right = step
    if right:
        strip = shapely.box(EXTENT - STRIP, 0, EXTENT + STRIP, EXTENT)
    else:
        strip = shapely.box(0, EXTENT - STRIP, EXTENT, EXTENT + STRIP)
    offset = np.array([right, down]) * EXTENT
    moved = {key: shapely.transform(shape, lambda xy: xy + offset) for key, shape in other.items()}
    compared = 0
    for key in one.keys() | moved.keys():
        pair = [tile.get(key, shapely.Polygon()) for tile in (one, moved)]
        for mine, yours in (pair, pair[::-1]):
            inside = mine.intersection(strip)
            stray = inside.buffer(-slack).difference(yours)
            assert stray.is_empty, (key, stray.representative_point())
            compared += not inside.is_empty
    assert compared
