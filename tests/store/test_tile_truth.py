"""Tiles of random places against what PostGIS makes of the same features, read by independent decoders.

Each engine is asked through the application. The rules of comparison:

* Vertices move to the grid and borders are cut at the buffer (by ST_AsMVTGeom in this order, so that it is up to 1.3
  units off itself): a border may be one tile unit off in x and in y. Where tiles are simplified (scales coarser than
  1 : 100,000, z12 and below on WebMercatorQuad) it may be half a CSS pixel more, eight units. This is the ``slack``.
* The features are those of ST_AsMVT, but a line or surface smaller than half a CSS pixel (8 units) in both directions
  may be left out, and so may a surface of which nothing is left when its border moves inward by the slack.
* Their areas are those of ST_AsMVT but for the slack times the length of the border, and all together within 2 %.
* What is drawn stays within the slack of the stored geometry, placed exactly; what is left of that when its border
  moves inward by the slack is drawn. (ST_AsMVTGeom itself takes spikes of several units off lines.) Between its
  vertices a side may be straight in the plane of the tile, in that of the store, or in degrees: over ten kilometres
  these are metres apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
import shapely
from numpy.typing import NDArray
from psycopg import sql
from starlette.testclient import TestClient

from tests import tile_layers
from tests.conftest import Cluster
from tests.tile_decoding import EXTENT, TILE, Drawn, check_letter, decode, decode_with_gdal
from tests.tile_instances import ENGINES, client_of
from tests.tile_layers import Geometries
from tests.tile_places import GRIDS, HALF_PIXEL, UNIT, Place, place_at, place_xy

SMALL = HALF_PIXEL * 1.05  # sizes are judged in the stored plane, by the scale in the middle of the tile
TILES = 500
FEW = 40  # shapes compared in a tile of many
MUCH = 10_000.0  # square units, 1/1600 of a tile
BATCHES = 10
AROUND = shapely.box(-64, -64, EXTENT + 64, EXTENT + 64)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiles") / "layers.gpkg"


@pytest.fixture(scope="module")
def features(file: Path) -> dict[str, Geometries]:
    return tile_layers.write(file, tile_layers.KINDS)


@pytest.fixture(scope="module")
def dsn(file: Path, features: dict[str, Geometries], cluster: Cluster) -> str:
    return cluster.copy(file)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, file: Path, features: dict[str, Geometries], cluster: Cluster) -> TestClient:
    """A client of an application that makes tiles in one of the ways that there are."""
    return client_of(request.param, file, features, cluster)


@pytest.fixture(scope="module")
def postgis(dsn: str) -> Iterator[Callable[[str, Place], Drawn]]:
    """The same tile by ST_AsMVT, written as its manual has it: of every feature, without simplification."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield lambda table, place: _truth(connection, table, place)


def _truth(connection: psycopg.Connection, table: str, place: Place) -> Drawn:
    statement = sql.SQL("""
        WITH tile AS (SELECT ST_MakeEnvelope(%(left)s, %(bottom)s, %(right)s, %(top)s, %(srid)s) AS box),
        around AS (SELECT ST_Transform(ST_Segmentize(ST_Expand(box, %(margin)s), %(step)s), %(storage)s) AS box
                   FROM tile),
        drawn AS (
            SELECT fid, ST_AsMVTGeom(ST_Transform(geom, %(srid)s), tile.box, 4096, 64, true) AS geom
            FROM {table} AS layer, tile, around WHERE layer.geom && around.box)
        SELECT ST_AsMVT(drawn, 'layer', 4096, 'geom', 'fid') FROM drawn WHERE geom IS NOT NULL
    """).format(table=sql.Identifier(table))
    left, bottom, right, top = place.box
    size = right - left
    given = {"left": left, "bottom": bottom, "right": right, "top": top, "srid": GRIDS[place.grid]}
    given |= {"margin": size / 32, "step": size / 8, "storage": int(table.partition("_")[2])}
    row = connection.execute(statement, given).fetchone()
    return decode(bytes(row[0]), "layer") if row and row[0] else {}


def fetch(engine: TestClient, table: str, place: Place) -> bytes:
    """Return the tile of an engine, empty where nothing is."""
    response = engine.get(f"/collections/{table}/tiles/{place.path}")
    assert response.status_code in (200, 204), response.text
    return response.content


def random_places(features: dict[str, Geometries], seed: int, count: int) -> list[tuple[str, Place]]:
    """Return different tiles with something in them: around a vertex of a feature, at any level from z6 to z16."""
    rng = np.random.default_rng(seed)
    tables = list(features)
    made: dict[tuple[str, Place], None] = {}
    while len(made) < count:
        table = tables[len(made) % len(tables)]
        grid = "CGCS2000Quad" if rng.random() < 0.25 else "WebMercatorQuad"
        vertices = shapely.get_coordinates(features[table][rng.integers(len(features[table]))])
        vertex = place_xy(vertices[rng.integers(len(vertices))][None], table, grid)[0]
        made[table, place_at(grid, int(rng.integers(6, 17)), *vertex)] = None
    return list(made)


