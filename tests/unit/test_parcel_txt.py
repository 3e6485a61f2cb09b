"""Parcel coordinate text: the grammar as files in circulation have it, and what is told or refused."""

from __future__ import annotations

import pytest

from onemap.errors import ClientError, InvalidBody, InvalidParameter, TooLarge, UnusableParcel
from onemap.geo.crs import EPSG
from onemap.processes.parcels import Limits, ParcelDocument, ParcelSet, read_parcels
from tests.unit.parcel_files import SQUARE, header, points, square_txt, txt

INNER = [(3387130, 38528730), (3387130, 38528770), (3387170, 38528770), (3387170, 38528730)]
ISLAND = [(3387145, 38528745), (3387145, 38528755), (3387155, 38528755), (3387155, 38528745)]
APART = [(3387300, 38528700), (3387400, 38528700), (3387400, 38528800), (3387300, 38528800)]
PLAIN = [(x, y - 38_000_000) for x, y in SQUARE]


def read(data: str | bytes, crs: str | None = None, limits: Limits | None = None) -> ParcelSet:
    content = data.encode() if isinstance(data, str) else data
    return read_parcels(ParcelDocument(content, "text/plain"), crs, limits or Limits())


def refused(data: str | bytes, kind: type[ClientError], crs: str | None = None) -> ClientError:
    with pytest.raises(ClientError) as caught:
        read(data, crs)
    assert type(caught.value) is kind, caught.value
    return caught.value


def codes(parcels: ParcelSet) -> set[str]:
    return {note.code for note in parcels.notes}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_newlines(encoding: str, newline: str) -> None:
    parcels = read(square_txt().replace("\r\n", newline).encode(encoding))
    assert parcels.crs.srid == 4526
    assert (parcels.parcels[0].id, parcels.parcels[0].name) == ("A-01", "地块一")
    assert parcels.area == pytest.approx(10_000, abs=0.5)
    assert parcels.parcels[0].geometry.bounds == (38528700, 3387100, 38528800, 3387200)
    assert parcels.notes == ()


@pytest.mark.parametrize(
    ("ring", "attributes", "srid"),
    [
        (SQUARE, {}, 4526),
        (PLAIN, {}, 4547),
        (SQUARE, {"带号": None, "几度分带": None}, 4526),
        ([(x, y - 18_000_000 - 250_000) for x, y in SQUARE], {"带号": "20", "几度分带": "6"}, 4498),
        (PLAIN, {"带号": "20", "几度分带": "6度带"}, 4509),
        (SQUARE, {"坐标系": "CGCS2000"}, 4526),
    ],
)
def test_the_zone_comes_from_prefix_and_attributes(ring: object, attributes: dict[str, str], srid: int) -> None:
    assert read(txt(header(), *points(ring), **attributes)).crs.srid == srid  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"坐标系": "西安80"}, "Xi'an"),
        ({"坐标系": "1980西安坐标系"}, "Xi'an"),
        ({"坐标系": "80国家大地坐标系"}, "Xi'an"),
        ({"坐标系": "北京54坐标系"}, "Beijing"),
        ({"坐标系": "火星坐标系"}, "not known"),
        ({"坐标系": None}, "does not say"),
        ({"带号": "39"}, "zone 38"),
        ({"几度分带": "6"}, "not a zone of 6"),
        ({"几度分带": "5"}, "3 or 6"),
        ({"计量单位": "公里"}, "not metres"),
        ({"投影类型": "墨卡托"}, "Gauss"),
    ],
)
def test_wrong_datums_zones_and_units_are_refused(attributes: dict[str, str | None], words: str) -> None:
    assert words in refused(square_txt(**attributes), UnusableParcel).detail


def test_the_crs_input_says_what_the_file_does_not() -> None:
    silent = txt(header(), *points(PLAIN), 坐标系=None, 带号=None, 几度分带=None)
    assert read(silent, f"{EPSG}4547").crs.srid == 4547
    refused(silent, UnusableParcel)
    assert refused(square_txt(), InvalidParameter, f"{EPSG}4527").extra["pointer"] == "/inputs/crs"
    refused(square_txt(坐标系=None), InvalidParameter, f"{EPSG}4490")


