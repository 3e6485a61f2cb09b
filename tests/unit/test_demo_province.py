"""The demo province: a coverage with the survey's invariants, nested units, and files to try that say what they should.

The small province is generated once for all tests; one test generates it again and compares every byte.
"""

from __future__ import annotations

import filecmp
import json
import shutil
import sqlite3
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from onemap.demo import generate
from onemap.geo.area import measure_for
from onemap.geo.rounding import round_half_up
from onemap.processes.parcels import Limits, ParcelDocument, ParcelSet, read_parcels
from onemap.store.geopackage.connect import use_wal

TYPES = {".txt": "text/plain", ".zip": "application/zip", ".gpkg": "application/geopackage+sqlite3"}


@pytest.fixture(scope="module")
def demo(data: Path) -> Path:
    return data / "demo"


def layer(demo: Path, name: str) -> Any:
    return shapely.from_wkb(pyogrio.raw.read(demo / "province.gpkg", layer=name, columns=[])[2])


def ask(demo: Path, sql: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(demo / "province.gpkg")
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def parcels(demo: Path, name: str) -> ParcelSet:
    path = demo / "parcels" / name
    content: Any = path.read_bytes()
    if path.suffix == ".geojson":
        return read_parcels(ParcelDocument(json.loads(content)), None, Limits())
    return read_parcels(ParcelDocument(content, TYPES[path.suffix]), None, Limits())


def touched(demo: Path, name: str, table: str) -> float:
    """Return the square metres of a table that the parcels of a file touch, measured in the plane of EPSG:4526."""
    given = parcels(demo, name)
    geometry = shapely.union_all(moved(given.geometries, given.crs.srid))
    features = layer(demo, table)
    srid = {"dltb": 4526, "yjjbnttb": 4526}.get(table, 4490)
    found = shapely.intersection(moved(features, srid), geometry)
    return float(shapely.area(found).sum())


def moved(geometries: Any, srid: int) -> Any:
    import pyproj

    change = pyproj.Transformer.from_crs(srid, 4526, always_xy=True)
    return shapely.transform(geometries, lambda xy: np.column_stack(change.transform(*xy.T)))


def test_generating_again_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    messages: list[str] = []
    summary = generate(tmp_path, "small", 1, messages.append)
    names = [str(path.relative_to(tmp_path)) for path in (summary.geopackage, *summary.files)]
    assert len(names) == 12
    assert filecmp.cmpfiles(demo, tmp_path, names[1:], shallow=False) == (names[1:], [], [])
    served = Path(shutil.copy(demo / "province.gpkg", tmp_path / "served.gpkg"))
    for path in (served, summary.geopackage):
        use_wal(path)  # a server may have turned it on in the file that the tests share
    assert filecmp.cmp(served, summary.geopackage, shallow=False)
    assert summary.rows["dltb"] == 5000
    assert len(messages) > 4


def test_every_layer_is_valid_and_named(demo: Path) -> None:
    tables = {
        name: (kind, pyogrio.read_info(demo / "province.gpkg", layer=name)["crs"])
        for name, kind in pyogrio.list_layers(demo / "province.gpkg")
        if kind
    }
    assert tables == {
        "xzq": ("MultiPolygon", "EPSG:4490"),
        "dltb": ("Polygon", "EPSG:4526"),
        "dltb_previous": ("Polygon", "EPSG:4526"),
        "yjjbnttb": ("Polygon", "EPSG:4526"),
        "stbhhx": ("MultiPolygon", "EPSG:4490"),
        "czkfbj": ("MultiPolygon", "EPSG:4490"),
        **dict.fromkeys(
            ["zrbhd", "yyssyd", "trl", "sd", "lswhbhx", "kyq", "kcd", "ghyt", "bcgdcbtb"], ("MultiPolygon", "EPSG:4490")
        ),
        "coverage": ("MultiPolygon", "EPSG:4490"),
        "buildings": ("Polygon", "EPSG:4490"),
        "approved_projects": ("Polygon", "EPSG:4547"),
    }
    for name in tables:
        assert shapely.is_valid(layer(demo, name)).all(), name


def test_land_use_covers_the_province_without_gap_or_overlap(demo: Path) -> None:
    land = layer(demo, "dltb")
    assert len(land) == pytest.approx(5000, rel=0.03)
    assert shapely.coverage_is_valid(land)
    whole = shapely.coverage_union_all(land)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    assert shapely.area(land).sum() == pytest.approx(whole.area, rel=1e-12)


def test_areas_are_on_the_ellipsoid_and_deductions_add_up(demo: Path) -> None:
    land = layer(demo, "dltb")
    rows = ask(demo, "SELECT TBMJ, KCXS, KCMJ, TBDLMJ, KCDLBM FROM dltb ORDER BY fid")
    assert np.array([row[0] for row in rows]) == pytest.approx(measure_for(4526).areas(land), abs=0.005001)
    for area, ratio, ridges, net, code in rows:
        exact = Decimal(str(area)) * Decimal(str(ratio))
        assert Decimal(str(ridges)) == round_half_up(exact, 2)
        assert Decimal(str(area)) - Decimal(str(ridges)) == Decimal(str(net))
        assert (code == "1203") == (ratio > 0)
    assert len({row[1] for row in rows}) > 5


def test_the_year_before_is_one_county_in_which_some_land_was_used_otherwise(demo: Path) -> None:
    before, now = (
        dict(ask(demo, f"SELECT geom, DLBM FROM {table} WHERE ZLDWDM LIKE '990101%'"))
        for table in ("dltb_previous", "dltb")
    )
    assert before.keys() == now.keys()
    assert ask(demo, "SELECT count(*), min(SJNF), max(SJNF) FROM dltb_previous") == [(len(now), 2023, 2023)]
    changed = [(before[shape], now[shape]) for shape in now if before[shape] != now[shape]]
    assert 0.01 < len(changed) / len(now) < 0.1
    assert any(was.startswith("01") and code.startswith(("05", "06", "07", "10")) for was, code in changed)
    assert any(not was.startswith("01") and code.startswith("01") for was, code in changed)


def test_slope_grades_are_those_of_cultivated_land_only(demo: Path) -> None:
    grades = dict(ask(demo, "SELECT GDPDJB, count(*) FROM dltb WHERE DLBM LIKE '01%' GROUP BY 1"))
    assert set(grades) >= {"1", "2", "3"}
    assert grades["1"] > grades["2"]
    assert ask(demo, "SELECT count(*) FROM dltb WHERE DLBM NOT LIKE '01%' AND GDPDJB IS NOT NULL") == [(0,)]
    assert ask(demo, "SELECT count(*) FROM dltb WHERE GDPDJB = '1' AND (KCXS > 0 OR GDLX IS NOT NULL)") == [(0,)]


def test_codes_nest_and_areas_of_units_sum(demo: Path) -> None:
    units = ask(demo, "SELECT JB, XZQDM, SJXZQDM, DCMJ FROM xzq")
    codes = {level: {row[1] for row in units if row[0] == level} for level, *_ in units}
    assert {level: {len(code) for code in found} for level, found in codes.items()} == {
        "province": {6},
        "city": {6},
        "county": {6},
        "town": {9},
        "village": {12},
    }
    everything = {row[1] for row in units}
    assert all(parent in everything for level, _, parent, _ in units if level != "province")
    assert all(code.startswith("99") for code in everything)
    assert all(code[:9] in codes["town"] and code[:6] in codes["county"] for code in codes["village"])
    total = ask(demo, "SELECT sum(TBMJ) FROM dltb")[0][0]
    for level in codes:
        assert sum(row[3] for row in units if row[0] == level) == pytest.approx(total, abs=0.01)


def test_each_parcel_lies_in_its_village(demo: Path) -> None:
    land, units = layer(demo, "dltb"), layer(demo, "xzq")
    place = np.array([row[0] for row in ask(demo, "SELECT ZLDWDM FROM dltb ORDER BY fid")])
    code = np.array([row[0] for row in ask(demo, "SELECT XZQDM FROM xzq ORDER BY fid")])
    assert {len(one) for one in place} == {19}
    for village in code[np.char.str_len(code) == 12][::7]:
        own = shapely.coverage_union_all(land[np.char.startswith(place, village)])
        drawn = moved(units[code == village], 4490)[0]
        assert own.symmetric_difference(drawn).area < 1e-4 * own.area
    sums = dict(ask(demo, "SELECT substr(ZLDWDM, 1, 12), sum(TBMJ) FROM dltb GROUP BY 1"))
    assert sums == pytest.approx(dict(ask(demo, "SELECT XZQDM, DCMJ FROM xzq WHERE JB = 'village'")), abs=0.01)


def test_farmland_is_cultivated_land_outside_the_other_lines_and_of_delivered_counties(demo: Path) -> None:
    assert ask(demo, "SELECT count(*) FROM yjjbnttb WHERE DLBM NOT LIKE '01%'") == [(0,)]
    assert ask(demo, "SELECT max(abs(YJJBNTTBMJ - KCMJ - YJJBNTMJ)) < 0.001 FROM yjjbnttb") == [(1,)]
    people = ask(demo, "SELECT ZRRZJHM, LXDH, ZRRMC, JZDZ, CFZR FROM yjjbnttb")
    assert all(len(number) == 18 and number.startswith("99") for number, *_ in people)
    assert all(phone.startswith("100") for _, phone, *_ in people), "no telephone numbers begin like this"
    fields = shapely.coverage_union_all(layer(demo, "yjjbnttb"))
    valid = moved(layer(demo, "coverage"), 4490)[0]
    assert fields.difference(valid).area < 100
    province = moved(layer(demo, "xzq")[:1], 4490)[0]
    assert 0.4 < valid.area / province.area < 0.9
    for table in ("stbhhx", "czkfbj"):
        other = shapely.union_all(moved(layer(demo, table), 4490))
        assert fields.intersection(other).area < 200, table


def test_red_lines_are_few_huge_and_holed(demo: Path) -> None:
    lines = layer(demo, "stbhhx")
    assert len(lines) < 12
    assert shapely.get_num_coordinates(lines).max() > 2000
    assert shapely.get_num_interior_rings(shapely.get_parts(lines)).sum() > 10
    stated = np.array([row[0] for row in ask(demo, "SELECT QYMJ FROM stbhhx ORDER BY fid")])
    assert stated == pytest.approx(measure_for(4490).areas(lines) / 1e6, rel=1e-4)


def test_urban_boundaries_have_sub_zones(demo: Path) -> None:
    zones = dict(ask(demo, "SELECT DISTINCT GHFQDM, GHFQMC FROM czkfbj"))
    assert set(zones.values()) == {"集中建设区", "弹性发展区", "特别用途区"}


def test_buildings_stand_apart_on_built_up_land(demo: Path) -> None:
    houses = layer(demo, "buildings")
    one, other = shapely.STRtree(houses).query(houses, predicate="intersects")
    assert (one == other).all()
    assert ask(demo, "SELECT min(JZWGD) > 2, max(JZWGD) < 100, min(JZWCS) FROM buildings") == [(1, 1, 1)]


def test_parcel_texts_read_without_complaint_in_three_encodings(demo: Path) -> None:
    plain, holed, lenient = (
        parcels(demo, name) for name in ("a_farmland_utf8.txt", "b_redline_gbk.txt", "c_no_coverage_bom.txt")
    )
    assert (demo / "parcels/c_no_coverage_bom.txt").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        (demo / "parcels/b_redline_gbk.txt").read_bytes().decode()
    assert [plain.crs.srid, holed.crs.srid, lenient.crs.srid] == [4526, 4526, 4547]
    assert plain.notes == holed.notes == ()
    assert {note.code for note in lenient.notes} == {"ring-unclosed"}
    first, second = holed.geometries
    assert (first.geom_type, len(first.interiors)) == ("Polygon", 1)
    assert (second.geom_type, [len(part.interiors) for part in second.geoms]) == ("MultiPolygon", [1, 0])
    assert holed.parcels[0].name == "山前示例地块（含孔）"


def test_the_zip_holds_a_gbk_shapefile(demo: Path) -> None:
    given = parcels(demo, "d_town_shapefile_gbk.zip")
    assert [parcel.name for parcel in given.parcels] == ["城东示例地块一", "城东示例地块二", "城东示例地块三"]
    with zipfile.ZipFile(demo / "parcels/d_town_shapefile_gbk.zip") as archive:
        suffixes = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
    assert set(suffixes) == {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert suffixes[".cpg"].strip() == b"GBK"
    assert "城东".encode("gbk") in suffixes[".dbf"]


def test_each_file_to_try_touches_what_its_name_says(demo: Path) -> None:
    assert touched(demo, "a_farmland_utf8.txt", "yjjbnttb") > 1000
    assert touched(demo, "b_redline_gbk.txt", "stbhhx") > 1000
    assert touched(demo, "d_town_shapefile_gbk.zip", "czkfbj") > 1000
    assert touched(demo, "e_road.geojson", "czkfbj") > 1000
    for table in ("yjjbnttb", "stbhhx", "czkfbj"):
        assert touched(demo, "f_untouched.gpkg", table) == 0, table
    lonely = parcels(demo, "c_no_coverage_bom.txt")
    assert touched(demo, "c_no_coverage_bom.txt", "coverage") == 0
    assert touched(demo, "c_no_coverage_bom.txt", "dltb") == pytest.approx(lonely.area, rel=1e-3)
    for path in sorted((demo / "parcels").iterdir()):
        whole = shapely.area(moved(parcels(demo, path.name).geometries, parcels(demo, path.name).crs.srid)).sum()
        assert touched(demo, path.name, "dltb") == pytest.approx(whole, rel=1e-6), f"{path.name} leaves the province"


def test_the_shapefile_to_import_is_gbk(demo: Path) -> None:
    path = demo / "shapefile" / "批准项目.shp"
    meta, _, _, columns = pyogrio.raw.read(path)
    table = dict(zip(meta["fields"], columns, strict=True))
    assert path.with_suffix(".cpg").read_text() == "GBK"
    assert all("示自然资批" in number for number in table["PZWH"])
    assert table["YDMJ"].dtype == float