@pytest.fixture(scope="module")
def places(features: dict[str, Geometries]) -> list[tuple[str, Place]]:
    return random_places(features, 1, TILES)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_tiles_are_those_of_postgis(
    engine: TestClient,
    postgis: Callable[[str, Place], Drawn],
    features: dict[str, Geometries],
    places: list[tuple[str, Place]],
    tmp_path: Path,
    batch: int,
) -> None:
    compared = 0
    for number, (table, place) in enumerate(places[batch::BATCHES]):
        body = fetch(engine, table, place)
        ours, theirs = decode(body, table), postgis(table, place)
        if body:
            check_letter(body)
        if body and number % 5 == 0:
            by_gdal = decode_with_gdal(body, table, tmp_path)
            assert by_gdal.keys() == ours.keys()
            assert all(shapely.equals(by_gdal[key], ours[key]) for key in ours), place
        faults = differences(ours, theirs, features[table], table, place)
        assert not faults, (table, place, faults[:5])
        compared += len(theirs)
    assert compared > TILES // BATCHES


def differences(ours: Drawn, theirs: Drawn, source: Geometries, table: str, place: Place) -> list[str]:
    """Return what breaks the rules of comparison, in words."""
    keys = sorted(ours.keys() | theirs.keys())
    if not keys:
        return []
    slack = UNIT if table.startswith("sites") else place.slack
    mine, truth = (_drawn(drawn, keys) for drawn in (ours, theirs))
    stored = source[np.array(keys) - 1]
    exact = placed(stored, table, place)
    small = (sizes(exact) <= SMALL) & (shapely.get_dimensions(exact) > 0)
    absent, extra = shapely.is_empty(mine), shapely.is_empty(truth)
    faults = [f"{keys[at]} is missing" for at in np.flatnonzero(absent & ~small & _lasting(truth, slack))]
    faults += [f"{keys[at]} should not be there" for at in np.flatnonzero(extra & _lasting(mine, slack))]
    both = np.flatnonzero(~absent & ~extra)
    areas = [shapely.area(shapely.intersection(item[both], TILE)) for item in (mine, truth)]
    error = np.abs(areas[0] - areas[1])
    allowed = slack * (shapely.length(truth[both]) + np.pi * slack)
    faults += [f"{keys[both[at]]} has an area {error[at]} off" for at in np.flatnonzero(error > allowed)]
    if abs(areas[0].sum() - areas[1].sum()) > 0.02 * areas[1].sum() + MUCH:
        faults.append(f"areas of {areas[0].sum()} instead of {areas[1].sum()} in all")
    some = both[:: max(1, len(both) // FEW)]
    for at in some:
        fault = _apart(mine[at], exact[at], slack)
        if fault and all(_apart(mine[at], other, slack) for other in bent(stored[at], table, place)):
            faults.append(f"{keys[at]} {fault}")
    return faults


def placed(geometries: Geometries, table: str, place: Place) -> Geometries:
    """Return stored geometries in tile units, vertex by vertex."""
    return np.asarray(shapely.transform(geometries, lambda xy: place.units(place_xy(xy, table, place.grid))))


def bent(stored: shapely.Geometry, table: str, place: Place) -> list[shapely.Geometry]:
    """Return a feature in tile units with its sides straight in the plane of the store, and in degrees."""
    unit = 1.0 if table.endswith("4490") else 1e5  # metres in a degree, about
    degrees = shapely.transform(stored, lambda xy: place_xy(xy, table, "CGCS2000Quad"))
    planes = ((table, stored, unit), ("degrees_4490", degrees, 1.0))
    return [placed(shapely.segmentize(shape, 0.002 * step), name, place) for name, shape, step in planes]


def sizes(geometries: Geometries) -> NDArray[np.float64]:
    """Return the longer side of each box."""
    boxes = shapely.bounds(geometries)
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1))


def _drawn(drawn: Drawn, keys: list[int]) -> Geometries:
    nothing = shapely.GeometryCollection()
    return np.array([drawn.get(key, nothing) for key in keys], dtype=object)


def _lasting(geometries: Geometries, slack: float) -> NDArray[np.bool_]:
    """Whether some of a feature inside the tile must be drawn: a point, a long line, the core of a surface."""
    inside = shapely.intersection(geometries, TILE)
    core = ~shapely.is_empty(shapely.buffer(inside, -slack, quad_segs=2))
    rules = [np.zeros_like(core), ~shapely.is_empty(inside), sizes(inside) > SMALL + slack, core]
    return np.asarray(np.choose(shapely.get_dimensions(inside) + 1, rules))


def _apart(mine: shapely.Geometry, exact: shapely.Geometry, slack: float) -> str:
    """Return how a drawn geometry differs by more than the slack from the exact one; nothing when it does not."""
    near = shapely.intersection(exact, AROUND)
    drawn, inside = shapely.intersection(mine, TILE), shapely.intersection(near, TILE)
    if shapely.hausdorff_distance(_outline(drawn), _outline(inside)) <= slack:
        return ""
    reach = slack * 1.01  # a circle of 32 corners is up to 0.5 % too small
    strays = shapely.difference(drawn, shapely.buffer(near, reach))
    if not shapely.is_empty(strays):
        return f"is drawn more than {slack:.1f} away, at {shapely.point_on_surface(strays)}"
    parts = shapely.get_parts(inside)
    if shapely.get_dimensions(inside) == 2:
        lost = shapely.difference(shapely.buffer(inside, -reach), mine)
    else:
        large = shapely.union_all(parts[(shapely.get_dimensions(parts) == 0) | (sizes(parts) > SMALL)])
        lost = shapely.difference(large, shapely.buffer(mine, reach))
    return "" if shapely.is_empty(lost) else f"lacks {lost}"


def _outline(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.boundary(geometry) if shapely.get_dimensions(geometry) == 2 else geometry
