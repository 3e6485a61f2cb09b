"""The overlay kernel against shapely used plainly, and against itself: parts sum to the whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import affinity

from onemap.errors import ConfigError
from onemap.geo.area import measure_for
from onemap.geo.cover import Boxes, Cover, Mask
from onemap.geo.overlay import HUGE_VERTICES, overlay, repair
from onemap.geo.pieces import MEMORY, PieceMemory
from onemap.geo.subdivide import _halves, subdivide
from tests.synthetic import ORIGINS, blob, corridor, coverage

SIDE = 20_000.0
CELLS = 4000
CACHE: dict[int, Layer] = {}


@dataclass(frozen=True)
class Layer:
    """Polygons in memory; ids are 10, 20, 30 ..."""

    shapes: NDArray[Any]
    srid: int
    memory: PieceMemory = MEMORY

    def snapshot(self) -> AbstractContextManager[None]:
        return nullcontext()

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        return np.arange(1, len(self.shapes) + 1) * 10

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.shapes)

    def candidates(
        self, bounds: tuple[float, ...], meets: Callable[[Boxes], Mask] | None = None
    ) -> tuple[NDArray[np.int64], Boxes]:
        found = self.tree.query(shapely.box(*bounds))[::-1]
        return self.ids[found], shapely.bounds(self.shapes[found]).reshape(-1, 4)

    def areas(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        return measure_for(self.srid).areas(self.geometries(ids))

    def geometries(self, ids: NDArray[np.int64]) -> NDArray[Any]:
        return self.shapes[ids // 10 - 1]


def layer(srid: int) -> Layer:
    if srid not in CACHE:
        CACHE[srid] = Layer(coverage(CELLS, 5, srid, SIDE), srid)
    return CACHE[srid]


def place(polygon: Any, srid: int) -> Any:
    """Put a polygon given in metres from the coverage's corner into the CRS of the coverage."""
    x, y, unit = ORIGINS[srid]
    return shapely.transform(polygon, lambda xy: xy * unit + [x, y])


def plainly(project: Any, shapes: NDArray[Any], srid: int) -> NDArray[np.float64]:
    return measure_for(srid).areas(shapely.intersection(project, shapes))


PROJECTS: dict[str, Any] = {
    "plot": shapely.box(9000, 9000, 9400, 9250),
    "sliver": shapely.box(3000, 9000, 17000, 9000.02),
    "corridor": corridor((1500, 2500), (18500, 16000), 60),
    "township": blob(10_000, 10_000, 6000, 1500, 1),
    "holes": blob(10_000, 10_000, 7000, 900, 2).difference(
        shapely.unary_union([blob(8000, 9000, 900, 200, 3), blob(12_000, 11_000, 1500, 300, 4)])
    ),
    "two parts": shapely.MultiPolygon([blob(5000, 5000, 2500, 300, 5), blob(14_000, 15_000, 2000, 50, 6)]),
    "box": shapely.box(2000, 2000, 18_000, 18_000),
    "triangle": shapely.Polygon([(500, 500), (19_500, 700), (10_000, 19_000)]),
}


@pytest.mark.parametrize("srid", [4526, 4490, 4547])
@pytest.mark.parametrize("name", PROJECTS)
def test_parts_sum_to_the_project(name: str, srid: int) -> None:
    project = place(PROJECTS[name], srid)
    found = overlay(project, layer(srid))
    # The sliver's sides are 14 km long and 2 cm apart: coordinates of 38 million metres are 7 nm apart.
    assert found.areas.sum() == pytest.approx(measure_for(srid).area(project), rel=1e-6 if name == "sliver" else 5e-12)


@pytest.mark.parametrize("srid", [4526, 4490])
@pytest.mark.parametrize("name", PROJECTS)
def test_same_as_plain_intersection(name: str, srid: int) -> None:
    project, source = place(PROJECTS[name], srid), layer(srid)
    found = overlay(project, source)
    expected = plainly(project, source.shapes, srid)
    hit = expected > 0
    assert found.ids.tolist() == source.ids[hit].tolist()
    assert found.areas == pytest.approx(expected[hit], rel=1e-9, abs=1e-4)
    assert found.whole.tolist() == shapely.covers(project, source.shapes[hit]).tolist()
    assert found.repaired.size == 0


