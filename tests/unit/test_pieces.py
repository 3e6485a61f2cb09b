"""Pieces of huge features: remembered by content, and the totals that they give."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from onemap.geo import pieces
from onemap.geo.pieces import VERTICES, PieceMemory, pieces_near
from onemap.geo.subdivide import subdivide
from tests.synthetic import blob

FEATURE = blob(0, 0, 9000, 30_000, 4)


def test_a_feature_is_cut_once_until_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[shapely.Geometry] = []
    monkeypatch.setattr(pieces, "subdivide", lambda shape, most: [cut.append(shape), subdivide(shape, most)][1])
    memory = PieceMemory(most=50_000)
    made, boxes = memory.pieces(FEATURE)
    again, _ = memory.pieces(shapely.from_wkb(FEATURE.wkb))
    assert made is again
    assert len(cut) == 1
    assert shapely.get_num_coordinates(made).max() <= VERTICES
    assert np.array_equal(shapely.bounds(made), boxes)
    assert shapely.area(made).sum() == pytest.approx(FEATURE.area, rel=1e-12)
    edited = shapely.transform(FEATURE, lambda xy: xy + (np.arange(len(xy)) == 7)[:, None] * 1e-9)
    memory.pieces(edited)
    assert len(cut) == 2
    memory.pieces(FEATURE)  # both are too much together
    assert len(cut) == 3


@pytest.mark.parametrize("reach", [50.0, 1000.0, 4000.0, 20_000.0])
def test_pieces_near_a_project_give_the_same_area(reach: float) -> None:
    project = blob(8500, 300, reach, 60, 1)
    near = pieces_near(FEATURE, project.bounds, lambda boxes: np.ones(len(boxes), dtype=bool), 256)
    shared = shapely.area(shapely.intersection(near, project)).sum()
    assert shared == pytest.approx(shapely.intersection(FEATURE, project).area, rel=1e-9)
    again = pieces_near(FEATURE, project.bounds, lambda boxes: np.ones(len(boxes), dtype=bool), 256)
    assert shapely.equals_identical(near, again).all()


def test_an_invalid_feature_is_an_error() -> None:
    ring = np.array(FEATURE.exterior.coords)
    ring[[1500, 1600]] = ring[[1600, 1500]]
    with pytest.raises(shapely.GEOSException):
        pieces_near(shapely.Polygon(ring), FEATURE.bounds, lambda boxes: np.ones(len(boxes), dtype=bool), 256)
