"""Reports apart from the data: figures, the workbook, texts that look like formulas, words of both languages."""

from __future__ import annotations

import ast
import io
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from onemap.geo.crs import crs_from_srid
from onemap.processes import reports
from onemap.processes.analysis import Analysis, PieceLayer
from onemap.processes.parcels.model import Parcel, ParcelSet
from onemap.processes.reports.chapters import chapters_of, landuse_chapter
from onemap.processes.reports.content import Closing, Column, Content, Fact, Table
from onemap.processes.reports.figures import closes, shown, with_mu
from onemap.processes.reports.maps.frame import frame_for
from onemap.processes.reports.maps.paths import element, text
from onemap.processes.reports.pdf import document
from onemap.processes.reports.pieces.tables import AREA, tables_of
from onemap.processes.reports.words import _WORDS, TONES, Words
from onemap.processes.reports.xlsx import workbook
from tests.workbooks import Reckoned

WORDS = Words("zh")
EMPTY = Table("none", "none", [], [])
LANDUSE: dict[str, Any] = {
    "process": {"id": "landuse-breakdown", "version": "1"},
    "parcels": {"count": 1, "area": 300.004, "crs": "x", "digest": "sha256:0"},
    "classes": [
        {"code": "0101", "name": "水田", "group": "agricultural", "ownership": "collective", "area": 100.001,
         "areaRounded": 100.0, "hectares": 0.01},
        {"code": "0701", "name": "城镇住宅用地", "group": "construction", "ownership": "state", "area": 150.002,
         "areaRounded": 150.0, "hectares": 0.015},
    ],
    "groups": {"agricultural": {"area": 100.001, "areaRounded": 100.0, "hectares": 0.01},
               "construction": {"area": 150.002, "areaRounded": 150.0, "hectares": 0.015}},
    "regions": [{"code": "990101", "level": "county", "name": "沐岚区", "area": 250.003, "areaRounded": 250.0,
                 "hectares": 0.025, "classes": []}],
    "remainder": {"area": 50.001, "areaRounded": 50.0, "hectares": 0.005},
    "data": [{"collection": "dltb", "role": "landuse", "version": "1", "date": None, "coverage": 0.9}],
}  # fmt: skip


def content(*tables: Table, facts: list[Fact] | None = None) -> Content:
    chapter = landuse_chapter(LANDUSE, WORDS)
    return Content("报告", "zh", facts or [], EMPTY, [chapter], EMPTY, EMPTY, sheets=tables)


def test_a_table_that_closes_closes_in_the_workbook() -> None:
    book = Reckoned(workbook(content()))
    sheet = book.sheet("地类面积")
    assert sheet["E5"] == 300.0  # the sum: two classes and the remainder
    assert sheet["E6"] == 300.0
    assert sheet["E7"] == 0.0
    assert sheet["F7"] == "闭合"
    assert sheet["H2"] == pytest.approx(100 / 300.004)
    assert sheet["H5"] == pytest.approx(300 / 300.004)
    assert sheet["G5"] == 0.45  # 亩: two thirds of it are what the rows say, not more


def test_a_table_that_does_not_close_says_so() -> None:
    wrong = {**LANDUSE, "parcels": {**LANDUSE["parcels"], "area": 301.0}}
    chapter = landuse_chapter(wrong, WORDS)
    assert [closes(item, chapter.tables[0]) for item in chapter.tables[0].closings] == [False, False]
    made = Content("报告", "zh", [], EMPTY, [chapter], EMPTY, EMPTY)
    assert Reckoned(workbook(made)).sheet("地类面积")["F7"] == "不闭合"
    notes = document(made, {}, "", "")["chapters"][0]["tables"][0]["notes"]
    assert "300.00" in notes[0]
    assert "301.00" in notes[0]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")'])
def test_texts_are_never_formulas(text: str) -> None:
    table = Table("t", text, [Column("a", text)], [{"a": text}])
    made = workbook(content(table, facts=[Fact("x", text)]))
    book = load_workbook(io.BytesIO(made))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value == text]
    assert len(cells) == 3
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.quotePrefix for cell in cells)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=20))
def test_any_text_can_be_written(texts: list[str]) -> None:
    made = workbook(Content("", "zh", [], EMPTY, [], EMPTY, EMPTY, sheets=[
        Table("t", text, [Column("a", text)], [{"a": text}]) for text in texts
    ]))  # fmt: skip
    book = load_workbook(io.BytesIO(made))
    assert len(book.sheetnames) == 1 + len(texts)


def test_the_workbook_says_nothing_of_when_it_was_made() -> None:
    first, second = workbook(content()), workbook(content())
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("docProps/core.xml").count(b"1980-01-01T00:00:00Z") == 2