def test_a_zone_without_prefix_must_be_named() -> None:
    refused(txt(header(), *points(PLAIN), 带号=None), UnusableParcel)
    assert read(txt(header(), *points(PLAIN), 带号=None), f"{EPSG}4547").crs.srid == 4547


def test_a_parcel_outside_its_zone_is_refused() -> None:
    far = [(x, y + 400_000) for x, y in SQUARE]
    error = refused(txt(header(), *points(far)), UnusableParcel)
    assert error.extra["line"] == 12


@pytest.mark.parametrize("continuing", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_holes_islands_and_parts_are_found_by_containment(continuing: bool, closed: bool) -> None:
    rings = [SQUARE, ISLAND, APART, INNER]  # an order and numbering that say nothing
    lines: list[str] = []
    for number, ring in enumerate(rings, start=1):
        lines += points(ring, number, 1 + 4 * (number - 1) * continuing, closed)
    parcel = read(txt(header(len(lines), "1.8500"), *lines)).parcels[0].geometry
    assert parcel.geom_type == "MultiPolygon"
    assert sorted(round(part.area) for part in parcel.geoms) == [100, 8400, 10000]


def test_orientation_does_not_matter() -> None:
    clockwise = read(txt(header(10, "0.8400"), *points(SQUARE, 1), *points(INNER, 2)))
    other = read(txt(header(10, "0.8400"), *points(SQUARE[::-1], 1), *points(INNER[::-1], 2)))
    assert clockwise.digest == other.digest
    assert clockwise.areas[0] == pytest.approx(8400, abs=1)


def test_a_new_ring_after_a_closed_one_with_the_same_number() -> None:
    parcel = read(txt(header(10, "0.8400"), *points(SQUARE, 1), *points(INNER, 1))).parcels[0].geometry
    assert len(parcel.interiors) == 1


def test_closing_lines_of_faulty_writers() -> None:
    lines = points(SQUARE)
    other_ring = [*lines[:4], lines[0].replace("J1,1", "J1,3")]
    twice_x = [*lines[:4], "J1,1,3387100.000,3387100.000"]
    for dirty in (other_ring, twice_x):
        parcels = read(txt(header(), *dirty))
        assert parcels.areas[0] == pytest.approx(10_000, abs=0.5)
        assert codes(parcels) == {"closing-line"}


def test_swapped_axes_are_exchanged_and_told() -> None:
    for ring in (SQUARE, PLAIN):
        parcels = read(txt(header(), *points([(y, x) for x, y in ring])))
        assert parcels.parcels[0].geometry.bounds[1] == 3387100
        assert codes(parcels) == {"axes-swapped"}


def test_axes_swapped_in_some_lines_only_are_refused() -> None:
    lines = points(SQUARE)
    lines[2] = "J3,1,38528800.000,3387200.000"
    assert "Line 14" in refused(txt(header(), *lines), InvalidBody).detail


def test_full_width_characters_are_read_and_told() -> None:
    lines = points(SQUARE)
    lines[1] = lines[1].replace(",", "，").replace("3387200", "３３８７２００")
    parcels = read(txt(header(), *lines))
    assert parcels.areas[0] == pytest.approx(10_000, abs=0.5)
    assert codes(parcels) == {"full-width"}
    wide = read(txt(header().replace(",", "，").replace("@", "＠"), *points(SQUARE)))
    assert (wide.parcels[0].id, codes(wide)) == ("A-01", {"full-width"})


def test_counts_and_areas_of_the_header_are_only_compared() -> None:
    assert codes(read(txt(header(7), *points(SQUARE)))) == {"count-mismatch"}
    assert codes(read(txt(header(area="2.5"), *points(SQUARE)))) == {"area-mismatch"}
    assert codes(read(txt(header(area="10000"), *points(SQUARE)))) == {"area-unit"}
    assert codes(read(txt(header(area="15.0"), *points(SQUARE)))) == {"area-unit"}
    assert codes(read(txt(header(area="1.0公顷"), *points(SQUARE)))) == {"area-unit"}
    assert codes(read(txt(header(area="很大"), *points(SQUARE)))) == {"area-unreadable"}
    assert codes(read(txt(header(area=""), *points(SQUARE)))) == set()


def test_repeated_and_near_points_and_slivers_are_told() -> None:
    lines = [*points(SQUARE, closed=False)[:1], "J9,1,3387100.0004,38528700.000", *points(SQUARE)[1:]]
    assert codes(read(txt(header(6), *lines))) == {"duplicate-point"}
    lines[1] = "J9,1,3387100.005,38528700.000"
    assert codes(read(txt(header(6), *lines))) == {"near-points"}
    tiny = [(3387100, 38528700), (3387102, 38528700), (3387102, 38528702), (3387100, 38528702)]
    assert codes(read(txt(header(area="0.0004"), *points(tiny)))) == {"sliver"}


def test_headers_with_fewer_and_more_fields() -> None:
    short = read(txt("5,1.0,,名称,面,,,@", *points(SQUARE))).parcels[0]
    assert (short.id, short.name) == (None, "名称")
    long = read(txt(header()[:-1] + "新增,水田,12,9,备注,@", *points(SQUARE))).parcels[0]
    assert long.properties["备注"] == "备注"


def test_a_file_without_header_is_one_parcel() -> None:
    parcels = read(txt(*points(SQUARE)))
    assert len(parcels) == 1
    assert "no-header" in codes(parcels)


def test_two_parcels_with_the_same_number_and_an_overlap_are_told() -> None:
    moved = [(x + 50, y) for x, y in SQUARE]
    parcels = read(txt(header(), *points(SQUARE), header(), *points(moved)))
    assert codes(parcels) == {"same-id", "parcels-overlap"}
    assert parcels.area == pytest.approx(15_000, abs=1)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([header(), *points([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]])], "crosses"),
        ([header(), *points(SQUARE[:2])], "at least 3"),
        ([header(), *points(SQUARE), *points([(x + 50, y + 50) for x, y in SQUARE], 2, 5)], "cross"),
        ([header(kind="线"), *points(SQUARE)], "线"),
        ([header()], "no coordinates"),
        ([header(), *points(SQUARE), header()], "no coordinates"),
        ([], "no coordinates"),
        ([header(), *[line.replace("38528", "528") for line in points(SQUARE)[:1]], *points(SQUARE)[1:]], "zone"),
        ([header(), "J1,1,30.5,114.3", *points(SQUARE)], "not X"),
    ],
    ids=["bow-tie", "two points", "crossing rings", "line", "empty", "second empty", "nothing", "prefixes", "degrees"],
)
def test_unusable_parcels_are_refused(lines: list[str], words: str) -> None:
    assert words in refused(txt(*lines), UnusableParcel).detail


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"  \r\n", "empty"),
        (b"\x00\x01\x02", "not text"),
        (b"hello", "no section"),
        ("[属性描述]\n坐标系=2000国家大地坐标系\n", "no section"),
        (txt("6,1.0,A,甲,面,,,1003", *points(SQUARE)), "'@'"),
        (txt(header(), "J1,1,abc,38528700"), "'abc'"),
        (txt(header(), "J1,1,3387100,NaN"), "'NaN'"),
        (txt(header(), "J1,1,3387100,1e999"), "'1e999'"),
        (txt(header(), "J1,1,3387100"), "no point"),
        (txt(header(), "J1,1,3387100,38528700,5"), "no point"),
    ],
)
def test_malformed_files_name_the_line(data: str | bytes, words: str) -> None:
    assert words in refused(data, InvalidBody).detail


def test_mixed_encodings_are_refused() -> None:
    lines = square_txt().split("\r\n")
    mixed = b"\r\n".join([*(line.encode("gbk") for line in lines[:10]), *(line.encode() for line in lines[10:])])
    assert "UTF-8" in refused(mixed, InvalidBody).detail
    assert "neither" in refused(square_txt().encode("gbk") + b"\r\n\xff\xff", InvalidBody).detail


def test_rings_in_rings_beyond_reason_are_refused() -> None:
    lines: list[str] = []
    for number in range(2000):
        low, high = number * 0.02, 100 - number * 0.02
        ring = [(3387100 + x, 38528700 + y) for x, y in ((low, low), (high, low), (high, high), (low, high))]
        lines += points(ring, number + 1)
    assert "beyond reason" in refused(txt(header(len(lines)), *lines), UnusableParcel).detail


def test_limits_are_told() -> None:
    with pytest.raises(TooLarge):
        read(square_txt(), limits=Limits(vertices=3))
    with pytest.raises(TooLarge):
        read(txt(header(), *points(SQUARE), header(), *points(APART)), limits=Limits(parcels=1))
