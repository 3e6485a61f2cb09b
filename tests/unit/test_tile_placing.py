"""How tiles are placed on stored planes, against PROJ point by point."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onemap.config import shipped
from onemap.geo.crs import Array, crs_from_srid, transform_xy
from onemap.store.postgis.placing import TOLERATED, Place, place
from onemap.store.tiling import Frame, Grid
from onemap.tiles.matrixset import load_matrix_sets

SETS = load_matrix_sets(shipped("matrixsets"))
MIDDLES = {4526: 114.0, 4547: 114.0, 32650: 117.0}
UNITS = np.array([(u, v) for u in (0, 1000, 2048, 3500, 4096) for v in (0, 1000, 2048, 3500, 4096)], dtype=float)


def frame_at(matrix_set: str, zoom: int, lon: float, lat: float) -> Frame:
    chosen = SETS[matrix_set]
    x, y = transform_xy(np.array([[lon, lat]]), crs_from_srid(4490), chosen.crs)[0]
    level = chosen.levels[str(zoom)]
    column, row = int((x - level.origin[0]) / level.width), int((level.origin[1] - y) / level.height)
    return Frame(Grid(chosen.crs, level.origin, level.width / 4096), (column * 4096, row * 4096))


def drawn(placed: Place, stored: Array) -> Array:
    """Return where PostGIS draws stored points, in tile units with y downwards."""
    if placed.kind == "box":
        x1, y1, x2, y2 = placed.ends
        return np.asarray((stored - [x1, y2]) / [x2 - x1, y1 - y2] * 4096)
    a, b, d, e, x, y = placed.ends
    return np.column_stack([stored @ [a, b] + x, 4096 - (stored @ [d, e] + y)])


@given(
    zoom=st.integers(11, 18),
    lon=st.floats(74, 134),
    lat=st.floats(-80, 80),
    srid=st.sampled_from([4490, 4526, 4547, 32650]),
)
def test_features_are_placed_within_a_fraction_of_a_unit(zoom: int, lon: float, lat: float, srid: int) -> None:
    storage = crs_from_srid(srid)
    if not storage.geographic:  # within 1.5 degrees of the middle of a zone
        lon, lat = MIDDLES[srid] + (lon - 104) / 20, 20 + abs(lat) / 3
    frame = frame_at("WebMercatorQuad", zoom, lon, lat)
    placed = place(frame, storage)
    assert placed is not None
    assert zoom < (13 if storage.geographic else 15) or placed.kind != "transform"
    left, _, _, top = frame.bounds
    mercator = np.column_stack([left + UNITS[:, 0] * frame.grid.unit, top - UNITS[:, 1] * frame.grid.unit])
    stored = transform_xy(mercator, frame.grid.crs, storage)
    if placed.kind != "transform":
        assert np.abs(drawn(placed, stored) - UNITS).max() < TOLERATED + 0.01
    x1, y1, x2, y2 = placed.around
    assert ((stored >= [x1, y1]) & (stored <= [x2, y2])).all()


def test_a_geographic_set_needs_no_transformation_at_any_zoom() -> None:
    for zoom in range(1, 18):
        frame = frame_at("CGCS2000Quad", zoom, 114.3, 30.5)
        placed = place(frame, crs_from_srid(4326))
        assert placed is not None
        assert (placed.kind, placed.ends) == ("box", frame.bounds)


def test_a_wide_tile_is_transformed() -> None:
    for srid in (4490, 4526):
        placed = place(frame_at("WebMercatorQuad", 8, 114.3, 30.5), crs_from_srid(srid))
        assert placed is not None
        assert placed.kind == "transform"


def test_a_tile_outside_the_reach_of_a_zone_has_no_place() -> None:
    assert place(frame_at("WebMercatorQuad", 12, 80.0, 30.5), crs_from_srid(4526)) is None
