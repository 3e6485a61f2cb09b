"""The rules of geometry-check: each fires where it should, none on sound parcels, and nothing exhausts the machine."""

from __future__ import annotations

import base64
import json
import struct
import time
from typing import Any

import numpy as np
import pytest
import shapely

from onemap.config import Settings
from onemap.processes.geometry_check import GeometryCheck
from onemap.processes.geometry_check.rules import GEOMETRY, Rules
from onemap.processes.model import Context
from onemap.processes.parcels import ParcelDocument
from tests.lines import newest
from tests.unit.parcel_files import geopackage, shapefile, square_txt, zipped

X, Y = 38500000.0, 3380000.0
RULES = newest(Rules, GEOMETRY)
CRS = "http://www.opengis.net/def/crs/EPSG/0/4526"
Ring = list[tuple[float, float]]


def check(document: ParcelDocument, crs: str | None = None) -> dict[str, Any]:
    context = Context(None, None, Settings(), {}, "zh")  # type: ignore[arg-type]
    result = GeometryCheck.model_construct(parcels=document, crs=crs).analyse(context).result
    return json.loads(json.dumps(result))


def polygon(*rings: Ring) -> dict[str, Any]:
    """A polygon of JSON-FG in EPSG:4526: north, east; metres from a place."""
    return {"type": "Polygon", "coordinates": [[[Y + y, X + x] for x, y in ring] for ring in rings]}


def features(*geometries: Any, ids: list[str] | None = None) -> ParcelDocument:
    made = [
        {"type": "Feature", "id": ids[at] if ids else f"p{at}", "geometry": None, "place": geometry, "properties": {}}
        for at, geometry in enumerate(geometries)
    ]
    return ParcelDocument({"type": "FeatureCollection", "coordRefSys": CRS, "features": made})


def square(x: float = 0, y: float = 0, side: float = 100) -> Ring:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]


def fired(document: ParcelDocument) -> set[str]:
    return set(check(document)["summary"]["rules"])


SPIKED = [(0, 0), (100, 0), (100, 100), (50, 100), (50.2, 300), (49.8, 100), (0, 100), (0, 0)]
BOW_TIE = [(0, 0), (100, 100), (100, 0), (0, 100), (0, 0)]
WAIST = [(0, 0), (40, 0), (40, 50), (60, 50), (60, 0), (100, 0), (100, 99), (60, 99), (60, 50.05), (40, 50.05)]
WAIST += [(40, 99), (0, 99), (0, 0)]
TOUCHING = [(0, 0), (100, 0), (100, 100), (50, 0), (0, 100), (0, 0)]
RING_4326 = [[114.3, 30.5], [114.31, 30.5], [114.31, 30.51], [114.3, 30.51], [114.3, 30.5]]
FAULTS: dict[str, ParcelDocument] = {
    "G001": features(polygon(square()[:-1])),
    "G002": features(polygon(BOW_TIE)),
    "G003": features(polygon([(0, 0), (0, 0), *square()[1:]])),
    "G004": features(polygon(SPIKED)),
    "G005": features(polygon(WAIST)),
    "G006": features(polygon(square(side=3))),
    "G007": features(polygon(square()), polygon(square(99.9))),
    "G008": features(
        polygon([(0, 0), (200, 0), (200, 50), (100, 50), (99, 51), (99, 52), (100, 53), (200, 53), (200, 100), (0, 100),
                 (0, 0)]),
        polygon([(200, 50), (300, 50), (300, 53), (200, 53), (100, 53), (100, 50), (200, 50)]),
    ),
    "G009": features(polygon(square(), square(500, 0, 10)[::-1])),
    "G010": features(polygon(square(9_000_000))),
    "G011": ParcelDocument({"type": "Polygon", "coordinates": [[[y, x] for x, y in RING_4326]]}),
    "G012": features(polygon([(0, 0), (0.0005, 0), *square()[1:]])),
    "G013": features(polygon(square()[::-1])),
    "G014": ParcelDocument(square_txt().replace("5,1.0000", "6,9.0000").encode(), "text/plain"),
    "G015": features(polygon(square()), polygon([(100, 0), (200, 0), (200, 100), (100.02, 50), (100, 0)])),
    "G016": features(polygon([(0, 0), (100, 0), (200, 0), (0, 0)])),
    "G017": features(polygon(TOUCHING)),
    "G018": ParcelDocument(
        geopackage([shapely.Polygon([(X, Y), (X + 9, Y), (X + 9, Y + 9), (X, Y + 9)])]).replace(
            struct.pack("<d", X + 9), struct.pack("<d", np.nan)
        ),
        "application/geopackage+sqlite3",
    ),
    "G019": features(polygon(square()), polygon(square(200)), ids=["same", "same"]),
    "G020": features({"type": "MultiPolygon", "coordinates": [polygon(square())["coordinates"],
                                                              polygon(square(10, 10, 10))["coordinates"]]}),
    "G021": features({"type": "Point", "coordinates": [Y, X]}),
}  # fmt: skip


