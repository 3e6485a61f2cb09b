"""Tile matrix sets: golden numbers of the grids, axis order, limits, and documents that contradict themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pyproj
import pytest

from onemap.config import shipped
from onemap.errors import ConfigError
from onemap.tiles.matrixset import Limits, TileMatrixSet, load_matrix_sets

HALF = 20037508.342789244


@pytest.fixture(scope="module")
def sets() -> dict[str, TileMatrixSet]:
    return dict(load_matrix_sets(shipped("matrixsets")))


def test_sets_and_levels(sets: dict[str, TileMatrixSet]) -> None:
    levels = {name: list(item.levels) for name, item in sets.items()}
    assert levels == {
        "CGCS2000Quad": [str(level) for level in range(24)],
        "WebMercatorQuad": [str(level) for level in range(25)],
        "WorldCRS84Quad": [str(level) for level in range(24)],
    }


def test_web_mercator_registered_numbers(sets: dict[str, TileMatrixSet]) -> None:
    """Numbers of OGC 17-083r4, annex D.1, table of WebMercatorQuad."""
    level = sets["WebMercatorQuad"].levels
    assert level["0"].scale_denominator == pytest.approx(559082264.0287178, rel=1e-13)
    assert level["0"].cell_size == pytest.approx(156543.0339280410, rel=1e-13)
    assert level["17"].scale_denominator == pytest.approx(4265.459167699568, rel=1e-12)
    assert level["24"].cell_size == pytest.approx(156543.0339280410 / 2**24, rel=1e-12)
    assert (level["24"].columns, level["24"].rows) == (16777216, 16777216)


def test_world_crs84_registered_numbers(sets: dict[str, TileMatrixSet]) -> None:
    """Numbers of OGC 17-083r4, annex D.2, table of WorldCRS84Quad."""
    level = sets["WorldCRS84Quad"].levels
    assert level["0"].scale_denominator == pytest.approx(279541132.0143589, rel=1e-13)
    assert level["0"].cell_size == 0.703125
    assert (level["0"].columns, level["0"].rows) == (2, 1)
    assert level["10"].scale_denominator == pytest.approx(272989.3867327723, rel=1e-12)
    assert level["23"].cell_size == pytest.approx(8.381903171539307e-08, rel=1e-12)


def test_bounds(sets: dict[str, TileMatrixSet]) -> None:
    assert sets["WebMercatorQuad"].levels["0"].bounds(0, 0) == pytest.approx((-HALF, -HALF, HALF, HALF))
    assert sets["WebMercatorQuad"].levels["1"].bounds(1, 0) == pytest.approx((-HALF, -HALF, 0, 0))
    assert sets["WorldCRS84Quad"].levels["0"].bounds(0, 1) == (0.0, -90.0, 180.0, 90.0)


def test_cgcs2000_is_latitude_first_in_the_document_and_x_y_inside(sets: dict[str, TileMatrixSet]) -> None:
    ours, registered = sets["CGCS2000Quad"], sets["WorldCRS84Quad"]
    assert ours.document["orderedAxes"] == ("Lat", "Lon")
    assert ours.document["tileMatrices"][0]["pointOfOrigin"] == (90.0, -180.0)
    assert ours.crs.srid == 4490
    assert ours.crs.swapped
    assert ours.levels["14"].origin == (-180.0, 90.0)
    # Beijing, 39.9042 N 116.4074 E: column and row of the grid that hangs from 90 N 180 W.
    assert ours.levels["14"].bounds(4559, 26979) == pytest.approx(
        (116.400146, 39.902344, 116.411133, 39.913330), abs=1e-6
    )
    assert {name: level.bounds(0, 0) for name, level in ours.levels.items()} == {
        name: level.bounds(0, 0) for name, level in registered.levels.items()
    }


def test_scale_denominators_are_those_of_028_mm_cells(sets: dict[str, TileMatrixSet]) -> None:
    degree = pyproj.CRS.from_epsg(4490).ellipsoid.semi_major_metre * 3.141592653589793 / 180
    for level in sets["CGCS2000Quad"].levels.values():
        assert level.scale_denominator == pytest.approx(level.cell_size * degree / 0.00028, rel=1e-12)


def test_limits(sets: dict[str, TileMatrixSet]) -> None:
    level = sets["WorldCRS84Quad"].levels["1"]
    assert level.limits((-180.0, -90.0, 180.0, 90.0)) == Limits(0, 1, 0, 3)
    assert level.limits((1.0, 1.0, 2.0, 2.0)) == Limits(0, 0, 2, 2)
    # A box that ends on the edge of a tile does not reach the next one; a point on an edge is somewhere.
    assert level.limits((0.0, 0.0, 90.0, 90.0)) == Limits(0, 0, 2, 2)
    assert level.limits((90.0, 0.0, 90.0, 0.0)) == Limits(1, 1, 3, 3)
    assert level.limits((200.0, 0.0, 210.0, 10.0)) is None
    assert level.limits((-190.0, -100.0, 190.0, 100.0)) == Limits(0, 1, 0, 3)


def test_sets_cannot_be_changed(sets: dict[str, TileMatrixSet]) -> None:
    with pytest.raises(TypeError):
        sets["CGCS2000Quad"].levels["0"] = sets["CGCS2000Quad"].levels["1"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        sets["CGCS2000Quad"].id = "other"  # type: ignore[misc]


def document(**changes: object) -> dict[str, object]:
    matrix = {
        "id": "0",
        "scaleDenominator": 1000.0,
        "cellSize": 0.28,
        "pointOfOrigin": [5000000.0, 38400000.0],
        "tileWidth": 256,
        "tileHeight": 256,
        "matrixWidth": 4,
        "matrixHeight": 8,
    }
    made: dict[str, object] = {
        "id": "Zone38",
        "title": "Zone 38",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/4526",
        "orderedAxes": ["N", "E"],
        "tileMatrices": [matrix],
    }
    return made | changes


def test_gauss_kruger_document(tmp_path: Path) -> None:
    (tmp_path / "zone.json").write_text(json.dumps(document()))
    level = load_matrix_sets(tmp_path)["Zone38"].levels["0"]
    assert level.origin == (38400000.0, 5000000.0)
    assert level.bounds(0, 0) == pytest.approx((38400000.0, 5000000.0 - 71.68, 38400071.68, 5000000.0))


def test_contradicting_axes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zone.json").write_text(json.dumps(document(orderedAxes=["E", "N"])))
    with pytest.raises(ConfigError, match="axis order"):
        load_matrix_sets(tmp_path)


def test_unknown_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "zone.json").write_text(json.dumps(document(orderdAxes=["N", "E"])))
    with pytest.raises(ConfigError, match=r"orderdAxes.*orderedAxes"):
        load_matrix_sets(tmp_path)
