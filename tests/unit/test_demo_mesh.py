"""The mesh under the demo's layers: what is traced from it fits together vertex by vertex."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from onemap.demo.mesh import Mesh, drawn, grow, straight, trace, unwound, wind
from onemap.demo.regions import connected, dense, gathered, grown, neighbours, strongest

ORIGIN = np.array([38_500_000.0, 3_400_000.0])


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    sites = np.random.default_rng(1).random((1500, 2)) * 10_000 + ORIGIN
    inside = np.hypot(*(sites - ORIGIN - 5000).T) < 4000
    return grow(sites, inside)


def test_cells_cover_the_land_once(mesh: Mesh) -> None:
    labels, cells = trace(mesh, straight(mesh), np.arange(mesh.cells))
    assert list(labels) == list(range(mesh.cells))
    assert shapely.is_valid(cells).all()
    assert shapely.coverage_is_valid(cells)
    assert shapely.area(cells) == pytest.approx(mesh.areas(), abs=0.1)
    assert shapely.get_coordinates(shapely.centroid(cells)) == pytest.approx(mesh.centroids(), abs=0.01)
    assert (mesh.twin[mesh.twin[mesh.twin >= 0]] == np.flatnonzero(mesh.twin >= 0)).all()


@pytest.mark.parametrize("groups", [2, 30, 700])
def test_groups_of_cells_are_a_coverage_too_when_their_borders_wind(mesh: Mesh, groups: int) -> None:
    label = np.random.default_rng(groups).integers(0, groups, mesh.cells)
    wild = wind(mesh, np.full(len(mesh.start), 0.15), 1)
    winding, traced = drawn(mesh, wild, dense(label))
    # Groups at random are in many parts that touch in single points: the hardest case for rings.
    assert shapely.is_valid(traced).all()
    assert shapely.coverage_is_valid(traced)
    whole = trace(mesh, winding, np.zeros(mesh.cells, dtype=np.int64))[1][0]
    assert shapely.coverage_union_all(traced).symmetric_difference(whole).area == pytest.approx(0, abs=1e-3)


def test_only_edges_that_would_cross_are_straightened(mesh: Mesh) -> None:
    wild = wind(mesh, np.full(len(mesh.start), 0.15), 1)
    assert not shapely.is_valid(trace(mesh, wild, np.arange(mesh.cells))[1]).all()
    winding = drawn(mesh, wild, np.arange(mesh.cells))[0]
    assert 0.8 * wild.count.sum() < winding.count.sum() < wild.count.sum()


def test_cells_of_no_group_are_left_out_as_holes(mesh: Mesh) -> None:
    centre = mesh.centroids() - ORIGIN - 5000
    label = np.where(np.hypot(*centre.T) < 1000, -1, 7)
    labels, traced = trace(mesh, straight(mesh), label)
    assert list(labels) == [7]
    assert traced[0].geom_type == "Polygon"
    assert len(traced[0].interiors) == 1
    assert traced[0].area == pytest.approx(mesh.areas()[label == 7].sum(), rel=1e-9)


def test_windings_are_taken_back_edge_by_edge(mesh: Mesh) -> None:
    winding = wind(mesh, np.full(len(mesh.start), 0.1), 1)
    half = np.arange(len(mesh.start)) % 2 == 0
    partly = unwound(winding, half)
    assert partly.count[half].sum() == 0
    assert (partly.count[~half] == winding.count[~half]).all()
    kept = np.flatnonzero(~half & (winding.count > 0))[5]
    before = winding.xy[winding.offset[kept] : winding.offset[kept] + winding.count[kept]]
    after = partly.xy[partly.offset[kept] : partly.offset[kept] + partly.count[kept]]
    assert (before == after).all()


def test_grown_parts_are_connected_and_stay_in_their_group(mesh: Mesh) -> None:
    one, other, length = neighbours(mesh)
    group = (mesh.centroids()[:, 0] > ORIGIN[0] + 5000).astype(np.int64)
    seeds = np.random.default_rng(2).random(mesh.cells) < 0.05
    part = dense(grown(one, other, group, seeds, 3))
    assert len(np.unique(part)) == seeds.sum()
    assert len(np.unique(connected(one, other, part))) == seeds.sum()
    assert len(np.unique(np.column_stack([part, group]), axis=0)) == seeds.sum()
    assert (strongest(one, other, length, np.ones(mesh.cells, dtype=bool)) >= 0).all()


def test_scattered_cells_go_over_to_the_group_around_them(mesh: Mesh) -> None:
    one, other, length = neighbours(mesh)
    group = (mesh.centroids()[:, 0] > ORIGIN[0] + 5000).astype(np.int64)
    group[np.random.default_rng(4).random(mesh.cells) < 0.03] = 1
    whole = gathered(one, other, length, group)
    assert set(whole) == {0, 1}
    assert len(np.unique(connected(one, other, whole))) == 2
