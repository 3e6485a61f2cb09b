"""Zipped Shapefiles and GeoPackages: read from memory, and never trusted."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import shapely
from pyproj import CRS

from onemap.errors import ClientError, InvalidBody, InvalidParameter, TooLarge, UnusableParcel
from onemap.geo.crs import EPSG
from onemap.geo.gauss_kruger import zone_of
from onemap.processes.parcels import Limits, ParcelDocument, ParcelSet, read_parcels
from onemap.processes.parcels.systems import from_wkt
from onemap.processes.parcels.wkb import NotPolygonError, count_vertices
from tests.unit.parcel_files import archive, geopackage, shapefile, zipped

ZIP = "application/zip"
EXPECTED = (200, 400, 413, 422)
GPKG = "application/geopackage+sqlite3"
BOX = [(38528700.0, 3387100.0), (38528700.0, 3387200.0), (38528800.0, 3387200.0), (38528800.0, 3387100.0)]
SHAPE = shapely.Polygon(BOX)


def read(data: bytes, media_type: str, crs: str | None = None, limits: Limits | None = None) -> ParcelSet:
    return read_parcels(ParcelDocument(data, media_type, "/inputs/parcels/value"), crs, limits or Limits())


def refused(data: bytes, media_type: str, kind: type[ClientError], crs: str | None = None) -> ClientError:
    with pytest.raises(ClientError) as caught:
        read(data, media_type, crs)
    assert type(caught.value) is kind, caught.value
    return caught.value


def status(data: bytes, media_type: str) -> int:
    try:
        read(data, media_type)
    except ClientError as error:
        return error.status
    return 200


def prj(epsg: int) -> str:
    return CRS.from_epsg(epsg).to_wkt("WKT1_ESRI")


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize("cpg", [None, b"GBK", b"UTF-8", b"ISO-8859-1"])
def test_a_shapefile_with_chinese_names(encoding: str, cpg: bytes | None) -> None:
    parts = shapefile([BOX], ["示范地块"], encoding)
    if cpg is not None:
        parts[".cpg"] = cpg
    name = read(zipped(parts), ZIP).parcels[0].name
    said = {None: encoding, b"GBK": "gbk", b"UTF-8": "utf-8", b"ISO-8859-1": "latin-1"}[cpg]
    assert (name == "示范地块") == (said == encoding)


def test_a_shapefile_in_a_folder_with_its_system() -> None:
    parcels = read(zipped(shapefile([BOX], ["甲"]), "数据/地块"), ZIP)
    assert parcels.crs.srid == 4526
    assert parcels.area == pytest.approx(10_000, abs=1)


@pytest.mark.parametrize("epsg", [4490, 4491, 4498, 4509, 4513, 4526, 4534, 4547, 4554, 3857, 4326])
def test_systems_are_known_by_their_parameters(epsg: int) -> None:
    for version in ("WKT1_ESRI", "WKT1_GDAL", "WKT2_2019"):
        found = from_wkt(CRS.from_epsg(epsg).to_wkt(version), "the file")
        same_plane = zone_of(epsg) is not None and zone_of(found.srid) == zone_of(epsg)
        assert found.srid == epsg or same_plane, version


@pytest.mark.parametrize("epsg", [2349, 2380, 4610, 4214, 2431, 21420])
def test_old_datums_of_a_prj_are_refused(epsg: int) -> None:
    parts = shapefile([BOX], ["甲"], prj=prj(epsg))
    assert "datum" in refused(zipped(parts), ZIP, UnusableParcel).extra


def test_xian_80_by_another_name_is_refused_by_its_ellipsoid() -> None:
    text = prj(2362).replace("Xian", "Custom").replace("xian", "custom")
    assert "datum" in refused(zipped(shapefile([BOX], ["甲"], prj=text)), ZIP, UnusableParcel).extra


@pytest.mark.parametrize("epsg", [32650, 2154, 27700])
def test_other_systems_of_a_prj_are_refused(epsg: int) -> None:
    refused(zipped(shapefile([BOX], ["甲"], prj=prj(epsg))), ZIP, UnusableParcel)


def test_a_missing_prj_needs_the_crs_input() -> None:
    parts = shapefile([BOX], ["甲"])
    del parts[".prj"]
    refused(zipped(parts), ZIP, UnusableParcel)
    assert read(zipped(parts), ZIP, f"{EPSG}4526").crs.srid == 4526
    refused(zipped(shapefile([BOX], ["甲"])), ZIP, InvalidParameter, f"{EPSG}4527")
    refused(zipped(shapefile([BOX], ["甲"], prj="garbage")), ZIP, UnusableParcel)


@pytest.mark.parametrize("suffix", [".shp", ".dbf"])
def test_an_incomplete_set_is_refused(suffix: str) -> None:
    parts = shapefile([BOX], ["甲"])
    del parts[suffix]
    refused(zipped(parts), ZIP, InvalidBody)


def test_the_index_of_an_upload_is_not_believed() -> None:
    parts = shapefile([BOX, [(x + 200, y) for x, y in BOX]], ["甲", "乙"])
    again = parts[".shx"][:100] + parts[".shx"][100:108] * 5000
    for index in (again, b"junk", None):
        kept = {suffix: content for suffix, content in parts.items() if suffix != ".shx"}
        assert len(read(zipped(kept if index is None else {**kept, ".shx": index}), ZIP)) == 2


def test_a_shape_of_too_many_rings_is_refused() -> None:
    parts = shapefile([BOX], ["甲"])
    shp = bytearray(parts[".shp"])
    shp[144:148] = struct.pack("<i", 6000)
    refused(zipped({**parts, ".shp": bytes(shp)}), ZIP, InvalidBody)
    rings = struct.pack("<i4d2i", 5, 0, 0, 1, 1, 6000, 0) + bytes(4 * 6000)
    record = struct.pack(">2i", 1, len(rings) // 2) + rings
    refused(zipped({**parts, ".shp": bytes(shp[:100]) + record}), ZIP, UnusableParcel)


def test_two_sets_are_refused() -> None:
    parts = shapefile([BOX], ["甲"])
    members = {f"{stem}{suffix}": content for stem in "ab" for suffix, content in parts.items()}
    refused(archive(members), ZIP, InvalidBody)


@pytest.mark.parametrize(
    "name", ["../evil.shp", "/etc/evil.shp", "a/../../evil.shp", "C:\\evil.shp", "a\\..\\evil.shp", "..", "x:evil"]
)
def test_names_that_lead_out_are_refused(name: str) -> None:
    members = {f"parcels{suffix}": content for suffix, content in shapefile([BOX], ["甲"]).items()}
    refused(archive({**members, name: b"x"}), ZIP, InvalidBody)


@pytest.mark.parametrize("name", ["inner.zip", "inner.7z", "inner.tar.gz"])
def test_archives_in_archives_are_refused(name: str) -> None:
    members = {f"parcels{suffix}": content for suffix, content in shapefile([BOX], ["甲"]).items()}
    refused(archive({**members, name: b"x"}), ZIP, InvalidBody)


def test_a_bomb_is_refused_by_its_ratio_size_and_count() -> None:
    parts = {f"parcels{suffix}": content for suffix, content in shapefile([BOX], ["甲"]).items()}
    refused(archive({**parts, "parcels.sbn": bytes(8 * 1024 * 1024)}), ZIP, TooLarge)
    random_bytes = random.Random(1).randbytes(1024 * 1024)
    refused(archive({**parts, "big": random_bytes + bytes(70 * 1024 * 1024)}), ZIP, TooLarge)
    refused(archive({**parts, **{f"f{number}": b"" for number in range(70)}}), ZIP, TooLarge)


def test_the_same_name_twice_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for suffix, content in shapefile([BOX], ["甲"]).items():
            made.writestr(f"parcels{suffix}", content)
        made.writestr("PARCELS.SHP", b"x")
    refused(packed.getvalue(), ZIP, InvalidBody)


def test_a_size_that_lies_is_refused() -> None:
    content = bytearray(archive({"parcels.shp": b"x" * 100}, zipfile.ZIP_STORED))
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    refused(bytes(content), ZIP, InvalidBody)


def test_an_encrypted_archive_is_refused() -> None:
    content = bytearray(archive({"parcels.shp": b"x"}))
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1
    refused(bytes(content), ZIP, InvalidBody)


@pytest.mark.parametrize("data", [b"", b"PK", b"hello", zipped(shapefile([BOX], ["甲"]))[:-30]])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    refused(data, ZIP, InvalidBody)


def test_points_and_lines_of_a_shapefile_are_refused() -> None:
    for kind in (1, 3, 8, 31):
        parts = shapefile([BOX], ["甲"])
        shp = bytearray(parts[".shp"])
        shp[32:36] = struct.pack("<i", kind)
        refused(zipped({**parts, ".shp": bytes(shp)}), ZIP, UnusableParcel)


def test_a_bow_tie_in_a_shapefile_names_its_parcel() -> None:
    bow = [BOX[0], BOX[2], BOX[1], BOX[3]]
    error = refused(zipped(shapefile([BOX, bow], ["甲", "乙"])), ZIP, UnusableParcel)
    assert error.extra["parcel"] == {"index": 1, "id": None}


def test_broken_shapefiles_never_do_more_than_fail() -> None:
    chance = random.Random(7)
    parts = shapefile([BOX, [(x + 200, y) for x, y in BOX]], ["甲", "乙"])
    for _ in range(60):
        suffix = chance.choice([".shp", ".shx", ".dbf"])
        broken = bytearray(parts[suffix])
        for _ in range(chance.choice([1, 4])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        assert status(zipped({**parts, suffix: bytes(broken)}), ZIP) in EXPECTED


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    read(zipped(shapefile([BOX], ["甲"])), ZIP)
    read(geopackage([SHAPE]), GPKG)
    assert list(tmp_path.iterdir()) == []


def test_a_geopackage() -> None:
    parcels = read(geopackage([SHAPE, shapely.MultiPolygon([shapely.transform(SHAPE, lambda xy: xy + 500)])]), GPKG)
    assert parcels.crs.srid == 4526
    assert [(item.id, item.name) for item in parcels.parcels] == [("G-1", "地块1"), ("G-2", "地块2")]
    assert parcels.areas[0] == pytest.approx(10_000, abs=1)


def test_a_geopackage_that_was_written_with_a_log_is_read() -> None:
    content = bytearray(geopackage([SHAPE]))
    content[18:20] = b"\x02\x02"
    assert len(read(bytes(content), GPKG)) == 1


def test_the_first_of_several_tables_is_taken_and_told() -> None:
    parcels = read(geopackage([SHAPE], tables=("甲", "乙")), GPKG)
    assert [note.code for note in parcels.notes] == ["first-table"]


def test_columns_that_compute_their_values_are_never_read() -> None:
    many = "||".join(["DKMC"] * 40)
    more = "||".join(["grown"] * 40)
    script = f"""
        ALTER TABLE parcels ADD COLUMN grown TEXT AS ({many}) VIRTUAL;
        ALTER TABLE parcels ADD COLUMN larger TEXT AS ({more}) VIRTUAL;
    """
    parcels = read(geopackage([SHAPE], script=script), GPKG)
    assert set(parcels.parcels[0].properties) == {"fid", "DKBH", "DKMC"}


def test_a_table_named_very_often_with_a_long_definition_takes_no_memory() -> None:
    script = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
        INSERT INTO gpkg_geometry_columns SELECT 'parcels', 'geom', 'POLYGON', 4526, 0, 0 FROM n;
    """
    content = geopackage([SHAPE], definition="x" * 500_000, script=script)
    tracemalloc.start()
    try:
        assert [note.code for note in read(content, GPKG).notes] == ["first-table"]
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_the_system_of_a_geopackage() -> None:
    assert read(geopackage([SHAPE], srid=100001, organization="custom", definition=prj(4526)), GPKG).crs.srid == 4526
    refused(geopackage([SHAPE], srid=2362), GPKG, UnusableParcel)
    refused(geopackage([SHAPE], srid=-1, organization="NONE"), GPKG, UnusableParcel)
    assert read(geopackage([SHAPE], srid=-1, organization="NONE"), GPKG, f"{EPSG}4526").crs.srid == 4526
    refused(geopackage([SHAPE]), GPKG, InvalidParameter, f"{EPSG}4527")


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\x00", b"x" * 200, geopackage([SHAPE])[:900]])
def test_what_is_no_geopackage_is_refused(data: bytes) -> None:
    refused(data, GPKG, InvalidBody)