@pytest.mark.parametrize("srid", [4526, 4490])
def test_two_hundred_parcels(srid: int) -> None:
    """Parcels of 0.1 to 400 ha with 5 to 300 vertices, half of them with a hole."""
    rng = np.random.default_rng(20)
    source = layer(srid)
    for number in range(100):
        radius = float(np.exp(rng.uniform(np.log(18), np.log(1100))))
        x, y = rng.uniform(2000, SIDE - 2000, 2)
        parcel = blob(x, y, radius, int(rng.integers(5, 300)), number)
        if number % 2:
            parcel = parcel.difference(blob(x, y, radius / 3, 20, number + 1))
        project = place(parcel, srid)
        found = overlay(project, source)
        expected = plainly(project, source.shapes, srid)
        assert found.ids.tolist() == source.ids[expected > 0].tolist()
        assert found.areas == pytest.approx(expected[expected > 0], rel=1e-9, abs=1e-5)
        assert found.areas.sum() == pytest.approx(measure_for(srid).area(project), rel=1e-9)


@pytest.mark.parametrize("srid", [4526, 4490])
def test_neighbours_that_only_touch_are_not_reported(srid: int) -> None:
    """A project made of features of the layer: exactly these are found, whole, and none of their neighbours."""
    source = layer(srid)
    for centre, radius in (((6000, 6000), 150), ((10_000, 10_000), 4000), ((14_000, 8000), 1200)):
        near = shapely.intersects(source.shapes, place(shapely.Point(centre).buffer(radius), srid))
        project = shapely.coverage_union_all(source.shapes[near])
        found = overlay(project, source)
        assert found.ids.tolist() == source.ids[near].tolist()
        assert found.whole.all()
        assert found.areas == pytest.approx(source.areas(found.ids), rel=1e-13)


@pytest.mark.parametrize("srid", [4526, 4490])
@pytest.mark.parametrize("name", ["corridor", "township", "holes", "two parts"])
def test_pieces(name: str, srid: int) -> None:
    project, source = place(PROJECTS[name], srid), layer(srid)
    found = overlay(project, source, pieces=True)
    assert found.pieces is not None
    assert measure_for(srid).areas(found.pieces) == pytest.approx(found.areas, rel=1e-9, abs=1e-5)
    expected = shapely.intersection(project, source.geometries(found.ids))
    difference = shapely.area(shapely.symmetric_difference(found.pieces, expected))
    assert difference.max() <= 1e-9 * project.area
    assert set(shapely.get_type_id(found.pieces).tolist()) <= {3, 6}
    assert shapely.is_valid(found.pieces).all()
    assert overlay(project, source).pieces is None


@pytest.mark.parametrize("srid", [4526, 4490])
def test_a_neighbour_across_a_long_edge_is_not_reported(srid: int) -> None:
    """Cutting the project rounds points of the slanted edge that both share, which leaves slivers of some 1e-7 m2."""
    start, end = np.array([1234.5678, 777.7777]), np.array([18_765.4321, 15_555.1234])
    back = np.linspace(1, 0, 2000)[1:-1, None]
    wavy = start + back * (end - start) + np.column_stack([back * 0, 1500 + 1200 * np.sin(40 * back)])
    project = place(shapely.Polygon([start, end, *wavy]), srid)
    neighbours = [shapely.Polygon([start, (20_000, 0), end]), shapely.Polygon([end, start, (9000, 7000)])]
    source = Layer(
        np.array([place(polygon, srid) for polygon in (*neighbours, shapely.box(0, 0, 20_000, 20_000))]), srid
    )
    assert plainly(source.shapes[0], subdivide(project), srid).max() > 0
    assert overlay(project, source).ids.tolist() == [30]


def redline(vertices: int, seed: int) -> shapely.Polygon:
    """A huge polygon with holes around the middle of the coverage."""
    holes = shapely.union_all([blob(5000 + 1000 * i, 10_000 + 400 * (i % 3), 300, 200, i) for i in range(10)])
    return blob(10_000, 10_000, 8000, vertices, seed).difference(holes)


@pytest.mark.parametrize("srid", [4526, 4490])
@pytest.mark.parametrize("name", PROJECTS)
def test_huge_features(name: str, srid: int) -> None:
    shapes = np.array([place(redline(20_000, 9), srid), place(blob(15_000, 4000, 3000, 5000, 2), srid)])
    assert (shapely.get_num_coordinates(shapes) > HUGE_VERTICES).all()
    project = place(PROJECTS[name], srid)
    found = overlay(project, Layer(shapes, srid), pieces=True)
    expected = plainly(project, shapes, srid)
    assert found.ids.tolist() == (np.flatnonzero(expected) * 10 + 10).tolist()
    assert found.areas == pytest.approx(expected[expected > 0], rel=1e-10)
    assert found.pieces is not None
    assert measure_for(srid).areas(found.pieces) == pytest.approx(found.areas, rel=1e-9)


