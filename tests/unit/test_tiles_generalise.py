"""Generalisation of coverages: nothing opens, borders stay shared, areas are kept, and what moved is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from onemap.store import Batch
from onemap.store.tiling import Generalised
from onemap.tiles.generalise import Level, Report, Settings, generalise
from onemap.tiles.generalise.borders import borders
from onemap.tiles.generalise.merge import merge
from onemap.tiles.generalise.partition import partition
from tests.synthetic import coverage

Geometries = NDArray[np.object_]
LEVELS = (Level(12, 40.0), Level(11, 80.0), Level(10, 160.0), Level(9, 320.0))
SIDE = 20_000.0


def batches(polygons: Geometries, classes: list[str], size: int = 700) -> Iterator[Batch]:
    for start in range(0, len(polygons), size):
        some = slice(start, start + size)
        keys = list(range(start + 1, start + len(polygons[some]) + 1))
        yield Batch(keys, polygons[some], {"DLBM": classes[some]})


def classes_of(polygons: Geometries, seed: int) -> list[str]:
    names = ["0101", "0301", "0702", "1003"]
    return [names[at] for at in np.random.default_rng(seed).integers(0, 4, len(polygons)).tolist()]


def levels(polygons: Geometries, classes: list[str], asked: Settings) -> dict[int, tuple[Generalised, Report]]:
    made = {}
    for level in generalise(batches(polygons, classes), LEVELS, asked):
        parts = list(level.batches)
        members = [item for part in parts for item in part.members or ()]
        geometries = np.concatenate([part.geometries for part in parts])
        whole = Generalised([key for part in parts for key in part.keys], geometries, members)
        made[level.level.zoom] = (whole, level.report)
    return made


@pytest.fixture(scope="module", params=[1_000_000, 4_000], ids=["one part", "many parts"])
def made(request: pytest.FixtureRequest) -> dict[int, tuple[Generalised, Report]]:
    polygons = coverage(3000, 5, side=SIDE)
    asked = Settings(coverage=True, class_column="DLBM", chunk=request.param)
    return levels(polygons, classes_of(polygons, 5), asked)


def test_every_level_is_a_coverage(made: dict[int, tuple[Generalised, Report]]) -> None:
    assert list(made) == [12, 11, 10, 9]
    for generalised, _ in made.values():
        assert shapely.is_valid(generalised.geometries).all()
        assert shapely.coverage_is_valid(generalised.geometries)


def test_no_hole_opens_and_the_area_is_kept(made: dict[int, tuple[Generalised, Report]]) -> None:
    for zoom, (generalised, report) in made.items():
        covered = shapely.union_all(generalised.geometries)
        assert covered.geom_type == "Polygon", zoom
        assert not covered.interiors, zoom
        assert covered.area == pytest.approx(SIDE**2, rel=0.01)
        assert shapely.area(generalised.geometries).sum() == pytest.approx(covered.area, rel=1e-9)
        source = shapely.area(coverage(3000, 5, side=SIDE)).sum()
        assert report.kept == pytest.approx(covered.area / source, rel=1e-5)


def test_levels_get_coarser_until_what_is_seen_is_large_enough(made: dict[int, tuple[Generalised, Report]]) -> None:
    counts = [len(generalised) for generalised, _ in made.values()]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 3000 / 4
    for level in LEVELS:
        generalised, report = made[level.zoom]
        small = shapely.area(generalised.geometries) < 5 * level.pixel**2 * 0.7  # simplifying may take a little
        assert small.sum() <= report.seams + 0.01 * len(generalised)


def test_every_feature_is_a_member_of_one(made: dict[int, tuple[Generalised, Report]]) -> None:
    for generalised, report in made.values():
        members = [key for keys in generalised.members or () for key in keys]
        assert sorted(members) == list(range(1, 3001))
        assert all(key in keys for key, keys in zip(generalised.keys, generalised.members or (), strict=True))
        assert report.features == len(generalised)
        assert report.source_features == 3000


def test_the_drift_of_the_classes_is_what_the_shapes_say(made: dict[int, tuple[Generalised, Report]]) -> None:
    polygons = coverage(3000, 5, side=SIDE)
    classes = np.array(classes_of(polygons, 5))
    areas = shapely.area(polygons)
    for generalised, report in made.values():
        of_each = classes[np.array(generalised.keys) - 1]
        for name in np.unique(classes).tolist():
            before, after = areas[classes == name].sum(), shapely.area(generalised.geometries[of_each == name]).sum()
            assert report.before[name] == pytest.approx(before, rel=1e-4)
            assert report.drift[name] == pytest.approx(after / before - 1, abs=1e-4)
    assert 0 < made[12][1].moved < made[9][1].moved < 0.6


def test_like_merges_with_like_before_the_longest_border() -> None:
    # A sliver between two fields: the road shares the longer border with it, the field of its class the shorter.
    small = shapely.Polygon([(0, 0), (10, 0), (10, 4), (0, 4)])
    road = shapely.Polygon([(0, 4), (10, 4), (10, 40), (0, 40)])
    field = shapely.Polygon([(10, 0), (60, 0), (60, 40), (10, 40), (10, 4)])
    polygons = np.array([small, road, field])
    area, around = shapely.area(polygons), shapely.length(polygons)
    found = borders(polygons)
    alike = merge(found, area, around, np.array([1, 2, 1], np.int32), area, 100.0)
    assert alike.region.tolist() == [1, 0, 1] or alike.region.tolist() == [0, 1, 0]
    unlike = merge(found, area, around, np.array([1, 2, 3], np.int32), area, 100.0)
    assert unlike.region[0] == unlike.region[1] != unlike.region[2]
    assert unlike.speaker[unlike.region[0]] == 1


def test_what_merges_has_the_class_of_most_of_it_and_the_key_of_its_largest_part() -> None:
    cells = np.array([shapely.box(at, 0, at + width, 1) for at, width in ((0, 2.0), (2, 3.0), (5, 4.0))])
    area = shapely.area(cells)
    made = merge(borders(cells), area, shapely.length(cells), np.array([7, 7, 9], np.int32), area, 100.0)
    assert made.region.tolist() == [0, 0, 0]
    assert made.klass.tolist() == [7]  # 2 + 3 are more than 4
    assert made.speaker.tolist() == [1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.floats(0.0, 0.4))
def test_merging_conserves_and_leaves_none_small(seed: int, count: int, share: float) -> None:
    polygons = shapely.transform(coverage(count, seed, side=1000.0), np.rint)
    polygons = polygons[shapely.is_valid(polygons)]
    area = shapely.area(polygons)
    classes = np.random.default_rng(seed).integers(0, 3, len(polygons)).astype(np.int32)
    found = borders(polygons)
    made = merge(found, area, shapely.length(polygons), classes, area, share * 1000.0**2)
    total = np.bincount(made.region, weights=area)
    assert total.sum() == pytest.approx(area.sum())
    touched = set(made.region[found.a[made.region[found.a] != made.region[found.b]]].tolist())
    assert all(total[region] >= share * 1000.0**2 for region in touched)
    for region in range(len(total)):
        parts = polygons[made.region == region]
        assert shapely.coverage_union_all(parts).geom_type == "Polygon"  # what merges hangs together


def test_faults_of_the_borders_are_mended() -> None:
    polygons = coverage(400, 9, side=SIDE).copy()
    moved = np.arange(0, 400, 37)
    polygons[moved] = shapely.transform(
        polygons[moved], lambda xy: xy + np.array([1.5, -1.0])
    )  # overlaps and gaps, 1.8 m wide
    assert not shapely.coverage_is_valid(polygons)
    made = levels(polygons, classes_of(polygons, 9), Settings(coverage=True, class_column="DLBM"))
    for generalised, report in made.values():
        assert shapely.coverage_is_valid(generalised.geometries)
        assert shapely.union_all(generalised.geometries).area == pytest.approx(SIDE**2, rel=0.01)
        assert report.cleaned >= len(moved)


def test_rings_that_cross_themselves_are_taken_apart() -> None:
    bow = shapely.Polygon([(0, 0), (3000, 3000), (3000, 0), (0, 3000), (0, 0)])
    beside = shapely.box(3000, 0, 6000, 3000)
    made = levels(np.array([bow, beside]), ["a", "b"], Settings(coverage=True, class_column="DLBM"))
    generalised, _ = made[12]
    assert shapely.is_valid(generalised.geometries).all()
    assert shapely.area(generalised.geometries).sum() == pytest.approx(9_000_000 + 4_500_000, rel=0.01)


def test_an_island_smaller_than_half_a_pixel_is_left_out_at_that_level_only() -> None:
    land = [shapely.box(0, 0, 5000, 5000), shapely.box(9000, 0, 9030, 30)]
    made = levels(np.array(land), ["a", "b"], Settings(coverage=True, class_column="DLBM"))
    assert [len(generalised) for generalised, _ in made.values()] == [2, 1, 1, 1]


def test_layers_that_are_no_coverage_drop_by_size_and_keep_points() -> None:
    shapes = [shapely.box(0, 0, 15, 15), shapely.box(0, 0, 5, 45), shapely.Point(1, 1), shapely.box(0, 0, 500, 500)]
    made = levels(np.array(shapes, dtype=object), ["a"] * 4, Settings())
    assert [generalised.keys for generalised, _ in made.values()] == [[2, 3, 4], [2, 3, 4], [3, 4], [3, 4]]


def test_an_empty_layer_has_no_levels(tmp_path: Path) -> None:
    assert list(generalise(iter(()), LEVELS, Settings(coverage=True), tmp_path)) == []


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 40), st.integers(0, 3))
def test_parts_hold_every_face_once_and_not_too_much(count: int, most: int, turn: int) -> None:
    rng = np.random.default_rng(count)
    centres, weights = rng.integers(-1000, 1000, (count, 2)).astype(np.int32), rng.integers(1, 10, count)
    parts = list(partition(centres, weights, most, turn))
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    assert all(len(part) == 1 or weights[part].sum() <= most for part in parts)