def test_other_geometries_and_broken_blobs_are_refused() -> None:
    for geometry in (shapely.Point(0, 0), b"junk", b"GP\x00\x01\x00\x00\x00\x00" + b"\x01\x03\x00\x00\x00\xff", None):
        refused(geopackage([geometry]), GPKG, UnusableParcel)
    refused(geopackage([]), GPKG, UnusableParcel)


def test_views_and_virtual_tables_are_never_read() -> None:
    script = """
        DELETE FROM gpkg_geometry_columns;
        CREATE VIEW trap AS
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS fid, i AS geom FROM n;
        CREATE VIRTUAL TABLE box USING rtree(id, a, b);
        INSERT INTO gpkg_geometry_columns VALUES ('trap', 'geom', 'POLYGON', 4526, 0, 0);
        INSERT INTO gpkg_geometry_columns VALUES ('box', 'a', 'POLYGON', 4526, 0, 0);
    """
    assert "no feature table" in refused(geopackage([SHAPE], script=script), GPKG, InvalidBody).detail


def test_a_metadata_table_that_is_a_trap_is_refused() -> None:
    script = """
        ALTER TABLE gpkg_geometry_columns RENAME TO other;
        CREATE VIEW gpkg_geometry_columns AS
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT load_extension('evil') AS table_name, i AS column_name, 1 AS srs_id FROM n;
    """
    refused(geopackage([SHAPE], script=script), GPKG, InvalidBody)