def test_invalid_features_are_repaired_and_named() -> None:
    bow_tie = shapely.Polygon([(100, 100), (300, 300), (300, 100), (100, 300)])
    spike = shapely.Polygon([(0, 0), (0, 80), (80, 80), (80, 0), (200, 0), (80, 0)])
    huge = np.array(blob(800, 200, 200, 3000, 1).exterior.coords)
    huge[[1500, 1510]] = huge[[1510, 1500]]
    far = affinity.translate(bow_tie, 5000)
    shapes = np.array([place(shape, 4526) for shape in (bow_tie, spike, shapely.Polygon(huge), far)])
    assert not shapely.is_valid(shapes).any()
    project = place(shapely.box(50, 50, 750, 260), 4526)
    found = overlay(project, Layer(shapes, 4526))
    assert found.ids.tolist() == found.repaired.tolist() == [10, 20, 30]
    assert found.areas == pytest.approx(plainly(project, repair(shapes[:3]), 4526), rel=1e-9)


def test_features_without_polygons_are_passed_over() -> None:
    shapes = np.array(
        [None, shapely.Point(1, 1), shapely.LineString([(0, 0), (9, 9)]), shapely.Polygon(), shapely.box(0, 0, 2, 2)],
        dtype=object,
    )
    shapes = np.array([shape and place(shape, 4526) for shape in shapes], dtype=object)
    found = overlay(place(shapely.box(1, 0, 5, 5), 4526), Layer(shapes, 4526))
    assert found.ids.tolist() == [50]
    assert found.whole.tolist() == [False]


def test_nothing_to_overlay() -> None:
    outside = place(shapely.box(-500, -500, -100, -100), 4526)
    for project in (outside, shapely.Polygon(), shapely.MultiPolygon()):
        found = overlay(project, layer(4526), pieces=True)
        assert [len(found.ids), len(found.areas), len(found.whole), len(found.repaired)] == [0, 0, 0, 0]
        assert found.pieces is not None
        assert len(found.pieces) == 0


def test_unusable_projects() -> None:
    with pytest.raises(ValueError, match="not a polygon"):
        overlay(shapely.LineString([(0, 0), (1, 1)]), layer(4526))
    with pytest.raises(ValueError, match="outside"):
        overlay(shapely.box(114, 30, 115, 31), layer(4526))  # degrees in a plane of metres
    with pytest.raises(ConfigError, match="3857"):
        overlay(shapely.box(0, 0, 1, 1), Layer(np.array([shapely.box(0, 0, 1, 1)]), 3857))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(4, 400), st.sampled_from([1.0, 0.02, 50.0]), st.booleans())
def test_the_cover_is_cautious(seed: int, vertices: int, stretch: float, holed: bool) -> None:
    """``meets`` is never wrongly False, ``holds`` never wrongly True; and they do tell boxes apart."""
    polygon = blob(0, 0, 1000, vertices, seed)
    if holed:
        polygon = polygon.difference(blob(100, 50, 300, 30, seed + 1))
    polygon = affinity.rotate(affinity.scale(polygon, yfact=stretch), seed % 180, origin=(0, 0))
    rng = np.random.default_rng(seed)
    low = rng.uniform(polygon.bounds[:2], polygon.bounds[2:], (3000, 2)) - 5
    boxes = np.column_stack([low, low + rng.exponential(20, (3000, 2))])
    cover = Cover(polygon)
    meets, holds = cover.meets(boxes), cover.holds(boxes)
    shapes = shapely.box(*boxes.T)
    shapely.prepare(polygon)
    inside, touched = shapely.contains(polygon, shapes), shapely.intersects(polygon, shapes)
    assert not (touched & ~meets).any()
    assert not (holds & ~inside).any()
    assert np.count_nonzero(meets) < 3000 or touched.all()
    assert np.count_nonzero(inside) < 100 or holds.any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(4, 3000), st.integers(8, 200))
