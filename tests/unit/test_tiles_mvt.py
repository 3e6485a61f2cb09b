"""The vector tile encoder against an independent decoder, and against the wording of the specification."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from onemap.catalog import Field
from onemap.config import Text
from onemap.tiles.commands import LINE, POINT, POLYGON, Shapes, encode_shapes
from onemap.tiles.mvt import Attributes, encode_tile, encode_value
from onemap.tiles.varint import varint, varints, zigzag

TITLE = Text(zh="字段", en="field")


def decode(tile: bytes) -> dict[str, Any]:
    options = {"y_coord_down": True, "geojson": True}
    return dict(mapbox_vector_tile.decode(tile, default_options=options))


def shapes(kind: int, parts: Sequence[shapely.Geometry], owners: Sequence[int] | None = None) -> Shapes:
    made = np.empty(len(parts), dtype=object)
    made[:] = parts
    return Shapes(kind, made, np.asarray(owners if owners is not None else range(len(parts)), dtype=np.int64))


def nothing(count: int) -> Attributes:
    return Attributes(list(range(count)), (), {})


def geometries(tile: bytes) -> list[shapely.Geometry]:
    return [shape(feature["geometry"]) for feature in decode(tile)["layer"]["features"]]


def random_polygons(seed: int, count: int) -> list[shapely.Polygon]:
    """Return valid polygons with holes on the integer grid."""
    rng = np.random.default_rng(seed)
    found: list[shapely.Polygon] = []
    while len(found) < count:
        star = shapely.Point(rng.integers(500, 3500, 2)).buffer(int(rng.integers(40, 400)), quad_segs=3)
        holes = [
            shapely.Point(rng.integers(500, 3500, 2)).buffer(int(rng.integers(5, 60)), quad_segs=2) for _ in range(30)
        ]
        cut = shapely.set_precision(star.difference(shapely.union_all(holes)), 1.0)
        found += [part for part in shapely.get_parts(cut) if part.geom_type == "Polygon" and part.area > 0]
    return found[:count]


def test_polygons_with_holes_come_back() -> None:
    polygons = random_polygons(1, 60)
    assert sum(len(item.interiors) for item in polygons) > 20
    got = geometries(encode_tile("layer", [shapes(POLYGON, polygons)], nothing(60)))
    assert len(got) == 60
    assert all(shapely.equals(a, b) for a, b in zip(got, polygons, strict=True))


def test_parts_of_one_owner_make_one_multipolygon() -> None:
    polygons = [shapely.box(n * 100, 0, n * 100 + 50, 50) for n in range(6)]
    got = geometries(encode_tile("layer", [shapes(POLYGON, polygons, [0, 0, 2, 2, 2, 5])], nothing(6)))
    assert [item.geom_type for item in got] == ["MultiPolygon", "MultiPolygon", "Polygon"]
    assert shapely.equals(got[1], shapely.union_all(polygons[2:5]))


def test_lines_and_points_come_back() -> None:
    lines = [shapely.LineString([(0, 0), (10, 5), (-3, 4096)]), shapely.LineString([(7, 7), (7, 8)])]
    got = geometries(encode_tile("layer", [shapes(LINE, lines)], nothing(2)))
    assert [list(item.coords) for item in got] == [list(item.coords) for item in lines]
    multi = geometries(encode_tile("layer", [shapes(LINE, lines, [0, 0])], nothing(1)))
    assert multi == [shapely.MultiLineString(lines)]
    points = [shapely.Point(x, y) for x, y in [(0, 0), (5, -9), (4096, 17), (5, -9)]]
    got = geometries(encode_tile("layer", [shapes(POINT, points, [0, 1, 1, 3])], nothing(4)))
    assert got == [points[0], shapely.MultiPoint(points[1:3]), points[3]]


def test_repeated_vertices_are_left_out() -> None:
    line = shapely.LineString([(1, 1), (1, 1), (2, 2), (2, 2), (3, 1)])
    polygon = shapely.Polygon([(0, 0), (0, 0), (10, 0), (10, 10), (10, 10), (0, 0), (0, 0)])
    assert list(geometries(encode_tile("layer", [shapes(LINE, [line])], nothing(1)))[0].coords) == [
        (1, 1),
        (2, 2),
        (3, 1),
    ]
    got = geometries(encode_tile("layer", [shapes(POLYGON, [polygon])], nothing(1)))[0]
    assert len(got.exterior.coords) == 4


def words(data: bytes) -> list[int]:
    """Read varints one by one."""
    read: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            read.append(value)
            value = shift = 0
    return read


def test_commands_of_the_specification() -> None:
    """The examples of section 4.3.5 of the Mapbox Vector Tile specification 2.1."""
    assert words(encode_shapes(shapes(POINT, [shapely.Point(25, 17)])).data) == [9, 50, 34]
    pair = shapes(POINT, [shapely.Point(5, 7), shapely.Point(3, 2)], [0, 0])
    assert words(encode_shapes(pair).data) == [17, 10, 14, 3, 9]
    line = shapely.LineString([(2, 2), (2, 10), (10, 10)])
    assert words(encode_shapes(shapes(LINE, [line])).data) == [9, 4, 4, 18, 0, 16, 16, 0]
    second = shapely.LineString([(1, 1), (3, 5)])
    assert words(encode_shapes(shapes(LINE, [line, second], [0, 0])).data) == [
        9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8,
    ]  # fmt: skip
    triangle = shapely.Polygon([(3, 6), (8, 12), (20, 34)])
    assert words(encode_shapes(shapes(POLYGON, [triangle])).data) == [9, 6, 12, 18, 10, 12, 24, 44, 15]


def rings(data: bytes) -> list[list[tuple[int, int]]]:
    """Execute the commands of a polygon geometry."""
    made: list[list[tuple[int, int]]] = []
    read, x, y = iter(words(data)), 0, 0
    for command in read:
        for _ in range(command >> 3 if command & 7 != 7 else 0):
            dx, dy = ((word >> 1) ^ -(word & 1) for word in (next(read), next(read)))
            x, y = x + dx, y + dy
            if command & 7 == 1:
                made.append([])
            made[-1].append((x, y))
    return made


def surveyor(ring: list[tuple[int, int]]) -> int:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))


@pytest.mark.parametrize("reverse", [False, True])
def test_winding_follows_the_specification(reverse: bool) -> None:
    """Exterior rings have a positive area in tile coordinates, interior rings a negative one (4.3.4.4)."""
    for polygon in random_polygons(2, 25):
        turned = shapely.reverse(polygon) if reverse else polygon
        found = rings(encode_shapes(shapes(POLYGON, [turned])).data)
        assert [surveyor(ring) > 0 for ring in found] == [True] + [False] * len(polygon.interiors)


def test_attributes_of_every_type() -> None:
    fields = tuple(
        Field(name, kind, TITLE)  # type: ignore[arg-type]
        for name, kind in [("地类", "string"), ("n", "integer"), ("x", "number"), ("yes", "boolean"), ("day", "date")]
    )
    columns: dict[str, Sequence[object]] = {
        "地类": ["水田", None, "水田"],
        "n": [9007199254740993, -9223372036854775808, 0],
        "x": [1.5, math.nan, 2],
        "yes": [True, False, None],
        "day": ["2025-12-31", None, None],
    }
    points = [shapely.Point(n, n) for n in range(3)]
    tile = encode_tile("layer", [shapes(POINT, points)], Attributes([7, "0101", 2**63], fields, columns))
    features = decode(tile)["layer"]["features"]
    assert [item["properties"] for item in features] == [
        {"地类": "水田", "n": 9007199254740993, "x": 1.5, "yes": True, "day": "2025-12-31"},
        {"n": -9223372036854775808, "yes": False},
        {"地类": "水田", "n": 0, "x": 2.0},
    ]
    assert [item.get("id", 0) for item in features] == [7, 0, 2**63]
    assert isinstance(features[0]["properties"]["n"], int)
    assert isinstance(features[2]["properties"]["x"], float)


def test_equal_values_are_written_once_and_types_are_kept_apart() -> None:
    fields = (Field("a", "integer", TITLE), Field("b", "number", TITLE), Field("c", "boolean", TITLE))
    columns: dict[str, Sequence[object]] = {"a": [1, 1], "b": [1.0, 1.0], "c": [True, True]}
    points = [shapely.Point(n, n) for n in range(2)]
    tile = encode_tile("layer", [shapes(POINT, points)], Attributes([1, 2], fields, columns))
    assert tile.count(struct.pack("<d", 1.0)) == 1
    properties = decode(tile)["layer"]["features"][1]["properties"]
    assert [type(properties[name]) for name in "abc"] == [int, float, bool]


def test_what_a_tile_cannot_say_is_left_out() -> None:
    field = Field("x", "number", TITLE)
    assert encode_value(None, field) is None
    assert encode_value(math.inf, field) is None
    assert encode_value(b"blob", field) is None


def test_nothing_makes_an_empty_tile() -> None:
    assert encode_tile("layer", [], nothing(0)) == b""
    assert encode_tile("layer", [shapes(POLYGON, [])], nothing(0)) == b""


def test_only_drawn_features_bring_their_values() -> None:
    field = Field("name", "string", TITLE)
    attributes = Attributes([1, 2], (field,), {"name": ["drawn", "hidden"]})
    tile = encode_tile("layer", [shapes(POINT, [shapely.Point(1, 1)], [0])], attributes)
    assert b"drawn" in tile
    assert b"hidden" not in tile


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_varints(values: list[int]) -> None:
    written, ends = varints(np.array(values, dtype=np.uint64))
    assert written == b"".join(varint(value) for value in values)
    assert words(written) == values
    assert ends.tolist() == np.cumsum([len(varint(value)) for value in values]).tolist()


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1))
def test_zigzag(values: list[int]) -> None:
    expected = [value * 2 if value >= 0 else -value * 2 - 1 for value in values]
    assert zigzag(np.array(values, dtype=np.int64)).tolist() == expected
