"""Long lists of parcels: their union, and the share of each inside an extent of validity, as one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from onemap.app import load_instance
from onemap.block import Principal
from onemap.geo.crs import crs_from_srid
from onemap.processes.layers import Layer
from onemap.processes.parcels import Parcel, ParcelSet
from onemap.processes.project import Project
from tests.conftest import ROOT
from tests.synthetic import blob

CRS = crs_from_srid(4526)


@pytest.fixture(scope="module")
def layer(data: Path) -> Layer:
    """The land-use layer of the demo, which declares the province as its extent."""
    gate = load_instance(ROOT, "business", data).gate
    view = gate.view(Principal(), "dltb")
    return Layer(view, gate.store(view))


def parcels(shapes: list[shapely.Geometry]) -> ParcelSet:
    made = tuple(Parcel(index, None, None, shape) for index, shape in enumerate(shapes))
    return ParcelSet(made, CRS, CRS, (0.0,) * len(made), 0.0)


def test_the_coverage_of_each_is_that_of_it_alone(layer: Layer) -> None:
    west, south, east, north = layer.store.extent(layer.view) or (0.0, 0.0, 0.0, 0.0)
    step = np.linspace(-0.05, 1.05, 14)
    shapes = [
        blob(west + x * (east - west), south + y * (north - south), 700.0, 12, seed)
        for seed, (x, y) in enumerate((x, y) for x in step for y in step)
    ]
    found = Project(parcels(shapes)).coverages(layer)
    alone = [Project(parcels([shape])).coverage(layer) for shape in shapes]
    assert found.tolist() == alone
    assert (found == 1).any()
    assert (found == 0).any()
    assert ((found > 0) & (found < 1)).sum() > 3


def test_a_parcel_out_of_reach_is_not_covered(layer: Layer) -> None:
    near = blob(38_480_000, 3_370_000, 100, 8, 1)
    far = blob(38_480_000, 13_370_000, 100, 8, 1)
    found = Project(parcels([near, far])).coverages(layer)
    assert found[0] == Project(parcels([near])).coverage(layer)
    assert found[1] == 0


def squares(*corners: tuple[float, float]) -> list[shapely.Geometry]:
    return [shapely.box(38_480_000 + x, 3_370_000 + y, 38_480_100 + x, 3_370_100 + y) for x, y in corners]


@pytest.mark.parametrize(
    ("shapes", "hectares"),
    [
        (squares((0, 0), (500, 0), (0, 500)), 3.0),  # apart
        (squares((0, 0), (100, 0), (0, 500)), 3.0),  # two share an edge
        (squares((0, 0), (100, 100), (0, 500)), 3.0),  # two share a corner
        (squares((0, 0), (50, 0), (0, 500), (0, 500)), 2.5),  # overlaps, and one that is there twice
        (squares((0, 0), (50, 0), (100, 0)), 2.0),  # all in one
        ([shapely.MultiPolygon(squares((0, 0), (500, 0))), *squares((0, 900))], 3.0),
    ],
)
def test_the_plane_is_the_union_of_the_parcels(shapes: list[shapely.Geometry], hectares: float) -> None:
    plane = Project(parcels(shapes)).plane(CRS)
    assert plane is not None
    assert shapely.is_valid(plane.geometry)
    assert plane.geometry.equals(shapely.union_all(shapes))
    assert shapely.area(plane.geometry) == pytest.approx(hectares * 1e4)