@pytest.mark.parametrize("rule", FAULTS)
def test_each_rule_fires(rule: str) -> None:
    result = check(FAULTS[rule])
    found = [item for item in result["findings"] if item["rule"] == rule]
    assert found, result
    assert result["summary"]["rules"][rule] >= len(found)
    assert found[0]["severity"] == RULES.rule(rule).severity_in(FAULTS[rule].media_type)
    assert found[0]["message"]
    assert result["summary"]["verdict"] != "passed" or found[0]["severity"] == "info"


def test_every_rule_is_tested() -> None:
    assert {rule.id for rule in RULES.rules} == {*FAULTS, "G022"}


def test_sound_parcels_have_no_findings() -> None:
    hole = square(20, 20, 10)[::-1]
    sound = features(polygon(square(), hole), polygon(square(100)), polygon(square(500, 500)))
    result = check(sound)
    assert result["findings"] == []
    assert result["summary"]["verdict"] == "passed"
    assert result["parcels"]["area"] == pytest.approx(3 * 10_000 - 100, rel=1e-3)
    box = [(X + x, Y + y) for x, y in square()]
    for document in (
        ParcelDocument(zipped(shapefile([box[::-1]], ["甲"])), "application/zip"),
        ParcelDocument(geopackage([shapely.Polygon(box)]), "application/geopackage+sqlite3"),
    ):
        assert check(document)["summary"]["counts"]["error"] == 0


def test_the_place_is_where_the_fault_is() -> None:
    (found,) = [item for item in check(FAULTS["G002"])["findings"] if item["rule"] == "G002"]
    assert found["geometry"]["type"] == "Point"
    lon, lat = found["geometry"]["coordinates"]
    assert (lon, lat) == pytest.approx((114.0005, 30.5432), abs=0.02)
    assert found["parcel"] == {"index": 0, "id": "p0"}


def test_text_files_may_leave_rings_open() -> None:
    lines = square_txt().splitlines()
    result = check(ParcelDocument("\n".join(lines[:-1]).encode(), "text/plain"))
    (found,) = [item for item in result["findings"] if item["rule"] == "G001"]
    assert found["severity"] == "warning"
    assert result["summary"]["counts"]["error"] == 0
    assert base64.b64encode(square_txt().encode())


def star(points: int, step: int) -> ParcelDocument:
    angle = np.arange(points) * step * 2 * np.pi / points
    xy = np.column_stack([114 + 0.05 * np.cos(angle), 30 + 0.05 * np.sin(angle)])
    return ParcelDocument({"type": "Polygon", "coordinates": [[*xy.tolist(), xy[0].tolist()]]})


def comb(teeth: int) -> ParcelDocument:
    """Long edges side by side whose boxes all meet; none cross."""
    at = np.arange(teeth)
    x = 114 + 1e-7 * at + np.where(at % 2 == 0, 0, 0.1)
    xy = np.vstack([np.column_stack([x, np.where(at % 2 == 0, 30.0, 30.1)]), [[114.3, 29.9], [113.9, 29.9]]])
    return ParcelDocument({"type": "Polygon", "coordinates": [[*xy.tolist(), xy[0].tolist()]]})


@pytest.mark.parametrize("document", [star(619, 307), star(59_999, 29_001), comb(60_000)])
def test_tangles_take_seconds_and_are_said_to_be_incomplete(document: ParcelDocument) -> None:
    begin = time.process_time()
    result = check(document)
    assert time.process_time() - begin < 20
    assert not result["summary"]["complete"]
    assert "G022" in result["summary"]["rules"]
    assert len(result["findings"]) <= 3 * RULES.limit


def test_the_same_question_gives_the_same_answer() -> None:
    assert json.dumps(check(star(619, 307))) == json.dumps(check(star(619, 307)))
