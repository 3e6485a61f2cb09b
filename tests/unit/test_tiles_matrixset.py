"""Tile matrix sets: golden numbers of the grids, axis order, limits, and documents that contradict themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pyproj
import pytest

from onemap.config import shipped
from onemap.errors import ConfigError
from onemap.tiles.matrixset import Limits, TileMatrixSet, load_matrix_sets
from onemap.tiles.national import THREE_DEGREE_ZONES, with_national

HALF = 20037508.342789244


@pytest.fixture(scope="module")
def sets() -> dict[str, TileMatrixSet]:
    return dict(with_national(load_matrix_sets(shipped("matrixsets"))))


def test_sets_and_levels(sets: dict[str, TileMatrixSet]) -> None:
    levels = {name: list(item.levels) for name, item in sets.items()}
    zones = {f"CGCS2000GK3Zone{number}" for number in range(25, 46)}
    zones |= {f"CGCS2000GK3CM{meridian}E" for meridian in range(75, 136, 3)}
    assert all(levels.pop(name) == [str(level) for level in range(1, 25)] for name in zones)
    assert levels == {
        "TiandituCGCS2000": [str(level) for level in range(1, 25)],
        "TiandituWebMercator": [str(level) for level in range(1, 25)],
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


def test_each_three_degree_zone_has_the_name_axes_and_origin_of_its_epsg_code(sets: dict[str, TileMatrixSet]) -> None:
    zones = {item.crs.srid: item for item in sets.values() if item.id.startswith("CGCS2000GK3")}
    assert list(zones) == list(THREE_DEGREE_ZONES) == list(range(4513, 4555))
    for srid, zone in zones.items():
        epsg = pyproj.CRS.from_epsg(srid)
        assert epsg.name == zone.title
        assert [axis.direction for axis in epsg.axis_info] == ["north", "east"]
        assert zone.document["orderedAxes"] == ("N", "E")
        assert zone.document["crs"] == f"http://www.opengis.net/def/crs/EPSG/0/{srid}"
        false_easting = epsg.to_cf()["false_easting"]
        half = HALF / 2
        assert zone.document["tileMatrices"][0]["pointOfOrigin"] == pytest.approx(
            (half, false_easting - half), abs=1e-6
        )
        assert zone.levels["1"].bounds(0, 0) == pytest.approx(
            (false_easting - half, -half, false_easting + half, half), abs=1e-6
        )


def test_zones_have_the_scales_of_web_mercator(sets: dict[str, TileMatrixSet]) -> None:
    for name in ("CGCS2000GK3Zone38", "CGCS2000GK3CM114E"):
        for level, matrix in sets[name].levels.items():
            same = sets["WebMercatorQuad"].levels[level]
            assert matrix.scale_denominator == pytest.approx(same.scale_denominator, rel=1e-12)
            assert matrix.scale_denominator == pytest.approx(matrix.cell_size / 0.00028, rel=1e-12)
            assert matrix.columns * matrix.width == pytest.approx(HALF, rel=1e-12)
            assert matrix.columns == matrix.rows == 2 ** (int(level) - 1)


def test_a_place_in_a_zone(sets: dict[str, TileMatrixSet]) -> None:
    """114 E 35 N lies on the central meridian of zone 38: easting 38 500 000, the northing as PROJ has it."""
    northing = pyproj.Transformer.from_crs(4490, 4526, always_xy=True).transform(114.0, 35.0)[1]
    level = sets["CGCS2000GK3Zone38"].levels["14"]
    found = level.limits((38_500_000.0, northing, 38_500_000.0, northing))
    assert found is not None
    size = 2 * HALF / 2**14
    assert found.min_row == int((HALF / 2 - northing) // size)
    assert found.min_col == 2**12


def test_tianditu_numbers_the_same_grids_from_one(sets: dict[str, TileMatrixSet]) -> None:
    """Level L of Tianditu's geographic grid has 2^L x 2^(L-1) tiles; its Mercator grid is numbered as all others."""
    geographic, mercator = sets["TiandituCGCS2000"], sets["TiandituWebMercator"]
    for number in (1, 5, 18):
        level = geographic.levels[str(number)]
        assert (level.columns, level.rows) == (2**number, 2 ** (number - 1))
        assert level is sets["CGCS2000Quad"].levels[str(number - 1)]
        assert mercator.levels[str(number)] is sets["WebMercatorQuad"].levels[str(number)]
    assert geographic.same_as is sets["CGCS2000Quad"]
    assert geographic.document["tileMatrices"][0]["id"] == "1"
    assert geographic.document["tileMatrices"][0]["pointOfOrigin"] == (90.0, -180.0)


def test_a_document_of_the_folder_goes_before_a_rule(sets: dict[str, TileMatrixSet], tmp_path: Path) -> None:
    (tmp_path / "zone.json").write_text(json.dumps(document(id="CGCS2000GK3Zone38")))
    own = with_national(load_matrix_sets(tmp_path))
    assert list(own["CGCS2000GK3Zone38"].levels) == ["0"]
    assert len(own) == 42
    assert own["CGCS2000GK3Zone39"].levels == sets["CGCS2000GK3Zone39"].levels


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
