"""The relief of the demo: the same everywhere it is asked for, and all water finds its way out."""

from __future__ import annotations

import numpy as np
import pytest

from onemap.demo.grid import Extent, Grid, Noise, widened
from onemap.demo.paths import spread, stations
from onemap.demo.relief import Relief, carve, fill, receivers, relief


@pytest.fixture(scope="module")
def land() -> Relief:
    return carve(1, "small")


def test_heights_do_not_depend_on_the_box_or_the_resolution(land: Relief) -> None:
    whole = land.grid.extent
    middle = Extent(whole.min_x + 3000, whole.min_y + 3000, whole.min_x + 5000, whole.min_y + 4000)
    coarse = relief(1, middle, (10, 20))
    fine = relief(1, middle, (50, 100))
    assert fine[2::5, 2::5] == pytest.approx(coarse, abs=1e-9)


def test_rows_run_from_north_to_south(land: Relief) -> None:
    extent = land.grid.extent
    heights = relief(1, extent, (40, 40))
    assert heights[:5].mean() > heights[-5:].mean() + 50, "the ranges lie in the north"
    assert 0 < heights.min() < 40
    assert 400 < heights.max() < 600


def test_all_water_drains_over_the_south_edge(land: Relief) -> None:
    target = land.receiver
    for _ in range(14):
        target = target[target]
    assert (target < land.grid.shape[1]).all()
    flat = land.heights.ravel()
    moving = land.receiver != np.arange(len(flat))
    assert (flat[land.receiver[moving]] < flat[moving]).all()
    assert land.drained.ravel()[~moving].sum() == pytest.approx(land.heights.size * land.grid.step**2)


def test_another_seed_is_another_land() -> None:
    extent = carve(1, "small").grid.extent
    assert np.abs(relief(1, extent, (20, 20)) - relief(2, extent, (20, 20))).max() > 50


def test_hollows_are_filled_to_their_rim() -> None:
    ground = np.full((9, 9), 10.0)
    ground[0] = 1.0
    ground[5, 5] = 2.0
    filled = fill(ground, 1)
    assert filled[5, 5] == pytest.approx(10, abs=0.1)
    assert filled[5, 5] > 10
    assert (receivers(filled)[1:] != np.arange(81).reshape(9, 9)[1:]).all()


def test_slopes_are_those_of_a_plane() -> None:
    grid = Grid(Extent(0, 0, 1000, 1000), 10)
    x, _ = grid.centres
    land = Relief(1, grid, 0.1 * x, np.zeros(0, np.int64), np.zeros(0))
    at = np.array([300.0, 500.0, 700.0])
    assert grid.smooth(land.heights, at, at) == pytest.approx(0.1 * at, abs=1e-9)
    assert grid.linear(land.heights, at, at) == pytest.approx(0.1 * at, abs=1e-9)
    assert land.slope(at, at, 100.0) == pytest.approx(np.degrees(np.arctan(0.1)), abs=0.15)


def test_noise_is_smooth_and_bounded() -> None:
    x = np.linspace(0, 5000, 2001)
    values = Noise(1)(x, x, 1000.0)
    assert np.abs(values).max() < 2
    assert np.abs(np.diff(values)).max() < 0.15


def test_the_cheapest_way_goes_around_a_wall() -> None:
    price = np.ones((7, 7))
    price[3, :6] = np.inf
    reached = spread(price, {0: 5})
    way = reached.way(42, set())
    assert way[0] == 42
    assert way[-1] == 0
    assert 27 in way, "the gap in the wall"
    assert reached.source[42] == 5
    assert reached.source[22] == -1
    assert reached.cost[6] == pytest.approx(6)


def test_stations_stand_at_equal_distances_with_normals_to_the_left() -> None:
    points, normals = stations(np.array([[0.0, 0.0], [100.0, 0.0]]), 20)
    assert points[:, 0] == pytest.approx([10, 30, 50, 70, 90])
    assert normals == pytest.approx(np.tile([0.0, 1.0], (5, 1)))


def test_widening_grows_a_square() -> None:
    cells = np.zeros((7, 7), dtype=bool)
    cells[3, 3] = True
    assert widened(cells, 2).sum() == 25
