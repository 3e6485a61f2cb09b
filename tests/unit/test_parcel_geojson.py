"""GeoJSON and JSON-FG parcels: structure, systems, axis order, and everything that must be refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import shapely

from onemap.block.strict import parse_json
from onemap.errors import ClientError, InvalidBody, InvalidParameter, TooLarge, UnknownCrs, UnusableParcel
from onemap.geo.crs import CRS84_URI, EPSG
from onemap.processes.parcels import Limits, ParcelDocument, ParcelSet, read_parcels

RING = [[114.30, 30.50], [114.31, 30.50], [114.31, 30.51], [114.30, 30.51], [114.30, 30.50]]
SQUARE = {"type": "Polygon", "coordinates": [RING]}
NORTH_EAST = [[3387100, 38528700], [3387200, 38528700], [3387200, 38528800], [3387100, 38528800], [3387100, 38528700]]
EAST_NORTH = [[y, x] for x, y in NORTH_EAST]


def read(data: Any, crs: str | None = None, limits: Limits | None = None) -> ParcelSet:
    return read_parcels(ParcelDocument(data), crs, limits or Limits())


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def refused(data: Any, kind: type[ClientError], crs: str | None = None, limits: Limits | None = None) -> ClientError:
    with pytest.raises(ClientError) as caught:
        read(data, crs, limits)
    assert type(caught.value) is kind, caught.value
    return caught.value


def test_a_bare_geometry_is_longitude_latitude_on_crs84() -> None:
    parcels = read(SQUARE)
    assert parcels.crs.uri == CRS84_URI
    assert parcels.parcels[0].geometry.equals(shapely.Polygon(RING))
    assert parcels.area == pytest.approx(1_064_000, rel=0.01)


def test_features_keep_id_name_and_order() -> None:
    features = [
        {"type": "Feature", "id": 7, "geometry": SQUARE, "properties": {"name": "一"}},
        {
            "type": "Feature",
            "id": "b",
            "geometry": {"type": "MultiPolygon", "coordinates": [[RING]]},
            "properties": None,
        },
    ]
    parcels = read({"type": "FeatureCollection", "features": features}).parcels
    assert [(item.index, item.id, item.name) for item in parcels] == [(0, "7", "一"), (1, "b", None)]


def test_heights_are_dropped() -> None:
    parcels = read(polygon([[*position, 12.5] for position in RING]))
    assert not parcels.parcels[0].geometry.has_z


@pytest.mark.parametrize(
    ("coordinates", "code"), [(NORTH_EAST, 4526), (EAST_NORTH, 4526), ([[y, x] for x, y in RING], 4490), (RING, 4490)]
)
def test_the_crs_input_means_authority_order_unless_only_x_y_is_possible(coordinates: Any, code: int) -> None:
    parcels = read(polygon(coordinates), f"{EPSG}{code}")
    x, y = parcels.parcels[0].geometry.exterior.coords[0]
    assert (x, y) == ((38528700, 3387100) if code == 4526 else (114.30, 30.50))
    noted = {note.code for note in parcels.notes}
    assert ("axis-order" in noted) == (coordinates in (EAST_NORTH, RING))


def test_json_fg_place_is_read_in_the_order_of_its_system() -> None:
    feature = {
        "type": "Feature",
        "coordRefSys": f"{EPSG}4526",
        "place": polygon(NORTH_EAST),
        "geometry": None,
        "properties": {},
    }
    parcels = read(feature)
    assert parcels.crs.srid == 4526
    assert parcels.area == pytest.approx(10_000, rel=1e-3)
    assert parcels.parcels[0].geometry.bounds == (38528700, 3387100, 38528800, 3387200)


def test_json_fg_without_place_has_its_geometry_in_longitude_latitude() -> None:
    parcels = read(
        {"type": "Feature", "coordRefSys": f"{EPSG}4526", "place": None, "geometry": SQUARE, "properties": {}}
    )
    assert parcels.crs.uri == CRS84_URI


def test_the_old_crs_member_is_x_y() -> None:
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4526"}}
    parcels = read({**polygon(EAST_NORTH), "crs": named})
    assert parcels.crs.srid == 4526
    assert parcels.parcels[0].geometry.bounds[0] == 38528700


def test_a_crs_that_contradicts_the_input_is_refused() -> None:
    data = {**polygon(NORTH_EAST), "coordRefSys": f"{EPSG}4526"}
    assert refused(data, InvalidParameter, f"{EPSG}4527").extra["pointer"] == "/inputs/crs"
    assert read(data, f"{EPSG}4526").crs.srid == 4526


@pytest.mark.parametrize("uri", ["EPSG:99999", "file:///etc/passwd", "+proj=utm", "http://evil/4490", ""])
def test_an_unknown_crs_is_refused(uri: str) -> None:
    refused(SQUARE, UnknownCrs, uri)


@pytest.mark.parametrize("code", [4610, 2349, 2380, 4214, 2431, 21413])
def test_xian_80_and_beijing_54_are_refused_as_wrong_datum(code: int) -> None:
    assert "datum" in refused(polygon(NORTH_EAST), UnusableParcel, f"{EPSG}{code}").extra


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        ([[114.3, 30.5], [114.31, 30.51], [114.31, 30.5], [114.3, 30.51], [114.3, 30.5]], "crosses"),
        ([*RING[:2], [114.33, 30.50], *RING[1:]], "doubles back"),
        (RING[:-1], "not closed"),
        ([RING[0], RING[1], RING[0]], "at least 4"),
        ([RING[0]] * 4, "no area"),
        ([RING[0], RING[1], RING[0], RING[0]], ""),
        ([], "at least 4"),
        ([[0, 0], [200, 0], [200, 1], [0, 1], [0, 0]], "outside the domain"),
        ([[114.3, 91], [114.4, 91], [114.4, 92], [114.3, 92], [114.3, 91]], "outside the domain"),
    ],
    ids=["bow-tie", "spike", "unclosed", "too few", "point", "line", "empty", "longitude", "latitude"],
)
def test_unusable_rings_name_the_parcel_and_the_place(ring: Any, words: str) -> None:
    error = refused(
        {"type": "FeatureCollection", "features": [
            {"type": "Feature", "id": "ok", "geometry": SQUARE, "properties": {}},
            {"type": "Feature", "id": "bad", "geometry": polygon(ring), "properties": {}},
        ]},
        UnusableParcel,
    )  # fmt: skip
    assert words in error.detail
    assert error.extra["parcel"] == {"index": 1, "id": "bad"}


def test_the_place_of_a_bow_tie_is_where_it_crosses() -> None:
    ring = [[114.3, 30.5], [114.31, 30.51], [114.31, 30.5], [114.3, 30.51], [114.3, 30.5]]
    assert refused(polygon(ring), UnusableParcel).extra["place"] == pytest.approx([114.305, 30.505])


def test_a_hole_outside_is_refused() -> None:
    hole = [[115.30, 30.50], [115.31, 30.50], [115.31, 30.51], [115.30, 30.51], [115.30, 30.50]]
    assert "hole" in refused(polygon(RING, hole), UnusableParcel).detail


@pytest.mark.parametrize(
    "data",
    [
        {"type": "FeatureCollection", "features": []},
        {"type": "Feature", "geometry": None, "properties": {}},
        {"type": "Polygon", "coordinates": []},
        {"type": "MultiPolygon", "coordinates": []},
        {"type": "Point", "coordinates": [114, 30]},
        {"type": "LineString", "coordinates": RING},
        {"type": "GeometryCollection", "geometries": [SQUARE]},
    ],
)
def test_nothing_and_what_is_no_polygon_is_refused(data: Any) -> None:
    refused(data, UnusableParcel)


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ([], ""),
        ("POLYGON((0 0,1 1,1 0,0 0))", ""),
        ({}, ""),
        ({"type": "Polygone", "coordinates": [RING]}, "/type"),
        ({"type": 3}, "/type"),
        ({"type": "Polygon"}, ""),
        ({"type": "Polygon", "coordinates": 5}, "/coordinates"),
        ({"type": "Polygon", "coordinates": RING}, "/coordinates/0/0"),
        ({"type": "Polygon", "coordinates": [[[RING]]]}, "/coordinates/0/0"),
        ({"type": "Polygon", "coordinates": [[*RING[:2], ["114.3", 30.5], *RING[3:]]]}, "/coordinates/0/2"),
        ({"type": "Polygon", "coordinates": [[*RING[:2], [True, 30.5], *RING[3:]]]}, "/coordinates/0/2"),
        ({"type": "Polygon", "coordinates": [[*RING[:2], [None, 30.5], *RING[3:]]]}, "/coordinates/0/2"),
        ({"type": "Polygon", "coordinates": [[*RING[:2], [1], *RING[3:]]]}, "/coordinates/0/2"),
        ({"type": "Polygon", "coordinates": [[*RING[:2], [float("nan"), 1], *RING[3:]]]}, "/coordinates/0/2"),
        ({"type": "Polygon", "coordinates": [[*RING[:2], [10**400, 1], *RING[3:]]]}, "/coordinates/0/2"),
        ({"type": "FeatureCollection", "features": {}}, "/features"),
        ({"type": "FeatureCollection", "features": [SQUARE]}, "/features/0/type"),
        ({"type": "FeatureCollection", "features": [None]}, "/features/0"),
        ({"type": "Feature", "geometry": SQUARE, "properties": []}, ""),
        ({"type": "Feature", "geometry": SQUARE, "properties": [1]}, "/properties"),
        ({"type": "Feature", "id": {}, "geometry": SQUARE, "properties": {}}, "/id"),
        ({"type": "Feature", "geometry": 5, "properties": {}}, "/geometry"),
        ({**SQUARE, "coordRefSys": 4526}, "/coordRefSys"),
        ({**SQUARE, "crs": {"type": "name"}}, "/crs"),
    ],
)  # fmt: skip
def test_what_is_not_geojson_is_pointed_at(data: Any, pointer: str) -> None:
    if data == {"type": "Feature", "geometry": SQUARE, "properties": []}:
        assert len(read(data)) == 1  # an empty array is as good as null
        return
    assert refused(data, InvalidBody).extra["pointer"] == f"/inputs/parcels{pointer}"


def test_limits_are_told() -> None:
    features = [{"type": "Feature", "geometry": SQUARE, "properties": {}}] * 3
    collection = {"type": "FeatureCollection", "features": features}
    assert refused(collection, TooLarge, limits=Limits(parcels=2)).extra["limit"] == 2
    assert refused(collection, TooLarge, limits=Limits(vertices=9)).extra["limit"] == 9
    assert refused(SQUARE, TooLarge, limits=Limits(area_km2=1.0)).extra["limit"] == 1.0


def test_overlapping_parcels_count_once_and_are_told() -> None:
    moved = polygon([[x + 0.005, y] for x, y in RING])
    features = [{"type": "Feature", "id": name, "geometry": shape, "properties": {}} for name, shape in
                (("a", SQUARE), ("b", moved))]  # fmt: skip
    parcels = read({"type": "FeatureCollection", "features": features})
    assert parcels.area == pytest.approx(sum(parcels.areas) * 0.75, rel=1e-9)
    assert [note.code for note in parcels.notes] == ["parcels-overlap"]
    assert "a" in parcels.notes[0].message
    assert "b" in parcels.notes[0].message


def test_neighbours_do_not_overlap() -> None:
    moved = polygon([[round(x + 0.01, 2), y] for x, y in RING])
    features = [{"type": "Feature", "geometry": shape, "properties": {}} for shape in (SQUARE, moved)]
    parcels = read({"type": "FeatureCollection", "features": features})
    assert parcels.notes == ()
    assert parcels.area == sum(parcels.areas)


def test_the_digest_depends_on_the_shape_and_not_on_how_it_is_written() -> None:
    turned = polygon([*RING[2:], *RING[1:3]])
    assert read(SQUARE).digest == read(turned).digest
    assert read(SQUARE).digest != read(polygon([[x, y + 1e-9] for x, y in RING])).digest


def test_combs_that_cross_everywhere_are_refused_before_they_exhaust_the_machine() -> None:
    def comb(teeth: int, upright: bool) -> list[list[float]]:
        path = [[0.0, -0.1]]
        for tooth in range(teeth):
            at = tooth / teeth
            path += [[at, 0.0], [at, 1.0], [at + 0.5 / teeth, 1.0], [at + 0.5 / teeth, 0.0]]
        path += [[1.0, -0.1], [0.0, -0.1]]
        return [[110 + x, 30 + y] if upright else [110 + y, 30 + x] for x, y in path]

    features = [{"type": "Feature", "geometry": polygon(comb(700, way)), "properties": {}} for way in (True, False)]
    assert "cross" in refused({"type": "FeatureCollection", "features": features}, UnusableParcel).detail


def test_an_outline_too_long_for_its_area_is_refused() -> None:
    spikes = [[114 + (0.5 if at % 2 else 0.2) * math.cos(at * math.tau / 30_000),
               30 + (0.5 if at % 2 else 0.2) * math.sin(at * math.tau / 30_000)] for at in range(30_000)]  # fmt: skip
    assert "intricate" in refused(polygon([*spikes, spikes[0]]), UnusableParcel).detail


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1,]",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        "[" * 33 + "]" * 33,
        "[" * 100_000,
        '{"a":' * 100_000,
        '"\\ud800"',
        '{"\\udfff": 1}',
        "9" * 5000,
        "99999999999999999999",
    ],
)
def test_json_of_no_use_is_refused(text: str) -> None:
    with pytest.raises(InvalidBody):
        parse_json(text.encode())


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b'{"a": "\xb5\xd8"}', b"\x00"])
def test_json_that_is_not_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidBody):
        parse_json(body)


def test_json_of_use_is_read() -> None:
    text = json.dumps({"深": "[" * 100, "pair": "\U0001f600", "n": [1, 2.5, -3, 2**63 - 1]})
    assert parse_json(text.encode()) == json.loads(text)
    assert parse_json(b"\xef\xbb\xbf" + b"[" * 32 + b"]" * 32)