def test_sheets_can_be_read_on_the_screen() -> None:
    book = load_workbook(io.BytesIO(workbook(content())))
    sheet = book["地类面积"]
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["B"].width == 18
    assert sheet["E2"].number_format == "#,##0.00"
    assert isinstance(sheet["E2"].value, int | float)


def test_mu_sum_to_the_whole() -> None:
    rows = with_mu([{"areaRounded": area} for area in (10_096.62, 42_074.46, 6_728.92)])
    assert round(sum(row["mu"] for row in rows), 2) == 88.35  # 58,900 m2 are 88.35 亩


def test_parcels_too_small_for_a_unit_of_mu_sum_to_the_whole() -> None:
    rows = with_mu([{"areaRounded": 2.5}, {"areaRounded": 2.5}, {"areaRounded": 0.0}])
    assert [row["mu"] for row in rows] == [0.01, 0.0, 0.0]  # 5 m2 are 0.0075 亩


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [(1234.565, "area", "1,234.57"), (0.12345, "share", "12.35%"), (None, "area", "–"), (True, "text", "True"),
     (2.5e-5, "hectares", "0.0000"), (3, "integer", "3")],
)  # fmt: skip
def test_figures(value: Any, kind: str, text: str) -> None:
    assert shown(value, kind) == text


def test_not_knowing_is_never_green() -> None:
    assert {TONES[code] for code in ("no-coverage", "timeout", "error", "not-relevant")} == {"grey"}


def test_both_languages_have_all_words() -> None:
    folder = Path(reports.__file__).parent
    used: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "words":
                used |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
    assert used
    assert used <= _WORDS.keys(), used - _WORDS.keys()
    assert all(re.search(r"[\u4e00-\u9fff（]", zh) and en for zh, en in _WORDS.values())


def test_what_no_chapter_knows_is_a_table() -> None:
    result = {"process": {}, "parcels": {}, "findings": [{"rule": "R1", "severity": "error", "count": 2,
              "geometry": {"type": "Point", "coordinates": [1, 2]}}], "depth": 1.5}  # fmt: skip
    (chapter,) = chapters_of(result, WORDS)
    single, findings = chapter.tables
    assert [row["text"] for row in single.rows] == [1.5]
    assert [column.key for column in findings.columns] == ["rule", "severity", "count"]
    assert findings.rows[0]["severity"] == "错误"


def test_the_frame_is_in_the_zone_of_the_parcels() -> None:
    square = np.array([shapely.box(116.9, 30.0, 116.92, 30.01)], dtype=object)
    frame = frame_for(square, crs_from_srid(4490))
    assert frame is not None
    assert frame.crs.srid == 4548  # 3 degrees around 117 E
    assert frame.width / frame.height == pytest.approx(
        (frame.bounds[2] - frame.bounds[0]) / (frame.bounds[3] - frame.bounds[1])
    )
    west, north, east, south = shapely.total_bounds(frame.pixels(square, crs_from_srid(4490)))
    assert 0 < west < east < frame.width
    assert 0 < north < south < frame.height


def test_a_map_far_from_china_is_in_a_plane_too() -> None:
    frame = frame_for(np.array([shapely.box(9.5, 47.1, 9.51, 47.11)], dtype=object), crs_from_srid(4490))
    assert frame is not None
    assert frame.crs.srid == 3857
    assert frame.metres == pytest.approx(frame.resolution * np.cos(np.radians(47.105)), rel=1e-4)


def test_columns_of_pieces_keep_their_names_apart() -> None:
    crs = crs_from_srid(4526)
    square = shapely.box(0, 0, 10, 10)
    parcel = Parcel(0, "1", None, square)
    layer = PieceLayer("dltb", "地类", crs, np.array([square], dtype=object), np.array([100.0]),
                       {"Fid": [1], "fid": ["x"], AREA: [2.5], "day": [None]})  # fmt: skip
    analysis = Analysis({}, ParcelSet((parcel,), crs, crs, (100.0,), 100.0), pieces=lambda: [layer, layer])
    parcels, first, second = tables_of(analysis)
    assert parcels.name == "parcels"
    assert (first.name, second.name) == ("dltb", "dltb_2")
    assert list(first.columns) == ["Fid_2", "fid_3", "piece_area_m2_2", "day", AREA]
    assert first.columns[AREA] == [100.0]


def test_the_closing_counts_what_is_shown() -> None:
    table = Table("t", "t", [Column("a", "a", "area")], [{"a": 0.005}, {"a": 0.005}])
    assert closes(Closing("a", "", 0.02), table)
    assert not closes(Closing("a", "", 0.01), table)


def test_maps_are_xml_whatever_labels_hold() -> None:
    svg = element("g", text(1.0, 2.0, "\x00a<b&\x1f\ud800", 12.0, "#000", halo=1.0), id="\x0c")
    words = [item.text for item in fromstring(svg.encode())]
    assert words == ["\ufffda<b&\ufffd\ufffd"] * 2