def test_subdivision(seed: int, vertices: int, most: int) -> None:
    polygon = blob(38.5e6, 3.4e6, 5000, vertices, seed).difference(blob(38.5e6, 3.4e6, 900, 50, seed + 1))
    pieces = subdivide(polygon, most)
    assert shapely.get_num_coordinates(pieces).max() <= most
    assert shapely.is_valid(pieces).all()
    assert shapely.area(pieces).sum() == pytest.approx(polygon.area, rel=1e-11)
    first, second = shapely.STRtree(pieces).query(pieces)
    apart = first < second
    common = shapely.area(shapely.intersection(pieces[first[apart]], pieces[second[apart]]))
    assert common.sum() <= 1e-9 * polygon.area


def comb(teeth: int) -> shapely.Polygon:
    """A comb whose edges and corners lie on the lines along which its box is halved."""
    slots = [shapely.box(4 * i + 1, 0, 4 * i + 3, 60) for i in range(teeth)]
    return shapely.box(0, 0, 4 * teeth, 64).difference(shapely.union_all(slots))


def sieve(holes: int) -> shapely.Polygon:
    """A square with square holes that touch the halving lines from one side."""
    x, y = 4.0 * np.mgrid[1:holes, 1:holes].reshape(2, -1)
    return shapely.box(0, 0, 4 * holes, 4 * holes).difference(shapely.union_all(shapely.box(x, y, x + 2, y + 2)))


def test_a_clip_that_loses_parts_is_replaced() -> None:
    """GEOS says of its fast clip that it may be wrong: what loses area is cut exactly."""

    def lossy(parts: NDArray[Any], boxes: Boxes) -> NDArray[Any]:
        clipped = shapely.intersection(parts, shapely.box(*boxes.T))
        return np.array([part.buffer(-0.01) if at % 2 else part for at, part in enumerate(clipped)])

    parts = np.array([comb(8), sieve(8), comb(16), sieve(5)])
    halves = _halves(parts, lossy)
    assert shapely.area(halves).sum() == pytest.approx(shapely.area(parts).sum(), rel=1e-14)


ALIGNED = [comb(32), comb(64), sieve(16), shapely.MultiPolygon([comb(16), shapely.box(70, 0, 80, 9)])]


@pytest.mark.parametrize("polygon", ALIGNED)
def test_subdivision_along_edges(polygon: Any) -> None:
    pieces = subdivide(polygon, 16)
    assert shapely.is_valid(pieces).all()
    assert shapely.area(pieces).sum() == pytest.approx(polygon.area, rel=1e-14)
    assert shapely.area(shapely.union_all(pieces)) == pytest.approx(polygon.area, rel=1e-14)


def test_subdivision_within_bounds() -> None:
    polygon, bounds = blob(0, 0, 1000, 2000, 3), (0.0, -200.0, 400.0, 2000.0)
    pieces = subdivide(polygon, 50, within=bounds)
    assert shapely.area(pieces).sum() == pytest.approx(polygon.intersection(shapely.box(*bounds)).area, rel=1e-12)
    assert len(subdivide(polygon, 50, meets=lambda boxes: boxes[:, 0] > 1e6)) == 0


def test_subdivision_refuses_invalid_polygons() -> None:
    crossed = np.array(blob(0, 0, 1000, 3000, 1).exterior.coords)
    crossed[[100, 120]] = crossed[[120, 100]]
    with pytest.raises(shapely.GEOSException, match="invalid"):
        subdivide(shapely.Polygon(crossed), 64)


@pytest.mark.parametrize("name", PROJECTS)
def test_whole_features_are_those_that_the_project_covers(name: str) -> None:
    project, source = place(PROJECTS[name], 4526), layer(4526)
    covered = source.ids[shapely.covers(project, source.shapes)]
    assert {*overlay(project, source).ids[overlay(project, source).whole].tolist()} == {*covered.tolist()}


def test_a_town_of_whole_features_touches_its_neighbours() -> None:
    """All vertices of a neighbour may lie on the border that it shares, and it is not inside for that."""
    source = layer(4526)
    inside = shapely.covers(place(shapely.box(5000, 5000, 9000, 9000), 4526), source.shapes)
    found = overlay(shapely.union_all(source.shapes[inside]), source)
    assert found.ids[found.whole].tolist() == source.ids[inside].tolist()
    assert found.areas.sum() == pytest.approx(source.areas(source.ids[inside]).sum(), rel=1e-12)