def test_a_deep_collection_never_reaches_geos() -> None:
    deep = b"".join(b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" for _ in range(100_000))
    refused(geopackage([b"GP\x00\x01\x00\x00\x00\x00" + deep]), GPKG, UnusableParcel)
    nested = b"".join(b"\x01\x06\x00\x00\x00\x01\x00\x00\x00" for _ in range(100_000))
    refused(geopackage([b"GP\x00\x01\x00\x00\x00\x00" + nested]), GPKG, UnusableParcel)


def test_wkb_is_counted_without_building_it() -> None:
    for geometry in (SHAPE, shapely.MultiPolygon([SHAPE, shapely.box(0, 0, 1, 1)]), shapely.force_3d(SHAPE)):
        for flavor in ("extended", "iso"):
            for order in (0, 1):
                wkb = shapely.to_wkb(geometry, byte_order=order, flavor=flavor)
                assert count_vertices(wkb) == shapely.get_num_coordinates(geometry)
    with pytest.raises(NotPolygonError):
        count_vertices(shapely.to_wkb(shapely.Point(1, 2)))
    with pytest.raises(ValueError, match="too early"):
        count_vertices(shapely.to_wkb(SHAPE)[:-1])


def test_broken_geopackages_never_do_more_than_fail() -> None:
    chance = random.Random(11)
    content = geopackage([SHAPE] * 5)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(chance.choice([1, 20])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        assert status(bytes(broken), GPKG) in EXPECTED


def test_limits_are_told() -> None:
    with pytest.raises(TooLarge):
        read(geopackage([SHAPE] * 3), GPKG, limits=Limits(parcels=2))
    with pytest.raises(TooLarge):
        read(geopackage([SHAPE]), GPKG, limits=Limits(vertices=4))
    with pytest.raises(TooLarge):
        read(zipped(shapefile([BOX] * 3, ["甲"] * 3)), ZIP, limits=Limits(parcels=2))
    with pytest.raises(TooLarge):
        read(zipped(shapefile([BOX], ["甲"])), ZIP, limits=Limits(vertices=4))


@pytest.mark.parametrize("name", ["idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"])
def test_a_cpg_names_a_text_encoding_or_is_passed_over(name: str) -> None:
    parts = shapefile([BOX], ["\\ud800 地块"], "gb18030") | {".cpg": name.encode()}
    assert read(zipped(parts), ZIP).parcels[0].name == "\\ud800 地块"


@pytest.mark.parametrize("dbf", [b"", b"\x03" * 500, slice(0, 40), slice(0, -30)])
def test_a_table_that_lacks_records_is_refused(dbf: bytes | slice) -> None:
    parts = shapefile([BOX], ["地块"])
    parts[".dbf"] = dbf if isinstance(dbf, bytes) else parts[".dbf"][dbf]
    assert ".dbf" in refused(zipped(parts), ZIP, InvalidBody).detail


@pytest.mark.parametrize("column", ["column_name", "table_name"])
def test_names_that_are_not_text_are_refused(column: str) -> None:
    script = f"UPDATE gpkg_geometry_columns SET {column} = x'41'"
    refused(geopackage([SHAPE], script=script), GPKG, InvalidBody)
