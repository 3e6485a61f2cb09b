"""From stored geometries to shapes on the grid: inside the window, valid after snapping, true in area."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from onemap.tiles.commands import LINE, POINT, POLYGON
from onemap.tiles.shapes import WINDOW, Plane, explode, make_shapes

SAME = Plane(lambda xy: xy, WINDOW)
# A tile of 1000 m with its corner at 500000, 4000000; stored y points up, tile y down.
METRES = Plane(
    lambda xy: (xy - np.array([500000.0, 4000000.0])) * np.array([4.096, -4.096]),
    (499980.0, 3998980.0, 501020.0, 4000020.0),
)


def array(*geometries: shapely.Geometry | None) -> np.ndarray:
    made = np.empty(len(geometries), dtype=object)
    made[:] = geometries
    return made


def coverage(seed: int, count: int) -> np.ndarray:
    """Return a coverage of wiggly cells in metres, larger than the tile, with many holes smaller than a tile unit."""
    rng = np.random.default_rng(seed)
    points = shapely.multipoints(rng.random((count, 2)) * 1200 + [499900, 3998900])
    cells = shapely.segmentize(shapely.get_parts(shapely.voronoi_polygons(points)), 3.0)
    wave = lambda xy: xy + np.column_stack([np.sin(xy[:, 1] / 5), np.sin(xy[:, 0] / 7)])  # noqa: E731
    moved = shapely.transform(cells, wave)
    pinholes = shapely.buffer(shapely.points(rng.random((400, 2)) * 1000 + [500000, 3999000]), 0.3, quad_segs=2)
    return np.asarray(shapely.difference(moved, shapely.union_all(pinholes)), dtype=object)


@pytest.mark.parametrize("tolerance", [0.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_polygons_are_valid_on_the_grid_and_inside(seed: int, tolerance: float) -> None:
    plane = Plane(METRES.to_grid, METRES.bounds, tolerance)
    (made,) = make_shapes(coverage(seed, 300), plane)
    assert made.kind == POLYGON
    assert set(shapely.get_type_id(made.parts)) == {3}
    assert shapely.is_valid(made.parts).all()
    xy = shapely.get_coordinates(made.parts)
    assert (xy == np.rint(xy)).all()
    assert xy.min() >= WINDOW[0]
    assert xy.max() <= WINDOW[2]
    assert (np.diff(made.owners) >= 0).all()
    assert (shapely.area(made.parts) > 0).all()


def test_areas_are_those_of_the_source() -> None:
    cells = coverage(7, 200)
    (made,) = make_shapes(cells, METRES)
    window = shapely.box(*WINDOW)
    expected = shapely.intersection(shapely.transform(cells, METRES.to_grid), window)
    got = np.bincount(made.owners, shapely.area(made.parts), len(cells))
    # Every vertex moves by at most half the diagonal of a unit, so an area by at most that times the outline.
    assert (np.abs(got - shapely.area(expected)) <= 0.75 * shapely.length(expected) + 1).all()
    assert got.sum() == pytest.approx(shapely.area(expected).sum(), rel=1e-4)


def test_clip_agrees_with_the_exact_intersection() -> None:
    rng = np.random.default_rng(5)
    cloud = [
        shapely.Point(p).buffer(r, quad_segs=4)
        for p, r in zip(rng.integers(-200, 4300, (80, 2)), rng.integers(20, 900, 80), strict=True)
    ]
    holes = shapely.union_all([shapely.Point(p).buffer(35) for p in rng.integers(-200, 4300, (300, 2))])
    rings = shapely.difference(array(*cloud), holes)
    (made,) = make_shapes(rings, SAME)
    expected = shapely.area(shapely.intersection(rings, shapely.box(*WINDOW)))
    got = np.bincount(made.owners, shapely.area(made.parts), len(rings))
    assert got == pytest.approx(expected, abs=0.75 * shapely.length(rings).max())
    assert got[expected > 5000] == pytest.approx(expected[expected > 5000], rel=0.02)


@pytest.mark.parametrize(
    ("wrong", "area"),
    [
        (shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)]), 500_000),
        (shapely.Polygon([(0, 0), (1000, 0), (1000, 1000), (1500, 1500), (1000, 1000), (0, 1000)]), 1_000_000),
        (shapely.Polygon(shapely.box(0, 0, 1000, 1000).exterior, [shapely.box(2000, 2000, 2100, 2100).exterior]), None),
    ],
    ids=["bow-tie", "spike", "hole outside"],
)
def test_invalid_stored_polygons_become_valid(wrong: shapely.Polygon, area: float | None) -> None:
    assert not wrong.is_valid
    (made,) = make_shapes(array(wrong, shapely.box(10, 10, 20, 20)), SAME)
    assert shapely.is_valid(made.parts).all()
    assert set(made.owners.tolist()) == {0, 1}
    if area is not None:
        assert shapely.area(made.parts[made.owners == 0]).sum() == pytest.approx(area, rel=1e-6)


def test_degenerate_shapes_are_dropped() -> None:
    tiny = shapely.box(10.1, 10.1, 10.3, 10.3)
    sliver = shapely.Polygon([(0, 100.1), (4000, 100.2), (4000, 100.3), (0, 100.2)])
    short = shapely.LineString([(5.1, 5.1), (5.3, 5.2)])
    made = make_shapes(array(tiny, sliver, short, None, shapely.Polygon(), shapely.box(5000, 0, 6000, 10)), SAME)
    assert sum(len(item.parts) for item in made) == 0


def test_a_pinched_polygon_is_split() -> None:
    waist = shapely.Polygon(
        [(0, 0), (100, 0), (100, 40), (50.2, 50), (100, 60), (100, 100), (0, 100), (0, 60), (49.8, 50), (0, 40)]
    )
    (made,) = make_shapes(array(waist), SAME)
    assert shapely.is_valid(made.parts).all()
    assert shapely.area(made.parts).sum() == pytest.approx(waist.area, rel=0.01)
    assert set(made.owners.tolist()) == {0}


def test_lines_are_cut_at_the_window() -> None:
    line = shapely.LineString([(-500, 10), (2000, 10), (2000, 5000), (3000, 5000), (3000, 100)])
    (made,) = make_shapes(array(line), SAME)
    assert made.kind == LINE
    assert made.owners.tolist() == [0, 0]
    assert shapely.length(made.parts).sum() == 64 + 2000 + 4150 + 4060


def test_points_in_the_window_only() -> None:
    points = array(
        shapely.Point(1.4, 2.6), shapely.MultiPoint([(-64, 0), (-65, 0), (4160, 4160)]), shapely.Point(9999, 0)
    )
    (made,) = make_shapes(points, SAME)
    assert made.kind == POINT
    assert made.owners.tolist() == [0, 1, 1]
    assert shapely.get_coordinates(made.parts).tolist() == [[1, 3], [-64, 0], [4160, 4160]]


def test_mixed_collections_are_taken_apart() -> None:
    inner = shapely.GeometryCollection([shapely.Point(1, 1), shapely.MultiPolygon([shapely.box(0, 0, 9, 9)])])
    mixed = shapely.GeometryCollection([inner, shapely.LineString([(0, 0), (5, 5)])])
    made = make_shapes(array(shapely.Point(3, 3), mixed), SAME)
    assert [(item.kind, item.owners.tolist()) for item in made] == [(POINT, [0, 1]), (LINE, [1]), (POLYGON, [1])]
    parts, owners = explode(array(None, mixed))
    assert sorted(shapely.get_type_id(parts).tolist()) == [0, 1, 3]
    assert set(owners.tolist()) == {1}


def test_a_long_outline_is_trimmed_before_it_is_moved() -> None:
    moved = 0

    def counting(xy: np.ndarray) -> np.ndarray:
        nonlocal moved
        moved += len(xy)
        return xy

    coast = shapely.segmentize(shapely.box(-1_000_000, -1_000_000, 2000, 2000), 100.0)
    (made,) = make_shapes(array(coast), Plane(counting, WINDOW))
    assert shapely.area(made.parts).sum() == 2064 * 2064
    assert moved < shapely.get_num_coordinates(coast) / 100


def test_vertices_out_of_reach_of_the_projection_are_passed_over() -> None:
    plane = Plane(lambda xy: np.where(xy > 1000, np.inf, xy), WINDOW)
    made = make_shapes(array(shapely.box(0, 0, 10, 10), shapely.box(0, 0, 2000, 10), shapely.Point(2000, 1)), plane)
    assert [item.owners.tolist() for item in made if len(item.parts)] == [[0]]
